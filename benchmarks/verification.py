"""All checks of the half-cell: a table of numbers and bounds, figures and verification.json.

OPENBLAS_NUM_THREADS=1 python benchmarks/verification.py
"""

import sys
from pathlib import Path

import click
import numpy as np

import tfmsnet
from halfcell_checks import figures, groups
from halfcell_checks.check import table
from halfcell_checks.dfn import C_RATES, dfn_electrode
from tfmsnet.files import replacing, write_json
from tfmsnet.halfcell import simulate
from tfmsnet.plots.style import png

DOCS = Path(__file__).parents[1] / "docs" / "verification"
QUICK = Path(__file__).parents[1] / "build" / "verification"


@click.command()
@click.option("--quick", is_flag=True, help="Fewer refinements: half a minute instead of some minutes.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Directory for figures and numbers.  [default: docs/verification; build/verification with --quick]",
)
def main(quick, out):
    """Run all checks of the half-cell; exit status 1 when one fails."""
    out = out or (QUICK if quick else DOCS)
    electrode = dfn_electrode()

    def say(what):
        click.echo(f"{what} ...", err=True)

    say("discharges at 0.5C, 1C and 2C")
    discharges = {rate: simulate(electrode, rate) for rate in C_RATES}
    say("spheres")
    sphere_checks, profiles = groups.spheres((5, 7.5, 10) if quick else (5, 7.5, 10, 15, 20, 30))
    say("time steps")
    frames, splits = (5, (1, 2, 4)) if quick else (25, (1, 2, 4, 8))
    step_checks, step_errors = groups.time_steps(electrode, (1.0, 2.0), frames, splits)
    say("voxel splitting")
    split_checks, split_runs = groups.voxel_splitting(
        groups.small_electrode(), (1, 2) if quick else (1, 2, 3)
    )
    say("cut-off voltage")
    cutoff_checks, cutoff_runs = groups.to_cutoff(electrode, (2.0,) if quick else C_RATES)
    say("conduction")
    checks = [
        *groups.balances(discharges),
        *sphere_checks,
        *step_checks,
        *split_checks,
        *groups.porous_electrode(discharges),
        *groups.bounds_and_order(discharges),
        *cutoff_checks,
        *groups.steady_conduction(),
    ]
    drawn = {
        "balances": figures.balance_figure(discharges),
        "sphere": figures.sphere_figure(profiles),
        "time_step": figures.time_step_figure(step_errors),
        "voxel_splitting": figures.splitting_figure(split_runs),
        "pybamm": figures.dfn_figure(discharges),
        "cutoff": figures.cutoff_figure(discharges, cutoff_runs),
    }
    out.mkdir(parents=True, exist_ok=True)
    for name, figure in drawn.items():
        with replacing(out / f"{name}.png") as partial:
            partial.write_bytes(png(figure))
    write_json(
        out / "verification.json",
        {
            "tfmsnet": tfmsnet.__version__,
            "numpy": np.__version__,
            "quick": quick,
            "checks": [check.as_dict() for check in checks],
        },
    )
    click.echo(table(checks))
    failed = sum(not check.passed for check in checks)
    click.echo(f"{len(checks) - failed} of {len(checks)} checks passed; figures and numbers in {out}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
