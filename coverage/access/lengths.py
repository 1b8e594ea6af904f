"""Length of the least-cost way of every cell: what a cable along it measures, where the cost is not its length."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from phusong.coverage.access.moves import DCOL, DROW, LENGTH, N_MOVES
from phusong.coverage.access.solver import LINK, WORD
from phusong.coverage.access.travel_time import Travel, sorted_links

Floats = NDArray[np.float64]


def path_lengths_m(travel: Travel) -> Floats:
    """Horizontal length of the way of each cell to its source, metres, (rows, cols); NaN where there is none.

    Equal to ``path_length_m`` of each cell, each step looked at once.
    """
    nearest = np.empty(0, dtype=np.int32) if travel.nearest is None else travel.nearest.reshape(-1)
    found: Floats = _lengths_m(
        travel.step.reshape(-1),
        travel.cost.reshape(-1),
        nearest,
        travel.grid.shape[1],
        travel.grid.cell_m,
        *sorted_links(travel.links, direction=travel.direction, back=True),
    )
    return found.reshape(travel.grid.shape)


@njit(error_model="numpy", cache=True)
def _lengths_m(  # type: ignore[no-untyped-def]  # noqa: PLR0917
    step, cost, nearest, cols, cell_m, link_at, link_next, link_cost, link_length
):
    length = np.full(len(cost), np.nan)
    ahead = np.empty(len(cost), dtype=np.int64)  # the cells whose length waits for the next one's
    leg = np.empty(len(cost))
    for start in range(len(cost)):
        if not np.isfinite(cost[start]):
            continue
        n, cell = 0, start
        while np.isnan(length[cell]):
            if n == len(cost):  # so many steps lead round in a ring (``solver.follow``)
                length[cell] = np.inf
                break
            word = step[cell] & WORD
            if word < N_MOVES:
                ahead[n], leg[n] = cell, LENGTH[word] * cell_m
                cell += DROW[word] * cols + DCOL[word]
            elif word == LINK:
                j = np.searchsorted(link_at, cell)
                while cost[link_next[j]] + link_cost[j] != cost[cell] or (
                    len(nearest) > 0 and nearest[link_next[j]] != nearest[cell]
                ):
                    j += 1
                ahead[n], leg[n] = cell, link_length[j]
                cell = link_next[j]
            else:
                length[cell] = 0.0
                break
            n += 1
        for k in range(n - 1, -1, -1):
            length[ahead[k]] = length[cell] + leg[k]
            cell = ahead[k]
    length[np.isinf(length)] = np.nan
    return length
