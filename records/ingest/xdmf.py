"""XDMF: an XML file that says where meshes and their arrays over time lie, mostly in HDF5."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import h5py
import numpy as np

from tfmsnet.errors import UserError
from tfmsnet.records.ingest.hdf5_names import dataset
from tfmsnet.records.ingest.mesh import Mesh
from tfmsnet.records.ingest.voxelisation import Cells

# Name, number within mixed topologies, VTK's number, nodes.
_KINDS = (
    ("triangle", 4, 5, 3),
    ("quadrilateral", 5, 9, 4),
    ("tetrahedron", 6, 10, 4),
    ("pyramid", 7, 14, 5),
    ("wedge", 8, 13, 6),
    ("hexahedron", 9, 12, 8),
    ("edge_3", 34, 21, 3),
    ("quadrilateral_9", 35, 28, 9),
    ("triangle_6", 36, 22, 6),
    ("quadrilateral_8", 37, 23, 8),
    ("tetrahedron_10", 38, 24, 10),
    ("pyramid_13", 39, 27, 13),
    ("wedge_15", 40, 26, 15),
    ("wedge_18", 41, 32, 18),
    ("hexahedron_20", 48, 25, 20),
    ("hexahedron_24", 49, 33, 24),
    ("hexahedron_27", 50, 29, 27),
)
_OF_NAME = {name: (vtk, nodes) for name, _, vtk, nodes in _KINDS}
_OF_NUMBER = {number: (vtk, nodes) for _, number, vtk, nodes in _KINDS}
# The number of nodes follows these: vertices and lines.
_COUNTED = {1: 2, 2: 4}
_SHORT = {
    "tet_10": "tetrahedron_10",
    "quad": "quadrilateral",
    "hex_20": "hexahedron_20",
    "tri_6": "triangle_6",
}
_NUMBERS = {
    ("float", 4): "f4",
    ("float", 8): "f8",
    **{("int", n): f"i{n}" for n in (1, 2, 4, 8)},
    **{("uint", n): f"u{n}" for n in (1, 2, 4, 8)},
    ("char", 1): "i1",
    ("uchar", 1): "u1",
}


class Xdmf:
    """An XDMF file, opened.

    Attributes:
        times: of its moments; one None where it is of one moment that it doesn't name.
    """

    times: list[float | None]

    def __init__(self, path: Path) -> None:
        self._folder = path.parent
        self._root = ElementTree.parse(path).getroot()
        domain = self._root.find("Domain")
        if domain is None:
            raise UserError("expected a Domain, found none")
        self._still, moving = [], []
        for grid in domain.findall("Grid"):
            if grid.get("CollectionType", "").lower() == "temporal":
                moving.append(self._moments(grid))
            else:
                self._still.append(grid)
        if moving and any([time for time, _ in one] != [time for time, _ in moving[0]] for one in moving[1:]):
            raise UserError("expected the same times in all of its temporal collections")
        self.times = (
            [time for time, _ in moving[0]] if moving else [_time(self._still[0])] * bool(self._still)
        )
        if not self.times:
            raise UserError("holds no Grid")
        self._moving = moving

    def meshes(self, number: int) -> tuple[list[Mesh], list[Mesh]]:
        """Meshes of the moment of a number, and those of none, which hold what is the same at all times."""
        if not self._moving:
            return [self._mesh(leaf) for grid in self._still for leaf in _leaves(grid)], []
        moving = [self._mesh(leaf) for moments in self._moving for leaf in _leaves(moments[number][1])]
        return moving, [self._mesh(leaf) for grid in self._still for leaf in _leaves(grid)]

    def _moments(self, collection: ElementTree.Element) -> list[tuple[float, ElementTree.Element]]:
        grids = collection.findall("Grid")
        times = [_time(grid) for grid in grids]
        time = collection.find("Time")
        if time is not None and None in times:
            item = time.find("DataItem")
            values = (
                self._values(item) if item is not None else np.array(time.get("Value", "").split(), float)
            )
            if time.get("TimeType", "").lower() == "hyperslab":
                start, stride, count = values.ravel()
                values = start + stride * np.arange(int(count))
            times = values.ravel().tolist()
        if len(times) != len(grids) or None in times:
            raise UserError(f"expected a time for each of the {len(grids)} grids of a collection")
        return list(zip(times, grids, strict=True))

    def _mesh(self, grid: ElementTree.Element) -> Mesh:
        points = self._points(self._part(grid, "Geometry"))
        cells = self._cells(self._part(grid, "Topology"))
        if len(cells.nodes) and not 0 <= cells.nodes.min() <= cells.nodes.max() < len(points):
            raise UserError(f"cells of nodes up to {cells.nodes.max()}, but {len(points)} points")
        arrays: dict[str, dict[str, np.ndarray]] = {"node": {}, "cell": {}}
        counts = {"node": len(points), "cell": len(cells.kinds)}
        for attribute in grid.findall("Attribute"):
            centre, name = attribute.get("Center", "Node").lower(), attribute.get("Name", "")
            if centre not in arrays:
                continue  # of faces, edges, or the grid as a whole
            values = self._values(self._item(attribute))
            if len(values) != counts[centre]:
                raise UserError(f"array {name}: {len(values)} values at {counts[centre]} {centre}s")
            arrays[centre][name] = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
        return Mesh(points, cells, arrays["node"], arrays["cell"], _time(grid))

    def _part(self, grid: ElementTree.Element, tag: str) -> ElementTree.Element:
        """A grid's geometry or topology, its own or one that it refers to."""
        part = grid.find(tag)
        if part is not None and part.get("Reference"):
            text = part.get("Reference") if part.get("Reference") != "XML" else part.text
            return self._referred(text, tag)
        if part is not None:
            return part
        for child in grid:
            if child.tag.endswith("}include"):
                if child.get("href"):
                    raise UserError(f"{tag}: includes {child.get('href')}; expected it in the file itself")
                found = self._referred(child.get("xpointer", ""), tag)
                if found is not None:
                    return found
        raise UserError(f"a grid has no {tag}")

    def _referred(self, pointer: str, tag: str) -> ElementTree.Element:
        """What an XPath or XPointer means: a path of tags with conditions of attributes."""
        path = pointer.strip().removeprefix("xpointer(")
        path = path[:-1] if pointer.strip().startswith("xpointer(") else path
        whole = path.split("/*[")[0].removesuffix("[1]")
        inner = whole if whole.startswith("//") else "/" + "/".join(whole.strip("/").split("/")[1:])
        try:
            found = self._root.find("." + inner)
        except (SyntaxError, KeyError):
            found = None
        if found is not None and found.tag == "Grid":
            found = found.find(tag)
        if found is None:
            raise UserError(
                f"{tag}: refers to {pointer.strip()[:80]!r}, which isn't found; write it in place"
            )
        return found

    def _item(self, parent: ElementTree.Element) -> ElementTree.Element:
        item = parent.find("DataItem")
        if item is None:
            raise UserError(f"{parent.tag} {parent.get('Name', '')}: expected a DataItem")
        return item

    def _values(self, item: ElementTree.Element) -> np.ndarray:
        """The numbers of a DataItem, in its dimensions."""
        if item.get("Reference"):
            item = self._referred(item.text if item.get("Reference") == "XML" else item.get("Reference"), "")
        kind = item.get("ItemType", "Uniform")
        if kind != "Uniform":
            raise UserError(f"DataItem of ItemType {kind}: expected Uniform")
        shape = tuple(int(count) for count in item.get("Dimensions", "").split())
        layout, text = item.get("Format", "XML").upper(), (item.text or "").strip()
        if layout == "HDF":
            name, _, inner = text.rpartition(":")
            source = self._beside(name)
            with h5py.File(source, "r") as file:
                values = dataset(file, inner, self._folder)[()]
        elif layout == "XML":
            values = np.array(text.split(), np.float64)
        elif layout == "BINARY":
            number = item.get("NumberType") or item.get("DataType") or "Float"
            dtype = _NUMBERS.get((number.lower(), int(item.get("Precision", 4))))
            if dtype is None or item.get("Compression", "Raw").lower() != "raw":
                raise UserError(
                    f"DataItem {text}: numbers {number} {item.get('Compression', '')} aren't known"
                )
            order = {"big": ">", "little": "<"}.get(item.get("Endian", "native").lower(), "=")
            count, seek = int(np.prod(shape)), int(item.get("Seek", 0))
            values = np.fromfile(self._beside(text), order + dtype, count, offset=seek)
        else:
            raise UserError(f"DataItem of Format {layout}: expected HDF, XML or Binary")
        if values.size != np.prod(shape):
            raise UserError(f"DataItem {text[:60]}: {shape} numbers are announced, {values.size} are there")
        return values.reshape(shape)

    def _beside(self, name: str) -> Path:
        source = (self._folder / name.replace("\\", "/")).resolve()
        if not source.is_relative_to(self._folder.resolve()):
            raise UserError(f"{name}: lies outside of the file's folder; copy it there")
        if not source.is_file():
            raise UserError(f"{name}: no such file beside it")
        return source

    def _points(self, geometry: ElementTree.Element) -> np.ndarray:
        kind = (geometry.get("GeometryType") or geometry.get("Type") or "XYZ").upper()
        if kind == "XYZ":
            return self._values(self._item(geometry)).astype(np.float64).reshape(-1, 3)
        if kind == "X_Y_Z":
            return np.stack([self._values(item).ravel() for item in geometry.findall("DataItem")], 1).astype(
                float
            )
        raise UserError(f"Geometry of type {kind}: expected points XYZ of an unstructured mesh")

    def _cells(self, topology: ElementTree.Element) -> Cells:
        kind = (topology.get("TopologyType") or topology.get("Type") or "").lower()
        kind = _SHORT.get(kind, kind)
        values = self._values(self._item(topology)).astype(np.int64)
        announced = topology.get("NumberOfElements") or topology.get("Dimensions")
        if kind == "mixed":
            cells = _mixed(values.ravel())
        elif kind in _OF_NAME:
            vtk, count = _OF_NAME[kind]
            nodes = values.reshape(-1, count)
            offsets = np.arange(len(nodes) + 1) * count
            cells = Cells(np.full(len(nodes), vtk, np.uint8), offsets, nodes.ravel())
        else:
            raise UserError(f"Topology of type {kind}: expected Mixed or one of {', '.join(_OF_NAME)}")
        if announced and int(announced.split()[0]) != len(cells.kinds):
            raise UserError(f"announces {announced} cells, of which {len(cells.kinds)} are there")
        return cells


def _mixed(values: np.ndarray) -> Cells:
    """Cells that each begin with the number of their kind."""
    kinds, begins, counts, place, numbers = [], [], [], 0, values.tolist()
    while place < len(numbers):
        number = numbers[place]
        if number in _OF_NUMBER:
            (vtk, count), place = _OF_NUMBER[number], place + 1
        elif number in _COUNTED and place + 1 < len(numbers):
            vtk, count, place = _COUNTED[number], numbers[place + 1], place + 2
        else:
            raise UserError(f"mixed topology: cells of kind {number} (16: polyhedra) can't be taken apart")
        kinds.append(vtk)
        begins.append(place)
        counts.append(count)
        place += count
    if place != len(numbers):
        raise UserError("mixed topology: the last cell is cut off")
    offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], counts)
    return Cells(np.array(kinds, np.uint8), offsets, values[np.repeat(begins, counts) + within])


def _time(grid: ElementTree.Element) -> float | None:
    time = grid.find("Time")
    return float(time.get("Value")) if time is not None and time.get("Value") else None


def _leaves(grid: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """The grids of a collection in space, or the grid itself."""
    inner = grid.findall("Grid")
    if not inner:
        yield grid
    for child in inner:
        yield from _leaves(child)
