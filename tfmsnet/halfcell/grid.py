"""From voxels to unknowns: cells, the faces that join them, and the surface that reacts."""

from dataclasses import dataclass

import numpy as np

from tfmsnet.electrode.checks import reachable
from tfmsnet.electrode.image import AM, ELECTROLYTE, PhaseImage
from tfmsnet.electrode.surface import face_surface
from tfmsnet.materials.parameters import Parameters


@dataclass(frozen=True)
class Interface:
    """Faces between a cell of active material (AM) and one that holds electrolyte.

    Attributes:
        am: (faces,) cell among the AM cells.
        solid: (faces,) the same cell among the solid cells.
        liquid: (faces,) cell among the liquid cells.
        area_m2: (faces,) true area that they stand for, see `tfmsnet.electrode.surface`.
        depth_m: (faces,) mean distance of the cell's centre from the true surface, |n . e| h / 2, n being the
            surface's normal and e the face's.
    """

    am: np.ndarray
    solid: np.ndarray
    liquid: np.ndarray
    area_m2: np.ndarray
    depth_m: np.ndarray


def find_interface(am: np.ndarray, solid: np.ndarray, liquid: np.ndarray, voxel_size_m: float) -> Interface:
    """The faces of the AM that react: to pores, carbon-binder domain and separator.

    Args:
        am, solid, liquid: (x, y, z) cell numbers, -1 elsewhere, the separator's layers included.
        voxel_size_m: edge of a voxel.
    """
    surface, parts = face_surface(am >= 0), []
    for axis, (cosine, area) in enumerate(zip(surface.cosine, surface.area, strict=True)):
        (am_low, am_high), (solid_low, solid_high), (liquid_low, liquid_high) = (
            neighbours(number, axis) for number in (am, solid, liquid)
        )
        cosine, area = (neighbours(values, axis)[0] for values in (cosine, area))
        for am_side, solid_side, liquid_side in (
            (am_low, solid_low, liquid_high),
            (am_high, solid_high, liquid_low),
        ):
            here = (am_side >= 0) & (liquid_side >= 0)
            parts.append((am_side[here], solid_side[here], liquid_side[here], cosine[here], area[here]))
    *cells, cosine, area = (np.concatenate(part) for part in zip(*parts, strict=True))
    cosine, area = cosine.astype(np.float64), area.astype(np.float64)
    return Interface(*cells, area_m2=area * voxel_size_m**2, depth_m=cosine * voxel_size_m / 2)


