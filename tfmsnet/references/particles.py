"""Lithium in the active material: in the image's own voxels, or in one particle for every plane.

Both hold degrees of lithiation as (batch, cell, z), less the mean of the electrode, and surface values as
(batch, site, z): in voxels each cell is a site of its own, in spheres the outermost shell is.  Both solve

    du/dt = div D grad u + a q / (F c_max) - the mean of that,

a being reacting area per volume and q the current into the active material.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from tfmsnet.features.lattice import conjugate_gradients, dot
from tfmsnet.references import error_bars
from tfmsnet.references.geometry import Geometry
from tfmsnet.references.materials import Materials

_MOST_ITERATIONS = 200
# Of the mean way to the surface, over (V / A)^2: a layer's, and that of 14 dimensions.
_SHARES = 1.0 / 3.0, 0.875


class Diffusion(NamedTuple):
    """The matrix of one time step.

    Attributes:
        residual: (right, u) -> right - matrix u, (batch, cell, z).
        solve: (right, drain, start, error) -> u with (matrix + drain) u = right; drain is (batch, site, z) in
            1/s, at least 0, error (batch, 1, 1) the accepted root mean square error of u.
    """

    residual: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    solve: Callable[[tf.Tensor, tf.Tensor, tf.Tensor | None, tf.Tensor], tf.Tensor]


class Voxels:
    """The active material's voxels.

    Args:
        geometry: of the image.
        materials: of the cell.
    """

    error_bar = error_bars.VOXELS
    # Whether it knows more of the electrolyte than the means of planes.
    within_planes = True

    def __init__(self, geometry: Geometry, materials: Materials) -> None:
        self._geometry, self._lattice, self._materials = geometry, geometry.lattice, materials
        self.inside = geometry.am
        voxel = tf.cast(geometry.voxel_size_m, tf.float32)[:, None, None]
        self._per_voxel2 = 1.0 / voxel**2
        self.area = geometry.surface.area
        self._voxel_m = voxel
        # Degree of lithiation per second and A/m2.
        self.uptake = self.area / (voxel * materials.single.charge_c_m3)
        # Where lithium passes to the next voxel along z, y and x.
        self._joined = [
            self.inside * self._lattice.ahead(self.inside, axis) * self._per_voxel2 for axis in range(3)
        ]
        self._count = tf.maximum(dot(self.inside, self.inside), 1.0)
        self.beyond = tf.zeros_like(geometry.voxel_size_m)

    def at_sites(self, voxels: tf.Tensor) -> tf.Tensor:
        """A field on the surface of the image's active material, for the sites."""
        return voxels

    def sites(self, cells: tf.Tensor) -> tf.Tensor:
        """Of the cells at the surface."""
        return cells

    def source(self, sites: tf.Tensor) -> tf.Tensor:
        """What acts at the surface, in the cells."""
        return sites

    def faces(self) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """Areas of the surface of each site, in units of `area`, and how far they are from its centre, m."""
        surface, lattice = self._geometry.surface, self._lattice
        found = []
        for axis, (face, way) in enumerate(zip(surface.faces, surface.ways, strict=True)):
            found.append((face, way))
            found.append((lattice.behind(face, axis), lattice.behind(way, axis)))
        reacts = self.area > 0.0
        return [(tf.where(reacts, face, 0.0), way * self._voxel_m) for face, way in found]

    def plane_sums(self, density: tf.Tensor) -> tf.Tensor:
        """A current density (batch, site, z) summed over planes, per area of the foil, (batch, z) float64."""
        sums = self._lattice.plane_sums(self.area * density)
        return sums[:, : self._geometry.planes] / self._geometry.foil_faces

    def on_planes(self, values: tf.Tensor) -> tf.Tensor:
        """(batch, z) -> (batch, 1, z) float32, as long as here."""
        return self._lattice.on_planes(values)

    def on_voxels(self, cells: tf.Tensor, lag: tf.Tensor) -> tf.Tensor:
        """As a field of the image's active material, (batch, row, z); `lag` as in `Spheres.on_voxels`."""
        del lag
        return self.inside * cells

    def surface_and_mean(self, cells: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Means over the surface and over the volume of each plane, (batch, z) float64."""
        lattice, planes = self._lattice, self._geometry.planes
        count = lattice.plane_sums(self.inside)[:, :planes]
        mean = lattice.plane_sums(self.inside * cells)[:, :planes] / tf.maximum(count, 1.0)
        return self._geometry.plane_mean(cells), mean

    def without_mean(self, cells: tf.Tensor) -> tf.Tensor:
        """Less the mean over the active material."""
        sums = tf.reduce_sum(self._lattice.plane_sums(self.inside * cells), axis=1)[:, None, None]
        return self.inside * (cells - tf.cast(sums / tf.cast(self._count, tf.float64), tf.float32))

    def diffusion(self, dol: tf.Tensor, weight: tf.Tensor) -> Diffusion:
        """For D at `dol` (batch, cell, z), and a time derivative of weight (batch, 1, 1) in 1/s, times u."""
        inside, lattice, materials = self.inside, self._lattice, self._materials
        faces = [
            joined * materials.solid_diffusivity(0.5 * (dol + lattice.ahead(dol, axis)))
            for axis, joined in enumerate(self._joined)
        ]
        # What is solved has the geometric mean of both sides for a face's diffusivity, which is a product:
        # iterations are cheap, and what it lacks comes with the next residual.
        links = inside * tf.sqrt(materials.solid_diffusivity(dol) * self._per_voxel2)
        diagonal = weight + links * lattice.neighbours(links)

        def residual(right, u):
            rest = inside * (right - weight * u)
            for axis, face in enumerate(faces):
                flow = face * (lattice.ahead(u, axis) - u)
                rest += flow - lattice.behind(flow, axis)
            return rest

        def solve(right, drain, start, error):
            # Of the unknown u sqrt(diagonal): Jacobi's preconditioner.
            inverse = tf.math.rsqrt(diagonal + drain)
            scaled = links * inverse
            accepted = (
                (weight * error) ** 2 * self._count / tf.reduce_max(diagonal, axis=(1, 2), keepdims=True)
            )
            u = conjugate_gradients(
                lambda v: v - scaled * lattice.neighbours(scaled * v),
                inside * right * inverse,
                None if start is None else start / inverse,
                accepted,
                _MOST_ITERATIONS,
            )
            return u * inverse

        return Diffusion(residual, solve)


class Spheres:
    """A particle for every plane: an n-dimensional sphere of the image's surface and way inside.

    Its radius is n V / A, V and A being volume and reacting area of the whole image, so that it has the
    image's surface for its volume.  Its number of dimensions, any above 0, is that with which diffusion takes
    the image's mean time <w> / D from the volume to the surface: R^2 / (n (n + 2)) = n (V / A)^2 / (n + 2) =
    <w>.  1 is a layer, 3 a sphere; particles of many sizes, or that hang together, have more than 3.

    Args:
        geometry: of the image.
        materials: of the cell.
        shells: in number; of equal thickness in three dimensions.
        dimensions: of the particles; those of the image unless given.

    Attributes:
        dimensions: (batch, 1, 1) float32.
        beyond: (batch,) float64, by how much of its own the particle's mean way to the surface (times the
            diffusivity) is too short, as no number of dimensions has the image's: sizes spread too far.
        error_bar: how far off answers may be.
    """

    within_planes = False

    def __init__(
        self, geometry: Geometry, materials: Materials, shells: int = 20, dimensions: float | None = None
    ) -> None:
        self._geometry, self._lattice, self._materials = geometry, geometry.lattice, materials
        self.error_bar = error_bars.of_spheres(materials.parameters)
        lattice, escape = self._lattice, geometry.surface.escape
        area = tf.reduce_sum(geometry.plane_area(), axis=1)
        volume = lattice.plane_sums(geometry.am)
        total = tf.reduce_sum(volume, axis=1)
        self.volume, self._total = volume, tf.maximum(total, 1.0)
        size = tf.cast(self._total / tf.maximum(area, 1e-3), tf.float32)[:, None, None]  # V / A in voxels
        if dimensions is None:
            reached = tf.cast(escape > 0.0, tf.float32)
            mean = dot(escape, reached) / tf.maximum(dot(reached, reached), 1.0)
            wanted = mean / size**2
            share = tf.clip_by_value(wanted, *_SHARES)
            n = 2.0 * share / (1.0 - share)
            beyond = tf.maximum(wanted / _SHARES[1] - 1.0, 0.0)
        else:
            n, beyond = tf.fill(tf.shape(size), dimensions), tf.zeros_like(size)
        self.beyond = tf.cast(beyond[:, 0, 0], tf.float64)
        self.dimensions = n
        radius_m = n * size * tf.cast(geometry.voxel_size_m, tf.float32)[:, None, None]
        # Shells hold the same shares of the volume in any number of dimensions.
        equal = tf.linspace(0.0, 1.0, shells + 1)[None, :, None]
        self._shell = equal[:, 1:] ** 3 - equal[:, :-1] ** 3
        edge = equal ** (3.0 / n)
        middle = 0.5 * (edge[:, 1:] + edge[:, :-1])
        self._between = n * edge[:, 1:-1] ** (n - 1.0) / (middle[:, 1:] - middle[:, :-1]) / radius_m**2
        self.inside = tf.cast(volume > 0.0, tf.float32)[:, None] * tf.ones([1, shells, 1])
        self.area = tf.cast(volume, tf.float32)[:, None] * (n / radius_m)
        self._faces_m = tf.cast(geometry.voxel_size_m / geometry.foil_faces, tf.float32)[:, None, None]
        self._depth_m = (1.0 - middle[:, -1:]) * radius_m
        self._surface = tf.one_hot(shells - 1, shells)[None, :, None]
        self.uptake = n / (radius_m * materials.single.charge_c_m3) * tf.cast(self.area > 0.0, tf.float32)
        # The radius from which the sphere's way to the surface is that of the voxel, in shells from the
        # innermost one's middle; and the two shells that it lies between, as places in flat cells.
        radius = tf.sqrt(tf.maximum(1.0 - 2.0 * escape / (n * size**2), 0.0))
        place = tf.clip_by_value(shells * radius ** (n / 3.0) - 0.5, 0.0, shells - 1.0)
        inner = tf.cast(place, tf.int32)
        outer = tf.minimum(inner + 1, shells - 1)
        self._share = place - tf.cast(inner, tf.float32)
        self._inner, self._outer = (shell * lattice.row + tf.range(lattice.row) for shell in (inner, outer))
        self._density = geometry.density_inside()

    def at_sites(self, voxels: tf.Tensor) -> tf.Tensor:
        """A field on the surface of the image's active material, for the sites: its plane means."""
        return self._lattice.on_planes(self._geometry.plane_mean(voxels))

    def sites(self, cells: tf.Tensor) -> tf.Tensor:
        """Of the outermost shells."""
        return cells[:, -1:]

    def source(self, sites: tf.Tensor) -> tf.Tensor:
        """What acts at the surface, per volume of the sphere, in the shells."""
        return self._surface / self._shell * sites

    def faces(self) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """As `Voxels.faces`."""
        return [(self.area, self._depth_m * tf.ones_like(self.area))]

    def plane_sums(self, density: tf.Tensor) -> tf.Tensor:
        """As `Voxels.plane_sums`."""
        sums = self._lattice.plane_sums(self.area * self._faces_m * density)
        return sums[:, : self._geometry.planes]

    def on_planes(self, values: tf.Tensor) -> tf.Tensor:
        """(batch, z) -> (batch, 1, z) float32, as long as here."""
        return self._lattice.on_planes(values)

    def on_voxels(self, cells: tf.Tensor, lag: tf.Tensor) -> tf.Tensor:
        """Degrees of lithiation as a field of the image's active material, (batch, row, z).

        That of the plane's sphere at the radius from which the surface is as far; less where more current
        goes through each area of the surface, whose kinetics hold it back.  Then moved to the mean of all
        spheres: towards 1 or 0 by the same share everywhere.

        Args:
            cells: (batch, cell, z).
            lag: (batch, z), what the kinetics hold the sphere's surface back by.
        """
        inside, mean = self._geometry.am, self._mean_of(cells)
        flat = tf.reshape(cells, [tf.shape(cells)[0], -1])
        inner, outer = (tf.gather(flat, places, batch_dims=1) for places in (self._inner, self._outer))
        dol = inner + self._share * (outer - inner)
        # At most half of the way to full or empty.
        ahead = (1.0 - self._density) * self._lattice.on_planes(lag)
        dol += tf.clip_by_value(ahead, -0.5 * dol, 0.5 * (1.0 - dol))
        # Small numbers, so that their sums are exact enough.
        apart = inside * (dol - mean)
        excess = self._mean(self._lattice.plane_sums(apart))
        end = tf.where(excess > 0.0, 0.0, 1.0)
        apart -= (mean + apart - end) * tf.math.divide_no_nan(excess, mean + excess - end)
        return inside * (mean + apart)

    def surface_and_mean(self, cells: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Of each sphere, (batch, z) float64."""
        planes = self._geometry.planes
        both = self.sites(cells)[:, 0, :planes], self.means(cells)[:, 0, :planes]
        return tuple(tf.cast(values, tf.float64) for values in both)

    def means(self, cells: tf.Tensor) -> tf.Tensor:
        """(batch, 1, z), of each sphere."""
        return tf.reduce_sum(self._shell * cells, axis=1, keepdims=True)

    def without_mean(self, cells: tf.Tensor) -> tf.Tensor:
        """Less the mean over the active material."""
        return self.inside * (cells - self._mean_of(cells))

    def _mean_of(self, cells: tf.Tensor) -> tf.Tensor:
        return self._mean(tf.cast(self.means(cells)[:, 0], tf.float64) * self.volume)

    def _mean(self, sums: tf.Tensor) -> tf.Tensor:
        """Over all active material, (batch, 1, 1), of sums (batch, z) over planes."""
        return tf.cast(tf.reduce_sum(sums, axis=1) / self._total, tf.float32)[:, None, None]

    def diffusion(self, dol: tf.Tensor, weight: tf.Tensor) -> Diffusion:
        """As `Voxels.diffusion`."""
        between = self._between * self._materials.solid_diffusivity(0.5 * (dol[:, 1:] + dol[:, :-1]))
        joined = tf.pad(between, [[0, 0], [1, 1], [0, 0]])
        diagonal = weight * self._shell + joined[:, 1:] + joined[:, :-1]

        def residual(right, u):
            flow = tf.pad(between * (u[:, 1:] - u[:, :-1]), [[0, 0], [1, 1], [0, 0]])
            balance = self._shell * (right - weight * u) + flow[:, 1:] - flow[:, :-1]
            return self.inside * balance / self._shell

        def solve(right, drain, start, error):
            del start, error  # direct
            bands = tf.stack([-joined[:, 1:], diagonal + self._surface * drain, -joined[:, :-1]], axis=1)
            bands, right = tf.transpose(bands, [0, 3, 1, 2]), tf.transpose(self._shell * right, [0, 2, 1])
            u = tf.linalg.tridiagonal_solve(bands, right, partial_pivoting=False)
            return self.inside * tf.transpose(u, [0, 2, 1])

        return Diffusion(residual, solve)
