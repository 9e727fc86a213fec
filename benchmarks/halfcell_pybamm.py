"""Curves of PyBaMM's half-cell DFN for a voxel electrode: the fixtures of tests/halfcell/test_pybamm.py.

    pip install pybamm numba pyamg
    python benchmarks/halfcell_pybamm.py
    python benchmarks/halfcell_pybamm.py --loads
    python benchmarks/halfcell_pybamm.py --sets

The porous-electrode model is given what the voxel electrode has: thickness, porosity (pores and the share of
electrolyte in the CBD), volume and reacting surface of the AM (hence the radius 3 volume / surface of its one
spherical particle size), the effective ionic transport of its pores and the effective electronic conductivity
of its solid; and the same materials.  Nothing is fitted.  With --loads: the curves of a pulse train, a drive
cycle and a CC-CV; with --sets: those of all sets of parameters.
"""

import csv
import sys

import numpy as np
import pybamm

from halfcell_checks.dfn import C_RATES, FIXTURES, dfn_electrode, dfn_loads, solid_conductivity_s_m
from tfmsnet.electrode import PhaseImage, Recipe, generate
from tfmsnet.electrode.transport import effective_transport
from tfmsnet.halfcell import Parameters, one_c_a_m2
from tfmsnet.halfcell.grid import build_grid
from tfmsnet.load import HOUR_S, Load, Voltage, c_rate_of
from tfmsnet.materials import Function, names, parameter_set
from tfmsnet.materials.one_c import one_c_current_a
from tfmsnet.materials.parameters import FARADAY_C_MOL, SALT_UNIT_MOL_M3

IMAGE = FIXTURES / "electrode.npz"
FRAMES = 25
PERIOD_S = 10.0
MESH = {"x_n": 20, "x_s": 20, "x_p": 40, "r_n": 20, "r_p": 60}


def electrode() -> PhaseImage:
    """The electrode of the fixtures, made once."""
    if not IMAGE.exists():
        IMAGE.parent.mkdir(exist_ok=True)
        np.savez_compressed(IMAGE, phase=generate(Recipe(90.0, 0.0, (24, 24, 64), seed=0)).phase)
    return dfn_electrode()


def symbol(function: Function, x: pybamm.Symbol) -> pybamm.Symbol:
    """A function of a material as PyBaMM's expression; a table becomes splines through many of its values."""
    value = sum((c * x**power for power, c in enumerate(function.polynomial)), pybamm.Scalar(0))
    value += sum(a * pybamm.tanh(s * (x - x0)) for a, s, x0 in function.tanh)
    value += sum(a * pybamm.exp(s * (x - x0)) for a, s, x0 in function.exponential)
    if function.table is not None:
        ends = function.table.x[0], function.table.x[-1]
        points = np.linspace(ends[0] - 0.05, ends[1] + 0.05, 4001)
        value += pybamm.Interpolant(points, Function(table=function.table)(points), x, interpolator="cubic")
    return value


def salt_symbol(function: Function):
    return lambda c, temperature: symbol(function, c / SALT_UNIT_MOL_M3)


def cut_off_v(materials: Parameters) -> float:
    return 2.0 if materials.open_circuit_v(0.5) > 2.5 else 0.0


def parameter_values(image: PhaseImage, materials: Parameters, c_rate: float) -> pybamm.ParameterValues:
    grid = build_grid(image, materials)
    fractions = image.volume_fractions
    porosity = fractions["electrolyte"] + materials.cbd_porosity * fractions["CBD"]
    transport = effective_transport(image, materials.cbd_transport_factor)
    area_m2 = image.size_m[0] * image.size_m[1]
    density = c_rate * one_c_current_a(grid.am_volume_m3, materials) / area_m2
    c_max, rate = materials.c_max_mol_m3, materials.reaction_rate_m2p5_s_mol0p5

    def exchange_current(salt, surface, largest, temperature):
        return FARADAY_C_MOL * rate * salt**0.5 * surface**0.5 * (largest - surface) ** 0.5

    values = pybamm.ParameterValues("Xu2019")
    values.update(
        {
            "Ambient temperature [K]": materials.temperature_k,
            "Initial temperature [K]": materials.temperature_k,
            "Reference temperature [K]": materials.temperature_k,
            # A cell of 1 m2.
            "Electrode height [m]": 1.0,
            "Electrode width [m]": 1.0,
            "Current function [A]": density,
            "Contact resistance [Ohm]": materials.sei_resistance_ohm_m2,
            "Lower voltage cut-off [V]": cut_off_v(materials),
            "Upper voltage cut-off [V]": 5.0,
            "Exchange-current density for lithium metal electrode [A.m-2]": (
                materials.lithium_exchange_current_a_m2
            ),
            "SEI resistivity [Ohm.m]": 0.0,
            "Separator thickness [m]": materials.separator_thickness_m,
            "Separator porosity": materials.separator_porosity,
            "Separator Bruggeman coefficient (electrolyte)": materials.separator_bruggeman,
            "Positive electrode thickness [m]": image.size_m[2],
            "Positive electrode porosity": porosity,
            "Positive electrode Bruggeman coefficient (electrolyte)": float(
                np.log(transport) / np.log(porosity)
            ),
            "Positive electrode conductivity [S.m-1]": solid_conductivity_s_m(image, materials),
            # It is effective already.
            "Positive electrode Bruggeman coefficient (electrode)": 0.0,
            "Positive electrode active material volume fraction": fractions["AM"],
            "Positive particle radius [m]": 3 * grid.am_volume_m3 / grid.interface.area_m2.sum(),
            "Positive electrode exchange-current density [A.m-2]": exchange_current,
            "Positive electrode OCP [V]": lambda x: symbol(materials.open_circuit_v, x),
            "Positive particle diffusivity [m2.s-1]": lambda x, temperature: pybamm.maximum(
                symbol(materials.solid_diffusivity, x), materials.solid_diffusivity_floor_m2_s
            ),
            "Maximum concentration in positive electrode [mol.m-3]": c_max,
            "Initial concentration in positive electrode [mol.m-3]": c_max * materials.initial_dol,
            "Initial concentration in electrolyte [mol.m-3]": materials.initial_salt_mol_m3,
            "Electrolyte conductivity [S.m-1]": salt_symbol(materials.salt_conductivity),
            "Electrolyte diffusivity [m2.s-1]": salt_symbol(materials.salt_diffusivity),
            "Cation transference number": salt_symbol(materials.transference_number),
            "Thermodynamic factor": salt_symbol(materials.thermodynamic_factor),
        }
    )
    return values


