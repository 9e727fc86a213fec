"""The demo in miniature: every stage for real, skipped when it is done, true in what it prints."""

from contextlib import contextmanager

import h5py
import numpy as np
import pytest

from tfmsnet import demo
from tfmsnet.errors import UserError
from tfmsnet.records import Split


@contextmanager
def no_bar(title):
    yield lambda fraction, note="": None


@pytest.fixture
def miniature(monkeypatch):
    monkeypatch.setattr(demo, "GRID", (12, 12, 16))
    monkeypatch.setattr(demo, "C_RATES", (1.0, 2.0))
    monkeypatch.setattr(demo, "GEOMETRIES", 3)
    monkeypatch.setattr(demo, "COMMON", {"steps_per_epoch": 2, "filters": 4, "convolutions": 2})
    few = {"autoregressive": {"steps": 4, "horizon": [[0.5, 1], [1.0, 2]]}, "basis": {"steps": 2}}
    monkeypatch.setattr(demo, "CHANGES", few)


@pytest.mark.slow
def test_it_goes_all_the_way_and_a_second_call_changes_nothing(miniature, tmp_path):
    said = []
    demo.run_demo(tmp_path / "demo", said.append, no_bar)
    text = "\n".join(said)
    for name in ("AR-MSNet", "time basis", "linear regression", "0-D cell", "persistence"):
        assert name in text
    for made in ("report/report.html", "served/cathode/1/saved_model.pb", "autoregressive/tensorboard"):
        assert (tmp_path / "demo" / made).exists()

    kept = {
        path: path.stat().st_mtime_ns
        for folder in ("data", "records", "served", "autoregressive/checkpoints")
        for path in (tmp_path / "demo" / folder).rglob("*")
        if path.is_file()
    }
    again = []
    demo.run_demo(tmp_path / "demo", again.append, no_bar)
    assert again == said
    assert kept == {path: path.stat().st_mtime_ns for path in kept}


@pytest.mark.slow
def test_the_printed_errors_are_those_of_the_answer_that_is_kept(miniature, tmp_path):
    said = []
    demo.run_demo(tmp_path / "demo", said.append, no_bar)
    true = next(s for s in Split(tmp_path / "demo" / "records", "test") if s.c_rate == 1.0)
    with h5py.File(tmp_path / "demo" / "answer" / "fields.h5") as file:
        error_mv = 1e3 * (file["voltage_v"][...] - true.voltage_v)[1:]
    assert f"resolved-particles {np.sqrt(np.mean(error_mv**2)):.1f} mV" in "\n".join(said)


def test_another_demo_is_not_continued(miniature, tmp_path, monkeypatch):
    demo._claim(tmp_path / "demo")
    monkeypatch.setattr(demo, "SEED", 99)
    with pytest.raises(UserError, match="holds a demo of another version"):
        demo._claim(tmp_path / "demo")
