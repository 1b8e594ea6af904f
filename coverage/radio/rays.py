"""The rays of one mast: laid out over the terrain, and their losses brought to the cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, inf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from phusong.coverage.radio import path_kernels, ray_kernels
from phusong.coverage.radio.ray_kernels import THINNEST
from phusong.coverage.radio.terrain import Terrain
from phusong.layers.errors import ComputeError

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Window = tuple[int, int, int, int]
"""row0, row1, col0, col1 of a grid, the ends not included."""

SPACING_M, LEAST_SPACING_CELLS = 75.0, 1.2
"""How far two rays may lie apart, and in cells where those are larger; the truth test chose both."""

CELLS_AT_ONCE = 1024
"""Of those that have a path of their own, to bound memory."""

QUADRANTS = ((True, 1), (True, -1), (False, 1), (False, -1))
"""East, west, south, north: whether the rays march over columns, and towards higher or lower lines."""


@dataclass(frozen=True)
class Rays:
    """A quadrant of one mast: see ``ray_kernels`` for the arrays.

    ``ground``, ``surface``: float32 (rays, longest), m above sea level, without voids (bridged from ``void_from`` on);
    samples ``start[k]:count[k]`` are asked for. ``tx_m``, ``tx_ground_m``: antenna and ground above sea level.
    """

    down: bool
    ahead: int
    line: float
    side: float
    ground: F32
    surface: F32
    void_from: I64
    start: I64
    count: I64
    first_m: F64
    step_m: F64
    tx_m: float
    tx_ground_m: float


NO_CHANGE: F32 = np.zeros((0, 0), dtype=np.float32)
NO_WARNINGS: I64 = np.zeros(0, dtype=np.int64)


class Loss(NamedTuple):
    """Loss at the samples of a quadrant, float32 (rays, longest): ``db``, and ``per_metre``, by how many dB it changes
    for each metre that the receiver stands higher (``NO_CHANGE`` where that is not known). ``warned``: counts of the
    model's warnings (``itm_rays.RayLosses``), none where it has no such."""

    db: F32
    per_metre: F32
    warned: I64 = NO_WARNINGS


def spacing_cells(cell_m: float) -> float:
    """How far two rays may lie apart, in cells."""
    return max(SPACING_M / cell_m, LEAST_SPACING_CELLS)


def quadrants(terrain: Terrain, mast: Sequence[float], *, range_cells: float) -> Iterator[Rays]:
    """The sampled quadrants of a mast at (row, col, antenna above sea level, ground) that hold any cell in range."""
    row, col = float(mast[0]), float(mast[1])
    spacing = spacing_cells(terrain.grid.cell_m)
    rays = max(ceil(2.0 * range_cells / spacing / THINNEST), 1) * THINNEST
    slopes = np.linspace(-1.0, 1.0, rays + 1)
    number = np.arange(rays + 1)
    power = np.where(number == 0, THINNEST, np.minimum(number & -number, THINNEST))
    nearest = np.where(power == THINNEST, 0.0, spacing * rays / (4.0 * power))  # cells; see ``thinning``
    least_slope = np.maximum(np.abs(slopes) - 2.0 * THINNEST / rays, 0.0)  # of the cells between a ray and the next
    for down, ahead in QUADRANTS:
        line, side = (col, row) if down else (row, col)
        sides, lines = terrain.grid.shape if down else terrain.grid.shape[::-1]
        first = floor(line) + 1 if ahead > 0 else ceil(line) - 1
        before = abs(first - line)
        inside = lines - first if ahead > 0 else first + 1
        room = np.where(slopes > 0.0, sides - 1 - side, side) + spacing + 1.0
        leaves = np.divide(room, np.abs(slopes), out=np.full(rays + 1, np.inf), where=slopes != 0.0)
        ends = np.minimum(range_cells / np.sqrt(1.0 + least_slope * least_slope), leaves)
        count = np.clip(np.floor(ends - before) + 1.0, 0.0, inside).astype(np.int64)
        if count.max(initial=0) == 0:
            continue
        start = np.maximum(np.floor(nearest - before), 0.0).astype(np.int64)
        yield _sampled(terrain, mast, down=down, ahead=ahead, slopes=slopes, start=start, count=count)


