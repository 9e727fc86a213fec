"""Image files of other programs: what they hold, what they say of axes and lengths, and parts of them.

`ImageFile.take` reads a box of voxels.  Of TIFF, .npy, HDF5 and folders of slices it reads no more than that,
so that a crop of a large image costs what the crop does; other formats are read when they are opened.
"""

import itertools
import logging
import math
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from tfmsnet.electrode.image import VOXEL_SIZE_M
from tfmsnet.errors import UserError
from tfmsnet.foreign_files import check_declared, named_faults, npz_arrays, refuse_stand_ins
from tfmsnet.units import LENGTH_M, factor

# Edges along x, y, z, m; None where a file doesn't say.
Lengths = tuple[float | None, float | None, float | None]
Slices = tuple[slice, slice, slice]

_TIFF, _SLICES = (".tif", ".tiff"), (".tif", ".tiff", ".png", ".bmp")
_ITK, _HDF5 = (".mhd", ".mha", ".nrrd"), (".h5", ".hdf5")
SUFFIXES = (*_TIFF, ".npy", ".npz", *_HDF5, ".mat", *_ITK)
# In samples of this package.
_PHASE = "phase"
_UNSTATED: Lengths = (None, None, None)


@dataclass(frozen=True)
class ImageFile:
    """A three-dimensional image in a file.

    Attributes:
        shape: in the file's order of axes.
        axes: what they are, such as "zyx".
        take: box in the file's order -> its voxels.
        voxel_size_m: what the file says of the voxels' edges along x, y and z, m.
        notes: how it was read, where the file leaves a choice.
    """

    shape: tuple[int, ...]
    axes: str
    take: Callable[[Slices], np.ndarray] = field(repr=False)
    voxel_size_m: Lengths = _UNSTATED
    notes: tuple[str, ...] = ()


def open_image(path: Path, dataset: str | None = None) -> ImageFile:
    """Open an image: TIFF, .npy, .npz, HDF5, MATLAB, MetaImage, NRRD, or a folder of slices.

    Args:
        path: of it.
        dataset: which array of an HDF5, MATLAB or NPZ file, or the number of a TIFF's series from 0.

    Raises:
        UserError: no such file, one that isn't what its name says, one with several images of which none was
            chosen; names the file and what was found.
    """
    suffix = path.suffix.lower()
    if path.is_dir():
        return _named(path, "a folder of slices", lambda: _folder(path))
    if suffix not in SUFFIXES:
        raise UserError(
            f"{path}: expected a folder of slices or a file {', '.join(SUFFIXES)}; convert the image to one "
            "of them"
        )
    if not path.is_file():
        raise UserError(f"{path}: no such file; expected a phase image")
    refuse_stand_ins(path)
    openers = {
        **dict.fromkeys(_TIFF, ("a TIFF stack", lambda: _tiff(path, dataset))),
        **dict.fromkeys(_HDF5, ("HDF5", lambda: _hdf5(path, dataset))),
        **dict.fromkeys(_ITK, ("a medical image", lambda: _itk(path))),
        ".npy": ("a NumPy array", lambda: _npy(path)),
        ".npz": ("an archive of NumPy arrays", lambda: _npz(path, dataset)),
        ".mat": ("a MATLAB file", lambda: _mat(path, dataset)),
    }
    return _named(path, *openers[suffix])


def _named(path: Path, kind: str, opener: Callable[[], ImageFile]) -> ImageFile:
    """Run an opener; whatever a foreign file brings up in the parsers becomes a line with its name."""
    with named_faults(path, kind):
        image = opener()
    if len(image.shape) != 3 or 0 in image.shape:
        raise UserError(f"{path}: expected a 3-D image of grey values, got shape {tuple(image.shape)}")

    def take(box: Slices) -> np.ndarray:
        with named_faults(path, kind):
            return image.take(box)

    return ImageFile(image.shape, image.axes, take, image.voxel_size_m, image.notes)


