"""How good a surrogate is: scores beside baselines, the paper's figures, one report.

Matplotlib is imported only by the modules that draw, when they are used.
"""

from tfmsnet.evaluation.candidates import Candidate, Fields, Persistence, ZeroDimensional
from tfmsnet.evaluation.comparison import Comparison, compare
from tfmsnet.evaluation.regression import LinearRegression
from tfmsnet.evaluation.report import Report, evaluate
from tfmsnet.evaluation.scores import FieldScores, Scores, score

__all__ = [
    "Candidate",
    "Comparison",
    "FieldScores",
    "Fields",
    "LinearRegression",
    "Persistence",
    "Report",
    "Scores",
    "ZeroDimensional",
    "compare",
    "evaluate",
    "score",
]
