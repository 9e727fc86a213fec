"""Pictures of one discharge show its fields, its curve and its moments."""

import io
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from tfmsnet.plots.curves import discharge_figure
from tfmsnet.plots.film import write_sample_animation
from tfmsnet.plots.slices import fields_figure
from tfmsnet.plots.style import png


def is_drawn(figure):
    """Whether the PNG has more than a white page."""
    pixels = np.asarray(Image.open(io.BytesIO(png(figure))).convert("RGB"))
    return (pixels.min(axis=2) < 250).mean() > 0.005


def test_slices_of_both_fields_at_three_frames(make_sample):
    sample = make_sample(frames=25)
    figure = fields_figure(sample)
    panels = [axes for axes in figure.axes if axes.images]
    assert len(panels) == 6
    assert [axes.get_title().split(",")[0] for axes in panels[:3]] == ["800 s", "1600 s", "2400 s"]
    plane = sample.grid[1] // 2
    inside = sample.am_mask[:, plane]
    for axes, frame in zip(panels[:3], (8, 16, 24), strict=True):
        drawn = axes.images[0].get_array()
        expected = sample.concentration[frame][:, plane] / 1e3
        np.testing.assert_allclose(drawn[inside], expected[inside], rtol=1e-6)
        assert drawn.mask[~inside].all()
    assert is_drawn(figure)


@pytest.mark.parametrize("frames", [1, 2])
def test_a_discharge_that_ended_at_once_has_fewer_slices(make_sample, frames):
    figure = fields_figure(make_sample(frames=frames))
    assert len([axes for axes in figure.axes if axes.images]) == 2 * frames


def test_the_curve_is_the_sample_s(make_sample):
    sample = make_sample(frames=6)
    figure = discharge_figure(sample, "a title")
    (line,) = figure.axes[0].get_lines()
    np.testing.assert_array_equal(line.get_xdata(), sample.dol)
    np.testing.assert_array_equal(line.get_ydata(), sample.voltage_v)
    assert figure.axes[0].get_title() == "a title"


@pytest.mark.parametrize("frames", [1, 4])
def test_the_film_of_a_sample_has_a_picture_for_each_frame_and_moves(make_sample, tmp_path, frames):
    path = tmp_path / "film.gif"
    write_sample_animation(make_sample(frames=frames), path)
    with Image.open(path) as film:
        assert film.n_frames == frames
        pictures = []
        for number in range(frames):
            film.seek(number)
            pictures.append(np.asarray(film.convert("RGB"), int))
    assert all((a != b).any() for a, b in pairwise(pictures))
    assert [p.name for p in tmp_path.iterdir()] == ["film.gif"]
