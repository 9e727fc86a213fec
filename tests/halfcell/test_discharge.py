from tfmsnet.halfcell import simulate
from tfmsnet.load import constant_current


def test_plot_shows_curve_and_both_fields(discharges, tmp_path):
    figure = discharges[1.0].plot()
    titles = [axes.get_title() for axes in figure.axes]
    assert any("1C" in title for title in titles)
    assert "concentration" in titles
    assert any("potential" in title for title in titles)
    figure.savefig(tmp_path / "discharge.png")
    assert (tmp_path / "discharge.png").stat().st_size > 10_000


def test_plot_of_the_equilibrium_alone(electrode):
    at_rest = simulate(electrode, constant_current(2.0, cutoff_voltage_v=4.2))
    assert len(at_rest.voltage_v) == 1
    assert at_rest.plot().axes


def test_printing_is_short(discharges):
    assert len(repr(discharges[1.0])) < 4000
