"""Meshes of every layout come back as they were written, or are refused with what is wrong."""

import itertools
import json
import re
from dataclasses import replace
from pathlib import PureWindowsPath

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfmsnet.errors import UserError
from tfmsnet.records.ingest import Domains, Reading, Variable, read_vtu
from tfmsnet.records.ingest.meshes import frames, read_mesh

# Corners of a box's cells of a kind, as the box's own corners (x fastest): hexahedron, voxel, two wedges, six
# tetrahedra.
_CORNERS = {
    12: [(0, 1, 3, 2, 4, 5, 7, 6)],
    11: [(0, 1, 2, 3, 4, 5, 6, 7)],
    13: [(0, 1, 2, 4, 5, 6), (1, 3, 2, 5, 7, 6)],
    10: [(0, 1, 3, 7), (0, 3, 2, 7), (0, 2, 6, 7), (0, 6, 4, 7), (0, 4, 5, 7), (0, 5, 1, 7)],
}
TIMES_S = (0.0, 600.0, 1200.0)
few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def boxes(shape, kinds):
    """Points (node, 3), cells, their kinds and the box that each is of, of a block of boxes."""
    numbers = np.arange(np.prod(np.array(shape) + 1)).reshape(np.array(shape) + 1)
    points = np.argwhere(numbers >= 0) / 4.0
    cells, of_kind, of_box = [], [], []
    for box, place in enumerate(np.ndindex(*shape)):
        kind = kinds[box % len(kinds)]
        x, y, z = place
        corners = numbers[x : x + 2, y : y + 2, z : z + 2].transpose(2, 1, 0).ravel()
        for cell in _CORNERS[kind]:
            cells.append(corners[list(cell)])
            of_kind.append(kind)
            of_box.append(box)
    return points, cells, np.array(of_kind), np.array(of_box)


def described(mesh):
    """What a mesh says of each of its cells, in any order: kind, places of its nodes, arrays there."""
    offsets = mesh.cells.offsets
    corners = [mesh.cells.nodes[begin:end] for begin, end in itertools.pairwise(offsets)]
    return sorted(
        (
            int(kind),
            mesh.points[cell].tolist(),
            [(name, values[cell].tolist()) for name, values in sorted(mesh.point_arrays.items())],
            [(name, values[number].tolist()) for name, values in sorted(mesh.cell_arrays.items())],
        )
        for number, (kind, cell) in enumerate(zip(mesh.cells.kinds, corners, strict=True))
    )


@pytest.fixture
def block(write):
    """A mesh of all kinds: as VTK's grid and, read from the plainest file, as it is here."""
    points, cells, kinds, box = boxes((3, 2, 2), [12, 11, 13, 10])
    at_points = {"c": points @ [1.0, 10.0, 100.0], "phi": points[:, 0] + 3}
    return write.make_grid(points, cells, at_points, {"material": box.astype(np.int32)}, kinds, 600.0)


