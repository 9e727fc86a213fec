"""How far off the reduced models were on sets of images and loads that they weren't made with.

The numbers of docs/results.md (benchmarks/test_sets.sh makes and judges the sets): model cards show them.
"""

from typing import NamedTuple


class Found(NamedTuple):
    """Of one model on one set.

    Attributes:
        vrmse, worst_vrmse: of the concentration, median over the frames of a sample, then over the samples.
        mv, worst_mv: root mean square error of the curve, mV.
        pattern, worst_pattern: error of the potential without that of its mean, over its standard deviation.
        curves_within, vrmse_within: shares of the samples within what the answer says of its own error.
    """

    vrmse: float
    worst_vrmse: float
    mv: float
    worst_mv: float
    pattern: float
    worst_pattern: float
    curves_within: float
    vrmse_within: float


class JudgedSet(NamedTuple):
    """A set.

    Attributes:
        what: electrodes and loads.
        samples: how many discharges.
        found: name of a reduced model -> what was found.
    """

    what: str
    samples: int
    found: dict[str, Found]


_POROUS, _RESOLVED = "porous-electrode", "resolved-particles"
SETS = (
    JudgedSet(
        "a: wide design, 267 more electrodes",
        511,
        {
            _RESOLVED: Found(0.0031, 0.036, 0.013, 8.1, 0.023, 0.22, 0.96, 0.98),
            _POROUS: Found(0.13, 0.37, 0.48, 29.0, 0.069, 0.34, 0.94, 0.97),
        },
    ),
    JudgedSet(
        "b: 72 x 72 x 244, the paper's size, 85 wt% at 0.5C and 2C, 90 wt% at 1C, 95 wt% at 0.5C",
        4,
        {
            _RESOLVED: Found(0.002, 0.0048, 0.039, 0.12, 0.0046, 0.0062, 1.0, 1.0),
            _POROUS: Found(0.087, 0.12, 0.35, 0.57, 0.007, 0.0083, 1.0, 1.0),
        },
    ),
    JudgedSet(
        "c: 24 x 24 x 244 and 32 x 32 x 160, 0.7C and 1.5C",
        8,
        {
            _RESOLVED: Found(0.0027, 0.0078, 0.042, 0.39, 0.0049, 0.0091, 1.0, 1.0),
            _POROUS: Found(0.094, 0.12, 0.43, 0.77, 0.014, 0.027, 1.0, 1.0),
        },
    ),
    JudgedSet(
        "d: crops of TauFactor's electrode, its own voxels",
        4,
        {
            _RESOLVED: Found(0.00082, 0.00087, 0.011, 0.012, 0.019, 0.022, 1.0, 1.0),
            _POROUS: Found(0.1, 0.14, 0.58, 0.89, 0.08, 0.083, 1.0, 1.0),
        },
    ),
    JudgedSet(
        "e: particles of 3 and 16 um, all alike, of a wide spread",
        7,
        {
            _RESOLVED: Found(0.0018, 0.0094, 0.0081, 0.012, 0.012, 0.017, 1.0, 1.0),
            _POROUS: Found(0.1, 0.11, 0.58, 3.8, 0.041, 0.049, 1.0, 1.0),
        },
    ),
    JudgedSet(
        "f: a drive cycle of 15 minutes",
        4,
        {
            _RESOLVED: Found(0.0071, 0.012, 0.03, 0.083, 0.046, 0.17, 1.0, 1.0),
            _POROUS: Found(0.25, 0.29, 0.41, 0.56, 0.057, 0.2, 1.0, 1.0),
        },
    ),
)


def table(model: str) -> list[str]:
    """Lines of a table of one model, as Markdown."""
    lines = [
        "| | samples | concentration, VRMSE | curve, RMSE in mV | potential, pattern | within its error bar: "
        "curve | VRMSE |",
        "|---|---|---|---|---|---|---|",
    ]
    for a_set in SETS:
        f = a_set.found[model]
        lines.append(
            f"| {a_set.what} | {a_set.samples} | {f.vrmse:.2g} ({f.worst_vrmse:.2g}) | "
            f"{f.mv:.2g} ({f.worst_mv:.2g}) | {f.pattern:.2g} ({f.worst_pattern:.2g}) | "
            f"{f.curves_within:.2g} | {f.vrmse_within:.2g} |"
        )
    return lines