def _npy(path: Path) -> ImageFile:
    # Mapped: a header that promises more than the file holds fails before memory is taken.
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise UserError("not readable as a NumPy array: an archive of arrays; name it .npz")
    return ImageFile(array.shape, "xyz", lambda box: np.array(array[box]))


def _npz(path: Path, dataset: str | None) -> ImageFile:
    declared = npz_arrays(path)
    name = _chosen({name: shape for name, (shape, _) in declared.items()}, dataset)
    check_declared(path, declared[name][1], f"array {name}")
    with np.load(path, allow_pickle=False) as archive:
        array = archive[name]
    return ImageFile(array.shape, "xyz", lambda box: array[box])


def _chosen(shapes: dict[str, tuple[int, ...]], dataset: str | None) -> str:
    """The array that is meant: the named one, else `phase`, else the only one of three axes."""
    if dataset is not None:
        if dataset.strip("/") not in shapes:
            raise UserError(f"dataset: {dataset!r} isn't there; found {_listed(shapes)}")
        return dataset.strip("/")
    solid = [name for name, shape in shapes.items() if len(shape) == 3]
    if _PHASE in solid:
        return _PHASE
    if len(solid) != 1:
        raise UserError(
            f"expected one array of three axes, found {_listed(shapes) or 'no array'}; name it (--dataset)"
        )
    return solid[0]


def _listed(shapes: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in list(shapes.items())[:12])


def _hdf5(path: Path, dataset: str | None, axes: str = "xyz") -> ImageFile:
    import h5py

    shapes: dict[str, tuple[int, ...]] = {}

    def note(name: str, item) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "biuf":
            shapes[name] = item.shape

    with h5py.File(path) as file:
        file.visititems(note)
        name = _chosen(shapes, dataset)
        said = file[name].attrs.get("voxel_size_m", file.attrs.get("voxel_size_m"))
        if file[name].external or file[name].is_virtual:
            raise UserError(f"dataset {name}: its values lie in other files; copy them into this one")
        check_declared(path, file[name].nbytes, f"dataset {name}")

    def take(box: Slices) -> np.ndarray:
        with h5py.File(path) as file:
            return file[name][box]

    lengths = _UNSTATED if said is None else _lengths(np.broadcast_to(np.asarray(said, float), 3))
    return ImageFile(shapes[name], axes, take, lengths)


def _mat(path: Path, dataset: str | None) -> ImageFile:
    import scipy.io

    with path.open("rb") as file:
        is_hdf5 = b"MATLAB 7.3" in file.read(128)
    if is_hdf5:  # written column by column, so that h5py sees the axes in reverse
        return _hdf5(path, dataset, axes="zyx")
    shapes = {name: shape for name, shape, _ in scipy.io.whosmat(path)}
    name = _chosen(shapes, dataset)
    check_declared(path, 8 * math.prod(shapes[name]), f"array {name}")
    array = scipy.io.loadmat(path, variable_names=[name])[name]
    return ImageFile(array.shape, "xyz", lambda box: array[box])


def _itk(path: Path) -> ImageFile:
    try:
        import SimpleITK
    except ImportError:
        raise UserError("reading it needs SimpleITK; pip install 'tfmsnet[images]'") from None
    image = SimpleITK.ReadImage(str(path))
    array = SimpleITK.GetArrayFromImage(image)
    spacing = np.array(image.GetSpacing())
    # The formats count in mm; 1, 1, 1 is what stands there if nobody said anything.
    lengths = _UNSTATED if (spacing == 1).all() or len(spacing) != 3 else _lengths(1e-3 * spacing)
    return ImageFile(array.shape, "zyx", lambda box: array[box], lengths)


def _lengths(edges_m: Sequence[float]) -> Lengths:
    """Those that can be voxels of a microstructure: photographs say 72 pixels to the inch, too."""
    low, high = VOXEL_SIZE_M
    return tuple(float(edge) if low <= edge <= high else None for edge in edges_m)


