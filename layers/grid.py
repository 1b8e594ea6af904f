"""The one immutable raster frame, and a raster on it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS

from phusong.layers.errors import CrsError, InputError

MAX_CELLS = 25_000_000
"""Most cells of a grid: a province of 100 x 100 km at 20 m, about 10 GB of memory in a run."""


@dataclass(frozen=True)
class Grid:
    """CRS, affine transform and shape (rows, cols) of a north-up raster with square cells in metres.

    Cell (row, col) covers [left + col*cell_m, left + (col+1)*cell_m] x [top - (row+1)*cell_m, top - row*cell_m];
    its centre is half a cell in. CrsError without a metric CRS; InputError for more than ``MAX_CELLS`` cells.
    """

    crs: str
    left_m: float
    top_m: float
    cell_m: float
    shape: tuple[int, int]

    def __post_init__(self) -> None:
        crs = CRS.from_user_input(self.crs)
        if not crs.is_projected or crs.axis_info[0].unit_name != "metre":
            raise CrsError("error.crs_not_metric", crs=self.crs)
        rows, cols = self.shape
        if rows * cols > MAX_CELLS:
            most = f"{MAX_CELLS / 1e6:g}"
            least_m = math.ceil(self.cell_m * math.sqrt(rows * cols / MAX_CELLS))
            raise InputError(
                "error.grid_too_large", rows=rows, cols=cols, cell_m=f"{self.cell_m:g}", most=most, least_m=least_m
            )

    @classmethod
    def covering(
        cls, bounds: tuple[float, float, float, float], *, crs: str, cell_m: float, margin_m: float = 0.0
    ) -> Grid:
        """The smallest grid with edges on whole multiples of ``cell_m`` that covers (left, bottom, right, top)."""
        left, bottom, right, top = bounds
        col0 = math.floor((left - margin_m) / cell_m)
        col1 = math.ceil((right + margin_m) / cell_m)
        row0 = math.floor((bottom - margin_m) / cell_m)
        row1 = math.ceil((top + margin_m) / cell_m)
        return cls(crs, col0 * cell_m, row1 * cell_m, cell_m, (row1 - row0, col1 - col0))

    @property
    def transform(self) -> Affine:
        """Affine from (col, row) to (x_m, y_m)."""
        return Affine(self.cell_m, 0.0, self.left_m, 0.0, -self.cell_m, self.top_m)

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """(left, bottom, right, top) in metres."""
        rows, cols = self.shape
        return (self.left_m, self.top_m - rows * self.cell_m, self.left_m + cols * self.cell_m, self.top_m)

    @property
    def x_m(self) -> NDArray[np.float64]:
        """Cell-centre eastings, one a column."""
        return np.asarray(self.left_m + (np.arange(self.shape[1]) + 0.5) * self.cell_m, dtype=np.float64)

    @property
    def y_m(self) -> NDArray[np.float64]:
        """Cell-centre northings, one a row, falling."""
        return np.asarray(self.top_m - (np.arange(self.shape[0]) + 0.5) * self.cell_m, dtype=np.float64)

    def rowcol(self, x_m: NDArray[np.float64], y_m: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Row and column of the cells that hold the points; may lie outside the shape (see ``inside``)."""
        cols = np.floor((np.asarray(x_m, dtype=np.float64) - self.left_m) / self.cell_m).astype(np.int64)
        rows = np.floor((self.top_m - np.asarray(y_m, dtype=np.float64)) / self.cell_m).astype(np.int64)
        return rows, cols

    def inside(self, x_m: NDArray[np.float64], y_m: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which points fall on a cell of the grid."""
        rows, cols = self.rowcol(x_m, y_m)
        return (rows >= 0) & (rows < self.shape[0]) & (cols >= 0) & (cols < self.shape[1])


@dataclass(frozen=True)
class Raster:
    """Values on a grid, shape (rows, cols) float; NaN is "no data". ``tags`` carry as_of, source, synthetic, unit."""

    grid: Grid
    values: NDArray[np.float32]
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.values.shape != self.grid.shape:
            raise ValueError(f"values {self.values.shape} do not fit the grid {self.grid.shape}")

    def sample(self, x_m: NDArray[np.float64], y_m: NDArray[np.float64]) -> NDArray[np.float32]:
        """Value of the cell that holds each point, NaN outside."""
        rows, cols = self.grid.rowcol(x_m, y_m)
        ok = self.grid.inside(x_m, y_m)
        out = np.full(rows.shape, np.nan, dtype=np.float32)
        out[ok] = self.values[rows[ok], cols[ok]]
        return out

    def bilinear(self, x_m: NDArray[np.float64], y_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Value interpolated between cell centres at each point; the edge cells hold out to the grid's edge.

        NaN outside the grid and where a cell that counts is void.
        """
        rows, cols = self.grid.shape
        col = np.clip((np.asarray(x_m, dtype=np.float64) - self.grid.left_m) / self.grid.cell_m - 0.5, 0, cols - 1)
        row = np.clip((self.grid.top_m - np.asarray(y_m, dtype=np.float64)) / self.grid.cell_m - 0.5, 0, rows - 1)
        row0, col0 = row.astype(np.int64), col.astype(np.int64)
        down, right = row - row0, col - col0
        total = np.zeros(row.shape, dtype=np.float64)
        for i, share_row in ((row0, 1 - down), (np.minimum(row0 + 1, rows - 1), down)):
            for j, share in ((col0, share_row * (1 - right)), (np.minimum(col0 + 1, cols - 1), share_row * right)):
                total += np.where(share > 0, share * self.values[i, j].astype(np.float64), 0.0)
        return np.where(self.grid.inside(x_m, y_m), total, np.nan)
