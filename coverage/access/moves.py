"""The 16 moves of the grid: king's moves 0-7 (N, NE, E, SE, S, SW, W, NW), knight's moves 8-15 clockwise from NNE.

A move's number is its bit in ``Surface.closed``. Rows grow downwards: N is (-1, 0). The segment between the centres of
two cells a king's move apart lies half in each; that of a knight's move a quarter in each of four cells, its ends and
the two of ``BETWEEN``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

N_KING = 8
N_MOVES = 16

DROW = np.array([-1, -1, 0, 1, 1, 1, 0, -1, -2, -1, 1, 2, 2, 1, -1, -2], dtype=np.int64)
DCOL = np.array([0, 1, 1, 1, 0, -1, -1, -1, 1, 2, 2, 1, -1, -2, -2, -1], dtype=np.int64)
LENGTH = np.sqrt((DROW * DROW + DCOL * DCOL).astype(np.float64))
"""Length of each move in cells, horizontal."""
OPPOSITE = np.array([4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11], dtype=np.int64)
"""The move back."""
BETWEEN = np.array(
    [
        [[0, 0], [0, 0]]
        if k < N_KING
        # along the longer leg first: the straight neighbour, then the diagonal one
        else [[DROW[k] // 2, 0], [DROW[k] // 2, DCOL[k]]]
        if abs(DROW[k]) == 2
        else [[0, DCOL[k] // 2], [DROW[k], DCOL[k] // 2]]
        for k in range(N_MOVES)
    ],
    dtype=np.int64,
)
"""(move, which, (row, col)): offsets of the two cells a knight's move passes between its ends; zeros for a king's."""


def blocked_moves(
    slowness: NDArray[np.float64], closed: NDArray[np.uint16] | None, *, neighbours: int
) -> NDArray[np.uint16]:
    """(rows, cols) uint16: bit k where move k leaves the grid, is closed at either end or is a diagonal between two
    impassable cells. Moves into or through impassable cells need no bit: they cost infinity."""
    rows, cols = slowness.shape
    blocked = np.zeros((rows, cols), dtype=np.uint16) if closed is None else closed.copy()
    for k in range(neighbours):
        down, right = int(DROW[k]), int(DCOL[k])
        if closed is not None:
            here = slice(max(0, -down), rows - max(0, down)), slice(max(0, -right), cols - max(0, right))
            there = slice(max(0, down), rows - max(0, -down)), slice(max(0, right), cols - max(0, -right))
            blocked[here] |= (closed[there] >> int(OPPOSITE[k]) & 1) << k
        blocked[: -down if down < 0 else 0] |= 1 << k
        blocked[max(0, rows - down) if down > 0 else rows :] |= 1 << k
        blocked[:, : -right if right < 0 else 0] |= 1 << k
        blocked[:, max(0, cols - right) if right > 0 else cols :] |= 1 << k
    shut = ~np.isfinite(slowness)
    if shut.any():
        flanked = shut[1:, :-1] & shut[:-1, 1:]
        blocked[:-1, :-1][flanked] |= 1 << 3
        blocked[1:, 1:][flanked] |= 1 << 7
        flanked = shut[1:, 1:] & shut[:-1, :-1]
        blocked[:-1, 1:][flanked] |= 1 << 5
        blocked[1:, :-1][flanked] |= 1 << 1
    return blocked
