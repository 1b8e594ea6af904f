"""Ground to travel over for the benchmark: land cover, and the hard one of rivers, bridges, spiral walls and roads."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_dilation, gaussian_filter, zoom

WALK_MIN_M = 0.012  # 5 km/h
ROAD_MIN_M = 0.001  # 60 km/h


def land_cover(cells: int) -> np.ndarray:
    """Minutes a metre, (cells, cells): walking through patches of some hundred metres, five times slower at worst."""
    rng = np.random.default_rng(1)
    coarse = cells // 4 + 1
    rough = zoom(gaussian_filter(rng.normal(size=(coarse, coarse)), 4) * 6, 4, order=1)
    return np.ascontiguousarray(WALK_MIN_M * np.exp(rough)[:cells, :cells])


def winding(cells: int, *, row: float, swing: float, wave: float, width: int) -> np.ndarray:
    """Cells of a line that winds from the left edge to the right one, so many cells wide."""
    col = np.arange(0, cells, 0.2)
    at = row + swing * np.sin(col / wave) + swing / 3 * np.sin(4.7 * col / wave + row)
    inside = (at >= 0) & (at < cells)
    line = np.zeros((cells, cells), dtype=np.bool_)
    line[at[inside].astype(np.int64), col[inside].astype(np.int64)] = True
    return np.asarray(binary_dilation(line, np.ones((width, width), dtype=np.bool_)))


def hard(cells: int) -> np.ndarray:
    """The land cover with nine winding rivers under 20 bridges, six spiral walls and 50 winding roads.

    Walls nowhere touch at corners only: MCP_Geometric passes diagonally between two impassable cells, we do not.
    """
    rng = np.random.default_rng(2)
    slowness = land_cover(cells)
    shut = np.zeros((cells, cells), dtype=np.bool_)
    for row in np.linspace(0.08, 0.92, 9) * cells:
        shut |= winding(cells, row=row, swing=cells / 30, wave=cells / 25, width=3)
    for col in rng.choice(cells - 4, 20, replace=False):
        shut[:, col : col + 2] = False
    row, col = np.indices((cells, cells), dtype=np.float32)
    for middle_row, middle_col in rng.uniform(0.15, 0.85, (6, 2)) * cells:
        away = np.hypot(row - middle_row, col - middle_col)
        turn = np.arctan2(row - middle_row, col - middle_col) / (2 * np.pi)
        shut |= ((away - 16 * turn) % 16 < 3) & (away < cells / 12)
    road = np.zeros((cells, cells), dtype=np.bool_)
    for place in np.linspace(0, cells, 25):
        road |= winding(cells, row=place, swing=cells / 12, wave=cells / 60, width=1)
        road |= winding(cells, row=place, swing=cells / 20, wave=cells / 33, width=1).T
    slowness[road] = ROAD_MIN_M
    while True:
        down = shut[:-1, :-1] & shut[1:, 1:] & ~shut[1:, :-1] & ~shut[:-1, 1:]
        up = shut[1:, :-1] & shut[:-1, 1:] & ~shut[:-1, :-1] & ~shut[1:, 1:]
        if not (down.any() or up.any()):
            break
        shut[1:, :-1] |= down
        shut[:-1, :-1] |= up
    slowness[shut] = np.inf
    return slowness
