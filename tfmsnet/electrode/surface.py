"""The area between the active material (AM) and what surrounds it, without the voxels' staircase.

A smooth surface of unit area and normal n crosses |n . e| faces of direction e.  Weighting each face by its
|n . e| therefore counts the area once, as the squares of n add up to 1.  Two things make this hold where
particles touch:

- A normal is the mean of the faces around it *along the surface*: walking from face to face over their
  common edges never crosses the gap between two particles, as any smoothing of the image does.
- A gap narrower than a voxel is open, a voxel wide, or closed, by chance; what is closed has lost both its
  walls.  Where two particles meet, all widths down to nothing are equally frequent, and those of 0 to 1 voxel
  are open half of the time.  So faces across a gap of one voxel stand for as much again that is closed beside
  them: the nearer its end, as the walk reaches the opposite wall around it, the more.
"""

from typing import NamedTuple

import numpy as np

from tfmsnet.electrode.image import AM, PhaseImage

STEPS = 6  # from face to face, for a normal
REACH = STEPS + 2  # voxels that a face depends on
# What a face across a gap of one voxel stands for besides itself: this times the share of the opposite wall
# over that of its own, at most 1.
CLOSED_BESIDE = 2.0
# Walks end too often at the face that they start from, which makes cosines too large: with this taken off,
# planes of all directions have their area in the mean (0.9 % too much without).
RETURN_SHARE = 0.007
# The wall behind a closing gap counts so little in a normal; a particle's own far side counts.
SIDEDNESS = 8
# A face whose normal lies in its own plane keeps a little area, so that no voxel is cut off.
SMALLEST_COSINE = 1e-3


class FaceSurface(NamedTuple):
    """The surface by faces of voxels, three arrays (x, y, z) float32 of the faces along x, y and z each.

    Element (x, y, z) is the face between a voxel and the next one along the axis; it is 0 where both are AM
    or neither is.  Behind the last voxel along x and y is a wall; along z, the separator.

    Attributes:
        cosine: |n . e|, 0.001 to 1, n being the surface's normal and e the face's.
        area: the true area that a face stands for, in faces of a voxel: its cosine, in crevices up to twice.
    """

    cosine: tuple[np.ndarray, np.ndarray, np.ndarray]
    area: tuple[np.ndarray, np.ndarray, np.ndarray]


def face_surface(am: np.ndarray) -> FaceSurface:
    """Orientation and area of the faces of the active material.

    The image is mirrored at the foil and the four sides; beyond the last plane is the separator.

    Args:
        am: mask (x, y, z) of the active material.
    """
    surface = _Surface(am)
    counts = surface.counts(STEPS)
    row = np.arange(surface.size)
    axis, opposite = surface.kind // 2, surface.kind ^ 1
    towards, away = counts[:, 0::2], counts[:, 1::2]
    normal = towards - away
    # 1 where the faces around look one way along each axis, less where two walls meet.
    sided = np.linalg.norm(normal, axis=1) / np.linalg.norm(towards + away, axis=1)
    behind = counts[row, opposite]
    own = np.maximum(counts[row, surface.kind] - RETURN_SHARE - sided**SIDEDNESS * behind, 0)
    normal[row, axis] = own
    length = np.maximum(np.linalg.norm(normal, axis=1), np.float32(1e-12))
    cosine = np.maximum(own / length, np.float32(SMALLEST_COSINE))
    closed = np.minimum(CLOSED_BESIDE * behind / counts[row, surface.kind], 1) * surface.narrow
    return FaceSurface(surface.by_axis(cosine), surface.by_axis(cosine * (1 + closed)))


