"""One time step of both reduced models: particles, potentials and salt at a given current or voltage."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfmsnet.load import HOUR_S
from tfmsnet.references.geometry import SEPARATOR_LAYERS, Geometry
from tfmsnet.references.insertion import MARGIN, Insertion
from tfmsnet.references.materials import Materials
from tfmsnet.references.particles import Spheres, Voxels
from tfmsnet.references.planes import Control, Planes
from tfmsnet.references.within_planes import Deviations, WithinPlanes

_PASSES = 10
# Accepted misfit of the potentials to the reaction's kinetics and to the salt, V, root mean square; where a
# voltage is held all of it goes into the current.
_MISFIT_V = 1e-4
_HELD_MISFIT_V = 1e-5
# Volts that the potentials may be expected to change by per relative change of the salt.
_SALT_V = 0.1
# The same per degree of lithiation, of the voxel that changes most: its diffusivity changes.
_DOL_V = 0.1
# Accepted error of the degree of lithiation that a linear solution may leave; where a voltage is held, small
# currents follow from it.
_ERROR, _HELD_ERROR = 2e-5, 2e-6
# Of the way to full or empty that is left, or voxels would be beyond.
_OF_ROOM = 0.01
# Of currents, relative: near full surfaces, whose diffusivity nearly is 0, rounding leaves so much.
_ROUNDING = 5e-5
# Degrees of lithiation stay this far from 0 and 1, to rounding.
_EDGE = 1e-7
# Volts that a pass may move potentials by; half as many after each turn.
_MOST_RISE_V = 0.3
# Of the response to a common shift of the potential, relative.
_ROUGHLY = 0.02
# Share of the reaction's own slope that is left of it at least.
_SMALLEST_SLOPE = 1e-4
# Particles have parted half as far as they will when they have taken up so many times the way between the
# surface and the mean.  Of six random electrodes at 0.2C to 4C; everything else is of first principles.
_PARTING = 5.0
# The step that led to a state with no past: the next one is backward Euler's.
NEVER_S = 1e30


class ReducedState(NamedTuple):
    """A moment.

    Attributes:
        time_s, step_s: (batch,) float64, of the moment, and of the step that led to it.
        charge, charge_before: (batch,) float64, mean degree of lithiation gained.
        total, total_before: (batch,) float64, current through the cell, A/m2 of the foil.
        dol, dol_before: (batch, cell, z) float32, less the mean.
        salt, salt_before: (batch, layer) float64, mol/m3, what resistances between planes join: of the
            surface, where evenly filled.
        stored, stored_before: (batch, layer) float64, mol/m3, mean of the electrolyte.
        apart: (batch, z) float64, A/m2, by how much more flows into the surface where the electrolyte
            deviates, see `WithinPlanes`.
        step, step_before: (batch, z) float64, V, phi_s - phi_l.
        current, current_before: (batch, site, z) float32, A/m2 into the active material.
        response: (batch, cell, z) float32, of the degree of lithiation to a volt, to start from.
        slope: (batch, site, z) float32, of the degree of lithiation from cells' centres to the surface, 1/m.
        solid, liquid: (batch, z) and (batch, layer) float64, V.
        voltage: (batch,) float64, V.
    """

    time_s: tf.Tensor
    step_s: tf.Tensor
    charge: tf.Tensor
    charge_before: tf.Tensor
    total: tf.Tensor
    total_before: tf.Tensor
    dol: tf.Tensor
    dol_before: tf.Tensor
    salt: tf.Tensor
    salt_before: tf.Tensor
    stored: tf.Tensor
    stored_before: tf.Tensor
    apart: tf.Tensor
    step: tf.Tensor
    step_before: tf.Tensor
    current: tf.Tensor
    current_before: tf.Tensor
    response: tf.Tensor
    slope: tf.Tensor
    solid: tf.Tensor
    liquid: tf.Tensor
    voltage: tf.Tensor


class _Guess(NamedTuple):
    """What the passes of a step improve."""

    dol: tf.Tensor
    salt: tf.Tensor
    stored: tf.Tensor
    step: tf.Tensor
    total: tf.Tensor
    current: tf.Tensor
    response: tf.Tensor
    solid: tf.Tensor
    liquid: tf.Tensor
    voltage: tf.Tensor
    apart: tf.Tensor
    misfit_v: tf.Tensor  # (batch,) of what transport properties were taken at
    rise: tf.Tensor  # (batch, z) V, of the step in this pass
    most: tf.Tensor  # (batch, z) V, that it may have


class ReducedCell:
    """Equations of one batch of electrodes, and a step of them.

    Args:
        geometry, particles, planes, within: of the electrodes.
        materials: of the cell.
    """

    def __init__(
        self,
        geometry: Geometry,
        particles: Voxels | Spheres,
        planes: Planes,
        within: WithinPlanes,
        materials: Materials,
    ) -> None:
        self._geometry, self._particles, self._planes = geometry, particles, planes
        self._within, self._materials = within, materials
        am = tf.reduce_sum(geometry.lattice.plane_sums(geometry.am), axis=1) / geometry.foil_faces
        thickness_m = am * geometry.voxel_size_m
        # C/m2 of the foil in full active material.
        self._capacity = materials.double.charge_c_m3 * tf.maximum(thickness_m, 1e-12)
        self._one_c = self._capacity * (1.0 - materials.double.initial_dol) / HOUR_S
        self._reacts = tf.cast(particles.area > 0.0, tf.float32)
        self._insertion = Insertion(particles, materials)

    def current(self, c_rate: tf.Tensor) -> tf.Tensor:
        """A/m2 of the foil: a C-rate of 1/h fills the active material from its initial state in an hour."""
        return c_rate * self._one_c

    def c_rate(self, current: tf.Tensor) -> tf.Tensor:
        """The inverse of `current`."""
        return current / self._one_c

    @property
    def initial_dol(self) -> float:
        """Mean degree of lithiation at the start."""
        return self._materials.double.initial_dol

    @property
    def reacts(self) -> tf.Tensor:
        """(batch,) bool, whether there is any reacting surface."""
        return tf.reduce_sum(self._within.area, axis=1) > 0.0

    def at_rest(self) -> ReducedState:
        """Equilibrium at the initial degree of lithiation."""
        particles, numbers = self._particles, self._materials.double
        batch = tf.shape(self._geometry.am)[0]
        zero = tf.zeros([batch], tf.float64)
        dol = tf.zeros_like(particles.inside)
        sites = tf.zeros_like(particles.area)
        start, _ = self._materials.open_circuit(tf.convert_to_tensor(numbers.initial_dol, tf.float64))
        salt = numbers.initial_salt_mol_m3 * tf.ones([batch, self._geometry.layers], tf.float64)
        step = start * tf.ones([batch, self._geometry.planes], tf.float64)
        return ReducedState(
            time_s=zero,
            step_s=zero + NEVER_S,
            charge=zero,
            charge_before=zero,
            total=zero,
            total_before=zero,
            dol=dol,
            dol_before=dol,
            salt=salt,
            salt_before=salt,
            stored=salt,
            stored_before=salt,
            apart=tf.zeros_like(step),
            step=step,
            step_before=step,
            current=sites,
            current_before=sites,
            response=dol,
            slope=sites,
            solid=step,
            liquid=tf.zeros_like(salt),
            voltage=step[:, 0],
        )

    def dol(self, state: ReducedState) -> tf.Tensor:
        """(batch, cell, z) float32, degree of lithiation; 0 outside the active material."""
        return self._particles.inside * (state.dol + self._mean(state.charge))

    def plane_current(self, state: ReducedState) -> tf.Tensor:
        """(batch, z) float64, mean current into the active material's surface, A/m2."""
        return self._particles.plane_sums(state.current) * self._within.per_area

    def lag(self, state: ReducedState) -> tf.Tensor:
        """(batch, z) float64: the degree of lithiation that the kinetics hold the surface back by.

        Their overpotential over the slope of the open-circuit potential, as far as there was time for
        particles to part by so much: none at the start, and never farther than the plane has come.
        """
        particles, materials = self._particles, self._materials
        surface, mean = particles.surface_and_mean(self.dol(state))
        _, slope = materials.open_circuit(tf.clip_by_value(surface, MARGIN, 1.0 - MARGIN))
        salt = materials.salt_in_range(state.salt)[:, : self._geometry.planes]
        kinetics = materials.insertion(*(particles.on_planes(part) for part in (state.step, surface, salt)))
        per_volt = tf.cast(kinetics.per_volt[:, 0, : self._geometry.planes], tf.float64)
        lag = self.plane_current(state) / tf.maximum(per_volt * -slope, 1e-6)
        come = tf.abs(mean - self.initial_dol)
        parted = tf.math.divide_no_nan(come, come + _PARTING * (tf.abs(surface - mean) + tf.abs(lag)))
        return tf.clip_by_value(parted * lag, -come, come)

    def _mean(self, charge: tf.Tensor) -> tf.Tensor:
        mean = self._materials.double.initial_dol + charge
        return tf.cast(mean, tf.float32)[:, None, None]

    def step(self, now: ReducedState, step_s: tf.Tensor, control: Control) -> tuple[ReducedState, tf.Tensor]:
        """The state `step_s` later, and whether it is solved (batch,).

        BDF2; backward Euler from a state whose `step_s` is `NEVER_S`, as after a jump of the control.
        """
        particles, planes, materials = self._particles, self._planes, self._materials
        ratio = step_s / now.step_s
        weight = (1.0 + 2.0 * ratio) / (1.0 + ratio) / step_s
        older = ratio**2 / (1.0 + ratio)

        def history(now, before):
            rates = [_like((1.0 + ratio) / step_s, now), _like(older / step_s, now)]
            return rates[0] * now - rates[1] * before

        def ahead(now, before):
            return now + _like(ratio, now) * (now - before)

        charge_past = history(now.charge, now.charge_before)

        def charge(total):
            return (charge_past + total / self._capacity) / weight

        past, stored_past = history(now.dol, now.dol_before), history(now.stored, now.stored_before)
        more_past = (stored_past - history(now.salt, now.salt_before))[:, : self._geometry.planes]
        # A change of the current is spread evenly; of a change of the voltage the solid takes all.
        continues = now.step_s < NEVER_S
        held = tf.where(continues, ahead(now.total, now.total_before), now.total)
        total = tf.where(control.holds, held, control.value)
        jump = (total - tf.reduce_sum(particles.plane_sums(now.current), 1)) / tf.maximum(
            tf.reduce_sum(self._within.area, axis=1), 1e-12
        )
        reacting = tf.where(
            _like(continues, now.current),
            ahead(now.current, now.current_before),
            now.current + self._reacts * _like(jump, now.current),
        )
        risen = tf.where(control.holds & ~continues, control.value - now.voltage, 0.0)
        guess = _Guess(
            dol=ahead(now.dol, now.dol_before),
            salt=ahead(now.salt, now.salt_before),
            stored=now.stored,
            step=ahead(now.step, now.step_before) + _like(risen, now.step),
            total=total,
            current=reacting,
            response=now.response,
            solid=now.solid,
            liquid=now.liquid,
            voltage=now.voltage,
            apart=now.apart,
            misfit_v=tf.zeros_like(step_s),
            rise=tf.zeros_like(now.step),
            most=tf.fill(tf.shape(now.step), np.float64(_MOST_RISE_V)),
        )
        wide = _like(weight, now.dol)
        most_error = tf.where(_like(control.holds, now.dol), _HELD_ERROR, _ERROR)

        accepted_v = tf.where(control.holds, tf.constant(_HELD_MISFIT_V, tf.float64), _MISFIT_V)

        def supply(density, total):
            # Less what the mean gains.
            rate = _like(total / self._capacity, now.dol)
            return particles.source(particles.uptake * density) - rate * particles.inside

        inside = particles.inside > 0.0

        def improve(k, going, solved, guess, reaction):
            mean = self._mean(charge(guess.total))
            dol = tf.clip_by_value(guess.dol + mean, MARGIN, 1.0 - MARGIN)
            room = tf.where(inside, tf.minimum(dol, 1.0 - dol), 1.0)
            error = tf.minimum(most_error, _OF_ROOM * tf.reduce_min(room, axis=(1, 2), keepdims=True))
            diffusion = particles.diffusion(dol, wide)
            drain = particles.uptake * reaction.per_dol
            rest = diffusion.residual(past + supply(reaction.current, guess.total), guess.dol)
            change = diffusion.solve(rest, drain, None, error)
            force = particles.source(particles.uptake * reaction.per_volt)
            size = tf.sqrt(tf.reduce_mean(tf.square(guess.response), axis=(1, 2), keepdims=True))
            response = diffusion.solve(force, drain, guess.response, tf.maximum(_ROUGHLY * size, 1e-4))
            # Both at the potential that stays, and per volt.
            fixed = reaction.current - reaction.per_dol * particles.sites(change)
            slope = reaction.per_volt - reaction.per_dol * particles.sites(response)
            slope = tf.maximum(slope, _SMALLEST_SLOPE * reaction.per_volt)
            into, per_volt = particles.plane_sums(fixed), particles.plane_sums(slope)
            found = planes.potentials(guess.step, into, per_volt, guess.salt, guess.total, control)
            # One sample's failure isn't to reach its neighbours, on the lattice or in the solvers.
            sound = tf.math.is_finite(found.voltage + found.current + tf.reduce_sum(found.step, axis=1))
            found = chosen(sound, found, tf.nest.map_structure(tf.zeros_like, found))
            # From far up an exponential a pass would lead to where surfaces are full, and the next far back.
            wanted = found.step - guess.step
            most = tf.where(wanted * guess.rise < 0.0, 0.5 * guess.most, guess.most)
            rise = tf.clip_by_value(wanted, -most, most)
            cut_v = tf.reduce_max(tf.abs(wanted - rise), axis=1)
            rise_wide = particles.on_planes(rise)
            density = fixed - slope * rise_wide
            # Change and response hold what the mean gains by another current.
            gain = _like(charge(found.current) - charge(guess.total), now.dol) * particles.inside
            renewed = guess.dol + change - response * rise_wide - gain
            rest = diffusion.residual(past + supply(density, found.current), renewed)
            renewed += diffusion.solve(rest, tf.zeros_like(drain), None, error)
            apart, apart_v = self._within.followed(reaction.within, density, slope)
            # What is stored changes in time, what the resistances join diffuses.
            within = reaction.within
            more = within.delay_s * more_past + within.stored
            more = tf.pad(more / (within.delay_s * weight[:, None] + 1.0), [[0, 0], [0, SEPARATOR_LAYERS]])
            gained = stored_past - weight[:, None] * more
            salt = planes.salt(weight, gained, into - per_volt * rise, found.ionic, guess.salt)
            moved = tf.sqrt(tf.reduce_mean((salt / materials.salt_in_range(guess.salt) - 1.0) ** 2, axis=1))
            renewed = particles.without_mean(renewed)
            farthest = tf.reduce_max(tf.abs(renewed + gain - guess.dol), axis=(1, 2))
            astray = tf.where(control.holds, tf.abs(found.voltage - control.value), 0.0)
            unsettled = tf.maximum(_SALT_V * moved, _DOL_V * tf.cast(farthest, tf.float64))
            new = _Guess(
                dol=renewed,
                salt=salt,
                stored=salt + more,
                step=guess.step + rise,
                total=found.current,
                current=density,
                response=response,
                solid=found.solid,
                liquid=found.liquid,
                voltage=found.voltage,
                apart=apart,
                misfit_v=tf.maximum(unsettled, astray) + apart_v + cut_v,
                rise=rise,
                most=most,
            )
            sound &= tf.math.is_finite(tf.reduce_sum(salt, axis=1) + tf.cast(farthest, tf.float64))
            new = chosen(going & sound, new, guess)
            reaction = self._reaction(new, self._mean(charge(new.total)), reaction)
            going &= sound
            there = going & (tf.maximum(reaction.misfit_v, new.misfit_v) <= accepted_v)
            return shaped((k + 1, going & ~there, solved | there, new, reaction), (k, *initial))

        reaction = self._reaction(guess, self._mean(charge(total)), now)
        initial = (tf.ones_like(control.holds), tf.zeros_like(control.holds), guess, reaction)
        _, _, solved, guess, reaction = tf.while_loop(
            lambda k, going, *_: (k < _PASSES) & tf.reduce_any(going),
            improve,
            (tf.constant(0), *initial),
            parallel_iterations=1,
        )
        state = ReducedState(
            time_s=now.time_s + step_s,
            step_s=step_s,
            charge=charge(guess.total),
            charge_before=now.charge,
            total=guess.total,
            total_before=now.total,
            dol=guess.dol,
            dol_before=now.dol,
            salt=guess.salt,
            salt_before=now.salt,
            stored=guess.stored,
            stored_before=now.stored,
            apart=guess.apart,
            step=guess.step,
            step_before=now.step,
            current=guess.current,
            current_before=now.current,
            response=guess.response,
            slope=reaction.slope,
            solid=guess.solid,
            liquid=guess.liquid,
            voltage=guess.voltage,
        )
        return state, solved & self._inside(guess, self._mean(state.charge))

    def _inside(self, guess: _Guess, mean: tf.Tensor) -> tf.Tensor:
        """(batch,) bool: lithium and salt are within their limits."""
        inside = self._particles.inside > 0.0
        dol = tf.where(inside, guess.dol + mean, 0.5)
        low, high = tf.reduce_min(dol, axis=(1, 2)), tf.reduce_max(dol, axis=(1, 2))
        limits = self._materials.double.salt_range_mol_m3
        few, many = tf.reduce_min(guess.salt, axis=1), tf.reduce_max(guess.salt, axis=1)
        return (
            (low > _EDGE)
            & (high < 1.0 - _EDGE)
            & (few > limits[0])
            & (many < limits[1])
            & tf.math.is_finite(guess.voltage)
        )

    def _norm(self, density: tf.Tensor) -> tf.Tensor:
        """(batch,) root of the squares' sum over the surface, of (batch, site, z)."""
        return tf.sqrt(tf.reduce_sum(self._particles.area * tf.square(density), axis=(1, 2)))

    def _reaction(self, guess: _Guess, mean: tf.Tensor, before: "_Reaction | ReducedState") -> "_Reaction":
        """The reaction at the guess.

        Args:
            guess: of the step.
            mean: (batch, 1, 1) degree of lithiation.
            before: with slopes to the surface to start from.
        """
        particles = self._particles
        within = self._within.at(guess.salt, guess.current, guess.apart)
        linear = self._insertion.at(
            particles.on_planes(guess.step) + within.step,
            particles.sites(guess.dol) + mean,
            within.salt,
            guess.current,
            before.slope,
        )
        missing = self._norm(linear.current - guess.current) - _ROUNDING * self._norm(linear.current)
        misfit_v = tf.maximum(missing, 0.0) / tf.maximum(self._norm(linear.per_volt), 1e-12)
        return _Reaction(*linear, within=within, misfit_v=tf.cast(misfit_v, tf.float64))


class _Reaction(NamedTuple):
    """A `LinearisedInsertion`, the electrolyte that it was found with, and how far the guess was from it."""

    current: tf.Tensor
    per_volt: tf.Tensor
    per_dol: tf.Tensor
    slope: tf.Tensor
    within: Deviations
    misfit_v: tf.Tensor


def _like(values: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
    """(batch,) with as many axes as another tensor, and of its type."""
    values = tf.reshape(values, [-1, *([1] * (other.shape.rank - 1))])
    return values if values.dtype == tf.bool else tf.cast(values, other.dtype)


def shaped(new: tuple, old: tuple) -> tuple:
    """With the static shapes of another: loops insist on them."""
    tf.nest.map_structure(lambda a, b: a.set_shape(b.shape), new, old)
    return new


def chosen(mask: tf.Tensor, new: tuple, old: tuple) -> tuple:
    """Of each sample the new where the mask (batch,) holds, else the old."""
    return tf.nest.map_structure(lambda a, b: tf.where(_like(mask, b), a, b), new, old)
