"""The report: complete, self-contained, honest, and careful with what is there already."""

import csv
import json
import re
import subprocess
import sys

import numpy as np
import pytest

from tfmsnet.errors import UserError
from tfmsnet.evaluation import Fields, evaluate

NAMES = ["AR <net>", "direct <net>", "linear regression", "0-D cell", "persistence (true frames)"]


class Samples:
    """Re-iterable with a length, as a data set on disk is; counts how many are alive at once."""

    def __init__(self, make, seeds, frames=6):
        self.keys = [(rate, seed) for seed in seeds for rate in (1.0, 2.0)]
        self.make, self.frames = make, frames

    def __len__(self):
        return len(self.keys)

    def __iter__(self):
        # grids and lengths differ between electrodes
        for rate, seed in self.keys:
            yield self.make(
                c_rate=rate, seed=seed, frames=self.frames + seed % 2, grid=(8, 7, 10 + 2 * (seed % 2))
            )


@pytest.fixture(scope="module")
def done(make_sample, noisy, tmp_path_factory):
    """A report on a model with good concentrations and poor potentials: report, fractions done."""
    out, fractions = tmp_path_factory.mktemp("out") / "report", []
    models = {
        "AR <net>": noisy(20.0, 0.05),
        "direct <net>": lambda s: Fields(noisy(5.0, 0)(s).concentration, None),
    }
    test = Samples(make_sample, (7, 8))
    report = evaluate(models, Samples(make_sample, (0, 1)), test, out, progress=fractions.append)
    return report, fractions


def test_every_predictor_is_scored_on_every_held_out_sample(done):
    report, fractions = done
    rows = list(csv.DictReader((report.path / "metrics.csv").open()))
    assert len(rows) == len(report.cases) == len(NAMES) * 4
    assert {row["model"] for row in rows} == set(NAMES)
    assert {row["geometry_id"] for row in rows} == {"geometry7", "geometry8"}
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0


def test_metrics_json_holds_scores_frame_by_frame(done):
    report, _ = done
    content = json.loads((report.path / "metrics.json").read_text(), parse_constant=pytest.fail)
    assert content["model"] == "AR <net>"
    assert content["predictors"] == NAMES
    case = content["cases"][0]
    assert len(case["concentration"]["vrmse"]) == len(report.cases[0].concentration.vrmse)
    assert case["summary"]["curve_rmse_mv"] == pytest.approx(report.cases[0].curve_error.rmse_mv)


def test_the_page_needs_nothing_else(done):
    page = (done[0].path / "report.html").read_text()
    assert re.findall(r'src="(?!data:)', page) == []
    assert "http" not in page
    assert "<script" not in page
    assert page.count("data:image/png;base64,") >= 6
    assert page.count("data:image/gif;base64,") == 1


def test_the_page_shows_every_predictor_and_where_the_model_loses(done):
    page = (done[0].path / "report.html").read_text()
    assert "AR &lt;net&gt; is beaten by" in page
    assert "<net>" not in page
    assert "<li><b>direct &lt;net&gt;</b> in c VRMSE last" in page
    assert re.search(r"<li><b>0-D cell</b> in φ pattern: 1C .* against ", page)
    for name in NAMES:
        assert page.count(f"<td>{name.replace('<', '&lt;').replace('>', '&gt;')}</td>") == 3 * 2
    assert 'class="best"' in page
    assert 'class="best beats"' in page


def test_figures_lie_beside_the_page(done):
    folder = done[0].path
    figures = {path.name for path in folder.glob("*.png")}
    assert {"vrmse.png", "pattern.png", "mean_error.png", "curves.png", "contestants.png"} <= figures
    assert {f"slices_{f}_{r}C.png" for f in ("concentration", "potential") for r in (1, 2)} <= figures
    assert all(path.stat().st_size > 5000 for path in folder.glob("*.png"))
    assert (folder / "discharge.gif").stat().st_size > 5000


def test_the_table_for_the_terminal(done):
    table = done[0].table()
    assert all(name in table for name in NAMES)


def run_again(make_sample, predictor, out, seeds=(0,)):
    return evaluate(
        {"model": predictor},
        [make_sample(seed=5, frames=3)],
        [make_sample(seed=s, frames=3) for s in seeds],
        out,
    )


def test_reports_replace_reports_and_only_when_whole(make_sample, truth, noisy, tmp_path):
    out = tmp_path / "report"
    out.mkdir()
    first = run_again(make_sample, truth, out)
    assert first.tables.losses() == []
    assert "is not beaten" in (out / "report.html").read_text()
    (out / "left over.txt").write_text("old")

    def broken(sample):
        raise RuntimeError("the model broke")

    with pytest.raises(RuntimeError, match="broke"):
        run_again(make_sample, broken, out)
    assert "is not beaten" in (out / "report.html").read_text()

    second = run_again(make_sample, noisy(10.0, 1e-3), out)
    assert second.cases[0].concentration.vrmse[-1] > 0.0
    assert "is beaten by" in (out / "report.html").read_text()
    assert not (out / "left over.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


@pytest.mark.parametrize("name", ["other.txt", "metrics.json"])
def test_a_directory_of_something_else_is_left_alone(make_sample, tmp_path, name):
    (tmp_path / name).write_text('{"format": "mine"}')
    with pytest.raises(UserError, match="no earlier report"):  # before any work is done
        run_again(make_sample, lambda sample: pytest.fail("predicted"), tmp_path)
    assert (tmp_path / name).read_text() == '{"format": "mine"}'


def test_held_out_means_held_out(make_sample, truth, tmp_path):
    with pytest.raises(UserError, match="geometry5 is held out and in the training samples"):
        run_again(make_sample, truth, tmp_path / "report", seeds=(0, 5))
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("models", "test", "message"),
    [
        ({}, 1, "no model"),
        ({"0-D cell": None}, 1, "named '0-D cell' as a baseline"),
        ({"m": None}, 0, "no held-out"),
    ],
)
def test_what_can_not_be_evaluated_is_told(make_sample, tmp_path, models, test, message):
    samples = [make_sample(seed=1, frames=3)][:test]
    with pytest.raises(UserError, match=message):
        evaluate(models, [make_sample(frames=3)], samples, tmp_path / "report")


def test_a_diverged_model_still_gets_its_report(make_sample, tmp_path):
    def diverged(sample):
        return Fields(np.full_like(sample.concentration, np.nan), np.full_like(sample.potential, np.inf))

    report = run_again(make_sample, diverged, tmp_path / "report")
    assert "inf" in report.table()
    assert "is beaten by" in (report.path / "report.html").read_text()


def test_importing_the_package_draws_in_no_matplotlib():
    loaded = "{m.split('.')[0] for m in sys.modules}"
    code = f"import sys, tfmsnet.evaluation; sys.exit(bool({loaded} & {{'matplotlib', 'tensorflow'}}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
