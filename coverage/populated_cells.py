"""Groups of populated cells without signal: what stands in for clusters of houses where these are not known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def nearest_village(village: Ints, cell: Ints, away_m: Floats) -> Bools:
    """Which (village, cell) rows are of the village nearest to the cell; of two at one distance the first."""
    order = np.lexsort((village, away_m, cell))
    _, first = np.unique(cell[order], return_index=True)
    nearest = np.zeros(len(cell), dtype=np.bool_)
    nearest[order[first]] = True
    return nearest


def uncovered_groups(
    village: Ints, cell: Ints, covered: Floats, people: Floats, *, n: int, columns: int, min_people: float
) -> Floats:
    """Groups of neighbouring cells without signal in which people live, of each of ``n`` villages, float64.

    A row a (village, flat cell of a grid of so many ``columns``): ``covered`` 1, 0 or NaN, and the people there. Cells
    that touch, also by a corner, are of one group; it counts with ``min_people`` or more in it, or with all people of a
    village that has fewer. NaN where nobody is known to live in a village's cells, and where no group is without signal
    for sure but one could be.
    """
    lives = people > 0
    village, cell, covered, people = village[lives], cell[lives], covered[lives], people[lives]
    total = np.bincount(village, weights=people, minlength=n)
    asked = np.minimum(min_people, total) * (1 - 1e-9)
    sure = _count(village, cell, people, covered == 0, asked, columns=columns)
    possible = _count(village, cell, people, covered != 1, asked, columns=columns)
    return np.where((total > 0) & ((sure > 0) | (possible == 0)), sure, np.nan)


def _count(village: Ints, cell: Ints, people: Floats, chosen: Bools, asked: Floats, *, columns: int) -> Floats:
    """Groups among the chosen rows that hold as many people as asked of their village, float64[n]."""
    village, cell, people = village[chosen], cell[chosen], people[chosen]
    n = len(asked)
    if not len(cell):
        return np.zeros(n)
    row, column = np.divmod(cell, columns)
    width, height = columns + 1, int(row.max()) + 2  # one more: what lies at the edge has no neighbour beyond
    key = (village * height + row) * width + column
    order = np.argsort(key)
    key = key[order]
    links = []
    for step in (1, width - 1, width, width + 1):
        at = np.searchsorted(key, key + step)
        joined = key[np.minimum(at, len(key) - 1)] == key + step
        links.append((np.flatnonzero(joined), at[joined]))
    begin, end = (np.concatenate(side) for side in zip(*links, strict=True))
    graph = coo_array((np.ones(len(begin), dtype=np.int8), (begin, end)), shape=(len(key), len(key)))
    groups, group = connected_components(graph, directed=False)
    held = np.bincount(group, weights=people[order], minlength=groups)
    of_village = np.zeros(groups, dtype=np.int64)
    of_village[group] = village[order]
    large = held >= asked[of_village]
    return np.bincount(of_village[large], minlength=n).astype(np.float64)
