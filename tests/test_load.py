"""Loads: what is kept through every change of form, what a schedule passes, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfmsnet.errors import UserError
from tfmsnet.load import (
    At,
    CRate,
    CurrentDensity,
    End,
    EqualCharge,
    Every,
    Load,
    Rest,
    Voltage,
    c_rate_of,
    cccv,
    constant_current,
    drive_cycle,
    equal_charge_frames,
    gitt,
    hppc,
    read_load,
    read_profile,
)

seconds = st.floats(1.0, 1e4)
rates = st.floats(0.01, 10.0).flatmap(lambda rate: st.sampled_from([rate, -rate]))
currents = st.one_of(
    st.builds(CRate, rates, st.builds(End, time_s=seconds)),
    st.builds(CRate, rates, st.builds(End, charge=st.floats(0.01, 0.5), voltage_v=st.floats(2.5, 4.5))),
    st.builds(CurrentDensity, rates, st.builds(End, time_s=seconds)),
    st.builds(Rest, st.builds(End, time_s=seconds)),
)
held = st.builds(Voltage, st.floats(3.0, 4.5), st.builds(End, time_s=seconds, taper_a_m2=st.floats(0.01, 1)))
frames = st.one_of(st.builds(Every, st.floats(10.0, 1e4)), st.just(At()), st.just(At((5.0, 70.0))))


def loads(segments):
    return st.builds(Load, st.lists(segments, min_size=1, max_size=6).map(tuple), frames, st.just("some"))


@given(loads(st.one_of(currents, held)))
def test_json_brings_a_load_back(load):
    again = Load.from_json(load.to_json())
    assert again == load
    assert again.digest == load.digest
    assert repr(again).count("\n") == 0


@given(loads(currents))
def test_a_schedule_passes_what_its_segments_say(load):
    profile, times_s, segment = load.schedule(a_m2_per_c_rate=2.0)
    assert profile[0] == times_s[0] == 0
    assert (np.diff(times_s) > 0).all()
    passed = profile[1:] * np.diff(times_s) / 3600
    for number, wanted in enumerate(load.segments):
        charge = passed[segment[1:] == number].sum()
        rate = c_rate_of(wanted, 2.0)
        expected = wanted.until.charge or abs(rate) * (wanted.until.time_s or 0) / 3600
        assert charge == pytest.approx(math.copysign(expected, rate), rel=1e-6, abs=1e-12)
        ends = times_s[segment == number][-1]
        assert (segment[times_s > ends] > number).all()


@given(
    st.lists(st.tuples(st.floats(0.5, 50), st.floats(-5, 5)), min_size=1, max_size=40),
    st.floats(1.0, 100.0),
)
def test_resampling_a_drive_cycle_keeps_the_charge(rows, every_s):
    steps, c_rate = np.transpose(rows)
    times_s = np.concatenate([[0], np.cumsum(steps)])
    load = drive_cycle(times_s, [*c_rate, 0], every_s=every_s)
    profile, frame_s, _ = load.schedule()
    assert frame_s[-1] == pytest.approx(times_s[-1])
    # Frame by frame: the charge up to each is that of the rows.
    charge = np.concatenate([[0], np.cumsum(steps * c_rate)])
    found = np.cumsum(profile[1:] * np.diff(frame_s))
    np.testing.assert_allclose(found, np.interp(frame_s[1:], times_s, charge), atol=1e-5)


@given(loads(currents))
def test_a_schedule_is_the_load_of_its_profile(load):
    profile, times_s, _ = load.schedule(2.0)
    again, again_s, _ = Load.from_profile(profile, times_s).schedule()
    np.testing.assert_allclose(again, profile)
    np.testing.assert_allclose(again_s, times_s)


@pytest.mark.parametrize("c_rate", [0.5, 0.7, 1.0, -2.0])
def test_constant_current_is_the_paper_s(c_rate):
    load = constant_current(c_rate)
    profile, times_s, _ = load.schedule()
    expected, expected_s = equal_charge_frames(c_rate)
    np.testing.assert_array_equal(profile, expected)
    np.testing.assert_allclose(times_s, expected_s, rtol=1e-13)
    assert load.label == f"{c_rate:g}C"
    assert Load.from_profile(profile, times_s) == load


def test_labels_tell_loads_apart():
    assert constant_current(1, 37).label == "1C_37frames"
    assert constant_current(1, 37, 2.8).label == "1C_37frames_or_2.8V"
    assert gitt().label == f"gitt-{gitt().digest}"
    same = Load(gitt().segments, gitt().frames, "another-name")
    assert (same.digest, same.label) == (gitt().digest, f"another-name-{gitt().digest}")
    digests = [load.digest for load in (gitt(), gitt(pulses=3), hppc(), cccv(), constant_current(1))]
    assert len(set(digests)) == len(digests)


def test_frames_of_a_segment_start_with_it_and_end_with_it():
    load = Load((CRate(1, End(time_s=25)), Rest(End(time_s=30))), Every(10))
    assert load.schedule()[1].tolist() == [0, 10, 20, 25, 35, 45, 55]
    at = Load(load.segments, At((5, 25, 50, 400)))
    assert at.schedule()[1].tolist() == [0, 5, 25, 50, 55]


def test_a_mean_dol_is_where_the_charge_leads():
    load = Load((CRate(1, End(mean_dol=0.7)), CRate(-1, End(mean_dol=0.6))), At())
    profile, times_s, _ = load.schedule(initial_dol=0.5)
    np.testing.assert_allclose(0.5 + 0.5 * np.cumsum(profile[1:] * np.diff(times_s)) / 3600, [0.7, 0.6])
    with pytest.raises(UserError, match=r"segment 1 .* leads away from; correct its mean_dol"):
        Load((CRate(1, End(mean_dol=0.7)), CRate(1, End(mean_dol=0.6))), At()).schedule(initial_dol=0.5)
    with pytest.raises(UserError, match="needs initial_dol"):
        load.schedule()


@pytest.mark.parametrize(
    ("load", "message"),
    [
        (cccv(), r"segment 2 \(-0.5C until 4.15 V\): when it ends isn't known"),
        (Load((Voltage(4, End(time_s=9)),), At()), r"segment 0 \(4 V until 9 s\): its current isn't known"),
        (Load((CurrentDensity.ma_cm2(1, End(time_s=9)),), At()), "10 A/m2: a current density needs to know"),
    ],
)
def test_what_isn_t_known_beforehand_has_no_schedule(load, message):
    with pytest.raises(UserError, match=message):
        load.schedule()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: End(), "End: expected one or more"),
        (lambda: End(time_s=-1), "End.time_s: expected a number between 0"),
        (lambda: End(taper_c_rate=0.1, taper_a_m2=1), "taper_c_rate or taper_a_m2, got both"),
        (lambda: CRate(0, End(time_s=1)), "c_rate: expected a number of 1/h other than 0"),
        (lambda: CRate(1, End(taper_c_rate=0.1)), "CRate.until: .*got taper_c_rate"),
        (lambda: Rest(End(voltage_v=4)), "Rest.until: expected some of time_s, got voltage_v"),
        (lambda: Voltage(4.2, End(voltage_v=4)), "Voltage.until"),
        (lambda: CurrentDensity(0, End(time_s=1)), "use Rest"),
        (lambda: Load((), At()), "Load.segments"),
        (lambda: Load((Rest(End(time_s=1)),)), "EqualCharge is for one segment of constant current"),
        (lambda: Load((CRate(1, End(voltage_v=3)),), EqualCharge()), "ends by charge, mean DOL or time"),
        (lambda: Load((Rest(End(time_s=1)),), At(), "a/b"), "Load.name"),
        (lambda: At((2, 1)), "times that rise"),
        (lambda: constant_current(1, 1), "frames: expected a whole number from 2"),
        (lambda: drive_cycle([0, 1], [1, 1], [1, 1], every_s=1), "got both or none"),
        (lambda: drive_cycle([1, 2], [1, 1], every_s=1), "rise from 0"),
    ],
)
def test_loads_that_cannot_be_say_what_was_expected(make, message):
    with pytest.raises(UserError, match=message):
        make()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "load: expected a JSON object"),
        ("{", "expected JSON"),
        ('{"segments": []}', "segments: expected a list of one or more"),
        ('{"segments": [{"kind": "sleep"}]}', "segment 0: expected an object whose kind is one of c_rate"),
        ('{"segments": [{"kind": "rest", "until": {"hours": 1}}]}', "segment 0: until: unknown hours"),
        (
            '{"segments": [{"kind": "c_rate", "until": {"time_s": 1}}]}',
            "segment 0: a c_rate has c_rate, until",
        ),
        ('{"segments": [{"kind": "rest", "until": {"time_s": "1"}}]}', "segment 0: End.time_s: expected a"),
    ],
)
def test_json_that_is_no_load_is_named(text, message):
    with pytest.raises(UserError, match=message):
        Load.from_json(text)


def test_a_table_is_the_load_from_each_time_on(tmp_path):
    path = tmp_path / "my cycle.csv"
    path.write_text("current_a_m2, time_s\n10,0\n-5,30\n\n0,60\n0,90\n")
    load = read_profile(path)
    end = End(time_s=30)
    assert load.segments == (CurrentDensity(10, end), CurrentDensity(-5, end), Rest(end))
    assert load.name == "my-cycle"
    profile, times_s, _ = read_load(path, every_s=45).schedule(a_m2_per_c_rate=10)
    np.testing.assert_allclose(profile, [0, 0.5, -1 / 6])
    assert times_s.tolist() == [0, 45, 90]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected the columns time_s, and c_rate or current_a_m2, found nothing"),
        ("time,c_rate\n0,1\n1,1", "line 1: .* found time, c_rate"),
        ("time_s,c_rate,current_a_m2\n0,1,1\n", "line 1: expected the columns"),
        ("time_s,c_rate\n0,1\n", "expected two rows or more"),
        ("time_s,c_rate\n0,1\n1,fast\n", "line 3: expected numbers, found '1,fast'"),
        ("time_s,c_rate\n0,1\n1\n", "line 3: expected numbers"),
        ("time_s,c_rate\n0,1\n1,nan\n", "line 3: expected finite numbers"),
        ("time_s,c_rate\n0,1\n5,1\n5,1\n", "line 4: expected a time after 5 s, found 5 s"),
        ("time_s,c_rate\n1,1\n5,1\n", "line 2: expected the load from 0 s on first, found 1 s"),
        ("time_s,c_rate\n0,1e9\n5,1\n", r"a\.csv: c_rate: expected a number of 1/h .* up to 1000"),
    ],
)
def test_tables_that_are_no_load_name_their_line(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        read_load(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time_s,c_rate\n0,1,5\n60,0,5\n120,0,0\n", "write decimals with a point"),
        ("time_s,time_s,c_rate\n0,0,1\n60,60,1\n", "line 1: expected the columns"),
    ],
)
def test_what_would_be_read_wrongly_is_refused(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        read_load(tmp_path / "a.csv")


def test_a_slip_of_units_does_not_hang(tmp_path):
    (tmp_path / "ms.csv").write_text("time_s,c_rate\n0,1\n100000000,1\n")
    with pytest.raises(UserError, match=r"at most 100000 frames, got 3\.33e"):
        read_load(tmp_path / "ms.csv", 30.0)


def test_json_that_is_no_load_is_one_line(tmp_path):
    path = tmp_path / "a.json"
    for text in ('{"segments": [{"kind": ["rest"]}]}', "[" * 100_000):
        path.write_text(text)
        with pytest.raises(UserError, match=r"a\.json"):
            read_load(path)


def test_a_json_file_is_named_after_itself_and_in_errors(tmp_path):
    path = tmp_path / "slow.json"
    path.write_text('{"segments": [{"kind": "c_rate", "c_rate": 0.1, "until": {"charge": 0.5}}]}')
    load = read_load(path)
    assert (load.name, len(load.schedule()[1])) == ("slow", 25)
    with pytest.raises(UserError, match=r"slow\.json: the frames of this load are its own"):
        read_load(path, every_s=5)
    path.write_text('{"segments": 1}')
    with pytest.raises(UserError, match=r"slow\.json: load: segments"):
        read_load(path)
    with pytest.raises(UserError, match=r"none\.csv: no such file"):
        read_load(tmp_path / "none.csv")


@pytest.mark.parametrize("until", [End(time_s=3600), End(charge=0.2), End(voltage_v=3.0)])
def test_no_load_has_frames_without_end(until):
    load = Load((CRate(1.0, until),), Every(1e-6))
    with pytest.raises(UserError, match=r"load: expected at most 100000 frames in a segment, got "):
        list(load.frames.within(0.0, 720.0 if until.voltage_v is None else np.inf))
    with pytest.raises(UserError, match="frames: expected a whole number from 2 to 100000"):
        EqualCharge(10**9)


def test_known_frames_are_those_of_the_schedule():
    for load in (
        constant_current(1.0, 12),
        Load((CRate(1.0, End(time_s=600)), Rest(End(time_s=300))), Every(20)),
        Load((CRate(1.0, End(time_s=600)), Rest(End(time_s=300))), At((100, 200, 700))),
    ):
        _, times_s, _ = load.schedule(10.0, 0.4)
        assert load.known_frames - len(load.segments) <= len(times_s) <= load.known_frames
