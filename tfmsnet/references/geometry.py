"""What the reduced models read off a phase image: reacting surface, resistances between planes."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from tfmsnet.electrode import AM, CBD, ELECTROLYTE
from tfmsnet.features.lattice import Lattice, conjugate_gradients, dot
from tfmsnet.features.surface import face_surface
from tfmsnet.references.materials import Materials
from tfmsnet.references.multigrid import conduct

SEPARATOR_LAYERS = 6  # as the simulator's
# Where less than this share of the current passes between two planes its resistance is noise.
_LEAST_CURRENT = 0.02
# Where particles fill evenly: depth of the surface's voxels at least, voxels; what any voxel loses to
# nowhere; accepted residual; and the least share of the mean that a plane's current counts as.
_LEAST_DEPTH, _LEAK, _FILLING_ERROR, _LEAST_DENSITY = 0.05, 1e-5, 0.01, 0.3
_MOST_ITERATIONS = 200
# Of the time that the leak alone takes: slower ways to the surface aren't any.
_NEVER = 0.3
# Of planes without a reacting surface, voxel faces, among the areas of the others.
_NO_WEIGHT = 1e-6
# Resistances are at least this share of that of free electrolyte.
_LEAST_RESISTANCE = 0.01


class Surface(NamedTuple):
    """The active material's surface.

    Attributes:
        faces: along z, y and x, (batch, row, z) float32 each: true area between a voxel and the next, in
            faces of a voxel, where one of them is active material and the other holds open electrolyte.
        area: (batch, row, z) float32, of each voxel of active material, in faces of a voxel.
        depth: (batch, row, z) float32, mean distance of its centre from the surface, voxels.
        short: (batch, row, z) float32, the harmonic mean.
        filling: (batch, row, z) float32, current density at each voxel of active material over the mean,
            where all of the material fills at the same rate.
        liquid_filling: (batch, row, z) float32, the same current into each voxel of electrolyte, times faces.
        escape: (batch, row, z) float32, the mean time that diffusion takes from a voxel of active material to
            the surface, times the diffusivity, voxels^2; 0 where no surface reacts.
    """

    faces: tuple[tf.Tensor, tf.Tensor, tf.Tensor]
    area: tf.Tensor
    depth: tf.Tensor
    short: tf.Tensor
    filling: tf.Tensor
    liquid_filling: tf.Tensor
    escape: tf.Tensor


class Conduction(NamedTuple):
    """The answer of a conductor to a current of 1 A/m2 of the reacting surface, spread as `Surface.filling`.

    Attributes:
        between: (batch, z - 1) float64, resistance between planes of voxels, per area of the foil.
        end: (batch, 1) float64, between the outermost plane and what the current goes to.
        deviation: (batch, row, z) float32, potential at the surface of the active material's voxels, less
            that of their plane; of an electrolyte that is parted, by what flows into the plane's surface.
        through: (batch, row, z) float32, the same by 1 A/m2 of the foil that flows through the plane; 0
            where not parted.
        pattern: (batch, row, z) float32, potential of the conductor's voxels, less that of the plane.
    """

    between: tf.Tensor
    end: tf.Tensor
    deviation: tf.Tensor
    through: tf.Tensor
    pattern: tf.Tensor


class Geometry:
    """An electrode with its separator, on a lattice that holds both.

    Args:
        phase: (batch, x, y, z) uint8, labels 0 electrolyte, 1 active material, 2 CBD; foil at z = 0.
        voxel_size_m: (batch,) float64.
        materials: of the cell.
    """

    def __init__(self, phase: tf.Tensor, voxel_size_m: tf.Tensor, materials: Materials) -> None:
        batch, x, y, z = tf.unstack(tf.shape(phase))
        self.planes = z
        self.layers = z + SEPARATOR_LAYERS
        self.voxel_size_m = voxel_size_m
        self.foil_faces = tf.cast(x * y, tf.float64)
        self.lattice = Lattice(tf.stack([batch, x, y, self.layers]))
        separator = separator_layers(materials.double.separator_thickness_m / voxel_size_m)
        # Of the layers, in voxels.
        self.height = tf.concat([tf.ones([batch, z], tf.float64), separator], axis=1)

        behind = [[0, 0], [0, 0], [0, 0], [0, SEPARATOR_LAYERS]]
        am, cbd, pore = (phase == label for label in (AM, CBD, ELECTROLYTE))
        self.am = self.lattice.packed(tf.cast(am, tf.float32))
        self.solid = self.lattice.packed(phase != ELECTROLYTE)
        liquid = self.lattice.packed(tf.pad(phase != AM, behind, constant_values=True))
        at_separator = self.lattice.on_planes(tf.one_hot(self.layers - 1, self.layers)[None]) > 0
        at_foil = self.lattice.on_planes(tf.one_hot(0, self.layers)[None]) > 0
        self.open = reachable(self.lattice, liquid, liquid & at_separator)
        self.wired = reachable(self.lattice, self.solid, self.solid & at_foil)
        # By voxel: share of electrolyte, and its transport over that in bulk.
        numbers = materials.single
        self._beyond = self.lattice.packed(
            tf.pad(tf.zeros_like(phase, tf.float32), behind, constant_values=1.0)
        )
        self.pore, self.cbd = (self.lattice.packed(tf.cast(mask, tf.float32)) for mask in (pore, cbd))
        open_ = tf.cast(self.open, tf.float32)
        self.porosity = open_ * (
            self.pore + numbers.cbd_porosity * self.cbd + numbers.separator_porosity * self._beyond
        )
        self.ionic = open_ * (
            self.pore + numbers.cbd_transport_factor * self.cbd + numbers.separator_factor * self._beyond
        )
        self.surface = self._surface(am)

    def _surface(self, am: tf.Tensor) -> Surface:
        lattice = self.lattice
        found = face_surface(am)
        wired = self.am * tf.cast(self.wired, tf.float32)
        open_ = tf.cast(self.open, tf.float32)
        faces, area, depth, way = [], 0.0, 0.0, 0.0
        for axis in range(3):
            # The lattice has z first.
            cosine, true = (lattice.packed(part[2 - axis]) for part in (found.cosine, found.area))
            meet = wired * lattice.ahead(open_, axis) + open_ * lattice.ahead(wired, axis)
            face = meet * true
            both = face + lattice.behind(face, axis)
            faces.append(face)
            area += wired * both
            depths = 0.5 * face * cosine
            depth += wired * (depths + lattice.behind(depths, axis))
            ways = tf.math.divide_no_nan(2.0 * face, cosine)
            way += wired * (ways + lattice.behind(ways, axis))
        depth = tf.math.divide_no_nan(depth, area)
        short = tf.math.divide_no_nan(area, way)
        filling, escape = self._filling(area, depth)
        liquid = tf.add_n(
            [face * lattice.ahead(filling, axis) for axis, face in enumerate(faces)]
            + [lattice.behind(face * filling, axis) for axis, face in enumerate(faces)]
        )
        return Surface(tuple(faces), area, depth, short, filling, open_ * liquid, escape)

    def _filling(self, area: tf.Tensor, depth: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Where lithium is taken up evenly by the volume and diffuses from a surface of one concentration.

        This is what slow diffusion and flat open-circuit potentials leave: a small particle takes less per
        area than a large one.  What concentration is missing in a voxel is the mean time from there to the
        surface.

        Returns:
            `Surface.filling` and `Surface.escape`.
        """
        reacts = tf.cast(area > 0.0, tf.float32)
        conductance = reacts / tf.maximum(depth, _LEAST_DEPTH)
        u = self._diffused(area * conductance, self.am)
        density = conductance * u
        total = dot(area, density)
        filling = density * dot(area, reacts) / tf.where(total > 0.0, total, 1.0)
        return filling, tf.where(u < _NEVER / _LEAK, u, 0.0)

    def density_inside(self) -> tf.Tensor:
        """(batch, row, z) float32: `Surface.filling` where a voxel's lithium comes from, on average."""
        surface = self.surface
        to_surface = surface.area / tf.maximum(surface.depth, _LEAST_DEPTH)
        return self._diffused(to_surface, to_surface * surface.filling)

    def _diffused(self, to_surface: tf.Tensor, source: tf.Tensor) -> tf.Tensor:
        """Solve - div grad u = source in the active material; to a surface at 0 by a conductance; voxels."""
        lattice, inside = self.lattice, self.am
        # Material that nothing reaches stays without a surface to flow from.
        diagonal = inside * lattice.neighbours(inside) + to_surface + _LEAK * inside
        inverse = inside * tf.math.rsqrt(tf.where(inside > 0.0, diagonal, 1.0))
        right = inverse * source
        return inverse * conjugate_gradients(
            lambda v: v - inverse * lattice.neighbours(inverse * v),
            right,
            None,
            _FILLING_ERROR**2 * dot(right, right),
            _MOST_ITERATIONS,
        )

    def plane_area(self) -> tf.Tensor:
        """(batch, z) float64, reacting area of each plane, in faces of a voxel."""
        return self.lattice.plane_sums(self.surface.area)[:, : self.planes]

    def plane_filling(self) -> tf.Tensor:
        """(batch, z) float64, current into each plane by `Surface.filling`; on average 1 a face."""
        surface = self.surface
        return self.lattice.plane_sums(surface.area * surface.filling)[:, : self.planes]

    def plane_mean(self, vectors: tf.Tensor) -> tf.Tensor:
        """(batch, z) float64, of what lies on the active material's surface; 0 in planes without any."""
        area = self.plane_area()
        sums = self.lattice.plane_sums(tf.cast(self.surface.area, vectors.dtype) * vectors)[:, : self.planes]
        return sums / tf.where(area > 0.0, area, 1.0)

    def at_surface(self, potential: tf.Tensor) -> tf.Tensor:
        """(batch, row, z), a field of the electrolyte as the active material's voxels meet it."""
        lattice, total = self.lattice, 0.0
        for axis, face in enumerate(self.surface.faces):
            face = tf.cast(face, potential.dtype)
            total += face * lattice.ahead(potential, axis) + lattice.behind(face * potential, axis)
        area = tf.cast(self.surface.area, potential.dtype)
        return tf.where(area > 0.0, total, 0.0) / tf.where(area > 0.0, area, 1.0)

    def conduction(
        self, am_s_m: float, cbd_s_m: tf.Tensor, parted: bool = True
    ) -> tuple[Conduction, Conduction]:
        """Of the electrolyte, and of the solid.

        The electrolyte's is zero at the lithium metal and for a conductivity of 1 S/m in bulk: resistances in
        m, (batch, layers - 1) down to those between the separator's layers, the end being that to the metal;
        deviations in m.  The solid's is zero at the foil: resistances in ohm m2, (batch, z - 1); deviations
        in ohm m2.

        Args:
            am_s_m: conductivity of the active material, S/m.
            cbd_s_m: (batch,) of the CBD, S/m.
            parted: whether what flows through a plane of the electrolyte has deviations of its own: one more
                problem to solve.
        """
        lattice, surface = self.lattice, self.surface
        last = tf.one_hot(self.layers - 1, self.layers, dtype=tf.float64)
        to_metal = lattice.on_planes(2.0 / self.height * last)
        to_foil = 2.0 * tf.ones_like(to_metal) * lattice.on_planes(tf.one_hot(0, self.layers)[None])
        conductivity = tf.cast(self.wired, tf.float32) * (
            am_s_m * self.am + tf.cast(cbd_s_m, tf.float32)[:, None, None] * self.cbd
        )
        conductors = (self.ionic, conductivity)
        problems = [
            (self.ionic, to_metal, surface.liquid_filling, True),
            (conductivity, to_foil, surface.area * surface.filling, False),
        ]
        if parted:
            problems.append((self.ionic, to_metal, self._from_foil(), True))
        # One after the other in a loop: as a graph, the solver is as large as all the rest.
        liquid, solid, *through = tf.unstack(
            tf.map_fn(
                lambda one: self._conduct(*one),
                tuple(tf.stack(part) for part in zip(*problems, strict=True)),
                fn_output_signature=tf.float64,
            ),
            num=len(problems),
        )
        porous, mean = (
            lattice.plane_sums(part)[:, :layers] / self.foil_faces
            for part, layers in zip(conductors, (self.layers, self.planes), strict=True)
        )
        electrolyte = self._upscaled(liquid, self.at_surface(liquid), self.ionic, porous, from_foil=True)
        for potential in through:
            electrolyte = self._parted(electrolyte, self.at_surface(potential))
        return (
            electrolyte,
            self._upscaled(solid, solid, conductivity, mean, from_foil=False),
        )

    def _from_foil(self) -> tf.Tensor:
        """(batch, row, z) faces, a current into the first plane that conducts ions, a face's through each."""
        lattice = self.lattice
        conducts = lattice.plane_sums(self.ionic)
        first = tf.one_hot(tf.argmax(conducts > 0.0, axis=1), lattice.row, dtype=tf.float64)
        return self.ionic * lattice.on_planes(self.foil_faces * first / _above(conducts))

    def _parted(self, liquid: Conduction, through: tf.Tensor) -> Conduction:
        """With the deviations parted into those of what flows into a plane and of what flows through it.

        Args:
            liquid: with both in one.
            through: (batch, row, z) float64, potential at the surface where a current flows from foil to
                metal, voxels.
        """
        lattice, filling = self.lattice, self.plane_filling()
        reacts = tf.cast(self.surface.area > 0.0, tf.float64)
        mean = tf.pad(self.plane_mean(through), [[0, 0], [0, lattice.row - self.planes]])
        apart = reacts * (through - mean[:, None]) * self.voxel_size_m[:, None, None]
        through = tf.cast(apart, tf.float32)
        passes = (tf.cumsum(filling, axis=1) - 0.5 * filling) / self.foil_faces
        return liquid._replace(
            deviation=liquid.deviation - through * lattice.on_planes(passes / self._filling_density()),
            through=through,
        )

    def _filling_density(self) -> tf.Tensor:
        """(batch, z) float64, current density of even filling that deviations are taken per."""
        return tf.maximum(self.plane_filling() / _above(self.plane_area()), _LEAST_DENSITY)

    def _conduct(
        self, conductivity: tf.Tensor, to_end: tf.Tensor, source: tf.Tensor, layered: tf.Tensor
    ) -> tf.Tensor:
        """Potential (batch, row, z), in voxels over the conductivity's unit, of a source in faces."""
        lattice = self.lattice
        height = lattice.on_planes(self.height)
        resistivity = 1.0 / tf.where(conductivity > 0.0, conductivity, 1.0)
        inside = tf.cast(conductivity > 0.0, tf.float32)
        weights = []
        for axis in range(3):
            half = 0.5 * resistivity * (height if axis == 0 else 1.0)
            both = inside * lattice.ahead(inside, axis) * (1.0 if axis == 0 else height)
            series = half + lattice.ahead(half, axis)
            weights.append(both / tf.where(both > 0.0, series, 1.0))
        return conduct(lattice, tuple(weights), to_end * conductivity, source * inside, layered)

    def _upscaled(self, potential, at_surface, conductivity, plane_conductivity, from_foil) -> Conduction:
        """Resistances between planes: the step of their mean potentials over the current that passes.

        Means of single planes are noisy, as each meets other pores: where they don't rise steadily,
        some planes are taken together.  What resistances don't reproduce, the deviations do.
        """
        lattice, area, reacting = self.lattice, self.plane_area(), self.planes
        filling = self.plane_filling()
        layers = tf.shape(plane_conductivity)[1]
        conducting = lattice.plane_sums(conductivity)[:, :layers]
        everywhere = lattice.plane_sums(tf.cast(conductivity, tf.float64) * potential)[:, :layers]
        everywhere /= _above(conducting)
        collected = tf.cumsum(filling, axis=1) / self.foil_faces
        total = collected[:, -1:]
        # Where no surface reacts, the mean of the whole plane.
        mean = tf.where(area > 0.0, self.plane_mean(at_surface), everywhere[:, :reacting])
        # The current through a face feeds all planes on the far side of it.
        passes = (collected if from_foil else total - collected)[:, :-1]
        # Elsewhere means are noise, or of planes that don't conduct.
        known = passes > _LEAST_CURRENT * total
        steady = rising(-mean if from_foil else mean, tf.maximum(area, _NO_WEIGHT))
        measured = tf.maximum(steady[:, 1:] - steady[:, :-1], 0.0) / _above(passes)
        # Nothing may conduct at all: then nothing reacts either.
        best = _above(tf.reduce_max(plane_conductivity, axis=1, keepdims=True))
        # In series, without any tortuosity: tells where too little current passes.
        conductivity_m = tf.maximum(plane_conductivity[:, :reacting], 1e-6 * best)
        series = 0.5 / conductivity_m[:, :-1] + 0.5 / conductivity_m[:, 1:]
        through = tf.where(known, passes, tf.zeros_like(passes))
        scale = tf.reduce_sum(measured * through, 1, keepdims=True) / _above(
            tf.reduce_sum(series * through, 1, keepdims=True)
        )
        between = tf.where(known, measured, tf.maximum(scale, 1.0) * series)
        least = _LEAST_RESISTANCE / best
        between = tf.maximum(between, least)
        # Potentials that these resistances give, with the mean that was found.
        drop = tf.cumsum(between * passes, axis=1)
        trunk = tf.concat([tf.zeros_like(total), -drop if from_foil else drop], axis=1)
        apart = tf.reduce_sum(area * (mean - trunk), 1, keepdims=True)
        trunk += apart / _above(tf.reduce_sum(area, 1, keepdims=True))
        if from_foil:
            beyond = everywhere[:, reacting:]
            steps = tf.concat([trunk[:, -1:], beyond], axis=1)
            between = tf.concat([between, (steps[:, :-1] - steps[:, 1:]) / _above(total)], axis=1)
            between = tf.maximum(between, least)
            end, trunk = beyond[:, -1:], tf.concat([trunk, beyond], axis=1)
        else:
            end = trunk[:, :1]
        voxel = self.voxel_size_m[:, None]
        # Deviations belong to a current of 1 A/m2 in their plane.
        spread = tf.pad(1.0 / self._filling_density(), [[0, 0], [0, layers - reacting]])
        scaled = tf.cast(self.voxel_size_m, tf.float32)[:, None, None] * lattice.on_planes(spread)
        on_planes = lattice.on_planes(trunk)
        inside, reacts = (tf.cast(part > 0.0, tf.float32) for part in (conductivity, self.surface.area))
        return Conduction(
            between=between * voxel,
            end=end / _above(total) * voxel,
            deviation=reacts * (tf.cast(at_surface, tf.float32) - on_planes) * scaled,
            through=tf.zeros_like(reacts),
            pattern=inside * (tf.cast(potential, tf.float32) - on_planes) * scaled,
        )