def _folder(path: Path) -> ImageFile:
    files = sorted(
        (item for item in path.iterdir() if item.suffix.lower() in _SLICES and not item.name.startswith(".")),
        key=lambda item: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", item.name)],
    )
    if not files:
        raise UserError(f"no slices {', '.join(_SLICES)} in it")
    kinds = {item.suffix.lower() for item in files}
    if len(kinds) > 1:
        raise UserError(f"expected slices of one kind, found {', '.join(sorted(kinds))}")
    numbers = [re.findall(r"\d+", item.stem) for item in files]
    if all(numbers):
        counted = [int(found[-1]) for found in numbers]
        gaps = [a for a, b in itertools.pairwise(counted) if b != a + 1]
        if gaps:
            raise UserError(
                f"{files[counted.index(gaps[0])].name} is followed by another number than "
                f"{gaps[0] + 1}; slices are missing, or of several stacks"
            )
    first = _slice(files[0])
    lengths = _UNSTATED
    if next(iter(kinds)) in _TIFF:
        import tifffile

        with tifffile.TiffFile(files[0]) as tiff:
            lengths = (*_tiff_lengths(tiff)[:2], None)

    def take(box: Slices) -> np.ndarray:
        planes = [_slice(item) for item in files[box[0]]]
        shapes = {plane.shape for plane in (first, *planes)}
        if len(shapes) > 1:
            raise UserError(f"expected slices of one size, found {sorted(shapes)}")
        return np.stack([plane[box[1:]] for plane in planes])

    return ImageFile(
        (len(files), *first.shape),
        "zyx",
        take,
        lengths,
        (f"{len(files)} slices from {files[0].name} to {files[-1].name}, planes of z",),
    )


def _slice(path: Path) -> np.ndarray:
    with named_faults(path, "a slice"):
        refuse_stand_ins(path)
        if path.suffix.lower() in _TIFF:
            import tifffile

            return np.squeeze(tifffile.imread(path))
        from PIL import Image

        return np.asarray(Image.open(path))


def _tiff(path: Path, dataset: str | None) -> ImageFile:
    import tifffile

    with _complaints("tifffile") as complaints, tifffile.TiffFile(path) as tiff:
        len(tiff.pages)  # follows the chain of pages to its end
        lengths = _tiff_lengths(tiff)
        found = [
            (
                [a for a, n in zip(one.axes, one.shape, strict=True) if n > 1],
                tuple(n for n in one.shape if n > 1),
            )
            for one in tiff.series
        ]
        number, notes = _series(found, [one.dtype for one in tiff.series], dataset)
        if number is None:
            shape, axes, offset, pages = (len(tiff.pages), *found[0][1]), ["I", *found[0][0]], None, None
        else:
            one = tiff.series[number]
            (axes, shape), offset = found[number], one.dataoffset
            pages = len(one.pages)
            if offset is None:
                check_declared(path, math.prod(shape) * one.dtype.itemsize, "its image")
            layout = one.dtype.newbyteorder(tiff.byteorder) if offset is not None else None
    if complaints:
        raise OSError(complaints[0])
    named, said = _tiff_axes(axes, shape)
    if offset is not None:
        mapped = np.memmap(path, layout, "r", offset, shape)
        return ImageFile(shape, named, lambda box: np.array(mapped[box]), lengths, (*notes, *said))

    def take(box: Slices) -> np.ndarray:
        with _complaints("tifffile") as complaints, tifffile.TiffFile(path) as tiff:
            if number is None:
                chosen = tiff.pages[box[0]]
            elif pages == shape[0] > 1:
                chosen = tiff.series[number].pages[box[0]]
            else:
                return tiff.series[number].asarray().reshape(shape)[box]
            planes = [np.squeeze(page.asarray())[box[1:]] for page in chosen]
        if complaints:
            raise OSError(complaints[0])
        return np.stack(planes)

    return ImageFile(shape, named, take, lengths, (*notes, *said))


