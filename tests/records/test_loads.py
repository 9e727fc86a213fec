"""The load and its ends go along with a sample: into file, record and manifest; older files do without."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from tfmsnet.errors import UserError
from tfmsnet.load import CRate, End, Ended, Every, Load, Rest, constant_current
from tfmsnet.records import Split, read_sample, sample_files, verify, write_records, write_sample
from tfmsnet.records.manifest import open_manifest
from tfmsnet.records.shard import decode, encode

PULSE = Load((CRate(1.0, End(time_s=200)), Rest(End(time_s=100))), Every(100), "pulse")
OTHER = Load((Rest(End(time_s=100)), CRate(1.0, End(time_s=200))), Every(100), "pulse")
ENDS = (Ended(0, 200.0, "time"), Ended(1, 300.0, "time"))


def under(sample, load, ends=ENDS):
    return replace(sample, load=load, ends=ends)


def test_load_and_ends_come_back(make, tmp_path):
    sample = under(make(0), PULSE)
    write_sample(sample, tmp_path / "a.h5")
    for back in (read_sample(tmp_path / "a.h5"), decode(encode(sample), sample.parameters, "record")):
        assert (back.load, back.ends, back.complete) == (PULSE, ENDS, True)
        assert back.sample_id == f"g00_pulse-{PULSE.digest}"


def test_a_load_of_thousands_of_segments_fits(make, tmp_path):
    load = Load(tuple(CRate(1 + 1e-4 * i, End(time_s=1)) for i in range(3000)), Every(1))
    ends = tuple(Ended(i, i + 1.0, "time") for i in range(3000))
    write_sample(under(make(0), load, ends), tmp_path / "a.h5")
    assert read_sample(tmp_path / "a.h5").load == load


def test_a_changed_load_is_named(make, tmp_path):
    path = tmp_path / "a.h5"
    write_sample(under(make(0), PULSE), path)
    with h5py.File(path, "r+") as file:
        text = file["load"][...]
        text[text == ord("2")] = ord("3")
        file["load"][...] = text
    with pytest.raises(UserError, match=r"a\.h5: dataset load: changed since"):
        read_sample(path)


def test_files_of_version_1_are_read_and_named_by_their_c_rate(make, tmp_path):
    path = tmp_path / "a.h5"
    write_sample(make(0, c_rate=2.0), path)
    with h5py.File(path, "r+") as file:
        assert "load" not in file
        file.attrs["format_version"] = 1
        del file.attrs["complete"], file.attrs["checksums"]
    sample = read_sample(path)
    assert (sample.load, sample.complete, sample.sample_id) == (None, True, "g00_2C")


def test_records_of_schema_3_are_read_and_verified(small_files, tmp_path, monkeypatch):
    for module in ("shard", "write", "staging"):
        monkeypatch.setattr(f"tfmsnet.records.{module}.SCHEMA_VERSION", 3)
    write_records(small_files, tmp_path / "records", split="1/2")
    monkeypatch.undo()
    assert open_manifest(tmp_path / "records").schema_version == 3
    assert verify(tmp_path / "records") == []
    assert [sample.load for sample in Split(tmp_path / "records", "test")] == [None, None]


def test_two_profiles_of_one_peak_c_rate_fit_one_data_set(make, files_of, tmp_path):
    samples = [make(n) for n in range(3)]
    files = files_of(tmp_path, [under(s, load) for s in samples for load in (PULSE, OTHER)])
    manifest = write_records(files, tmp_path / "records", split="0/1")
    described = manifest.samples("train")
    assert {sample["load"] for sample in described} == {PULSE.label, OTHER.label}
    assert {sample["load_digest"] for sample in described} == {PULSE.digest, OTHER.digest}
    assert verify(tmp_path / "records") == []
    (tmp_path / "more").mkdir()
    again = files_of(tmp_path / "more", [under(samples[0], PULSE)])
    with pytest.raises(UserError, match="the same geometry and load"):
        write_records(files + again, tmp_path / "again", split="0/1")


def test_samples_of_two_reacting_areas_are_refused(make, files_of, tmp_path, monkeypatch):
    files_of(tmp_path, [under(make(n), PULSE) for n in range(2)])
    (tmp_path / "others").mkdir()
    monkeypatch.setattr("tfmsnet.records.hdf5.FORMAT_VERSION", 2)
    write_sample(under(make(1), PULSE), tmp_path / "01.h5")
    others = files_of(tmp_path / "others", [make(2)])  # no load: not the package's own
    simulated = sample_files(tmp_path)
    with pytest.raises(UserError, match=r"reacting area of format 2, .* of format 3; simulate the older"):
        write_records(simulated, tmp_path / "records", split="0/1")
    write_records([simulated[0], *others], tmp_path / "records", split="0/1")


def test_partial_samples_are_refused_unless_asked_for(make, files_of, tmp_path):
    failed = (Ended(0, 300.0, "failed"),)
    samples = [under(make(n), constant_current(1.0, 4), failed if n == 1 else ENDS[:1]) for n in range(4)]
    files = files_of(tmp_path, samples)
    assert not read_sample(files[1]).complete
    with pytest.raises(UserError, match=r"01\.h5: .* failed after 300 s; 1 of 4 .*--partial drop"):
        write_records(files, tmp_path / "records", split="0/1")

    def count(choice):
        manifest = write_records(files, tmp_path / choice, split="0/1", partial=choice)
        return sum(len(manifest.samples(split)) for split in manifest.splits)

    assert (count("keep"), count("drop")) == (4, 3)
    with pytest.raises(UserError, match="all 1 samples are partial"):
        write_records(files[1:2], tmp_path / "none", split="0/1", partial="drop")


def test_a_simulated_discharge_brings_its_load(samples):
    for sample in samples:
        assert sample.load == constant_current(sample.c_rate)
        assert [end.reason for end in sample.ends] == ["charge"]
        np.testing.assert_allclose(sample.load.schedule()[1], sample.times_s)
