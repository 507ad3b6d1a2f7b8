"""Columns on the wire, read back by a decoder written from the description alone."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from columns import decode
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from starcyte.curation.formulas import escape_formula, unescape_formula
from starcyte.store.dataset import Column, ColumnInfo, Kind, Values
from starcyte.web.encoding.media import BINARY, CSV, JSON
from starcyte.web.encoding.wire import ENCODERS, WireColumn, from_column, from_values

NUMBERS = ["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", ">i4", ">f4", ">f8"]
# no surrogates: they are in no file, for text in HDF5 is UTF-8
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def over_the_wire(n, columns):
    got, read = decode(ENCODERS[BINARY](n, columns))
    assert got == n
    assert [c.entry["name"] for c in read] == [c.name for c in columns]
    return read


def by_json(n, column):
    answer = json.loads(ENCODERS[JSON](n, [column]), parse_constant=lambda c: pytest.fail(f"{c} is no JSON"))
    assert answer["n"] == n
    (entry,) = answer["columns"]
    assert entry["name"] == column.name
    return entry["values"]


def by_csv(n, *columns):
    header, *rows = csv.reader(io.StringIO(ENCODERS[CSV](n, columns).decode(), newline=""))
    assert header == [escape_formula(c.name) for c in columns]
    assert len(rows) == n
    return rows


@st.composite
def numbers(draw):
    dtype = np.dtype(draw(st.sampled_from(NUMBERS)))
    return draw(arrays.arrays(dtype, st.integers(0, 40), elements=arrays.from_dtype(dtype.newbyteorder("="))))


def continuous(values, missing=None, name="age"):
    return from_column(Column(ColumnInfo(name, Kind.CONTINUOUS, str(values.dtype)), values, missing))


@given(numbers(), st.data())
def test_numbers_of_any_width_arrive(values, data):
    missing = data.draw(st.none() | arrays.arrays(bool, values.size))
    (column,) = over_the_wire(values.size, [continuous(values, missing)])
    # float64 holds what is sent of 64-bit integers
    np.testing.assert_array_equal(column.values.astype(np.float64), values.astype(np.float64))
    assert (column.missing is None) == (missing is None)
    if missing is not None:
        np.testing.assert_array_equal(column.missing, missing)


@given(numbers(), st.data())
def test_json_and_csv_hold_the_same_numbers(values, data):
    missing = data.draw(st.none() | arrays.arrays(bool, values.size))
    column = continuous(values, missing)
    kept = np.isfinite(values.astype(np.float64)) & (True if missing is None else ~missing)
    listed = by_json(values.size, column)
    assert [v is None for v in listed] == (~kept).tolist()
    np.testing.assert_array_equal(
        np.array([v for v in listed if v is not None], np.float64), values[kept].astype(float)
    )
    fields = [row[0] if row else "" for row in by_csv(values.size, column)]
    assert [f == "" for f in fields] == (~kept).tolist()
    np.testing.assert_array_equal(np.array([float(f) for f in fields if f]), values[kept].astype(float))


@pytest.mark.parametrize(
    ("dtype", "sent"),
    [
        ("int8", "int8"),
        ("int16", "int16"),
        ("int32", "int32"),
        ("uint8", "uint8"),
        ("uint16", "uint16"),
        ("uint32", "uint32"),
        ("float32", "float32"),
        ("float64", "float64"),
        ("float16", "float32"),
        ("int64", "int32"),
        ("uint64", "int32"),
        (">i2", "int16"),
        (">f8", "float64"),
        ("bool", "uint8"),
    ],
)
def test_small_numbers_keep_their_type(dtype, sent):
    (column,) = over_the_wire(3, [continuous(np.array([0, 1, 1]).astype(dtype))])
    assert column.entry["dtype"] == sent


@pytest.mark.parametrize(
    ("values", "sent"),
    [
        pytest.param([2**31 - 1, -(2**31)], "int32", id="just fits"),
        pytest.param([2**31, 0], "float64", id="one too many"),
        pytest.param([-(2**31) - 1, 0], "float64", id="one too few"),
        pytest.param([2**53, -(2**53)], "float64", id="exact in float64"),
        pytest.param([2**63 - 1, -(2**63)], "float64", id="the ends"),
    ],
)
def test_64_bit_integers_that_do_not_fit_32_are_sent_as_float64(values, sent):
    (column,) = over_the_wire(2, [continuous(np.array(values, np.int64))])
    assert column.entry["dtype"] == sent
    assert column.values.tolist() == [float(v) for v in values] if sent == "float64" else values


def test_unsigned_64_bit_integers_do_not_turn_negative():
    (column,) = over_the_wire(1, [continuous(np.array([2**64 - 1], np.uint64))])
    assert column.values.tolist() == [float(2**64 - 1)]


def test_nan_and_infinity_arrive_in_binary_and_are_null_elsewhere():
    values = np.array([np.nan, np.inf, -np.inf, 1.5], np.float32)
    column = continuous(values)
    np.testing.assert_array_equal(over_the_wire(4, [column])[0].values, values)
    assert by_json(4, column) == [None, None, None, 1.5]
    assert [r[0] if r else "" for r in by_csv(4, column)] == ["", "", "", "1.5"]


@given(st.lists(TEXT, unique=True, max_size=300), st.data(), st.booleans())
def test_categories_arrive(categories, data, ordered):
    dtype = np.min_scalar_type(-max(len(categories), 1))
    codes = data.draw(arrays.arrays(dtype, st.integers(0, 30), elements=st.integers(-1, len(categories) - 1)))
    info = ColumnInfo("type", Kind.CATEGORICAL, str(dtype), tuple(categories), ordered)
    column = from_column(Column(info, codes))
    (read,) = over_the_wire(codes.size, [column])
    assert read.entry["categories"] == categories
    assert read.entry["ordered"] is ordered
    expected = [None if c < 0 else categories[c] for c in codes]
    assert read.plain() == expected
    assert by_json(codes.size, column) == expected


@given(arrays.arrays(bool, st.integers(0, 20)), st.data())
def test_truth_values_arrive_as_two_categories(values, data):
    missing = data.draw(st.none() | arrays.arrays(bool, values.size))
    column = from_column(Column(ColumnInfo("flag", Kind.BOOLEAN, "bool"), values, missing))
    (read,) = over_the_wire(values.size, [column])
    assert [c.lower() for c in read.entry["categories"]] == ["false", "true"]
    gone = np.zeros(values.size, bool) if missing is None else missing
    assert read.values.tolist() == [-1 if g else int(v) for v, g in zip(values, gone, strict=True)]


@given(st.lists(TEXT, max_size=200), st.data())
def test_text_arrives_whether_it_repeats_or_not(texts, data):
    values = np.array([*texts, None], dtype=object)[:-1]
    missing = data.draw(st.none() | arrays.arrays(bool, values.size))
    column = from_column(Column(ColumnInfo("barcode", Kind.STRING, "object"), values, missing))
    expected = [None if missing is not None and missing[i] else text for i, text in enumerate(texts)]
    assert over_the_wire(values.size, [column])[0].plain() == expected
    assert by_json(values.size, column) == expected


def test_text_that_does_not_repeat_stands_in_the_header():
    values = np.array([f"cell {i}" for i in range(200)], dtype=object)
    (read,) = over_the_wire(200, [from_column(Column(ColumnInfo("barcode", Kind.STRING, "object"), values))])
    assert read.entry["dtype"] == "string"
    assert read.entry["values"] == values.tolist()


def test_text_that_repeats_is_sent_as_codes():
    values = np.array(["b", "a"] * 100, dtype=object)
    (read,) = over_the_wire(200, [from_column(Column(ColumnInfo("batch", Kind.STRING, "object"), values))])
    assert read.entry["dtype"] == "int8"
    assert read.entry["categories"] == ["a", "b"]


@pytest.mark.parametrize("unit", ["ns", "us", "ms", "s", "D"])
def test_dates_arrive_as_milliseconds(unit):
    texts = ["2021-03-04", "1969-12-31", "NaT"]
    info = ColumnInfo("collected", Kind.DATETIME, f"datetime64[{unit}]")
    (read,) = over_the_wire(3, [from_column(Column(info, np.array(texts, f"datetime64[{unit}]")))])
    assert read.entry["dtype"] == "float64"
    np.testing.assert_array_equal(read.values, [1614816000000.0, -86400000.0, np.nan])


@st.composite
def genes(draw):
    """Draw one gene, as it would come from a sparse matrix and from a dense one."""
    dtype = np.dtype(draw(st.sampled_from(["f4", "f8", "i4", "i8", "u1", "u2", "bool", "f2", ">f4"])))
    n = draw(st.integers(0, 60))
    full = np.zeros(n, dtype)
    stored = sorted(draw(st.sets(st.integers(0, n - 1), max_size=n))) if n else []
    values = draw(arrays.arrays(dtype, len(stored), elements=arrays.from_dtype(dtype.newbyteorder("="))))
    full[stored] = values
    return full, Values(n, values, np.array(stored, np.uint32)), Values(n, full)


@given(genes())
def test_a_gene_is_the_same_from_a_sparse_and_a_dense_matrix(gene):
    full, *forms = gene
    expected = full.astype(np.float64)
    for values in forms:
        column = from_values("CD3D", values)
        np.testing.assert_array_equal(over_the_wire(full.size, [column])[0].values.astype(float), expected)
        listed = [np.nan if v is None else v for v in by_json(full.size, column)]
        np.testing.assert_array_equal(np.array(listed, float), np.where(np.isfinite(expected), expected, np.nan))


@given(genes())
def test_a_gene_is_sent_in_the_smaller_form(gene):
    full, *forms = gene
    for values in forms:
        (read,) = over_the_wire(full.size, [from_values("CD3D", values)])
        if read.entry["layout"] == "sparse":
            width = np.dtype(read.values.dtype).itemsize
            assert read.entry["length"] * (width + 4) < full.size * width


def test_a_gene_that_few_cells_express_is_sent_sparse():
    full = np.zeros(1000, np.float32)
    full[[3, 999]] = 2, 5
    (read,) = over_the_wire(1000, [from_values("CD3D", Values(1000, full))])
    assert read.entry["layout"] == "sparse"
    np.testing.assert_array_equal(read.values, full)


@given(st.lists(st.tuples(TEXT, st.sampled_from(["i1", "i2", "f4", "f8"])), max_size=6), st.integers(0, 9))
def test_several_columns_of_any_name_and_length_are_aligned(kinds, n):
    columns = [WireColumn(name, np.arange(n).astype(dtype)) for name, dtype in kinds]
    for column in over_the_wire(n, columns):
        np.testing.assert_array_equal(column.values, np.arange(n))


@given(st.lists(TEXT, min_size=1, max_size=4), st.lists(TEXT, min_size=1, max_size=8))
def test_csv_quotes_names_and_texts_of_any_kind(names, texts):
    columns = [WireColumn(name, np.array([*texts, None], object)[:-1]) for name in names]
    rows = by_csv(len(texts), *columns)
    assert [unescape_formula((row or [""])[0]) for row in rows] == [unescape_formula(escape_formula(t)) for t in texts]


@pytest.mark.parametrize("form", [BINARY, JSON, CSV])
def test_no_rows_and_no_columns_can_be_sent(form):
    assert ENCODERS[form](0, [])
    assert ENCODERS[form](0, [continuous(np.zeros(0, np.float32))])