def _series(
    found: list[tuple[list[str], tuple[int, ...]]], kinds: list[np.dtype], dataset: str | None
) -> tuple[int | None, tuple[str, ...]]:
    """The number of the series that is meant; None where the pages of all of them are one image."""
    listed = ", ".join(f"{number}: {'x'.join(map(str, shape))}" for number, (_, shape) in enumerate(found))
    if dataset is not None:
        if not dataset.isdigit() or int(dataset) >= len(found):
            raise UserError(f"dataset: expected the number of a series, found {dataset!r}; it has {listed}")
        return int(dataset), ()
    if len(found) == 1:
        return 0, ()
    alike = len(set(kinds)) == 1 and all(one == found[0] for one in found)
    if alike and len(found[0][1]) == 2:
        return None, (f"{len(found)} pages that were written one by one, planes of z",)
    raise UserError(
        f"holds {len(found)} images ({listed[:200]}); choose one by its number (--dataset), or write the one "
        "that is meant into a file of its own"
    )


def _tiff_axes(axes: list[str], shape: tuple[int, ...]) -> tuple[str, tuple[str, ...]]:
    """The letters x, y, z of a series' axes, and notes; pages, or a lone axis of channels or times, are z."""
    if len(shape) != 3:
        raise UserError(f"expected a 3-D image of grey values, got shape {shape} (axes {''.join(axes)})")
    if "S" in axes:
        raise UserError(f"expected a 3-D image of grey values, got colours: shape {shape}")
    if sorted(axes) == ["X", "Y", "Z"]:
        return "".join(axes).lower(), ()
    other = next((axis for axis in axes if axis not in "XY"), "")
    if {"X", "Y"} < set(axes) and other:
        meaning = {"T": "times", "C": "channels"}.get(other)
        notes = (f"its axis {other} ({meaning}) is taken for z",) if meaning else ()
        return "".join("z" if axis == other else axis.lower() for axis in axes), notes
    return "zyx", (f"its axes {''.join(axes)} are taken for z, y, x",)


def _tiff_lengths(tiff) -> Lengths:
    """From OME's or ImageJ's description and the resolution tags, m."""
    if tiff.ome_metadata:
        pixels = ElementTree.fromstring(tiff.ome_metadata).find(".//{*}Pixels")
        if pixels is not None:
            edges = []
            for axis in "XYZ":
                value, unit = pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "um")
                edges.append(float(value) * _metres(unit) if value else np.nan)
            return _lengths(edges)
    tags, described = tiff.pages[0].tags, tiff.imagej_metadata or {}
    unit = {2: 0.0254, 3: 0.01}.get(_tag(tags, "ResolutionUnit"), np.nan)
    of_description = _metres(str(described.get("unit", "")))
    if not np.isfinite(unit):
        unit = of_description
    edges = [unit / value if (value := _ratio(_tag(tags, name))) else np.nan for name in _RESOLUTIONS]
    spacing = described.get("spacing")
    return _lengths([*edges, float(spacing) * of_description if spacing else np.nan])


_RESOLUTIONS = ("XResolution", "YResolution")


def _tag(tags, name: str):
    return tags[name].value if name in tags else None


def _ratio(value) -> float:
    return value[0] / value[1] if isinstance(value, tuple) and value[1] else 0.0


_UNITS = {"micron": "um", "microns": "um", "micrometer": "um", "inch": "in", "\u00e5": "angstrom"}


def _metres(unit: str) -> float:
    """NaN for what is no length, such as "pixel"."""
    unit = unit.encode().decode("unicode_escape") if "\\u" in unit else unit
    unit = unit.strip().replace("\u00c2", "").lower()
    try:
        return factor(LENGTH_M, _UNITS.get(unit, unit), "unit")
    except UserError:
        return np.nan


@contextmanager
def _complaints(logger_name: str) -> Iterator[list[str]]:
    """Collect what a library logs as errors: of a TIFF cut short tifffile reads what is left, and logs."""
    messages: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: messages.append(record.getMessage())
    logger = logging.getLogger(logger_name)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
