"""What the reduced models read off a phase image: reacting surface, resistances between planes."""

from typing import NamedTuple

import tensorflow as tf

from tfmsnet.electrode import AM, CBD, ELECTROLYTE
from tfmsnet.features.lattice import Lattice, conjugate_gradients, dot
from tfmsnet.features.surface import face_surface
from tfmsnet.references.conduction import Conduction, above, parted_by_flow, upscaled
from tfmsnet.references.materials import Materials
from tfmsnet.references.multigrid import conduct

SEPARATOR_LAYERS = 6  # as the simulator's
# Where particles fill evenly: depth of the surface's voxels at least, voxels; what any voxel loses to
# nowhere; accepted residual; and the least share of the mean that a plane's current counts as.
_LEAST_DEPTH, _LEAK, _FILLING_ERROR, _LEAST_DENSITY = 0.05, 1e-5, 0.01, 0.3
_MOST_ITERATIONS = 200
# Of the time that the leak alone takes: slower ways to the surface aren't any.
_NEVER = 0.3


class Surface(NamedTuple):
    """The active material's surface.

    Attributes:
        faces: along z, y and x, (batch, row, z) float32 each: true area between a voxel and the next, in
            faces of a voxel, where one of them is active material and the other holds open electrolyte.
        area: (batch, row, z) float32, of each voxel of active material, in faces of a voxel.
        ways: as `faces`, mean distance of the voxel's centre from the surface, voxels.
        depth: (batch, row, z) float32, their mean over the voxel's area.
        filling: (batch, row, z) float32, current density at each voxel of active material over the mean,
            where all of the material fills at the same rate.
        liquid_filling: (batch, row, z) float32, the same current into each voxel of electrolyte, times faces.
        escape: (batch, row, z) float32, the mean time that diffusion takes from a voxel of active material to
            the surface, times the diffusivity, voxels^2; 0 where no surface reacts.
    """

    faces: tuple[tf.Tensor, tf.Tensor, tf.Tensor]
    area: tf.Tensor
    ways: tuple[tf.Tensor, tf.Tensor, tf.Tensor]
    depth: tf.Tensor
    filling: tf.Tensor
    liquid_filling: tf.Tensor
    escape: tf.Tensor


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
        faces, ways, area, depth = [], [], 0.0, 0.0
        for axis in range(3):
            # The lattice has z first.
            cosine, true = (lattice.packed(part[2 - axis]) for part in (found.cosine, found.area))
            meet = wired * lattice.ahead(open_, axis) + open_ * lattice.ahead(wired, axis)
            face = meet * true
            both = face + lattice.behind(face, axis)
            faces.append(face)
            area += wired * both
            way = 0.5 * cosine
            ways.append(way)
            depths = face * way
            depth += wired * (depths + lattice.behind(depths, axis))
        depth = tf.math.divide_no_nan(depth, area)
        filling, escape = self._filling(area, depth)
        liquid = tf.add_n(
            [face * lattice.ahead(filling, axis) for axis, face in enumerate(faces)]
            + [lattice.behind(face * filling, axis) for axis, face in enumerate(faces)]
        )
        return Surface(tuple(faces), area, tuple(ways), depth, filling, open_ * liquid, escape)

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

    def filling_per_density(self) -> tf.Tensor:
        """(batch, row, z) float32: `Surface.filling` where 1 A/m2 of `Conduction.deviation` flows."""
        return tf.math.divide_no_nan(self.surface.filling, self.lattice.on_planes(self.filling_density()))

    def filling_density(self) -> tf.Tensor:
        """(batch, z) float64, current density of even filling that deviations are taken per."""
        return tf.maximum(self.plane_filling() / above(self.plane_area()), _LEAST_DENSITY)

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
        electrolyte = upscaled(self, liquid, self.at_surface(liquid), self.ionic, porous, from_foil=True)
        for potential in through:
            electrolyte = parted_by_flow(self, electrolyte, potential)
        return (
            electrolyte,
            upscaled(self, solid, solid, conductivity, mean, from_foil=False),
        )

    def _from_foil(self) -> tf.Tensor:
        """(batch, row, z) faces, a current into the first plane that conducts ions, a face's through each."""
        lattice = self.lattice
        conducts = lattice.plane_sums(self.ionic)
        first = tf.one_hot(tf.argmax(conducts > 0.0, axis=1), lattice.row, dtype=tf.float64)
        return self.ionic * lattice.on_planes(self.foil_faces * first / above(conducts))

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
