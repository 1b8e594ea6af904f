"""Elevation, and what stands on it, as the compiled kernels read them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from phusong.coverage.radio import path_kernels
from phusong.layers.errors import CrsError
from phusong.layers.grid import Grid, Raster

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
DIGEST_CELLS = 64


@dataclass(frozen=True)
class Terrain:
    """Heights in m padded by one repeated cell, void cells a wall (``path_kernels.VOID``); ``by_col`` is the
    same turned.

    ``surface_*``: ground and clutter, what obstacles are made of; the very arrays of the ground where there is none.
    """

    grid: Grid
    by_row: F32
    by_col: F32
    surface_by_row: F32
    surface_by_col: F32
    voids: bool

    @classmethod
    def of(cls, elevation: Raster, clutter: Raster | None = None) -> Terrain:
        """From elevation in m above sea level, NaN where void, and heights of clutter in m on the same grid."""
        ground = np.asarray(elevation.values, dtype=np.float32)
        by_row, by_col = _padded(ground)
        surface = (by_row, by_col)
        if clutter is not None:
            check_grid(clutter, elevation.grid)
            standing = np.nan_to_num(np.asarray(clutter.values, dtype=np.float32))
            if standing.any():
                surface = _padded(ground + standing)
        return cls(elevation.grid, by_row, by_col, *surface, voids=bool(np.isnan(ground).any()))

    def position(self, x_m: float, y_m: float) -> tuple[float, float]:
        """(row, col) in cells, whole numbers at cell centres."""
        return (self.grid.top_m - y_m) / self.grid.cell_m - 0.5, (x_m - self.grid.left_m) / self.grid.cell_m - 0.5

    def position_of(self, x_m: F64, y_m: F64) -> tuple[F64, F64]:
        """``position`` of points (n,)."""
        return (self.grid.top_m - y_m) / self.grid.cell_m - 0.5, (x_m - self.grid.left_m) / self.grid.cell_m - 0.5

    def holds(self, elevation: Raster, clutter: Raster | None) -> bool:
        """Whether this is the terrain of an elevation without clutter."""
        if clutter is not None or self.surface_by_row is not self.by_row or elevation.grid != self.grid:
            return False
        mine, theirs = self.by_row[1:-1, 1:-1], np.asarray(elevation.values, dtype=np.float32)
        return bool(
            np.array_equal(
                mine, np.where(np.isnan(theirs), np.float32(path_kernels.VOID), theirs) if self.voids else theirs
            )
        )

    def ground_m(self, x_m: float, y_m: float) -> float:
        """Bilinear elevation at a point; NaN outside the grid or beside a void cell that counts."""
        return float(self.grounds_m(np.array([x_m]), np.array([y_m]))[0])

    def grounds_m(self, x_m: F64, y_m: F64) -> F64:
        """Bilinear elevation at points (n,); NaN outside the grid or beside a void cell that counts."""
        inside = np.isfinite(x_m) & np.isfinite(y_m)
        inside[inside] = self.grid.inside(x_m[inside], y_m[inside])
        heights = np.full(len(x_m), np.nan)
        rows, cols = self.position_of(x_m[inside], y_m[inside])
        heights[inside] = [
            path_kernels.bilinear(self.by_row, row, col) for row, col in zip(rows.tolist(), cols.tolist(), strict=True)
        ]
        return np.where(heights < path_kernels.HIGHEST_M, heights, np.nan)

    def cut(self, window: tuple[int, int, int, int]) -> Terrain:
        """The part of a window (row0, row1, col0, col1) of the grid."""
        row0, row1, col0, col1 = window
        grid = self.grid
        left_m, top_m = grid.left_m + col0 * grid.cell_m, grid.top_m - row0 * grid.cell_m
        rows, cols = slice(row0, row1 + 2), slice(col0, col1 + 2)
        by_row, surface = (np.ascontiguousarray(raster[rows, cols]) for raster in (self.by_row, self.surface_by_row))
        by_col, surface_by_col = (np.ascontiguousarray(raster.T) for raster in (by_row, surface))
        cut = Grid(grid.crs, left_m, top_m, grid.cell_m, (row1 - row0, col1 - col0))
        return Terrain(cut, by_row, by_col, surface, surface_by_col, self.voids)

    @cached_property
    def _digests(self) -> list[list[bytes]]:
        """Of the heights in blocks of ``DIGEST_CELLS``, a row of blocks each."""
        rows, cols = self.by_row.shape
        return [
            [
                blake2b(
                    b"".join(
                        np.ascontiguousarray(raster[r : r + DIGEST_CELLS, c : c + DIGEST_CELLS]).tobytes()
                        for raster in (self.by_row, self.surface_by_row)[: 1 + (self.surface_by_row is not self.by_row)]
                    ),
                    digest_size=16,
                ).digest()
                for c in range(0, cols, DIGEST_CELLS)
            ]
            for r in range(0, rows, DIGEST_CELLS)
        ]

    def content(self, window: tuple[int, int, int, int]) -> bytes:
        """What identifies the heights in and about a window (row0, row1, col0, col1) of the grid."""
        row0, row1, col0, col1 = (edge // DIGEST_CELLS for edge in (window[0], window[1] + 1, window[2], window[3] + 1))
        place = f"{window[0] % DIGEST_CELLS} {window[2] % DIGEST_CELLS}".encode()
        return place + b"".join(digest for row in self._digests[row0 : row1 + 1] for digest in row[col0 : col1 + 1])


def check_grid(raster: Raster, grid: Grid) -> None:
    """CrsError unless the raster lies on the study's grid: the same CRS, corner, cell and shape."""
    if raster.grid != grid:
        raise CrsError("radio.error.grid", elevation=str(raster.grid), grid=str(grid))


def _padded(heights: F32) -> tuple[F32, F32]:
    padded = np.pad(heights, 1, mode="edge")
    padded[np.isnan(padded)] = path_kernels.VOID
    return padded, np.ascontiguousarray(padded.T)