def neighbours(array: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """The lower and the upper sides of all faces across `axis` (views)."""
    low, high = [slice(None)] * array.ndim, [slice(None)] * array.ndim
    low[axis], high[axis] = slice(None, -1), slice(1, None)
    return array[tuple(low)], array[tuple(high)]


SEPARATOR = 3  # label of the layers behind the last z plane

_SEPARATOR_LAYERS = 6


@dataclass(frozen=True)
class Faces:
    """Faces between cells of one kind.

    Attributes:
        tails, heads: (faces,) cells on both sides.
        weight: (faces,) area over distance, times what conducts there.
    """

    tails: np.ndarray
    heads: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class Grid:
    """Cells of an electrode with its separator.

    Solid cells are AM and CBD voxels.  Liquid cells are the pore and CBD voxels that are joined to the
    separator through each other, and the separator's stretched layers.  z is numbered fastest.

    Attributes:
        am_voxels, solid_voxels: flat numbers of their voxels in the image.
        solid_places, liquid_places: flat numbers of their voxels in the image with the separator's layers.
        am_faces: faces between AM cells; weights in m.
        solid_faces: between solid cells; weights are conductances of electrons, S.
        liquid_faces: between liquid cells; weights in m, with the transport factor (1 in pores, less in CBD
            and separator).
        interface: reacting faces.
        foil, foil_conductance_s: solid cells on the foil, and their conductance to it.
        metal: liquid cells at the lithium metal.
        metal_depth_m: distance of their centres from it.
        metal_factor: transport factor of the separator.
        liquid_volume_m3: (liquid cells,) electrolyte in them.
        voxel_size_m: edge of a voxel.
    """

    am_voxels: np.ndarray
    solid_voxels: np.ndarray
    solid_places: np.ndarray
    liquid_places: np.ndarray
    am_faces: Faces
    solid_faces: Faces
    liquid_faces: Faces
    interface: Interface
    foil: np.ndarray
    foil_conductance_s: np.ndarray
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
    height = np.concatenate([np.full(image.shape[2], h), layers])
    phase = np.pad(image.phase, ((0, 0), (0, 0), (0, len(layers))), constant_values=SEPARATOR)
    separator_factor = parameters.separator_porosity**parameters.separator_bruggeman
    # By label: electrolyte, AM, CBD, separator.
    cbd_conductivity = parameters.calendered_cbd_conductivity_s_m(image.calendering_percent)
    electronic = np.array([0.0, parameters.am_conductivity_s_m, cbd_conductivity, 0.0])[phase]
    ionic = np.array([1.0, 0.0, parameters.cbd_transport_factor, separator_factor])[phase]
    porosity = np.array([1.0, 0.0, parameters.cbd_porosity, parameters.separator_porosity])[phase]

    # No current reaches electrolyte that isn't joined to the separator: it is left out.
    open_electrolyte = reachable(ionic > 0, -1)
    am, solid, liquid = (number_cells(mask) for mask in (phase == AM, electronic > 0, open_electrolyte))
    on_foil = solid[:, :, 0] >= 0
    return Grid(
        am_voxels=np.flatnonzero(image.phase == AM),
        solid_voxels=np.flatnonzero(image.phase != ELECTROLYTE),
        solid_places=np.flatnonzero(solid >= 0),
        liquid_places=np.flatnonzero(liquid >= 0),
        am_faces=join_cells(am, np.ones(phase.shape), height, h),
        solid_faces=join_cells(solid, electronic, height, h),
        liquid_faces=join_cells(liquid, ionic, height, h),
        interface=find_interface(am, solid, liquid, h),
        foil=solid[:, :, 0][on_foil],
        foil_conductance_s=electronic[:, :, 0][on_foil] * 2 * h,
        metal=liquid[:, :, -1].ravel(),
        metal_depth_m=float(layers[-1] / 2),
        metal_factor=separator_factor,
        liquid_volume_m3=(porosity * height * h**2)[liquid >= 0],
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


def number_cells(mask: np.ndarray) -> np.ndarray:
    """Cell number of every voxel, -1 outside the mask."""
    number = np.full(mask.shape, -1, np.int32)
    number[mask] = np.arange(np.count_nonzero(mask), dtype=np.int32)
    return number


def join_cells(
    number: np.ndarray, conductivity: np.ndarray, height_m: np.ndarray, voxel_size_m: float
) -> Faces:
    """Faces between numbered cells; each conducts as two half cells in series (harmonic mean).

    Args:
        number: (x, y, z) cell numbers, -1 where there is none.
        conductivity: (x, y, z), above 0 in cells.
        height_m: (z,) of the layers of voxels.
        voxel_size_m: edge of the voxels in x and y.
    """
    resistivity = np.full(number.shape, np.inf)
    np.divide(1, conductivity, out=resistivity, where=number >= 0)
    layer = np.broadcast_to(height_m, number.shape)
    parts = []
    for axis in range(3):
        area, length = (voxel_size_m**2, layer) if axis == 2 else (voxel_size_m * layer, voxel_size_m)
        low, high = neighbours(length * resistivity / (2 * area), axis)
        tails, heads = neighbours(number, axis)
        joined = (tails >= 0) & (heads >= 0)
        parts.append((tails[joined], heads[joined], 1 / (low[joined] + high[joined])))
    return Faces(*(np.concatenate(part) for part in zip(*parts, strict=True)))
