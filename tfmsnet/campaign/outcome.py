"""What a campaign's samples tell of how they ended, for people."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tfmsnet.campaign.task import Task
from tfmsnet.electrode import PhaseImage
from tfmsnet.load import SATURATED, Ended, Segment, Voltage
from tfmsnet.materials import one_c_a_m2
from tfmsnet.records.hdf5 import read_header
from tfmsnet.records.sample import Sample

_SHOWN = 3


def remarks(tasks: Sequence[Task], out: str | Path) -> tuple[list[str], list[str]]:
    """What 1C is for each electrode, and where a discharge ended otherwise than asked.

    Args:
        tasks: the campaign's; those without a sample are left out.
        out: directory of the samples.

    Returns:
        A line for each electrode, and lines for discharges: limits that were or weren't reached, and mean DOL
        beyond the fit of the open-circuit potential.
    """
    one_c, ended = {}, []
    for task in tasks:
        path = Path(out) / f"{task.name}.h5"
        if not path.is_file():
            continue
        sample = read_header(path)
        if task.electrode not in one_c:
            density = one_c_a_m2(PhaseImage(sample.phase, sample.voxel_size_m), sample.parameters)
            one_c[task.electrode] = f"{task.electrode}: 1C is {density / 10:.4g} mA/cm2"
        ended += [f"{task.name}: {remark}" for remark in _of(sample)]
    return list(one_c.values()), ended


def _of(sample: Sample) -> Iterator[str]:
    if sample.load is not None:
        limited = [text for end in sample.ends if (text := _sentence(sample, end))]
        if len(limited) > _SHOWN:
            limited = [*limited[:_SHOWN], f"and {len(limited) - _SHOWN} segments more"]
        yield from limited
    low, high = sample.parameters.ocp_dol_range
    if sample.dol.min() < low - 1e-6 or sample.dol.max() > high + 1e-6:
        yield (
            f"mean DOL of {sample.dol.min():.3f} to {sample.dol.max():.3f}, but the open-circuit potential "
            f"was fitted for {low:g} to {high:g}: beyond, it is the formula's"
        )


def _sentence(sample: Sample, end: Ended) -> str:
    """How a segment ended, where a limit cut it or one that was asked for didn't come; else nothing."""
    segment = sample.load.segments[end.segment]
    what = f"segment {end.segment} ({segment})"
    before_s = sample.ends[end.segment - 1].time_s if end.segment else 0.0
    if end.time_s == before_s:
        return f"{what} took no time: it is beyond its end ({segment.until}) from the start"
    voltage_v = sample.voltage_v[abs(sample.times_s - end.time_s).argmin()]
    if end.reason == SATURATED:
        return (
            f"{what} ended at {voltage_v:.3f} V after {end.time_s:g} s: the AM's surface carries no more, "
            f"the voltage collapses through the {segment.until.voltage_v:g} V asked for"
        )
    if sample.load.is_constant_current and segment.until.voltage_v is not None and end.reason != "voltage":
        return (
            f"ended after its {sample.frames} frames at {voltage_v:.3f} V, before the "
            f"{segment.until.voltage_v:g} V; with more (--frames) it goes on"
        )
    if not sample.load.is_constant_current and _cut(segment, end):
        return f"{what} ended by {_REASONS[end.reason]} at {voltage_v:.3f} V after {end.time_s:g} s"
    return ""


_REASONS = {
    "time": "time",
    "voltage": "voltage",
    "charge": "charge",
    "mean_dol": "mean DOL",
    "taper": "taper",
}


def _cut(segment: Segment, end: Ended) -> bool:
    """Whether a limit came before the end that the segment is there for."""
    wanted = segment.until.given
    if isinstance(segment, Voltage):
        return end.reason == "time" and len(wanted) > 1
    return end.reason == "voltage" and len(wanted) > 1
