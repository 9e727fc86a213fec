"""Meshes with arrays, from files of VTK and XDMF: all of their parts and cells, or a refusal."""

import itertools
import mmap
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from tfmsnet.errors import UserError
from tfmsnet.files import read_json
from tfmsnet.foreign_files import checked_suffix, named_faults
from tfmsnet.records.ingest.mesh import Mesh
from tfmsnet.records.ingest.voxelisation import Cells
from tfmsnet.records.ingest.xdmf import Xdmf

_XML = (".vtu", ".vti", ".vtr", ".vts")
_PARTS = (".pvtu", ".vtm")
_XDMF = (".xdmf", ".xmf")
SUFFIXES = (*_XML, ".vtk", *_PARTS, ".pvd", ".series", *_XDMF)
# Arrays of a file as a whole, in which programs keep the time.
_TIMES = ("TimeValue", "TIME", "time")
_GHOSTS, _DUPLICATE_OR_HIDDEN = "vtkGhostType", 1 | 32


@dataclass(frozen=True)
class Frame:
    """A moment: which file it is of, for messages; when, None for what the mesh says; and how to read it."""

    path: Path
    time: float | None
    read: Callable[[], Mesh]


def frames(paths: Sequence[Path]) -> list[Frame]:
    """The moments that files hold, in the files' order: one each, or those that a collection or XDMF names.

    Raises:
        UserError: no such file, another kind, a collection that names nothing or a file twice at a time.
    """
    return [frame for path in paths for frame in _frames(path)]


def _frames(path: Path) -> list[Frame]:
    suffix = _checked(path)
    if suffix == ".pvd":
        return [Frame(path, time, partial(_read_parts, path, files)) for time, files in _pvd(path)]
    if suffix == ".series":
        return [Frame(file, time, partial(read_mesh, file)) for time, file in _series(path)]
    if suffix in _XDMF:
        with named_faults(path, "XDMF"):
            return _xdmf(path)
    return [Frame(path, None, partial(read_mesh, path))]


def read_mesh(path: Path) -> Mesh:
    """Read a mesh from a file of one moment: VTU, PVTU, VTM, legacy VTK, and VTK's files of regular grids.

    Raises:
        UserError: vtk isn't installed; no such file; another kind, damaged, or with fewer cells than it says.
    """
    suffix = _checked(path)
    if suffix in _PARTS:
        return _read_parts(path, _named_parts(path))
    if suffix == ".vtk":
        kind, module, name, announced = "legacy VTK", "vtkIOLegacy", "vtkGenericDataObjectReader", _LEGACY
    elif suffix in _XML:
        kind, module, name, announced = "VTK's XML", "vtkIOXML", "vtkXMLGenericDataObjectReader", _PIECES
    else:
        raise UserError(f"{path}: a collection within another one; name its files themselves")
    with _reading(path, kind):
        reader = _vtk(module, name)()
        reader.SetFileName(str(path))
        if suffix == ".vtk":
            _check_length(path)
            _rename_types(reader, path)
            # By default it takes the first array of each kind, without a word.
            for arrays in ("Scalars", "Vectors", "Tensors", "Normals", "TCoords", "Fields", "ColorScalars"):
                getattr(reader, f"ReadAll{arrays}On")()
        reader.Update()
        data = reader.GetOutputDataObject(0)
    with _reading(path, kind):
        mesh = _mesh_of(data)
        expected = _announced(path, announced)
        if expected is not None and expected != len(mesh.cells.kinds):
            raise UserError(f"announces {expected} cells, of which {len(mesh.cells.kinds)} can be read")
        return _without_ghosts(mesh)


def _checked(path: Path) -> str:
    return checked_suffix(path, SUFFIXES, "a mesh with arrays")


def _vtk(module: str, name: str):
    try:
        return getattr(import_module(f"vtkmodules.{module}"), name)
    except ImportError:
        raise UserError("reading it needs vtk; install it with pip install 'tfmsnet[mesh]'") from None


@contextmanager
def _reading(path: Path, kind: str) -> Iterator[None]:
    """VTK's readers don't raise: they say what is wrong in a window, and give what they have until there."""
    with named_faults(path, kind):
        window = _vtk("vtkCommonCore", "vtkStringOutputWindow")()
        output = _vtk("vtkCommonCore", "vtkOutputWindow")
        logger = _vtk("vtkCommonCore", "vtkLogger")
        objects = _vtk("vtkCommonCore", "vtkObject")
        before, verbosity = output.GetInstance(), logger.GetCurrentVerbosityCutoff()
        speaks = objects.GetGlobalWarningDisplay()
        objects.GlobalWarningDisplayOn()  # others may have silenced it, and then nothing is wrong
        output.SetInstance(window)
        logger.SetStderrVerbosity(logger.VERBOSITY_OFF)
        try:
            yield
        finally:
            output.SetInstance(before)
            objects.SetGlobalWarningDisplay(speaks)
            logger.SetStderrVerbosity(verbosity)
        said = window.GetOutput()
        if "error" in said.lower():  # legacy VTK that is cut off is a warning, "Error reading binary data!"
            reason = said.split("): ", 1)[-1] if "): " in said else said.split("\n", 1)[-1]
            raise OSError(reason.split("\n\n")[0].replace(str(path), "it"))


