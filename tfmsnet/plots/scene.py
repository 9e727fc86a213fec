"""A discharge to turn around: one HTML page with both fields in 3D and the curve, for any browser."""

from pathlib import Path

import numpy as np

from tfmsnet.errors import UserError
from tfmsnet.fields import FIELDS
from tfmsnet.files import write_text
from tfmsnet.plots.style import COLOURS
from tfmsnet.records.sample import Sample

MOST_VOXELS = 100_000
MOST_FRAMES = 13
# The corners of a face across each axis, in order around it.
_AROUND = ((0, 0), (1, 0), (1, 1), (0, 1))


def write_scene(sample: Sample, path: str | Path, title: str) -> None:
    """Write a page of its own, without anything to be loaded from elsewhere.

    It shows the surface of the field's phase, cut open in the middle of y, with a slider over at most 13
    frames, each in a range of colours of its own, and the discharge curve beside it.  Where the half that is
    shown has more than 100,000 voxels, every second (third, ...) along each axis is left.

    Args:
        sample: the discharge.
        path: of the HTML file.
        title: of the page.

    Raises:
        UserError: plotly isn't installed.
    """
    try:
        import plotly.graph_objects as go
        from plotly.subplots import make_subplots
    except ImportError as error:
        raise UserError(f"the 3D page needs plotly ({error}); pip install 'tfmsnet[html]'") from None
    step = max(1, int(np.ceil((sample.phase.size / 2 / MOST_VOXELS) ** (1 / 3))))
    frames = np.unique(np.linspace(0, sample.frames - 1, MOST_FRAMES).round().astype(int))
    middle = sample.grid[1] // 2
    phase = sample.phase[::step, middle::step, ::step]
    figure = make_subplots(
        1, 2, column_widths=[0.65, 0.35], horizontal_spacing=0.15, specs=[[{"type": "scene"}, {"type": "xy"}]]
    )
    moving = []  # for each frame, what each field's surface is coloured by
    for number, (name, field) in enumerate(FIELDS.items()):
        inside = field.mask(phase)
        corners, faces, voxel = surface(inside)
        values = getattr(sample, name)[:, ::step, middle::step, ::step]
        shown = [_colours(values[frame], inside, field)[tuple(voxel.T)] for frame in frames]
        moving.append([_look_of(colours) for colours in shown])
        about = field.shown_without_mean
        x, y, z = ((corners * step + (0, middle, 0)) * 1e6 * sample.voxel_size_m).T
        figure.add_trace(
            go.Mesh3d(
                **dict(zip("xyz", (x, y, z), strict=True)),
                **dict(zip("ijk", faces.T, strict=True)),
                **moving[-1][-1],
                intensitymode="cell",
                colorscale="Viridis",
                colorbar={"title": field.error_unit, "x": 0.52, "len": 0.8},
                flatshading=True,
                lighting={"ambient": 0.75, "diffuse": 0.4, "specular": 0.02},
                hovertemplate=f"%{{x:.1f}}, %{{y:.1f}}, %{{z:.1f}} µm: %{{intensity:.4g}}"
                f"<extra>{name}{' minus its mean' if about else ''}</extra>",
                visible=number == 0,
                name=name,
            ),
            1,
            1,
        )
    figure.add_trace(
        go.Scatter(x=sample.dol, y=sample.voltage_v, line={"color": COLOURS[0]}, hoverinfo="skip"), 1, 2
    )
    mark = {"color": COLOURS[1], "size": 11}
    last = {"x": sample.dol[-1:], "y": sample.voltage_v[-1:]}
    figure.add_trace(go.Scatter(**last, mode="markers", marker=mark), 1, 2)
    count = len(FIELDS)
    figure.frames = [
        go.Frame(
            name=str(frame),
            data=[
                *({"type": "mesh3d", **moving[field][place]} for field in range(count)),
                {"type": "scatter", "x": sample.dol[[frame]], "y": sample.voltage_v[[frame]]},
            ],
            traces=[*range(count), count + 1],
        )
        for place, frame in enumerate(frames)
    ]
    show = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    steps = [
        {"method": "animate", "args": [[str(frame)], show], "label": f"{sample.times_s[frame]:.0f} s"}
        for frame in frames
    ]
    buttons = [
        {
            "label": f"{name} minus its mean" if field.shown_without_mean else name,
            "method": "restyle",
            "args": [{"visible": [other == name for other in FIELDS]}, list(range(count))],
        }
        for name, field in FIELDS.items()
    ]
    far = (max(phase.shape) / np.cbrt(phase.size)) ** 0.4  # a long electrode, from further away
    every = f", every {step} voxels" if step > 1 else ""
    figure.update_layout(
        title=f"{title}: {'x'.join(map(str, sample.grid))} voxels of {1e6 * sample.voxel_size_m:g} µm{every}",
        showlegend=False,
        template="simple_white",
        margin={"l": 10, "r": 20, "t": 90, "b": 10},
        scene={
            "aspectmode": "data",
            "xaxis_title": "x (µm)",
            "yaxis_title": "y (µm)",
            "zaxis_title": "z (µm), foil at 0",
            "camera": {"eye": {axis: far * at for axis, at in zip("xyz", (1.0, -2.1, 0.6), strict=True)}},
        },
        sliders=[{"steps": steps, "active": len(steps) - 1, "len": 0.62, "currentvalue": {"prefix": "at "}}],
        updatemenus=[{"buttons": buttons, "x": 0.0, "xanchor": "left", "y": 0.98, "yanchor": "bottom"}],
    )
    figure.update_xaxes(title="mean degree of lithiation")
    figure.update_yaxes(title="voltage (V)")
    write_text(path, figure.to_html(include_plotlyjs=True, full_html=True, auto_play=False))


def surface(inside: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The faces of voxels towards what isn't one of them.

    Args:
        inside: (x, y, z) bool.

    Returns:
        corners (corner, 3) in voxels; triangles (2 face, 3) of corners, two for each face in a row; and the
        voxel (face, 3) that each face is of.
    """
    places, voxels = [], []
    padded = np.pad(inside, 1)
    for axis in range(3):
        for side in (0, 1):
            beyond = np.roll(padded, 1 - 2 * side, axis)[1:-1, 1:-1, 1:-1]
            own = np.argwhere(inside & ~beyond)
            corner = np.repeat(own[:, None], 4, axis=1)
            corner[:, :, axis] += side
            for place, offsets in enumerate(_AROUND):
                corner[:, place, [other for other in range(3) if other != axis]] += offsets
            places.append(corner.reshape(-1, 3))
            voxels.append(own)
    corners, faces = np.unique(np.concatenate(places), axis=0, return_inverse=True)
    faces = faces.reshape(-1, 4)
    return corners, faces[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3), np.concatenate(voxels)


def _look_of(colours: np.ndarray) -> dict:
    """What changes from frame to frame: the triangles' values, two for each face, and their range."""
    low, high = np.percentile(colours, [1, 99]) if len(colours) else (0.0, 1.0)
    return {"intensity": np.repeat(colours.astype(np.float32), 2), "cmin": low, "cmax": max(high, low + 1e-9)}


def _colours(values: np.ndarray, inside: np.ndarray, field) -> np.ndarray:
    """What a field is shown as: whole, or minus its mean where that hides what varies."""
    about = values[inside].mean(dtype=np.float64) if field.shown_without_mean else 0.0
    return (values - about) * field.error_factor
