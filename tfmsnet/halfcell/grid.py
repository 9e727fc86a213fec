"""From voxels to unknowns: which cells there are, which faces join them, and how well they conduct."""

from dataclasses import dataclass

import numpy as np

from tfmsnet.electrode.image import AM, CBD, ELECTROLYTE, PhaseImage
from tfmsnet.electrode.surface import face_orientation
from tfmsnet.halfcell.parameters import Parameters

SEPARATOR = 3  # label of the layers behind the last z plane

_SEPARATOR_LAYERS = 6
# So far the smoothing of the surface reaches.
_REACH = 7


@dataclass(frozen=True)
class Faces:
    """Faces between cells of one kind: cell numbers of both sides, and area over distance in m.

    The transport factor of the electrolyte (1 in pores, less in CBD and separator) is part of the latter.
    """

    tails: np.ndarray
    heads: np.ndarray
    shape_m: np.ndarray


@dataclass(frozen=True)
class Interface:
    """Reacting faces of the AM.

    Attributes:
        am: (faces,) cell among the AM cells.
        solid: (faces,) the same cell among the solid cells.
        liquid: (faces,) cell among the liquid cells.
        area_m2: (faces,) true area, that is the voxel face times |n . e|.
        depth_m: (faces,) mean distance of the cell's centre from the true surface.
    """

    am: np.ndarray
    solid: np.ndarray
    liquid: np.ndarray
    area_m2: np.ndarray
    depth_m: np.ndarray


@dataclass(frozen=True)
class Grid:
    """Cells of an electrode with its separator.

    Solid cells are AM and CBD voxels; liquid cells are pore and CBD voxels and the separator's stretched layers;
    cells are numbered along x, y, z with z fastest.

    Attributes:
        am_voxels, solid_voxels: flat numbers of their voxels in the image.
        am_in_solid: (AM cells,) their numbers among the solid cells.
        am_faces, solid_faces, liquid_faces: faces inside each.
        solid_in_am: (solid faces, 2) bool: whether tail and head are AM (they're CBD otherwise).
        interface: reacting faces.
        foil: solid cells on the foil.
        foil_is_am: whether they are AM.
        metal: liquid cells at the lithium metal.
        metal_depth_m: distance of their centres from it.
        metal_factor: transport factor of the separator.
        liquid_volume_m3: (liquid cells,) electrolyte in them.
        voxel_size_m: edge of a voxel.
    """

    am_voxels: np.ndarray
    solid_voxels: np.ndarray
    am_in_solid: np.ndarray
    am_faces: Faces
    solid_faces: Faces
    solid_in_am: np.ndarray
    liquid_faces: Faces
    interface: Interface
    foil: np.ndarray
    foil_is_am: np.ndarray
    metal: np.ndarray
    metal_depth_m: float
    metal_factor: float
    liquid_volume_m3: np.ndarray
    voxel_size_m: float

    @property
    def am_volume_m3(self) -> float:
        """Volume of the active material: that of its voxels."""
        return len(self.am_voxels) * self.voxel_size_m**3

    @property
    def voxel_face_m2(self) -> float:
        """Area of a voxel's face."""
        return self.voxel_size_m**2


def build_grid(image: PhaseImage, parameters: Parameters) -> Grid:
    """Lay out the cells of an electrode and its separator."""
    h = image.voxel_size_m
    layers = _separator_layers(parameters.separator_thickness_m, h)
    phase = np.pad(image.phase, ((0, 0), (0, 0), (0, len(layers))), constant_values=SEPARATOR)
    height = np.concatenate([np.full(image.phase.shape[2], h), layers])
    separator_factor = parameters.separator_porosity**parameters.separator_bruggeman
    factor = np.array([1.0, 0.0, parameters.cbd_transport_factor, separator_factor])[phase]
    porosity = np.array([1.0, 0.0, parameters.cbd_porosity, parameters.separator_porosity])[phase]

    am = _numbered(phase == AM)
    solid = _numbered((phase == AM) | (phase == CBD))
    liquid = _numbered((phase == ELECTROLYTE) | (phase == CBD) | (phase == SEPARATOR))
    unit = np.ones(phase.shape)
    solid_faces = _inner_faces(solid, unit, height, h)
    am_of_solid = phase[solid >= 0] == AM
    volumes = np.broadcast_to(height * h**2, phase.shape) * porosity
    ends = np.s_[:, :, : image.phase.shape[2]]
    return Grid(
        am_voxels=np.flatnonzero(image.phase == AM),
        solid_voxels=np.flatnonzero(solid[ends].ravel() >= 0),
        am_in_solid=np.flatnonzero(am_of_solid).astype(np.int32),
        am_faces=_inner_faces(am, unit, height, h),
        solid_faces=solid_faces,
        solid_in_am=np.stack([am_of_solid[solid_faces.tails], am_of_solid[solid_faces.heads]], axis=1),
        liquid_faces=_inner_faces(liquid, factor, height, h),
        interface=_interface(phase, am, solid, liquid, h),
        foil=solid[:, :, 0][solid[:, :, 0] >= 0],
        foil_is_am=(phase[:, :, 0] == AM)[solid[:, :, 0] >= 0],
        metal=liquid[:, :, -1].ravel(),
        metal_depth_m=float(layers[-1] / 2),
        metal_factor=separator_factor,
        liquid_volume_m3=volumes[liquid >= 0],
        voxel_size_m=h,
    )