@few
@given(
    kinds=st.lists(st.sampled_from([10, 11, 12, 13]), min_size=1, max_size=3),
    shape=st.tuples(*[st.integers(1, 3)] * 3),
    mode=st.sampled_from(["ascii", "binary", "appended", "raw"]),
    compressor=st.sampled_from(["none", "zlib", "lz4", "lzma"]),
    pieces=st.integers(1, 3),
    suffix=st.sampled_from([".vtu", ".vtu", ".vtk"]),
)
def test_every_cell_of_every_piece_is_read(write, tmp_path, kinds, shape, mode, compressor, pieces, suffix):
    points, cells, of_kind, box = boxes(shape, kinds)
    arrays = {"c": points @ [1.0, 10.0, 100.0], "Concentration,_solid_@_t=600": points[:, 0]}

    def grid(chosen):
        some = [cells[k] for k in chosen]
        return write.make_grid(points, some, arrays, {"material": box[chosen]}, of_kind[chosen], 1.5)

    path, whole, parts = tmp_path / f"a{suffix}", grid(np.arange(len(cells))), []
    write.grid(path, whole, mode, compressor)
    expected = described(read_mesh(path))
    assert len(expected) == len(cells)
    assert [row[0] for row in expected] == sorted(of_kind)
    if suffix == ".vtu" and mode in ("ascii", "binary"):
        for chosen in np.array_split(np.arange(len(cells)), pieces):
            write.grid(path, grid(chosen), mode, compressor)
            head, piece, rest = path.read_text().partition("<Piece")
            parts.append(piece + rest.partition("</Piece>")[0] + "</Piece>")
        path.write_text(head + "".join(parts) + rest.partition("</Piece>")[2])
        assert described(read_mesh(path)) == expected
    mesh = read_mesh(path)
    assert mesh.time == 1.5
    np.testing.assert_array_equal(mesh.point_arrays["c"], mesh.points @ [1.0, 10.0, 100.0])
    assert mesh.series("Concentration,_solid", True).keys() == {600.0}
    places = [points[cell].tolist() for cell in cells]
    rows = zip(of_kind.tolist(), places, box.tolist(), strict=True)
    assert [(kind, place, at_cell[0][1]) for kind, place, _, at_cell in expected] == sorted(rows)


@few
@given(
    share=st.floats(0.01, 0.999),
    suffix=st.sampled_from([".vtu", ".vtk"]),
    mode=st.sampled_from(["ascii", "raw"]),
)
def test_a_file_cut_off_is_refused(write, block, tmp_path, share, suffix, mode):
    """Legacy VTK may lack whole arrays at its end, of which it says nothing; what is there is as it was."""
    path = tmp_path / f"a{suffix}"
    write.grid(path, block, mode)
    whole, content = read_mesh(path), path.read_bytes()
    cut = content[: int(share * len(content))]
    path.write_bytes(cut[: cut.rfind(b"\n") + 1])
    refusal = mesh = None
    try:
        mesh = read_mesh(path)
    except UserError as error:
        refusal = str(error)
    if refusal:
        assert refusal.count(str(path)) == 1
        assert "\n" not in refusal
    else:
        assert mesh.same_mesh(whole)
        assert suffix == ".vtk" or mesh.point_arrays.keys() == whole.point_arrays.keys()
        for found, expected in (
            (mesh.point_arrays, whole.point_arrays),
            (mesh.cell_arrays, whole.cell_arrays),
        ):
            for name in found:
                np.testing.assert_array_equal(found[name], expected[name])


def test_a_cut_file_is_refused_where_vtk_was_silenced(write, block, tmp_path):
    """Its readers say what is wrong by warnings alone, which another library may have turned off."""
    objects = pytest.importorskip("vtkmodules.vtkCommonCore").vtkObject
    path = tmp_path / "a.vtk"
    write.grid(path, block, "raw")
    content = path.read_bytes()
    name = content.index(b"POINT_DATA")
    header = content.index(b"double", name)
    path.write_bytes(content[: content.index(b"\n", header) + 1])
    objects.GlobalWarningDisplayOff()
    try:
        with pytest.raises(UserError, match="Error reading binary data"):
            read_mesh(path)
        assert not objects.GetGlobalWarningDisplay()
    finally:
        objects.GlobalWarningDisplayOn()


@pytest.fixture
def halves(write, tmp_path):
    """Two parts of a mesh in a folder, the whole, and what the whole says."""
    points, cells, kinds, box = boxes((2, 2, 4), [12])
    at_points = {"c": 25000 + points[:, 2], "phi": points[:, 0] + 3}

    def grid(of):
        chosen = [cells[k] for k in np.flatnonzero(of)]
        return write.make_grid(points, chosen, at_points, {"material": 1 + box[of] % 2}, kinds[of])

    upper = points[[cell[0] for cell in cells], 2] >= 0.5
    (tmp_path / "parts").mkdir()
    write.grid(tmp_path / "whole.vtu", grid(upper | ~upper))
    write.grid(tmp_path / "parts" / "a.vtu", grid(upper))
    write.grid(tmp_path / "parts" / "b.vtu", grid(~upper))
    return described(read_mesh(tmp_path / "whole.vtu"))


