"""Tables of numbers as programs and locales write them come back exactly, or are refused."""

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfmsnet.errors import UserError
from tfmsnet.files import read_json
from tfmsnet.foreign_files import open_text
from tfmsnet.tables import name_and_unit, numbers, separator_of, split

MARKS = {";": ";", "\t": "\t", ",": ",", None: "   "}
number = st.floats(-1e6, 1e6, allow_subnormal=False)


@settings(deadline=None)
@given(
    rows=st.lists(st.tuples(number, number, number), min_size=1, max_size=6).map(np.array),
    separator=st.sampled_from(list(MARKS)),
    comma=st.booleans(),
    quoted=st.booleans(),
    trailing=st.booleans(),
    blank=st.booleans(),
)
def test_numbers_come_back_exactly(rows, separator, comma, quoted, trailing, blank):
    comma = comma and separator != ","

    def cell(value):
        text = repr(float(value)).replace(".", ",") if comma else repr(float(value))
        return f'"{text}"' if quoted else text

    end = separator if trailing and separator else ""
    lines = [MARKS[separator].join(map(cell, row)) + end + "\n" for row in rows]
    lines += ["\n", "  \n"] * blank
    assert separator_of(lines[0]) == separator
    np.testing.assert_array_equal(numbers(lines, separator, 3), rows)
    np.testing.assert_array_equal(numbers(lines, separator, 3, [2, 0]), rows[:, [2, 0]])


@pytest.mark.parametrize(
    ("lines", "separator", "message"),
    [
        (["1,5,2,5,3,5"], ",", "the header names 3 columns, row 1 has 6"),
        (["1;2;3", "1;2"], ";", "the header names 3 columns, row 2 has 2"),
        (["1.5;2;3", "1,5;2;3"], ";", "row 2: numbers with points and with commas"),
        (["1.234,5;2;3"], ";", "row 1: numbers with points and with commas"),
        (['"1,5","2","3"'], ",", "row 1: commas stand between numbers and within them"),
        (["1;2;drei"], ";", "drei"),
    ],
)
def test_what_may_be_misread_is_refused(lines, separator, message):
    with pytest.raises(UserError, match=message):
        numbers(lines, separator, 3)


def test_cells_that_are_not_wanted_may_hold_anything():
    lines = ['1;"a; b, c";2,5\n', "3;;4\n"]
    np.testing.assert_array_equal(numbers(lines, ";", 3, [0, 2]), [[1, 2.5], [3, 4]])


@pytest.mark.parametrize(
    ("line", "separator", "cells"),
    [
        ("x,if(dom==7, cs, NaN) (1),y", ",", ["x", "if(dom==7, cs, NaN) (1)", "y"]),
        ('"x";"a; b";c d', ";", ["x", "a; b", "c d"]),
        ('x  "c d"   e', None, ["x", "c d", "e"]),
        ("\tx\t", "\t", ["", "x", ""]),
    ],
)
def test_cells_hold_separators_in_quotes_and_brackets(line, separator, cells):
    assert split(line, separator) == cells


def test_names_may_hold_units():
    assert name_and_unit("x (um)") == name_and_unit("x [um]") == ("x", "um")
    assert name_and_unit("Points:0") == ("Points:0", None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("packed", [False, True])
def test_text_in_any_encoding(tmp_path, encoding, packed):
    content = "% Length unit: \u00b5m\n1 2 3\n".encode(encoding)
    path = tmp_path / "a.txt"
    path.write_bytes(gzip.compress(content) if packed else content)
    with open_text(path) as file:
        assert file.read() == "% Length unit: \u00b5m\n1 2 3\n"
    path.write_bytes(gzip.compress(content)[:-9])
    with pytest.raises(UserError, match=r"a\.txt: expected text, found something else or a part of it"):
        open_text(path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_json_with_a_byte_order_mark(tmp_path, encoding):
    (tmp_path / "a.json").write_text('{"phase": "\u00b5"}', encoding)
    assert read_json(tmp_path / "a.json", "a mapping") == {"phase": "\u00b5"}
