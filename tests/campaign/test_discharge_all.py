"""A campaign's samples are the same wherever they are made, and one that fails stops no other."""

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from tfmsnet.campaign import discharge_all, image_campaign, recipe_campaign
from tfmsnet.electrode import cbd_percolation, generate
from tfmsnet.errors import UserError
from tfmsnet.halfcell import Parameters, simulate
from tfmsnet.load import constant_current
from tfmsnet.records import read_sample

SIZE = (12, 12, 16)


def contents(directory):
    """File name -> bytes, hidden files included."""
    return {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.fixture(scope="module")
def serial(tasks, tmp_path_factory):
    """The directory of the campaign made one after the other, in this process."""
    out = tmp_path_factory.mktemp("serial")
    assert discharge_all(tasks, out, jobs=1) == []
    return out


def test_in_parallel_and_in_turn_the_files_are_the_same_to_the_bit(tasks, serial, tmp_path):
    assert discharge_all(tasks, tmp_path / "parallel", jobs=2) == []
    assert contents(tmp_path / "parallel") == contents(serial)
    assert len(contents(serial)) == len(tasks)


def test_one_blas_thread_computes_whatever_the_process_has(tasks, tmp_path, monkeypatch):
    from tfmsnet.campaign import discharge

    def threads():
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    def simulate(*arguments, **options):
        seen.append(threads())
        raise UserError("enough")

    seen = []
    monkeypatch.setattr(discharge, "simulate", simulate)
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        discharge_all(tasks[:1], tmp_path, jobs=1)
        assert threads() == before
    assert seen == [{1}]


def test_the_same_seed_makes_the_same_bits_and_another_seed_another_electrode(tmp_path):
    for name, seed in (("first", 7), ("again", 7), ("other", 8)):
        tasks = recipe_campaign("random", 1, SIZE, (constant_current(2.0, 3),), seed)
        assert discharge_all(tasks, tmp_path / name, jobs=1) == []
    first, again, other = (contents(tmp_path / name) for name in ("first", "again", "other"))
    assert first == again
    assert not first.keys() & other.keys()
    assert not set(first.values()) & set(other.values())


def test_a_sample_is_what_the_simulator_computes_for_its_recipe(tmp_path):
    (task,) = recipe_campaign("paper", 1, SIZE, (constant_current(2.0, 3),), seed=0)
    parameters = Parameters(initial_dol=0.5)
    assert discharge_all([task], tmp_path, parameters=parameters, jobs=1) == []
    sample = read_sample(tmp_path / f"{task.name}.h5")
    expected = simulate(generate(task.source), task.load, parameters)
    np.testing.assert_array_equal(sample.phase, expected.image.phase)
    np.testing.assert_allclose(sample.concentration, expected.concentration, rtol=1e-6)
    np.testing.assert_allclose(sample.voltage_v, expected.voltage_v, rtol=1e-9)
    assert sample.parameters == parameters
    assert (sample.am_wt_percent, sample.calendering_percent) == (85.0, 0.0)


def test_a_discharge_that_fails_is_named_with_seed_and_reason_and_the_rest_goes_on(tmp_path):
    # At 500C the surface saturates at once.
    tasks = recipe_campaign("paper", 2, SIZE, (2.0, 500.0), seed=0)
    notes = []
    failures = discharge_all(
        tasks, tmp_path, jobs=1, progress=lambda share, note: notes.append((share, note))
    )
    assert [f.name for f in failures] == ["am85_cal0_12x12x16_seed0_500C", "am85_cal10_12x12x16_seed1_500C"]
    assert all("lower C-rate" in failure.reason for failure in failures)
    assert all("\n" not in str(failure) for failure in failures)
    assert sorted(contents(tmp_path)) == [
        "am85_cal0_12x12x16_seed0_2C.h5",
        "am85_cal10_12x12x16_seed1_2C.h5",
    ]
    assert notes[0] == (0.0, "0 of 4 done, 0 failed")
    assert notes[-1] == (1.0, "2 of 4 done, 2 failed")
    assert len(notes) == 5


def test_a_full_disk_fails_one_discharge_and_not_the_campaign(tasks, tmp_path, monkeypatch):
    from tfmsnet.campaign import discharge

    def write(sample, path):
        if path.name.startswith("wired_1C"):
            raise OSError(28, "No space left on device")
        path.write_text("sample")

    monkeypatch.setattr(discharge, "write_sample", write)
    failures = discharge_all(tasks, tmp_path, jobs=1)
    assert [str(f) for f in failures] == [f"wired_1C_4frames: {tmp_path}: No space left on device"]
    assert len(contents(tmp_path)) == len(tasks) - 1


def test_electrodes_of_too_little_cbd_percolation_are_refused_and_the_others_go_on(
    tasks, half_wired, serial, tmp_path
):
    share = cbd_percolation(half_wired)
    assert 0.4 < share < 0.6
    failures = discharge_all(tasks, tmp_path, min_cbd_percolation=share + 0.01, jobs=1)
    assert [failure.name for failure in failures] == ["half_1C_4frames", "half_2C_4frames"]
    assert all("joined to the foil through CBD" in failure.reason for failure in failures)
    kept = {name: data for name, data in contents(serial).items() if name.startswith("wired")}
    assert contents(tmp_path) == kept


def test_the_smallest_cbd_percolation_that_is_allowed_passes(tasks, half_wired, serial, tmp_path):
    share = cbd_percolation(half_wired)
    assert discharge_all(tasks, tmp_path, min_cbd_percolation=share, jobs=1) == []
    assert contents(tmp_path) == contents(serial)


def test_a_cutoff_voltage_ends_a_discharge_before_its_last_frame(wired, tmp_path):
    def discharged(cutoff_voltage_v):
        (task,) = image_campaign(wired, "wired", (constant_current(2.0, 7, cutoff_voltage_v),))
        assert discharge_all([task], tmp_path, jobs=1) == []
        return read_sample(tmp_path / f"{task.name}.h5")

    whole = discharged(None)
    assert whole.frames == 7
    limit_v = float(whole.voltage_v[3:5].mean())
    cut = discharged(limit_v)
    assert cut.frames == 5
    assert cut.voltage_v[-1] == pytest.approx(limit_v, abs=1e-4)
    np.testing.assert_array_equal(cut.concentration[:4], whole.concentration[:4])


def test_two_electrodes_of_one_name(wired, half_wired, tmp_path):
    tasks = [t for image in (wired, half_wired) for t in image_campaign(image, "same", (1.0,))]
    with pytest.raises(UserError, match="same_1C: 2 discharges would write this sample"):
        discharge_all(tasks, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_where_the_directory_should_be(tasks, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match="expected a directory"):
        discharge_all(tasks, tmp_path / "out")


def test_an_electrode_that_does_not_fit_into_memory_is_named_and_the_others_go_on(tmp_path):
    small = recipe_campaign("paper", 1, (12, 12, 16), [constant_current(2.0, 3)], seed=0)
    vast = recipe_campaign("paper", 1, (10**5, 10**5, 10**5), [constant_current(2.0, 3)], seed=0)
    (failure,) = discharge_all([*vast, *small], tmp_path, jobs=1)
    assert failure.name == vast[0].name
    assert "takes about 1.62e+09 GB of memory" in failure.reason
    assert (tmp_path / f"{small[0].name}.h5").is_file()