def collections(folder):
    """Files that name both parts at one time, in every way that programs do."""
    windows = str(PureWindowsPath("parts") / "a.vtu")
    sets = f'<DataSet timestep="5" part="0" file="{windows}"/><DataSet timestep="5" part="1" file='
    sets += '"parts/b.vtu"/>'
    (folder / "a.pvd").write_text(f'<VTKFile type="Collection"><Collection>{sets}</Collection></VTKFile>')
    (folder / "a.pvtu").write_text(
        '<VTKFile type="PUnstructuredGrid"><PUnstructuredGrid GhostLevel="0"><Piece Source="parts/a.vtu"/>'
        '<Piece Source="parts/b.vtu"/></PUnstructuredGrid></VTKFile>'
    )
    (folder / "a.vtm").write_text(
        '<VTKFile type="vtkMultiBlockDataSet"><vtkMultiBlockDataSet><Block index="0"><DataSet index="0" '
        f'file="parts/a.vtu"/><DataSet index="1" file="{windows.replace("a.vtu", "b.vtu")}"/></Block>'
        "</vtkMultiBlockDataSet></VTKFile>"
    )
    text = json.dumps({"file-series-version": "1.0", "files": [{"name": "a.pvtu", "time": 5}]})
    (folder / "a.vtu.series").write_text(text, "utf-8-sig")
    return [folder / name for name in ("a.pvd", "a.pvtu", "a.vtm", "a.vtu.series")]


def test_parts_are_the_whole(halves, tmp_path):
    for path in collections(tmp_path):
        (frame,) = frames([path])
        assert described(frame.read()) == halves, path
    assert [frame.time for frame in frames([tmp_path / "a.pvd", tmp_path / "a.vtu.series"])] == [5, 5]
    (tmp_path / "parts" / "b.vtu").unlink()
    for path in collections(tmp_path):
        with pytest.raises(UserError, match=r"b\.vtu: no such file"):
            frames([path])[0].read()


def test_nodes_that_parts_share_count_once(halves, tmp_path):
    reading = Reading(Variable("c"), Variable("phi"), "material", voxel_size_m=0.25e-6, length_unit="um")
    paths = [tmp_path / "whole.vtu", *collections(tmp_path)[:3]]
    whole, *others = (read_vtu([path], reading, times=[0]) for path in paths)
    for other in others:
        np.testing.assert_array_equal(other.image.phase, whole.image.phase)
        order, expected = np.lexsort(other.potential.nodes_m.T), np.lexsort(whole.potential.nodes_m.T)
        np.testing.assert_array_equal(other.potential.nodes_m[order], whole.potential.nodes_m[expected])
        np.testing.assert_array_equal(other.concentration.values[order], whole.concentration.values[expected])


_TOPOLOGY = {12: ("Hexahedron", 9), 13: ("Wedge", 8), 10: ("Tetrahedron", 6)}