def _sampled(
    terrain: Terrain, mast: Sequence[float], *, down: bool, ahead: int, slopes: F64, start: I64, count: I64
) -> Rays:
    """Rays of a quadrant with these slopes, in cells aside for each line of cell centres."""
    row, col, tx_m, tx_ground_m = (float(value) for value in mast)
    line, side = (col, row) if down else (row, col)
    step_m = terrain.grid.cell_m * np.sqrt(1.0 + slopes * slopes)
    before = abs((floor(line) + 1 if ahead > 0 else ceil(line) - 1) - line)
    void_from = count.copy()
    grounds = (terrain.by_row, terrain.surface_by_row) if down else (terrain.by_col, terrain.surface_by_col)
    sampled: list[F32] = []
    for raster in grounds[: 1 if grounds[0] is grounds[1] else 2]:
        heights = np.empty((len(slopes), int(count.max())), dtype=np.float32)
        ray_kernels.sample(raster, line, side, ahead, slopes, count, heights)
        if terrain.voids:
            ray_kernels.bridge(heights, count, void_from)
        sampled.append(heights)
    return Rays(
        down,
        ahead,
        line,
        side,
        sampled[0],
        sampled[-1],
        void_from,
        start,
        count,
        before * step_m,
        step_m,
        tx_m,
        tx_ground_m,
    )


def _to_cells(terrain: Terrain, mast: Sequence[float], quadrant: Rays, cells: I64) -> Iterator[tuple[I64, Rays]]:
    """Some of the cells, (n, 2) row and col, of a quadrant at a time, and a ray to each: its last sample."""
    at, side = (cells[:, 1], cells[:, 0]) if quadrant.down else (cells[:, 0], cells[:, 1])
    away = np.abs(at - quadrant.line)
    order = np.argsort(away, kind="stable")
    for first in range(0, len(cells), CELLS_AT_ONCE):
        some = order[first : first + CELLS_AT_ONCE]
        slopes, count = (side[some] - quadrant.side) / away[some], np.ceil(away[some]).astype(np.int64)
        yield (
            some,
            _sampled(
                terrain, mast, down=quadrant.down, ahead=quadrant.ahead, slopes=slopes, start=count - 1, count=count
            ),
        )


def ray_to(terrain: Terrain, mast: Sequence[float], row: float, col: float) -> Rays:
    """The one ray from a mast to a point of the grid, which is its last sample and the only one asked for.

    Sampled at steps of one line of cells back from the point: to a cell centre, where the rays of ``quadrants`` are.
    """
    rows, cols = row - mast[0], col - mast[1]
    extent = max(abs(rows), abs(cols), 1e-9)
    count = max(ceil(extent), 1)
    part = 1.0 - np.arange(count - 1, -1, -1) / extent
    sampled = [
        np.array(
            [
                [
                    path_kernels.bilinear(raster, mast[0] + share * rows, mast[1] + share * cols)
                    for share in part.tolist()
                ]
            ],
            dtype=np.float32,
        )
        for raster in ([terrain.by_row, terrain.surface_by_row][: 1 if terrain.surface_by_row is terrain.by_row else 2])
    ]
    counts = np.array([count], dtype=np.int64)
    void_from = counts.copy()
    for heights in sampled:
        ray_kernels.bridge(heights, counts, void_from)
    step_m = terrain.grid.cell_m * float(np.hypot(rows, cols)) / extent
    return Rays(
        abs(cols) >= abs(rows),
        1,
        0.0,
        0.0,
        sampled[0],
        sampled[-1],
        void_from,
        counts - 1,
        counts,
        np.array([max(step_m * (extent - count + 1), 1e-3)]),
        np.array([step_m]),
        float(mast[2]),
        float(mast[3]),
    )


