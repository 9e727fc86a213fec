from .dimension import Dimension as Dimension
from .results import read_rows as read_rows
from .search import Plan as Plan
from .search import search as search
from .space import Budget as Budget
from .space import Space as Space
