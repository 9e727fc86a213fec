"""Phase images from files: other people's segmentations, cut, resampled and labelled for the model."""

import math
from collections.abc import Callable, Mapping, Sequence
from operator import index
from os import PathLike
from pathlib import Path

import numpy as np

from tfmsnet.electrode.checks import unwired_solid
from tfmsnet.electrode.image import ELECTROLYTE, SAME_EDGE, PhaseImage, check_voxel_size
from tfmsnet.electrode.image_files import ImageFile, Lengths, open_image
from tfmsnet.electrode.labels import Labels, check_numbers, known_labels
from tfmsnet.electrode.resampling import resample, source_range, target_count
from tfmsnet.errors import UserError, naming
from tfmsnet.memory import require_memory

# As labels, as phases, as masks; and of a voxel that is resampled.
_BYTES_PER_VOXEL, _RESAMPLED_BYTES = 6, 50
Crop = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]


def read_image(
    path: str | PathLike,
    voxel_size_m: float | Sequence[float] | None = None,
    *,
    labels: Sequence[int] | Mapping[str, int | Sequence[int]] | str | None = None,
    axes: str | None = None,
    foil_last: bool = False,
    target_voxel_size_m: float | None = None,
    crop: Crop | None = None,
    dataset: str | None = None,
    trust: str = "file",
    bytes_per_voxel: float = 0.0,
    say: Callable[[str], None] = lambda text: None,
) -> PhaseImage:
    """Read a segmented electrode.

    TIFF stacks, .npy, .npz, HDF5 (a sample's too), MATLAB, folders of slices, and, with `tfmsnet[images]`,
    MetaImage (.mhd, .mha) and NRRD.

    Args:
        path: the file or folder.
        voxel_size_m: voxel edge in the file, m; three for x, y and z where they differ.  None takes what the
            file says (TIFF: OME's or ImageJ's description, resolution tags; HDF5: `voxel_size_m`).
        labels: which labels of the file are which phase: three numbers (pore, am, cbd); a mapping such as
            {"pore": [0, 3], "am": 1, "cbd": 2}; or text such as "pore=0,3 am=1- outside=255".  None takes
            0, 1, 2 or 0, 85, 170 (in this meaning) where the file holds exactly these three.
        axes: what the file's axes are, "zyx" or any other order.  None takes what the file says; without a
            word "zyx" of a TIFF (pages along z) and "xyz" of arrays.  z is the way from foil to separator.
        foil_last: the foil is at the end of the file's z axis, not at its start.
        target_voxel_size_m: voxel edge of the result, by majority vote (see `resample`); None keeps the
            file's, of unequal edges the smallest.
        crop: ((x0, x1), (y0, y1), (z0, z1)), begin and end in voxels of the result, end not included.  Only
            what it needs is read.
        dataset: which array of a file of several, or which series of a TIFF, from 0.
        trust: "file" refuses a voxel size that contradicts the file's, "command" takes it.
        bytes_per_voxel: memory that will be taken by what is to be done with the image, where that is more
            than reading it: an image that can't fit is refused before it is read.
        say: called with each choice that was made where the file leaves one, a sentence.

    Raises:
        UserError: the file is missing, truncated, of another kind, not three-dimensional, or holds several
            images; neither it nor the call says how large voxels are, or they contradict each other; its
            labels aren't the given ones; an option doesn't fit; AM or electrolyte is absent; it is too large
            for the memory that is free here.  The message names the file.
    """
    path = Path(path)
    with naming(path):
        return _read(
            *(path, voxel_size_m, labels, axes, foil_last, target_voxel_size_m, crop, dataset, trust),
            *(bytes_per_voxel, say),
        )


def _read(
    path, voxel_size_m, labels, axes, foil_last, target_m, crop, dataset, trust, bytes_per_voxel, say
) -> PhaseImage:
    if axes is not None and sorted(axes) != ["x", "y", "z"]:
        raise UserError(f"axes: expected the letters x, y, z in the file's order, like 'zyx', got {axes!r}")
    chosen = None if labels is None else Labels.of(labels)
    if target_m is not None:
        check_voxel_size("target_voxel_size_m", target_m)
    file = open_image(path, dataset)
    for note in file.notes:
        say(note)
    order = axes or file.axes
    edges = _edges(voxel_size_m, file.voxel_size_m, trust, say)
    target = target_m or min(edges)
    same = max(edges) - min(edges) <= SAME_EDGE * target and abs(edges[0] - target) <= SAME_EDGE * target
    shape = tuple(file.shape[order.index(axis)] for axis in "xyz")
    ratios = (1.0,) * 3 if same else tuple(target / edge for edge in edges)
    counts = tuple(target_count(count, ratio) for count, ratio in zip(shape, ratios, strict=True))
    box = _checked(crop, counts) if crop is not None else tuple((0, count) for count in counts)
    if min(counts) < 1:
        raise UserError(
            f"target_voxel_size_m {target:g}: the image of {shape} voxels is smaller than one such voxel; "
            "use a smaller one"
        )
    spans = list(box)
    if not same:
        spans = [
            source_range(begin, end, ratio, count)
            for (begin, end), ratio, count in zip(box, ratios, shape, strict=True)
        ]
    _check_memory("the file's image", spans, _BYTES_PER_VOXEL)
    needed = max(bytes_per_voxel, _BYTES_PER_VOXEL if same else _RESAMPLED_BYTES)
    _check_memory(f"the image of voxels of {target:g} m", box, needed)
    array = _taken(file, order, spans, shape, foil_last)
    check_numbers(array)
    phase, outside = (chosen or known_labels(array, whole=crop is None)).phases(array)
    if outside.any():
        phase, box, spans = _inside(phase, outside, crop, ratios, say)
    if not same:
        windows = [(begin, end, span[0]) for (begin, end), span in zip(box, spans, strict=True)]
        whole = not unwired_solid(phase).any()
        phase = resample(phase, edges, target, windows)
        before = " x ".join(f"{edge * 1e6:.4g}" for edge in (edges if len(set(edges)) > 1 else edges[:1]))
        after = " x ".join(map(str, phase.shape))
        say(f"resampled from {before} um to {after} voxels of {target * 1e6:.4g} um")
        # Where nothing is left on the foil all solid would go: that is for the checks to say.
        on_foil = (phase[:, :, 0] != ELECTROLYTE).any()
        if whole and on_foil and (loose := unwired_solid(phase)).any():
            phase = np.where(loose, ELECTROLYTE, phase)
            say(f"{loose.sum()} solid voxels that this cut off from the foil turned to electrolyte")
    return PhaseImage(phase, target)