def solver() -> pybamm.BaseSolver:
    return pybamm.IDAKLUSolver(rtol=1e-8, atol=1e-8)


def simulation(values: pybamm.ParameterValues, **options) -> pybamm.Simulation:
    model = pybamm.lithium_ion.DFN({"working electrode": "positive", "contact resistance": "true"})
    return pybamm.Simulation(model, parameter_values=values, var_pts=MESH, solver=solver(), **options)


def curve(image: PhaseImage, materials: Parameters, c_rate: float) -> list[tuple[float, float, float]]:
    """(time in s, mean DOL, voltage in V) of every frame but the first."""
    run = simulation(parameter_values(image, materials, c_rate))
    times = np.arange(FRAMES) * 100 / c_rate
    solution = run.solve([0, times[-1]], t_interp=times)
    times = times[(times > 0) & (times <= solution.t[-1])]
    dol = materials.initial_dol + (1 - materials.initial_dol) * times * c_rate / 3600
    return list(zip(times, dol, solution["Voltage [V]"](times), strict=True))


def drive_cycle() -> None:
    """The drive cycle of the fixtures, made once: hard steps around 1C, charge pulses among them."""
    path = FIXTURES / "drive_cycle.csv"
    if path.exists():
        return
    rates = np.random.default_rng(14).choice([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0], size=61)
    write(path, ("time_s", "c_rate"), [(f"{20 * i}", f"{rate:g}") for i, rate in enumerate(rates)])


def step(segment, one_c_a: float) -> pybamm.step.BaseStep:
    """PyBaMM's step for a segment of a load, of a cell of 1 m2."""
    until = segment.until
    seconds, limits = until.time_s or 86400, []
    if isinstance(segment, Voltage):
        return pybamm.step.voltage(
            segment.voltage_v,
            duration=seconds,
            termination=f"{until.taper_c_rate * one_c_a}A",
            period=PERIOD_S,
        )
    c_rate = c_rate_of(segment, one_c_a)
    if until.charge is not None:
        seconds = HOUR_S * until.charge / abs(c_rate)
    if until.voltage_v is not None:
        limits = [f"{until.voltage_v}V"]
    return pybamm.step.current(
        c_rate * one_c_a, duration=seconds, termination=limits, period=min(PERIOD_S, seconds / 5)
    )


def load_curve(image: PhaseImage, materials: Parameters, load: Load) -> list[tuple[float, float, float]]:
    """(time in s, C-rate, voltage in V) at the load's frames but the first."""
    one_c_a = one_c_a_m2(image, materials)
    experiment = pybamm.Experiment([tuple(step(segment, one_c_a) for segment in load.segments)])
    run = simulation(parameter_values(image, materials, 1.0), experiment=experiment)
    rows = []
    for part in run.solve(calc_esoh=False).cycles[0].steps:
        start_s, end_s = part["Time [s]"].entries[[0, -1]]
        times = np.array([*load.frames.within(start_s, end_s), end_s])
        rates = part["Current [A]"](times) / one_c_a
        rows += zip(times, rates, part["Voltage [V]"](times), strict=True)
    return rows


def write(path, header, rows) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
    print(path, f"PyBaMM {pybamm.__version__}")


def main() -> None:
    image, materials = electrode(), Parameters()
    if "--loads" in sys.argv[1:]:
        drive_cycle()
        for name, load in dfn_loads().items():
            rows = load_curve(image, materials, load)
            formatted = [(f"{time:.2f}", f"{rate:.5f}", f"{volts:.5f}") for time, rate, volts in rows]
            write(FIXTURES / f"pybamm_{name}.csv", ("time_s", "c_rate", "voltage_v"), formatted)
        return
    cells = {"": materials}
    if "--sets" in sys.argv[1:]:
        cells = {f"{name}_": parameter_set(name).parameters for name in names() if name != "nmc111"}
    for name, cell in cells.items():
        for c_rate in C_RATES:
            rows = curve(dfn_electrode(name.rstrip("_")), cell, c_rate)
            formatted = [(f"{time:g}", f"{dol:.6f}", f"{volts:.5f}") for time, dol, volts in rows]
            write(FIXTURES / f"pybamm_{name}{c_rate:g}C.csv", ("time_s", "dol", "voltage_v"), formatted)


if __name__ == "__main__":
    main()