def separator_layers(thickness: tf.Tensor) -> tf.Tensor:
    """Heights of the separator's layers, growing from about a voxel at the electrode.

    Args:
        thickness: (batch,) float64, voxels.

    Returns:
        (batch, layer) float64, voxels.
    """
    layer = tf.range(SEPARATOR_LAYERS, dtype=tf.float64)

    def halved(k, low, high):
        growth = 0.5 * (low + high)
        less = tf.reduce_sum(growth[:, None] ** layer, axis=1) < thickness
        return k + 1, tf.where(less, growth, low), tf.where(less, high, growth)

    _, low, _ = tf.while_loop(
        lambda k, low, high: k < 60,
        halved,
        (0, tf.ones_like(thickness), 1e3 * tf.ones_like(thickness)),
    )
    heights = low[:, None] ** layer
    return heights * (thickness / tf.reduce_sum(heights, axis=1))[:, None]


def rising(values: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """The nearest values that don't fall: isotonic regression, least squares.

    By its minimax formula (Robertson, Wright and Dykstra 1988, Order Restricted Statistical Inference, 1.4):
    the largest of what begins no later, of the smallest of what ends no earlier, of the mean of a stretch.

    Args:
        values, weights: (batch, place) float64; weights above 0.

    Returns:
        (batch, place) float64.
    """
    count = tf.shape(values)[1]

    def stretches(parts):
        """(batch, first, last), sums."""
        sums = tf.cumsum(parts, axis=1)
        return sums[:, None, :] - (sums - parts)[:, :, None]

    first, last = tf.range(count)[:, None], tf.range(count)[None]
    infinite = tf.constant(np.inf, values.dtype)
    means = tf.where(last >= first, stretches(weights * values) / stretches(weights), infinite)
    # The smallest of all that end here or later: over 1, 2, 4 ... ends.
    _, means = tf.while_loop(
        lambda ends, means: ends < count,
        lambda ends, means: (
            2 * ends,
            tf.minimum(
                means, tf.pad(means[:, :, ends:], [[0, 0], [0, 0], [0, ends]], constant_values=np.inf)
            ),
        ),
        (1, means),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, None, None])),
    )
    return tf.reduce_max(tf.where(last >= first, means, -infinite), axis=1)


def reachable(lattice: Lattice, mask: tf.Tensor, start: tf.Tensor) -> tf.Tensor:
    """The voxels of `mask` (batch, row, z) bool that faces within it join to those of `start`."""

    def spread(_, reached):
        old = reached
        for axis in range(3):
            reached |= mask & (lattice.ahead(reached, axis) | lattice.behind(reached, axis))
        return tf.reduce_any(reached != old), reached

    _, reached = tf.while_loop(
        lambda going, reached: going, spread, (tf.constant(True), start), parallel_iterations=1
    )
    return reached


def _above(values: tf.Tensor) -> tf.Tensor:
    """Itself where above 0, else 1: a denominator."""
    return tf.where(values > 0.0, values, 1.0)
