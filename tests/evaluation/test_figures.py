"""Figures show what they claim to, for complete, partial and broken predictions."""

import io

import numpy as np
import pytest
from PIL import Image

from tfmsnet.evaluation import Fields, ZeroDimensional, score
from tfmsnet.evaluation.figures import (
    contestants_figure,
    curve_figure,
    mean_error_figure,
    median_over_samples,
    pattern_figure,
    vrmse_figure,
)
from tfmsnet.plots.curves import discharge_figure
from tfmsnet.plots.slices import error_range, slice_figure, take_slice, value_range
from tfmsnet.plots.style import png, thinned_out


@pytest.fixture(scope="module")
def cases(make_sample, noisy):
    predictors = {
        "model": noisy(50.0, 1e-3),
        "one field": lambda sample: Fields(sample.concentration, None),
        "0-D": ZeroDimensional(),
    }
    shapes = [(rate, seed, 6 + seed) for seed in range(2) for rate in (0.5, 1.0)]
    samples = [make_sample(c_rate=rate, seed=seed, frames=frames) for rate, seed, frames in shapes]
    return [score(name, s, predict(s)) for s in samples for name, predict in predictors.items()]


def is_drawn(figure):
    """Whether the PNG has more than a white page."""
    pixels = np.asarray(Image.open(io.BytesIO(png(figure))).convert("RGB"))
    return (pixels.min(axis=2) < 250).mean() > 0.005


@pytest.mark.parametrize("make", [mean_error_figure, vrmse_figure, pattern_figure])
def test_a_panel_per_field_and_c_rate_with_every_predictor(cases, make):
    figure = make(cases)
    assert [axes.get_title() for axes in figure.axes] == [
        "concentration, 0.5C", "concentration, 1C", "potential, 0.5C", "potential, 1C"
    ]  # fmt: skip
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[:3] == ["model", "one field", "0-D"]
    assert is_drawn(figure)


def test_the_vrmse_s_lines_are_the_medians(cases):
    axes = vrmse_figure(cases).axes[0]
    line = next(line for line in axes.get_lines() if line.get_label() == "0-D")
    np.testing.assert_allclose(line.get_ydata(), 1.0, rtol=1e-3)
    assert any(np.all(np.asarray(line.get_ydata()) == 1.0) for line in axes.get_lines())


def test_contestants_stand_where_their_medians_are(cases):
    figure = contestants_figure(cases)
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend == ["model", "0-D"]  # the other one has no curve
    found = [c.curve_error.rmse_mv for c in cases if c.model == "0-D"]
    medians = [
        points.get_offsets()[0] for points in figure.axes[0].collections if len(points.get_offsets()) == 1
    ]
    np.testing.assert_allclose(medians[1], [np.median(found), 1.0], rtol=1e-3)
    assert is_drawn(figure)


def test_medians_of_curves_of_several_lengths():
    curves = [np.array([1.0, 2.0]), np.array([3.0, 4.0, 5.0])]
    np.testing.assert_array_equal(median_over_samples(curves), [2.0, 3.0, 5.0])
    assert len(median_over_samples([])) == 0


def test_many_loads_are_thinned_out_to_the_ends():
    assert thinned_out(["1C", "2C", "3C"]) == ["1C", "2C", "3C"]
    many = thinned_out([f"{rate}C" for rate in range(1, 30)])
    assert len(many) == 4
    assert (many[0], many[-1]) == ("1C", "29C")


def test_a_load_that_changes_is_drawn_over_time(make_sample, truth):
    pulses = make_sample(frames=7, profile=[0.0, 1.0, 1.0, 0.0, 0.0, -1.0, -1.0])
    cases = [score("model", sample, truth(sample)) for sample in (make_sample(), pulses)]
    figure = curve_figure(cases)
    assert [axes.get_xlabel() for axes in figure.axes[::2]] == ["mean degree of lithiation", "time (h)"]
    assert figure.axes[2].get_legend_handles_labels()[1][0] == "varying load simulated"
    assert is_drawn(figure)
    assert is_drawn(discharge_figure(pulses, "pulses"))