def _separator_layers(thickness_m: float, first_m: float) -> np.ndarray:
    """Heights of the separator's layers, growing from about a voxel at the electrode."""
    low, high = 1.0, 1e3
    for _ in range(60):
        growth = 0.5 * (low + high)
        reached = first_m * np.sum(growth ** np.arange(_SEPARATOR_LAYERS))
        low, high = (growth, high) if reached < thickness_m else (low, growth)
    layers = low ** np.arange(_SEPARATOR_LAYERS)
    return layers * thickness_m / layers.sum()


def _numbered(mask: np.ndarray) -> np.ndarray:
    """Cell number of every voxel, -1 outside the mask."""
    number = np.full(mask.shape, -1, np.int32)
    number[mask] = np.arange(np.count_nonzero(mask), dtype=np.int32)
    return number


def _neighbours(array: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The lower and the upper sides of all faces across `axis`."""
    size = array.shape[axis]
    return array.take(range(size - 1), axis), array.take(range(1, size), axis)


def _inner_faces(number: np.ndarray, factor: np.ndarray, height: np.ndarray, h: float) -> Faces:
    """Faces between numbered cells; two half cells in series (a harmonic mean of the factors)."""
    tails, heads, shapes = [], [], []
    half = np.broadcast_to(height / 2, number.shape)
    for axis in range(3):
        tail, head = _neighbours(number, axis)
        joined = (tail >= 0) & (head >= 0)
        low, high = (side[joined] for side in _neighbours(factor, axis))
        if axis == 2:
            area = h**2
            low_depth, high_depth = (side[joined] for side in _neighbours(half, axis))
        else:
            area = h * 2 * _neighbours(half, axis)[0][joined]
            low_depth = high_depth = h / 2
        tails.append(tail[joined])
        heads.append(head[joined])
        shapes.append(area / (low_depth / low + high_depth / high))
    return Faces(np.concatenate(tails), np.concatenate(heads), np.concatenate(shapes))


def _interface(
    phase: np.ndarray, am: np.ndarray, solid: np.ndarray, liquid: np.ndarray, h: float
) -> Interface:
    """Faces between AM and anything that holds electrolyte: pore, CBD, separator."""
    # The AM's cross-sections at the outer walls are no surface; at the separator they are.
    beyond = ((0, 0), (0, 0), (0, max(0, _REACH - _SEPARATOR_LAYERS)))
    orientations = face_orientation(np.pad(phase == AM, beyond))
    parts = []
    for axis, orientation in enumerate(orientations):
        size = phase.shape[axis] - 1
        orientation = orientation.take(range(size), axis)[:, :, : phase.shape[2]]
        (am_low, am_high), (solid_low, solid_high), (liquid_low, liquid_high) = (
            _neighbours(number, axis) for number in (am, solid, liquid)
        )
        for am_side, solid_side, liquid_side in (
            (am_low, solid_low, liquid_high),
            (am_high, solid_high, liquid_low),
        ):
            here = (am_side >= 0) & (liquid_side >= 0)
            parts.append((am_side[here], solid_side[here], liquid_side[here], orientation[here]))
    am_cell, solid_cell, liquid_cell, cosine = (np.concatenate(part) for part in zip(*parts, strict=True))
    # A face whose smoothed normal lies in its own plane keeps a little area, so that no cell is cut off.
    cosine = np.maximum(cosine.astype(np.float64), 1e-3)
    return Interface(am_cell, solid_cell, liquid_cell, cosine * h**2, cosine * h / 2)
