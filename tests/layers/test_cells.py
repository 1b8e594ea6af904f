"""Cells read as values of a column: many at once as each alone, and what no column can hold."""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.layers.columns.cells import CellError, read_cell, read_cells
from phusong.layers.schema import LAYERS, Column

ANY = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.floats(),
    st.text(st.sampled_from("aA1 .,/-%xđĐ#N\u0301"), max_size=4),
    st.sampled_from(["#N/A", "Viettel", "4G", "không", "2012-12-31", " any ", "1.234", "12,5", date(2012, 12, 31)]),
    st.just(np.float64(3.5)),
)
COLUMNS = [column for layer in LAYERS.values() for column in layer.all_columns]


def _alone(cell: Any, column: Column) -> tuple[Any, Any]:
    try:
        return read_cell(cell, column), None
    except CellError as error:
        return None, (error.code, error.params)


def _alike(one: Any, other: Any) -> bool:
    return type(one) is type(other) and (one == other or (one != one and other != other))


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(COLUMNS),
    st.one_of(
        st.lists(ANY, max_size=8),
        st.lists(st.one_of(st.none(), st.floats()), max_size=8),
        st.lists(st.one_of(st.none(), st.text(st.sampled_from("ab #/N.Á\t\u0301"), max_size=4)), max_size=8),
    ),
    st.booleans(),
)
def test_a_column_is_read_as_its_cells_one_by_one(column: Column, cells: list[Any], nullable: bool) -> None:
    column = replace(column, nullable=nullable)
    values, errors = read_cells(cells, column)
    told = [(values[i], (errors[i].code, errors[i].params) if i in errors else None) for i in range(len(cells))]
    expected = [_alone(cell, column) for cell in cells]
    assert [fault for _, fault in told] == [fault for _, fault in expected]
    assert all(_alike(one, other) for (one, _), (other, _) in zip(told, expected, strict=True))


@pytest.mark.parametrize("kind", ["number", "integer"])
@pytest.mark.parametrize("number", [10**400, -(10**5000)], ids=["high", "low"])
def test_whole_numbers_beyond_all_bounds_are_refused(kind: Any, number: int) -> None:
    values, errors = read_cells([1.0, number, None], Column("a", kind))
    assert values == [1, None, None]
    assert list(errors) == [1]


def test_half_a_sign_is_replaced() -> None:
    assert read_cell("Lao \ud83d", Column("a", "text")) == "Lao \ufffd"
    with pytest.raises(CellError) as caught:
        read_cell("\ud83d", Column("a", "number"))
    assert caught.value.params["found"] == "\ufffd"