def window_of(mast: Sequence[float], *, range_cells: float, shape: tuple[int, int]) -> Window:
    """The part of a grid of ``shape`` that holds the cell centres within range of a mast at (row, col, ...)."""
    row, col = mast[0], mast[1]
    return (
        max(0, ceil(row - range_cells)),
        min(shape[0], floor(row + range_cells) + 1),
        max(0, ceil(col - range_cells)),
        min(shape[1], floor(col + range_cells) + 1),
    )


def path_losses(
    terrain: Terrain,
    mast: Sequence[float],
    *,
    range_cells: float,
    bands: int,
    losses: Callable[[Rays], Sequence[Loss]],
    at_mast_db: Sequence[float],
    most_apart_db: float = inf,
    warned: I64 | None = None,
) -> tuple[Window, NDArray[np.int16]]:
    """Loss of every cell within range of a mast: the window, and (bands, rows, cols) in 0.1 dB.

    0: beyond range, or the cell is void. Negative: the path crosses a void; the loss over what is known of it, which is
    the least it can be. ``losses`` gives the loss of each band at the samples of a quadrant, ``at_mast_db`` that
    in a cell whose centre is the mast. Where the losses of the two rays beside a cell differ by more than
    ``most_apart_db``, the path to the cell itself is computed. ``warned``, (bands, counts of warnings): where given,
    those of the losses along the rays are added to it. ComputeError if a cell was lost.
    """
    window = window_of(mast, range_cells=range_cells, shape=terrain.grid.shape)
    row0, row1, col0, col1 = window
    tenth_db = np.zeros((bands, row1 - row0, col1 - col0), dtype=np.int16)
    row, col = round(mast[0]), round(mast[1])
    if row == mast[0] and col == mast[1] and terrain.by_row[row + 1, col + 1] < ray_kernels.HIGHEST_M:
        tenth_db[:, row - row0, col - col0] = [max(round(10.0 * loss), 1) for loss in at_mast_db]
    seen = np.full(bands, int(row == mast[0] and col == mast[1]))
    apart = np.zeros(tenth_db.shape if most_apart_db < inf else (bands, 0, 0), dtype=np.bool_)
    for rays in quadrants(terrain, mast, range_cells=range_cells):
        across = terrain.by_col if rays.down else terrain.by_row
        for band, loss in enumerate(losses(rays)):
            if warned is not None:
                warned[band] += loss.warned
            seen[band] += ray_kernels.spread(
                loss.db,
                loss.per_metre,
                rays.ground,
                rays.void_from,
                rays.line,
                rays.side,
                rays.ahead,
                range_cells,
                spacing_cells(terrain.grid.cell_m),
                rays.down,
                across,
                terrain.voids,
                row0,
                col0,
                tenth_db[band],
                most_apart_db,
                apart[band],
            )
        if apart.any():
            apart &= tenth_db != 0
            cells = np.argwhere(apart.any(axis=0))
            for some, own in _to_cells(terrain, mast, rays, cells + np.array([row0, col0])):
                r, c = cells[some].T
                last = np.arange(len(some)), own.start
                for band, loss in enumerate(losses(own)):
                    tenth = np.clip(np.floor(loss.db[last] * 10.0 + 0.5), 1, ray_kernels.MOST_TENTH_DB)
                    known = np.where(own.void_from < own.count, -tenth, tenth).astype(np.int16)
                    tenth_db[band, r, c] = np.where(apart[band, r, c], known, tenth_db[band, r, c])
            apart[:] = False
    expected = ray_kernels.cells_in_range(float(mast[0]), float(mast[1]), range_cells, *window)
    if (seen != expected).any():
        raise ComputeError("radio.error.lost", done=int(seen.sum()), expected=bands * expected)
    return window, tenth_db