_PIECES = re.compile(rb"<Piece\b[^>]*?\bNumberOfCells\s*=\s*[\"'](\d+)[\"'][^>]*>|<AppendedData\b")
_LEGACY = re.compile(rb"^CELL_TYPES\s+(\d+)", re.MULTILINE)


def _check_length(path: Path) -> None:
    """Refuse an unstructured grid that ends before its cells do: VTK's reader crashes on some of these."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if re.search(rb"^DATASET\s+UNSTRUCTURED_GRID", content[:1024], re.MULTILINE) is None:
            return
        found = _LEGACY.search(content)
        numbers = 4 * int(found.group(1)) if found and b"BINARY" in content[:512] else 0
        if found is None or len(content) - found.end() < numbers:
            raise UserError("the file is cut off before the end of its cells; copy it again")


# Names of types that meshio writes and VTK's legacy reader doesn't know.
_TYPE_NAME = re.compile(
    rb"^(\S+ \d+ \d+ )vtktype(u?int8|u?int16|u?int32|float32|float64)(?=\r?$)", re.MULTILINE
)
_TYPES = {
    b"int8": b"char",
    b"uint8": b"unsigned_char",
    b"int16": b"short",
    b"uint16": b"unsigned_short",
    b"int32": b"int",
    b"uint32": b"unsigned_int",
    b"float32": b"float",
    b"float64": b"double",
}


def _rename_types(reader, path: Path) -> None:
    content = path.read_bytes()
    known = _TYPE_NAME.sub(lambda match: match.group(1) + _TYPES[match.group(2)], content)
    if known != content:
        reader.SetBinaryInputString(known, len(known))
        reader.ReadFromInputStringOn()


def _announced(path: Path, pattern: re.Pattern) -> int | None:
    """Cells of all pieces as the file counts them; None where it doesn't, as of regular grids."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        found = [match.group(1) for match in itertools.takewhile(_counts, pattern.finditer(content))]
    return sum(map(int, found)) if found else None


def _counts(match: re.Match) -> bool:
    return match.group(1) is not None  # what is appended may be any bytes


def _mesh_of(data) -> Mesh:
    """Of any of VTK's data sets; blocks of a composite that are the same mesh are one, others its parts."""
    if data is None:
        raise OSError("there is nothing in it")
    if data.IsA("vtkCompositeDataSet"):
        return _joined([_mesh_of(block) for block in _blocks(data)])
    if not data.IsA("vtkDataSet"):
        raise UserError(f"holds a {data.GetClassName()}; expected a mesh")
    to_numpy = import_module("vtkmodules.util.numpy_support").vtk_to_numpy
    time = next((array for name in _TIMES if (array := data.GetFieldData().GetArray(name)) is not None), None)
    grid = data
    if not data.IsA("vtkUnstructuredGrid"):
        append = _vtk("vtkFiltersCore", "vtkAppendFilter")()
        append.AddInputData(data)
        append.Update()
        grid = append.GetOutput()
    cells = Cells(
        np.array(to_numpy(grid.GetCellTypesArray()), np.uint8),
        np.array(to_numpy(grid.GetCells().GetOffsetsArray()), np.int64),
        np.array(to_numpy(grid.GetCells().GetConnectivityArray()), np.int64),
    )
    points = np.array(to_numpy(grid.GetPoints().GetData()), np.float64) if grid.GetPoints() else _NOWHERE
    if len(cells.nodes) and not 0 <= cells.nodes.min() <= cells.nodes.max() < len(points):
        raise OSError(f"cells of nodes up to {cells.nodes.max()}, but {len(points)} points")
    arrays = [
        {
            of.GetArrayName(k): np.array(to_numpy(of.GetArray(k)))
            for k in range(of.GetNumberOfArrays())
            if of.GetArray(k) is not None and of.GetArrayName(k)
        }
        for of in (grid.GetPointData(), grid.GetCellData())
    ]
    for found, count in zip(arrays, (len(points), len(cells.kinds)), strict=True):
        for name, values in found.items():
            if len(values) != count:
                raise OSError(f"array {name} has {len(values)} values of {count}")
    return Mesh(points, cells, *arrays, None if time is None else float(time.GetTuple1(0)))


_NOWHERE = np.zeros((0, 3))


