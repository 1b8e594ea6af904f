"""The best-server sweep over a grid: lays out terrain, masts and tiles for the kernel, and counts what it did."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
from numba import get_num_threads
from numpy.typing import NDArray

from phusong.coverage.radio import kernels
from phusong.layers.errors import ComputeError, CrsError
from phusong.layers.grid import Grid, Raster

Progress = Callable[[int, int], None]
"""Called with (tiles done, tiles in all)."""

TILE_CELLS = 16
BATCH_TILES = 256
THREAD_TILES = 16


@dataclass(frozen=True)
class Terrain:
    """Elevation as the kernels read it: padded by one repeated cell, void cells a wall; ``by_col`` is its transpose.

    ``lowest``: see ``lowest_ground``.
    """

    grid: Grid
    by_row: NDArray[np.float32]
    by_col: NDArray[np.float32]
    lowest: NDArray[np.float32]

    @classmethod
    def of(cls, elevation: Raster) -> Terrain:
        """From elevation in metres above sea level, NaN where void."""
        padded = np.pad(np.asarray(elevation.values, dtype=np.float32), 1, mode="edge")
        padded[np.isnan(padded)] = kernels.VOID
        return cls(elevation.grid, padded, np.ascontiguousarray(padded.T), lowest_ground(elevation.values))

    def position(self, x_m: float, y_m: float) -> tuple[float, float]:
        """(row, col) in cells, whole numbers at cell centres."""
        return (self.grid.top_m - y_m) / self.grid.cell_m - 0.5, (x_m - self.grid.left_m) / self.grid.cell_m - 0.5

    def ground_m(self, x_m: float, y_m: float) -> float:
        """Bilinear elevation at a point; NaN outside the grid or beside a void cell that counts."""
        if not (isfinite(x_m) and isfinite(y_m)) or not bool(self.grid.inside(np.array([x_m]), np.array([y_m]))[0]):
            return float("nan")
        height = kernels.bilinear(self.by_row, *self.position(x_m, y_m))
        return height if height < 1.0e9 else float("nan")


def lowest_ground(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lowest elevation in the blocks of ``BLOCK_CELLS`` and up to each of ``RADII`` cells around them; -VOID at voids.

    (radii, block rows, block columns); what lies beyond the grid does not count.
    """
    block, radii = kernels.BLOCK_CELLS, kernels.RADII
    rows, cols = (-(-size // block) for size in values.shape)
    padded = np.full((rows * block, cols * block), np.inf, dtype=np.float32)
    padded[: values.shape[0], : values.shape[1]] = np.where(np.isnan(values), np.float32(-kernels.VOID), values)
    blocks = padded.reshape(rows, block, cols, block).min(axis=(1, 3))
    lowest = np.empty((len(radii), rows, cols), dtype=np.float32)
    reached, around = 0, blocks
    for i, radius in enumerate(radii):
        while reached < radius:
            around = _with_neighbours(around)
            reached += block
        lowest[i] = around
    return lowest


def _with_neighbours(blocks: NDArray[np.float32]) -> NDArray[np.float32]:
    """The least of each block and the eight around it."""
    least = blocks.copy()
    np.minimum(least[1:], blocks[:-1], out=least[1:])
    np.minimum(least[:-1], blocks[1:], out=least[:-1])
    both = least.copy()
    np.minimum(both[:, 1:], least[:, :-1], out=both[:, 1:])
    np.minimum(both[:, :-1], least[:, 1:], out=both[:, :-1])
    return both


@dataclass(frozen=True)
class Masts:
    """Antennas at one position and height share one profile a cell.

    ``place``: (m, 4) row, col, antenna and ground above sea level in m. Sectors of mast i are rows
    ``first_sector[i]:first_sector[i + 1]`` of ``sectors`` (columns of ``kernels``), ``key`` (which best-server map they
    compete on) and ``rank`` (their number there; the lower wins a tie).
    """

    place: NDArray[np.float64]
    first_sector: NDArray[np.int64]
    sectors: NDArray[np.float64]
    key: NDArray[np.int32]
    rank: NDArray[np.int32]

    @property
    def range_m(self) -> NDArray[np.float64]:
        """The longest range of each mast's sectors."""
        return np.sqrt(np.maximum.reduceat(self.sectors[:, kernels.RANGE_M2], self.first_sector[:-1]))


@dataclass(frozen=True)
class Swept:
    """Result of a sweep over a window of the grid: ``level`` (keys, rows, cols) dBm, ``server`` ranks, and counts."""

    level: NDArray[np.float32]
    server: NDArray[np.int32]
    pairs: int
    profiles: int
    masts_in_range: int


def check_grid(elevation: Raster, grid: Grid) -> None:
    """CrsError unless the elevation lies on the study's grid: the same CRS, corner, cell and shape."""
    if elevation.grid != grid:
        raise CrsError("radio.error.grid", elevation=str(elevation.grid), grid=str(grid))


def best_server(
    terrain: Terrain,
    masts: Masts,
    *,
    usable_dbm: NDArray[np.float64],
    where: NDArray[np.bool_] | None,
    window: tuple[int, int, int, int],
    earth_radius_m: float,
    terminal_height_m: float,
    least_dbm: float = kernels.NO_SERVER_DBM,
    spherical: bool = True,
    vertical: bool = True,
    progress: Progress | None = None,
) -> Swept:
    """Best level and server of each key on the cells of ``window`` (row0, row1, col0, col1) that ``where`` asks for.

    A cell is NaN (server -1) where it is not asked for, where its own elevation is void, or where no known path reaches
    ``usable_dbm`` of the key while a path across void elevation might bring more than the best known one. A cell is
    ``NO_SERVER_DBM`` where no mast in range brings ``least_dbm``. The result does not depend on the number of threads
    or the order of masts.
    ComputeError if a pair of cell and mast was lost.
    """
    row0, row1, col0, col1 = window
    shape = (len(usable_dbm), row1 - row0, col1 - col0)
    level = np.full(shape, np.nan, dtype=np.float32)
    server = np.full(shape, -1, dtype=np.int32)
    wanted = np.ones(terrain.grid.shape, dtype=np.bool_) if where is None else np.asarray(where, dtype=np.bool_)
    if wanted.shape != terrain.grid.shape:  # the kernel does not look
        raise ValueError(f"where {wanted.shape} does not fit the grid {terrain.grid.shape}")
    tiles, cells = _tiles(wanted[row0:row1, col0:col1], row0=row0, col0=col0)
    order = np.random.default_rng(0).permutation(len(tiles))  # spreads mountains and plains over the threads
    tiles, cells = tiles[order], cells[order]
    twins = _twins(masts)
    range_cells = masts.range_m / terrain.grid.cell_m
    pairs = profiles = 0
    in_range = np.zeros(len(masts.place), dtype=np.bool_)
    for first in range(0, len(tiles), BATCH_TILES):
        batch = tiles[first : first + BATCH_TILES]
        start, near = _near(batch, masts.place, range_cells)
        in_range[near] = True
        visited = np.full(len(batch), -1, dtype=np.int64)
        computed = np.zeros(len(batch), dtype=np.int64)
        arguments = (
            terrain.by_row,
            terrain.by_col,
            terrain.lowest,
            wanted,
            batch,
            start,
            near,
            masts.place,
            masts.first_sector,
            masts.sectors,
            masts.key,
            masts.rank,
            twins,
            usable_dbm,
            terrain.grid.cell_m,
            earth_radius_m,
            terminal_height_m,
            least_dbm,
            spherical,
            vertical,
            row0,
            col0,
            level,
            server,
            visited,
            computed,
        )
        _side_by_side(len(batch), arguments)
        expected = cells[first : first + BATCH_TILES] * np.diff(start)
        if not np.array_equal(visited, expected):
            raise ComputeError("radio.error.lost", done=int(visited.sum()), expected=int(expected.sum()))
        pairs += int(expected.sum())
        profiles += int(computed.sum())
        if progress is not None:
            progress(first + len(batch), len(tiles))
    return Swept(level, server, pairs, profiles, int(in_range.sum()))


def _side_by_side(tiles: int, arguments: tuple[Any, ...]) -> None:
    """Sweep the tiles in threads, a few at a time, as many threads as numba may use."""
    firsts = range(0, tiles, THREAD_TILES)
    with ThreadPoolExecutor(min(get_num_threads(), len(firsts))) as threads:
        for done in [threads.submit(kernels.sweep, k, min(k + THREAD_TILES, tiles), *arguments) for k in firsts]:
            done.result()


def _twins(masts: Masts) -> NDArray[np.int64]:
    """For each sector the first of its mast with the same antenna pattern, direction and tilt."""
    mast = np.repeat(np.arange(len(masts.place)), np.diff(masts.first_sector))
    pattern = np.column_stack([mast, np.nan_to_num(masts.sectors[:, kernels.AZIMUTH :], nan=-1.0e9)])
    _, first, group = np.unique(pattern, axis=0, return_index=True, return_inverse=True)
    return np.asarray(first[group.reshape(-1)], dtype=np.int64)


def _tiles(wanted: NDArray[np.bool_], *, row0: int, col0: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Tiles (n, 4) row0, row1, col0, col1 with at least one wanted cell, and how many each holds."""
    rows, cols = wanted.shape
    high, wide = -(-rows // TILE_CELLS), -(-cols // TILE_CELLS)
    padded = np.zeros((high * TILE_CELLS, wide * TILE_CELLS), dtype=np.bool_)
    padded[:rows, :cols] = wanted
    counts = padded.reshape(high, TILE_CELLS, wide, TILE_CELLS).sum(axis=(1, 3), dtype=np.int64)
    down, across = np.nonzero(counts)
    top, left = down * TILE_CELLS, across * TILE_CELLS
    bottom, right = np.minimum(top + TILE_CELLS, rows), np.minimum(left + TILE_CELLS, cols)
    tiles = np.stack([top + row0, bottom + row0, left + col0, right + col0], axis=1).astype(np.int64)
    return tiles, counts[down, across]


def _near(
    tiles: NDArray[np.int64], place: NDArray[np.float64], range_cells: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """For each tile the masts that may reach one of its cell centres: starts, masts."""
    box = tiles.astype(np.float64)
    row, col = place[None, :, 0], place[None, :, 1]
    down = np.maximum(np.maximum(box[:, :1] - row, row - (box[:, 1:2] - 1.0)), 0.0)
    across = np.maximum(np.maximum(box[:, 2:3] - col, col - (box[:, 3:4] - 1.0)), 0.0)
    reaches = np.hypot(down, across) <= range_cells[None, :] + 1e-9
    start = np.concatenate([[0], np.cumsum(reaches.sum(axis=1))]).astype(np.int64)
    return start, np.nonzero(reaches)[1].astype(np.int32)