class _Surface:
    """The faces of a mask, one after the other, each with its neighbours along the surface.

    Six kinds of faces, 2 * axis where the AM lies below and 2 * axis + 1 where it lies above.

    Attributes:
        size: number of faces, those of the mirror images included.
        kind: (face,) 0 to 5.
        neighbours: (4, face) the faces at its four edges, opposite edges following each other.
        narrow: (face,) whether the AM goes on one voxel away from it.
    """

    def __init__(self, am: np.ndarray) -> None:
        self._shape = am.shape
        # Two layers of the separator: the gap beyond a face of the last plane is no crevice.
        mirrored = np.pad(am, [(REACH, REACH), (REACH, REACH), (REACH, 0)], mode="symmetric")
        self._padded = np.pad(mirrored, [(0, 0), (0, 0), (0, 2)])
        strides = [stride // self._padded.itemsize for stride in self._padded.strides]
        inside = self._padded.ravel()
        self._lower = [np.flatnonzero(mask) for mask in _face_masks(self._padded)]
        ends = np.cumsum([len(lower) for lower in self._lower])
        self.size = int(ends[-1])
        self.kind = np.repeat(np.arange(6), [len(lower) for lower in self._lower])
        # Of each kind's face above a voxel.
        number = np.full((6, inside.size), -1, np.int32)
        self._numbers = [
            np.arange(end - len(lower), end) for end, lower in zip(ends, self._lower, strict=True)
        ]
        for kind, lower in enumerate(self._lower):
            number[kind, lower] = self._numbers[kind]

        def at(array, index):
            return array.take(index, mode="wrap")  # the image's ends are beyond reach

        neighbours, narrow = [], []
        for kind, lower in enumerate(self._lower):
            axis, above = divmod(kind, 2)
            upper = lower + strides[axis]
            solid, space = (upper, lower) if above else (lower, upper)
            edges = []
            for other in {0, 1, 2} - {axis}:
                for sign in (1, -1):
                    step = sign * strides[other]
                    # Kinds of the faces that look along the step and against it.
                    along, against = (2 * other, 2 * other + 1) if sign > 0 else (2 * other + 1, 2 * other)
                    back = 0 if sign > 0 else step
                    straight = at(number[kind], lower + step)
                    inner = at(number[against], space + back)
                    outer = at(number[along], solid + back)
                    # AM that meets at an edge alone doesn't hang together.
                    found = np.where(at(inside, space + step), inner, straight)
                    found = np.where(at(inside, solid + step), found, outer)
                    edges.append(np.where(found < 0, self._numbers[kind], found))
            neighbours.append(np.stack(edges))
            narrow.append(at(inside, space + (-1 if above else 1) * strides[axis]))
        self.neighbours = np.concatenate(neighbours, axis=1)
        self.narrow = np.concatenate(narrow)

    def counts(self, steps: int) -> np.ndarray:
        """(face, kind) float32: where a walk of at most so many steps from each face ends, as shares."""
        shares = np.zeros((self.size, 6), np.float32)
        shares[np.arange(self.size), self.kind] = 1
        for _ in range(steps):
            a, b, c, d = (shares[there] for there in self.neighbours)
            # Opposite edges together: the mirrored image gives the same to the last bit.
            shares = (shares + ((a + b) + (c + d))) * np.float32(0.2)
        return shares

    def by_axis(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(face,) -> three arrays (x, y, z)."""
        found = np.zeros((3, self._padded.size), values.dtype)
        for kind, lower in enumerate(self._lower):
            found[kind // 2, lower] = values[self._numbers[kind]]
        here = tuple(slice(REACH, REACH + size) for size in self._shape)
        return tuple(part.reshape(self._padded.shape)[here] for part in found)


def _face_masks(am: np.ndarray) -> list[np.ndarray]:
    """Of the six kinds of faces, at the voxel below each."""
    masks = []
    for axis in range(3):
        lower, upper = (np.moveaxis(am, axis, 0)[side] for side in (slice(None, -1), slice(1, None)))
        for here in (lower & ~upper, ~lower & upper):
            masks.append(np.moveaxis(np.pad(here, [(0, 1), (0, 0), (0, 0)]), 0, axis))
    return masks


def am_faces(phase: np.ndarray, *others: int) -> float:
    """Area between the AM and other phases within an image, in faces of a voxel.

    Args:
        phase: labels (x, y, z).
        others: labels of the other phases.
    """
    am, other = phase == AM, np.isin(phase, others)
    area = 0.0
    for axis, faces in enumerate(face_surface(am).area):
        (near_am, near_other), (far_am, far_other) = (
            [np.moveaxis(mask, axis, 0)[side] for mask in (am, other)]
            for side in (slice(None, -1), slice(1, None))
        )
        interface = (near_am & far_other) | (near_other & far_am)
        area += float(np.moveaxis(faces, axis, 0)[:-1][interface].sum(dtype=np.float64))
    return area


def specific_area(image: PhaseImage, other: int) -> float:
    """Area between the AM and the phase `other` per volume of the electrode, 1/m."""
    return am_faces(image.phase, other) / (image.phase.size * image.voxel_size_m)