def _blocks(data) -> Iterator:
    visitor = data.NewIterator()
    visitor.InitTraversal()
    while not visitor.IsDoneWithTraversal():
        yield visitor.GetCurrentDataObject()
        visitor.GoToNextItem()


def _without_ghosts(mesh: Mesh) -> Mesh:
    """Without the cells that a part repeats of its neighbours."""
    if _GHOSTS not in mesh.cell_arrays:
        return mesh
    own = (mesh.cell_arrays[_GHOSTS].astype(int) & _DUPLICATE_OR_HIDDEN) == 0
    return replace(
        mesh,
        cells=mesh.cells.of(own),
        cell_arrays={name: values[own] for name, values in mesh.cell_arrays.items() if name != _GHOSTS},
    )


def _joined(meshes: list[Mesh]) -> Mesh:
    """Parts as one mesh; arrays of the same mesh stand together."""
    parts: list[Mesh] = []
    for mesh in meshes:
        same = next((k for k, part in enumerate(parts) if part.same_mesh(mesh)), None)
        if same is None:
            parts.append(mesh)
        else:
            part = parts[same]
            parts[same] = replace(
                part,
                point_arrays=part.point_arrays | mesh.point_arrays,
                cell_arrays=part.cell_arrays | mesh.cell_arrays,
            )
    if not parts:
        raise UserError("holds no mesh")
    if len(parts) == 1:
        return parts[0]
    first_nodes = np.cumsum([0, *(len(part.points) for part in parts)])
    return Mesh(
        np.concatenate([part.points for part in parts]),
        Cells.joined([part.cells for part in parts], first_nodes),
        _stacked([part.point_arrays for part in parts], [len(part.points) for part in parts]),
        _stacked([part.cell_arrays for part in parts], [len(part.cells.kinds) for part in parts]),
        parts[0].time,
    )


def _stacked(parts: list[dict[str, np.ndarray]], counts: list[int]) -> dict[str, np.ndarray]:
    """Arrays of all parts; NaN where a part has none of a name, as of concentration in an electrolyte's."""
    stacked = {}
    for name in dict.fromkeys(itertools.chain(*parts)):
        shape = next(part[name].shape[1:] for part in parts if name in part)
        try:
            stacked[name] = np.concatenate(
                [
                    part[name] if name in part else np.full((count, *shape), np.nan)
                    for part, count in zip(parts, counts, strict=True)
                ]
            )
        except ValueError:
            raise UserError(f"array {name}: has other components in another part") from None
    return stacked


def _read_parts(path: Path, files: list[Path]) -> Mesh:
    meshes = [read_mesh(file) for file in files]
    try:
        return _joined([mesh for mesh in meshes if len(mesh.cells.kinds)] or meshes)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _beside(path: Path, name: str) -> Path:
    return path.parent / name.replace("\\", "/")


def _named_parts(path: Path) -> list[Path]:
    """Files that a .pvtu or .vtm names."""
    with named_faults(path, path.suffix.lower()):
        root = ElementTree.parse(path).getroot()
        names = [
            item.attrib[key]
            for tag, key in (("Piece", "Source"), ("DataSet", "file"))
            for item in root.iter(tag)
            if key in item.attrib
        ]
    if not names:
        raise UserError(f"{path}: names no files")
    return [_beside(path, name) for name in names]


def _pvd(path: Path) -> list[tuple[float, list[Path]]]:
    """Times, and the files of their parts, in the order of first mention."""
    try:
        sets = ElementTree.parse(path).getroot().findall("./Collection/DataSet")
        found = [(float(item.attrib["timestep"]), _beside(path, item.attrib["file"])) for item in sets]
    except (ElementTree.ParseError, KeyError, ValueError) as error:
        raise UserError(
            f"{path}: not readable as a .pvd of DataSets with timestep and file: {error}"
        ) from None
    if not found:
        raise UserError(f"{path}: names no files")
    times: dict[float, list[Path]] = {}
    for time, file in found:
        if file in times.setdefault(time, []):
            raise UserError(f"{path}: names {file.name} twice for one time, {time:g}")
        times[time].append(file)
    return list(times.items())


def _series(path: Path) -> list[tuple[float, Path]]:
    """Times and files of a ParaView series (JSON)."""
    content = read_json(path, "a file series")
    try:
        found = [(float(item["time"]), _beside(path, item["name"])) for item in content["files"]]
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UserError(f"{path}: expected 'files' with name and time, as ParaView writes it") from None
    if not found:
        raise UserError(f"{path}: names no files")
    return found


def _xdmf(path: Path) -> list[Frame]:
    file = Xdmf(path)

    def read(number: int) -> Mesh:
        with named_faults(path, "XDMF"):
            moving, still = file.meshes(number)
            mesh = _joined(moving)
            return _joined([mesh, *(other for other in still if other.same_mesh(mesh))])

    return [Frame(path, time, partial(read, number)) for number, time in enumerate(file.times)]