@few
@given(
    kinds=st.lists(st.sampled_from([10, 12, 13]), min_size=1, max_size=3),
    layout=st.sampled_from(["XML", "HDF", "Binary"]),
    place=st.sampled_from(["inline", "include", "reference"]),
    listed=st.booleans(),
    apart=st.booleans(),
)
def test_xdmf_over_time(tmp_path, kinds, layout, place, listed, apart):
    """Mixed or of one kind, wherever the numbers are; `apart`: a collection for each field (FEniCS)."""
    points, cells, of_kind, box = boxes((2, 2, 1), kinds)
    with h5py.File(tmp_path / "a.h5", "w") as file:

        def item(values):
            values = np.asarray(values)
            number, shape = f"d{len(file)}", " ".join(map(str, values.shape))
            file[number] = values
            kind = f'DataType="{"Float" if values.dtype.kind == "f" else "Int"}" Precision="8"'
            text = " ".join(map(repr, values.ravel().tolist()))
            if layout == "HDF":
                text = f"a.h5:/{number}"
            elif layout == "Binary":
                text = f"{number}.bin"
                values.astype(values.dtype.newbyteorder(">")).tofile(tmp_path / text)
                kind += ' Endian="Big"'
            return f'<DataItem Dimensions="{shape}" Format="{layout}" {kind}>{text}</DataItem>'

        if len(set(of_kind)) == 1:
            name, nodes = _TOPOLOGY[of_kind[0]][0], item(np.array(cells))
        else:
            rows = [[_TOPOLOGY[kind][1], *cell] for kind, cell in zip(of_kind, cells, strict=True)]
            name, nodes = "Mixed", item(np.concatenate(rows))
        mesh = (
            f'<Topology TopologyType="{name}" NumberOfElements="{len(cells)}">{nodes}</Topology>'
            f'<Geometry GeometryType="XYZ">{item(points)}</Geometry>'
        )
        pointer = "xpointer(//Grid[@Name=&quot;mesh&quot;]/*[self::Topology or self::Geometry])"
        shared = {
            "inline": mesh,
            "include": f'<xi:include xpointer="{pointer}"/>',
            "reference": "".join(
                f"<{part} Reference=\"/Xdmf/Domain/Grid[@Name='mesh']/{part}\"/>"
                for part in ("Topology", "Geometry")
            ),
        }[place]

        def attribute(name, centre, values):
            return f'<Attribute Name="{name}" Center="{centre}">{item(values)}</Attribute>'

        def collection(names):
            grids = ""
            for time in TIMES_S:
                fields = {"c": points[:, 0] + time, "phi": points[:, 1:2] - time}
                arrays = "".join(attribute(name, "Node", fields[name]) for name in names)
                own = "" if listed else f'<Time Value="{time}"/>'
                grids += f"<Grid>{shared}{own}{arrays}</Grid>"
            times = f'<Time TimeType="List">{item(np.array(TIMES_S))}</Time>' if listed else ""
            return f'<Grid GridType="Collection" CollectionType="Temporal">{times}{grids}</Grid>'

        still = f'<Grid Name="mesh" GridType="Uniform">{mesh}{attribute("material", "Cell", box)}</Grid>'
        moving = collection(["c"]) + collection(["phi"]) if apart else collection(["c", "phi"])
        (tmp_path / "a.xdmf").write_text(
            f'<Xdmf xmlns:xi="http://www.w3.org/2001/XInclude"><Domain>{still}{moving}</Domain></Xdmf>'
        )
    found = frames([tmp_path / "a.xdmf"])
    assert tuple(frame.time for frame in found) == TIMES_S
    for frame in found:
        mesh = frame.read()
        np.testing.assert_array_equal(mesh.points, points)
        np.testing.assert_array_equal(mesh.cells.kinds, of_kind)
        np.testing.assert_array_equal(mesh.cells.nodes, np.concatenate(cells))
        np.testing.assert_array_equal(mesh.cell_arrays["material"], box)
        np.testing.assert_array_equal(mesh.point_arrays["c"], points[:, 0] + frame.time)
        np.testing.assert_array_equal(mesh.point_arrays["phi"], points[:, 1] - frame.time)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("a.h5:/c", "../a.h5:/c", r"\.\./a\.h5: lies outside of the file's folder"),
        ("a.h5:/c", "a.h5:/d", "dataset /d is missing; found c"),
        ("a.h5:/c", "b.h5:/c", r"b\.h5: no such file beside it"),
        ('"Tetrahedron"', '"Polyhedron"', "Topology of type polyhedron: expected Mixed or one of"),
        ('NumberOfElements="1"', 'NumberOfElements="2"', "announces 2 cells, of which 1 are there"),
        ('Dimensions="4" F', 'Dimensions="5" F', r"\(5,\) numbers are announced, 4 are there"),
        ("0 1 2 3", "0 1 2 4", "cells of nodes up to 4, but 4 points"),
        ("XYZ", "XY", "Geometry of type XY"),
        ("<Domain>", "<Other>", "not readable as XDMF"),
    ],
)
def test_what_xdmf_does_not_hold_is_named(tmp_path, old, new, message):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["c"] = np.arange(4.0)
    text = (
        '<Xdmf><Domain><Grid><Topology TopologyType="Tetrahedron" NumberOfElements="1"><DataItem '
        'Dimensions="1 4" Format="XML">0 1 2 3</DataItem></Topology><Geometry GeometryType="XYZ">'
        '<DataItem Dimensions="4 3" '
        'Format="XML">0 0 0 1 0 0 0 1 0 0 0 1</DataItem></Geometry><Attribute Name="c">'
        '<DataItem Dimensions="4" '
        'Format="HDF">a.h5:/c</DataItem></Attribute></Grid></Domain></Xdmf>'
    )
    path = tmp_path / "a.xdmf"
    path.write_text(text)
    np.testing.assert_array_equal(frames([path])[0].read().point_arrays["c"], np.arange(4.0))
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(UserError, match=rf"{re.escape(str(path))}: .*{message}"):
        frames([path])[0].read()


