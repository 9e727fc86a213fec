"""Training on loads that change: every mode that can, and a clear word from the one that can't."""

import numpy as np
import pytest

import tfmsnet
from tfmsnet.electrode import PhaseImage
from tfmsnet.errors import UserError
from tfmsnet.load import CRate, End, Every, Load, Rest
from tfmsnet.records import Split, write_records

PULSES = Load(
    (CRate(1.0, End(time_s=200)), Rest(End(time_s=100)), CRate(-1.0, End(time_s=100))), Every(50.0), "pulses"
)


@pytest.fixture(scope="module")
def mixed(data, tmp_path_factory):
    """Constant current (25 frames) and pulses (9 frames) of the same electrodes."""
    from tfmsnet.campaign import discharge_all, recipe_campaign
    from tfmsnet.records import sample_files

    out = tmp_path_factory.mktemp("mixed")
    assert discharge_all(recipe_campaign("paper", 3, (12, 12, 16), [PULSES], seed=0), out, jobs=1) == []
    write_records([*sample_files(data), *sample_files(out)], out / "records", split="0/1")
    return out / "records"


@pytest.mark.parametrize("mode", ["autoregressive", "classic", "direct"])
def test_every_mode_that_has_steps_trains_on_them(mixed, make_config, mode, tmp_path):
    tfmsnet.train(mixed, tmp_path / "run", make_config(mode))
    model = tfmsnet.load_model(tmp_path / "run")
    sample = next(s for s in Split(mixed, "test") if s.load_name == "pulses")
    answer = model.predict(PhaseImage(sample.phase), sample.load)
    assert answer.sample_id.rpartition("_")[2] == sample.sample_id.rpartition("_")[2]
    np.testing.assert_allclose(answer.dol, sample.dol, atol=1e-4)
    # Another electrode may lie outside, its load doesn't.
    outside = model.outside(PhaseImage(sample.phase), sample.load)
    assert not [text for text in outside if text.startswith(("load", "largest C-rate"))]


@pytest.mark.slow
def test_scores_stand_by_load(mixed, make_config, tmp_path):
    tfmsnet.train(mixed, tmp_path / "run", make_config(steps=2, horizon=((1.0, 1),)))
    report = tfmsnet.evaluate(tmp_path / "run", mixed, tmp_path / "report")
    assert report.tables.loads == ["1C", "2C", "pulses"]
    assert {"porous-electrode", "resolved-particles"} <= set(report.tables.names)
    assert "pulses, 1 held-out sample" in report.table()
    assert (tmp_path / "report" / "slices_concentration_pulses.png").is_file()
    resolved = [c for c in report.cases if c.model == "resolved-particles"]
    assert max(case.curve_error.rmse_mv for case in resolved) < 3.0
    assert max(case.summary()["concentration_vrmse_median"] for case in resolved) < 0.15


def test_a_time_basis_refuses_them(mixed, make_config, tmp_path):
    with pytest.raises(UserError, match="a load that changes, but a network with a time basis holds"):
        tfmsnet.train(mixed, tmp_path / "run", make_config("basis"))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["basis", "autoregressive"])
def test_a_reference_knows_the_history(mixed, data, make_config, mode, tmp_path):
    """A time basis on it takes any load; training reads what the records hold, an answer computes it."""
    config = make_config(mode)
    config = config.with_values({"reference": "porous-electrode"}, "test")
    tfmsnet.train(mixed, tmp_path / "run", config)
    model = tfmsnet.load_model(tmp_path / "run")
    sample = next(s for s in Split(mixed, "test") if s.load_name == "pulses")
    answer = model.predict(PhaseImage(sample.phase), sample.load)
    np.testing.assert_allclose(answer.dol, sample.dol, atol=1e-4)
    assert np.abs(answer.voltage_v - sample.voltage_v).max() < 0.05
