"""Groups of populated cells without signal, against a flood fill by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.coverage.populated_cells import nearest_village, uncovered_groups

COLUMNS = 5
NAN = float("nan")


def flood(cells: dict[int, float], *, at_least: float) -> int:
    """Groups of touching cells (flat cell -> people) that hold at least so many people."""
    left, count = set(cells), 0
    while left:
        group, todo = 0.0, [left.pop()]
        while todo:
            cell = todo.pop()
            group += cells[cell]
            row, column = divmod(cell, COLUMNS)
            for other in list(left):
                if max(abs(other // COLUMNS - row), abs(other % COLUMNS - column)) == 1:
                    left.remove(other)
                    todo.append(other)
        count += group >= at_least * (1 - 1e-9)
    return count


rows = st.lists(
    st.tuples(
        st.integers(0, 2), st.integers(0, 24), st.sampled_from([1.0, 0.0, 0.0, NAN]), st.sampled_from([0, 5, 12, 30])
    ),
    unique_by=lambda row: row[:2],
    max_size=40,
)


@settings(max_examples=50, deadline=None)
@given(rows=rows)
def test_groups_are_those_of_a_flood_fill(rows: list[tuple[int, int, float, int]]) -> None:
    village, cell, covered, people = (
        (np.array(part, dtype=float) for part in zip(*rows, strict=True)) if rows else [np.empty(0)] * 4
    )
    found = uncovered_groups(
        village.astype(np.int64), cell.astype(np.int64), covered, people, n=3, columns=COLUMNS, min_people=20.0
    )
    for v in range(3):
        own = [row for row in rows if row[0] == v and row[3] > 0]
        asked = min(20.0, sum(row[3] for row in own))
        sure = flood({c: p for _, c, signal, p in own if signal == 0}, at_least=asked)
        possible = flood({c: p for _, c, signal, p in own if signal != 1}, at_least=asked)
        if not own or (sure == 0 and possible > 0):
            assert np.isnan(found[v])
        else:
            assert found[v] == sure


def test_cells_at_the_edges_of_two_rows_do_not_touch() -> None:
    # the last column of the first row and the first column of the second
    cell = np.array([4, 5])
    people = np.array([15.0, 15.0])
    found = uncovered_groups(np.zeros(2, np.int64), cell, np.zeros(2), people, n=1, columns=5, min_people=20.0)
    assert found.tolist() == [0.0]
    joined = uncovered_groups(np.zeros(2, np.int64), cell, np.zeros(2), people, n=1, columns=6, min_people=20.0)
    assert joined.tolist() == [1.0]


@pytest.mark.parametrize(("min_people", "groups"), [(1.0, 2), (10.0, 2), (11.0, 1), (31.0, 0), (1000.0, 0)])
def test_a_group_counts_with_enough_people(min_people: float, groups: int) -> None:
    cell, people = np.array([0, 2, 3, 24]), np.array([10.0, 10.0, 20.0, 5.0])
    covered = np.array([0.0, 0.0, 0.0, 1.0])
    found = uncovered_groups(np.zeros(4, np.int64), cell, covered, people, n=1, columns=5, min_people=min_people)
    assert found.tolist() == [groups]


def test_a_cell_is_of_the_nearest_village_and_of_the_first_at_one_distance() -> None:
    village, cell = np.array([1, 0, 1, 0, 2]), np.array([7, 7, 8, 8, 9])
    nearest = nearest_village(village, cell, np.array([100.0, 200.0, 300.0, 300.0, 5.0]))
    assert nearest.tolist() == [True, False, False, True, True]