def test_domains_at_points(write, tmp_path):
    points, cells, kinds, _ = boxes((2, 2, 4), [12])
    material = np.where(points[[cell[0] for cell in cells], 2] < 0.5, 7, 1)
    reading = Reading(
        Variable("c"), Variable("phi"), "material", Domains([7]), voxel_size_m=0.25e-6, length_unit="um"
    )

    def read(points, cells, at_points, at_cells=None, **other):
        fields = {"c": np.full(len(points), 2e4), "phi": points[:, 0] + 3}
        grid = write.make_grid(points, cells, fields | at_points, at_cells or {}, kinds)
        write.grid(tmp_path / "a.vtu", grid)
        return read_vtu([tmp_path / "a.vtu"], replace(reading, **other), times=[0]).image.phase

    expected = read(points, cells, {}, {"material": material})
    apart = [np.arange(8) + 8 * k for k in range(len(cells))]
    found = read(points[np.concatenate(cells)], apart, {"material": np.repeat(material, 8).astype(float)})
    np.testing.assert_array_equal(found, expected)
    averages = np.select([points[:, 2] < 0.5, points[:, 2] > 0.5], [7.0, 1.0], 3.5)
    np.testing.assert_array_equal(read(points, cells, {"material": averages}), expected)
    # An interface's nodes with one side's domain: on a lattice it is taken to be half-way to the next nodes.
    of_one_side = {"material": np.where(points[:, 2] <= 0.5, 7, 1)}
    half = read(points, cells, of_one_side, voxel_size_m=0.125e-6)
    np.testing.assert_array_equal(half, np.broadcast_to(np.arange(8) < 5, (4, 4, 8)))
    moved = points + np.where(points == 0.25, 0.01, 0.0)
    moved[0, 0] -= 0.01
    with pytest.raises(UserError, match="nodes of 4 of 16 cells lie in several domains or in none"):
        read(moved, cells, of_one_side)


def test_polyhedra_are_refused_by_name(write, tmp_path):
    from vtkmodules.vtkCommonCore import vtkIdList, vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkUnstructuredGrid

    grid, places, faces = vtkUnstructuredGrid(), vtkPoints(), vtkIdList()
    for place in np.eye(4)[:, :3]:
        places.InsertNextPoint(place)
    for number in (4, 3, 0, 1, 2, 3, 0, 1, 3, 3, 1, 2, 3, 3, 0, 2, 3):
        faces.InsertNextId(number)
    grid.SetPoints(places)
    grid.InsertNextCell(42, faces)
    write.grid(tmp_path / "a.vtu", grid)
    with pytest.raises(UserError, match=r"a\.vtu: cells: 1 are polyhedra \(42\) of VTK; expected tetrahedra"):
        read_vtu([tmp_path / "a.vtu"], Reading(Variable("c"), Variable("phi")))
