"""A discharge at one glance."""

from matplotlib.figure import Figure

from tfmsnet.fields import FIELDS
from tfmsnet.plots.curves import OVER, draw_in_time
from tfmsnet.plots.slices import Plane, draw_slice, take_slice, value_range
from tfmsnet.plots.style import COLOURS, look, new_figure
from tfmsnet.records.sample import Sample


def overview_figure(sample: Sample) -> Figure:
    """The curve over the degree of lithiation, and both fields of the last frame in the middle x-z plane.

    Under a load that changes, the voltage over time stands beside the curve.
    """
    plane, over_time = Plane(), not sample.is_constant_current
    with look():
        figure = new_figure(15.0 if over_time else 11.5, 3.5)
        *times, curve, first, second = figure.subplots(1, 4 if over_time else 3)
        curve.plot(sample.dol, sample.voltage_v, "o-", color=COLOURS[0], markersize=3)
        curve.set(xlabel=OVER["dol"], ylabel="voltage (V)")
        curve.set_title(f"{sample.label}, {sample.times_s[-1]:.0f} s")
        for axes in times:
            draw_in_time(axes, sample)
        for axes, field in zip((first, second), FIELDS, strict=True):
            part = take_slice(sample, sample, field, sample.frames - 1, plane)
            drawn = draw_slice(axes, part.true, sample.voxel_size_m, "viridis", value_range(part))
            about = FIELDS[field].shown_without_mean
            axes.set_title(f"{field} minus its mean" if about else field)
            axes.set(xlabel=plane.labels[1], ylabel=plane.labels[0])
            figure.colorbar(drawn, ax=axes, label=FIELDS[field].error_unit, shrink=0.8)
    return figure