def _edges(given, stated: Lengths, trust: str, say: Callable[[str], None]) -> tuple[float, float, float]:
    """Edges along x, y, z, m, of what the call and the file say."""
    if trust not in ("file", "command"):
        raise UserError(f"trust: expected 'file' or 'command', got {trust!r}")
    told: list[float | None] = [None] * 3
    if given is not None:
        values = np.ravel(given).tolist()
        if len(values) not in (1, 3):
            raise UserError(f"voxel_size_m: expected one edge, or three along x, y and z, got {given}")
        for value in values:
            check_voxel_size("voxel_size_m", value)
        told = values * 3 if len(values) == 1 else values
        for axis, own, other in zip("xyz", stated, told, strict=True):
            if own and abs(own - other) > SAME_EDGE * own and trust == "file":
                raise UserError(
                    f"voxel size along {axis}: the file says {own * 1e6:.4g} um, the command "
                    f"{other * 1e6:.4g} um; leave --voxel-size-um away, or overrule the file "
                    "(--trust command)"
                )
        return tuple(told)
    edges = list(stated)
    if not any(edges):
        raise UserError(
            "voxel size: neither the file nor the command says it; give the edge of its voxels "
            "(--voxel-size-um)"
        )
    known = sorted({edge for edge in edges if edge})
    for number, axis in enumerate("xyz"):
        if edges[number] is None:
            if max(known) - min(known) > SAME_EDGE * min(known):
                raise UserError(
                    f"voxel size along {axis}: the file doesn't say it; give all three (--voxel-size-um)"
                )
            edges[number] = known[0]
            say(f"the file doesn't say the voxel size along {axis}, taken to be that of the other axes")
    if max(edges) - min(edges) <= SAME_EDGE * min(edges):
        edges = [edges[0]] * 3
    return tuple(edges)


def _check_memory(what: str, box: Sequence[tuple[int, int]], bytes_per_voxel: float) -> None:
    sizes = [end - begin for begin, end in box]
    needed = bytes_per_voxel * math.prod(sizes)
    remedy = "take a part of it (--crop), or larger voxels (--resample-um)"
    require_memory(needed, f"{what}, {'x'.join(map(str, sizes))} voxels", remedy)


def _checked(crop: Crop, counts: tuple[int, int, int]) -> Crop:
    try:
        box = [(index(begin), index(end)) for begin, end in crop]
    except (TypeError, ValueError):
        box = []
    fits = len(box) == 3 and all(
        0 <= begin < end <= count for (begin, end), count in zip(box, counts, strict=True)
    )
    if not fits:
        raise UserError(
            f"crop: expected begin < end within the image of {counts} voxels for x, y and z, got {crop}"
        )
    return tuple(box)


def _taken(file: ImageFile, order: str, spans, shape, foil_last: bool) -> np.ndarray:
    """A box (x, y, z), foil first, of the file."""
    if foil_last:
        first, last = spans[2]
        spans = [*spans[:2], (shape[2] - last, shape[2] - first)]
    slices = tuple(slice(*spans["xyz".index(axis)]) for axis in order)
    array = file.take(slices).transpose([order.index(axis) for axis in "xyz"])
    return array[:, :, ::-1] if foil_last else array


def _inside(phase, outside, crop, ratios, say):
    """Without the padding around the electrode: what is left, its box in voxels of the result, its spans."""
    if crop is not None:
        raise UserError("labels: outside: voxels of it lie within the crop; choose another crop")
    inside = ~outside
    filled = [np.flatnonzero(inside.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
    if not inside.any():
        raise UserError("labels: outside: all of the image is")
    cut = tuple(slice(int(f[0]), int(f[-1]) + 1) for f in filled)
    if outside[cut].any():
        raise UserError(
            f"labels: outside: {int(outside[cut].sum())} voxels of it lie within the box of the electrode, "
            f"x, y, z {[(s.start, s.stop) for s in cut]}; crop a box without any (--crop)"
        )
    say(
        "without the padding: voxels "
        + ", ".join(f"{a} {s.start} to {s.stop}" for a, s in zip("xyz", cut, strict=True))
    )
    phase = phase[cut]
    box = tuple((0, target_count(count, ratio)) for count, ratio in zip(phase.shape, ratios, strict=True))
    return phase, box, [(0, count) for count in phase.shape]