def test_discharge_curves_true_and_predicted(cases):
    figure = curve_figure([case for case in cases if case.model == "model"])
    labels = figure.axes[0].get_legend_handles_labels()[1]
    assert labels == ["0.5C simulated", "0.5C predicted", "1C simulated", "1C predicted"]
    assert is_drawn(figure)


@pytest.mark.parametrize("field", ["concentration", "potential"])
@pytest.mark.parametrize("frames", [2, 25])
def test_slices_have_rows_of_simulated_predicted_and_error(make_sample, noisy, field, frames):
    sample = make_sample(frames=frames)
    figure = slice_figure(sample, {"model": noisy(50.0, 1e-3)(sample)}, field)
    images = [axes.images[0] for axes in figure.axes if axes.images]
    assert len(images) == 3 * min(3, frames - 1)
    true, predicted, error = images[:3]
    assert true.get_clim() == predicted.get_clim()
    assert -error.get_clim()[0] == error.get_clim()[1]
    # depth to the right, in um
    assert true.get_extent()[1] == pytest.approx(sample.grid[2] * 0.5)
    assert "depth" in figure.axes[3 * min(3, frames - 1) - 1].get_xlabel()
    assert is_drawn(figure)


def test_a_slice_is_blank_outside_its_phase_and_in_shown_units(make_sample, noisy):
    sample = make_sample(frames=3)
    predicted = noisy(50.0, 1e-3)(sample)
    plane = sample.grid[1] // 2
    part = take_slice(sample, predicted, "concentration", 2)
    np.testing.assert_array_equal(np.isnan(part.true), ~sample.am_mask[:, plane])
    inside = sample.am_mask[:, plane]
    np.testing.assert_allclose(part.true[inside], sample.concentration[2][:, plane][inside] / 1e3, rtol=1e-6)
    part = take_slice(sample, predicted, "potential", 2)
    inside = sample.solid_mask[:, plane]
    whole = 1e3 * (predicted.potential[2].astype(float) - sample.potential[2])
    of_mean = whole[sample.solid_mask].mean()
    assert part.mean_error == pytest.approx(of_mean)
    np.testing.assert_allclose(part.error[inside], whole[:, plane][inside] - of_mean, atol=1e-9)


def test_an_error_of_the_mean_potential_is_no_plane_of_one_colour(make_sample):
    sample = make_sample(frames=3)
    raised = Fields(sample.concentration, sample.potential + np.float32(0.01) * sample.solid_mask)
    part = take_slice(sample, raised, "potential", 2)
    assert np.nanmax(np.abs(part.error)) < 1e-3  # mV; float32's rounding
    assert part.mean_error == pytest.approx(10.0, abs=1e-3)
    titles = [axes.get_title() for axes in slice_figure(sample, {"model": raised}, "potential").axes]
    assert "model minus simulated\nof the mean +10 mV, not shown" in titles


def test_a_poor_prediction_does_not_stretch_the_colours(make_sample):
    sample = make_sample(frames=3)
    poor = Fields(100.0 * sample.concentration, np.full_like(sample.potential, np.nan))
    good = Fields(sample.concentration, sample.potential)
    ranges = [value_range(take_slice(sample, fields, "concentration", 2)) for fields in (poor, good)]
    assert ranges[0].vmax == ranges[1].vmax
    assert error_range(take_slice(sample, poor, "potential", 2)).vmax > 0.0
    assert is_drawn(slice_figure(sample, {"model": poor}, "potential"))


def test_models_stand_side_by_side_with_one_range_of_errors(make_sample, noisy):
    sample = make_sample(frames=2)
    figure = slice_figure(
        sample, {"a": noisy(50.0, 1e-3)(sample), "b": noisy(5.0, 1e-4)(sample)}, "potential"
    )
    images = [axes.images[0] for axes in figure.axes if axes.images]
    assert len(images) == 5
    assert images[2].get_clim() == images[4].get_clim()
    assert "b minus simulated" in figure.axes[4].get_title()


def test_the_same_figure_is_the_same_file(cases):
    assert png(vrmse_figure(cases)) == png(vrmse_figure(cases))
