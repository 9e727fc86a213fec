"""Packings of spheres whose free surface is known, and the same packings as voxels."""

from dataclasses import dataclass

import numpy as np

from tfmsnet.electrode import AM, CBD, PhaseImage, Recipe
from tfmsnet.electrode.packing import Particles, pack
from tfmsnet.electrode.surface import face_surface
from tfmsnet.electrode.voxels import surface_distances

_POINTS = 4000  # on the largest sphere; on the others by their area
_NECK_M = 1e-6  # radius of the binder around a contact
_CONTACT_M = 0.2e-6  # particles nearer than this touch
# 13 directions: face, edge and space diagonals, by their Voronoi cells on the sphere.
_CROFTON_WEIGHTS = {1: 0.0457779, 2: 0.0369806, 3: 0.0351956}


@dataclass(frozen=True)
class SpherePacking:
    """Spheres in a box, periodic in x and y and cut off at foil and separator, with binder in their necks.

    Attributes:
        particles: centres and radii.
        box_m: edges (x, y, z).
    """

    particles: Particles
    box_m: np.ndarray

    @classmethod
    def make(cls, recipe: Recipe, swelling: float = 1.0) -> "SpherePacking":
        """The generator's packing, with radii times `swelling`: above 1 spheres overlap, below they part."""
        packed = pack(recipe, np.random.default_rng(recipe.seed))
        return cls(Particles(packed.centre_m, swelling * packed.radius_m), np.array(recipe.size_m))

    def image(self, voxel_size_m: float) -> PhaseImage:
        """On voxels by their centres."""
        size = tuple(np.round(self.box_m / voxel_size_m).astype(int))
        am, binder = (
            surface_distances(spheres, size, voxel_size_m, voxel_size_m)[0] < 0
            for spheres in (self.particles, self.necks())
        )
        return PhaseImage(np.where(am, AM, np.where(binder, CBD, 0)).astype(np.uint8), voxel_size_m)

    def necks(self) -> Particles:
        """Balls of binder around the contacts of the particles."""
        gap = self._distances(self.particles.centre_m) - self.particles.radius_m[:, None]
        i, j = np.argwhere(np.triu(gap < _CONTACT_M, 1)).T
        way = self._offsets(self.particles.centre_m[j], self.particles.centre_m[i])
        depth = self.particles.radius_m[i] + gap[i, j] / 2
        middle = self.particles.centre_m[i] + way * (depth / np.linalg.norm(way, axis=1))[:, None]
        return Particles(middle, np.full(len(middle), _NECK_M))

    def free_areas_m2(self) -> tuple[np.ndarray, float]:
        """(sphere, 2) of each sphere to pores and to binder, and the area of AM that the separator cuts.

        By points on every sphere: those that lie within the box and in no other sphere.
        """
        centre, radius = self.particles.centre_m, self.particles.radius_m
        rng, necks = np.random.default_rng(0), SpherePacking(self.necks(), self.box_m)
        areas = np.zeros((len(radius), 2))
        for i in range(len(radius)):
            count = int(_POINTS * (radius[i] / radius.max()) ** 2) + 100
            points = centre[i] + radius[i] * _spread(count, rng)
            points = points[(points[:, 2] > 0) & (points[:, 2] < self.box_m[2])]
            points = points[(self._distances(points)[:, np.arange(len(radius)) != i] > 0).all(axis=1)]
            binder = int((necks._distances(points) < 0).any(axis=1).sum())
            areas[i] = 4 * np.pi * radius[i] ** 2 * np.array([len(points) - binder, binder]) / count
        top = np.column_stack([rng.random((20000, 2)) * self.box_m[:2], np.full(20000, self.box_m[2])])
        cut = (self._distances(top).min(axis=1) < 0).mean() * self.box_m[0] * self.box_m[1]
        return areas, float(cut)

    def faces_by_sphere_m2(self, image: PhaseImage) -> np.ndarray:
        """(sphere,) the area of the voxels' faces, the separator's not included, next to each sphere."""
        h, total = image.voxel_size_m, np.zeros(len(self.particles.radius_m))
        for axis, area in enumerate(face_surface(image.phase == AM).area):
            area = area[..., :-1] if axis == 2 else area
            place = np.argwhere(area > 0)
            middle = (place + 0.5 + 0.5 * (np.arange(3) == axis)) * h
            sphere = np.concatenate(
                [np.abs(self._distances(part)).argmin(axis=1) for part in np.array_split(middle, 50)]
            )
            total += np.bincount(sphere, area[area > 0] * h**2, len(total))
        return total

    def _distances(self, points: np.ndarray) -> np.ndarray:
        """(point, sphere) from the spheres' surfaces, negative inside."""
        offset = self._offsets(points[:, None], self.particles.centre_m)
        return np.linalg.norm(offset, axis=2) - self.particles.radius_m

    def _offsets(self, points: np.ndarray, origin: np.ndarray) -> np.ndarray:
        """Vectors to points from the nearest periodic images of an origin."""
        offset = points - origin
        offset[..., :2] -= self.box_m[:2] * np.round(offset[..., :2] / self.box_m[:2])
        return offset


def _spread(count: int, rng: np.random.Generator) -> np.ndarray:
    """(count, 3) points all over the unit sphere, on a spiral turned at random."""
    turn, height = np.pi * (3 - np.sqrt(5)) * np.arange(count), 1 - (2 * np.arange(count) + 1) / count
    across = np.sqrt(1 - height**2)
    points = np.column_stack([across * np.cos(turn), across * np.sin(turn), height])
    return points @ np.linalg.qr(rng.standard_normal((3, 3)))[0]


def crofton_m2(am: np.ndarray, voxel_size_m: float) -> float:
    """Area of a mask (x, y, z) by counting along 13 directions: what image analysis commonly does."""
    padded, total = np.pad(am, 1, mode="symmetric"), 0.0
    steps = [step for step in np.ndindex(3, 3, 3) if step > (1, 1, 1)]
    for step in np.array(steps) - 1:
        there = padded[tuple(slice(1 + k, n + 1 + k) for k, n in zip(step, am.shape, strict=True))]
        total += 4 * _CROFTON_WEIGHTS[int(step @ step)] * np.sum(am != there) / np.sqrt(step @ step)
    return total * voxel_size_m**2
