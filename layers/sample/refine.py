"""Synthetic detail under a real coarse elevation: its cells' means are kept, the rest is shaped as rivers would."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import rasterio.features
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.warp import Resampling, reproject
from scipy import ndimage

from phusong.layers.errors import CrsError, InputError
from phusong.layers.grid import Grid, Raster
from phusong.layers.sample.frames import elevation_tags, source_text
from phusong.layers.sample.terrain import LAND_MIN_M, coarser, finer, relief_m, roughen, worked

Field = NDArray[np.float64]
Flags = NDArray[np.bool_]

_WORKING_CELL_M = 180.0
_FINE_ENOUGH = 3.0  # coarse cells up to so many cells of the grid need no synthetic detail
_SEA_MEAN_M = 0.5  # a coarse cell below it is sea
_SHORE_M = 6.0  # ground outside the units below it, next to the sea, is sea
_MATCH_STEPS = 60
_MATCHED_M = 0.25


@dataclass(frozen=True)
class _Coarse:
    """A coarse elevation and where the cells of a grid lie in it: fractional row and column of each cell's centre."""

    values: Field
    row: Field
    col: Field

    @property
    def block(self) -> NDArray[np.int64]:
        """Flat index of the coarse cell that holds each cell's centre; cells outside take the nearest one."""
        rows, cols = self.values.shape
        row = np.clip(np.floor(self.row), 0, rows - 1).astype(np.int64)
        col = np.clip(np.floor(self.col), 0, cols - 1).astype(np.int64)
        block: NDArray[np.int64] = row * cols + col
        return block

    def spread(self, values: Field) -> Field:
        """Bilinear values between the centres of the coarse cells."""
        at = [self.row - 0.5, self.col - 0.5]
        between: Field = ndimage.map_coordinates(values, at, order=1, mode="nearest")
        return between

    def means(self, z: Field) -> Field:
        """Means of ``z`` over the coarse cells, NaN where no cell lies."""
        block = self.block.ravel()
        size = self.values.size
        sums = np.bincount(block, weights=z.ravel(), minlength=size)
        cells = np.bincount(block, minlength=size)
        return np.where(cells > 0, sums / np.maximum(cells, 1), np.nan).reshape(self.values.shape)

    def match(self, z: Field) -> Field:
        """Scale ``z`` by a smooth factor until its means are the coarse values; sea stays 0, land stays above it."""
        land = z > 0
        for _ in range(_MATCH_STEPS):
            found = self.means(z)
            known = np.isfinite(found) & (found > 0.5 * LAND_MIN_M)
            wanted = np.maximum(self.values, 0.0)
            if np.abs(found - wanted)[known & (wanted > LAND_MIN_M)].max(initial=0.0) < _MATCHED_M:
                break
            ratio = np.where(known, (wanted + 0.1) / (np.where(known, found, 1.0) + 0.1), 1.0)
            z = np.where(land, np.maximum(z * self.spread(np.clip(ratio, 0.3, 3.0)), LAND_MIN_M), 0.0)
        return z


def refine(units: gpd.GeoDataFrame, path: Path, *, grid: Grid, seed: int = 2012) -> Raster:
    """Elevation (m) on ``grid`` whose means over the cells of the coarse raster at ``path`` are that raster's values.

    The detail below the coarse cells is synthetic (same seed, same bytes): noise that grows with the relief, worked by
    rivers. Sea (0 m) is the low ground outside ``units`` that reaches the coarse raster's sea. A raster with cells
    of at most three cells of the grid is only resampled. CrsError where the raster has no CRS; InputError where it
    cannot be read or does not cover the units.
    """
    values, transform, crs, cell_m = _read(path, grid=grid)
    home = _inside(units, grid)
    if cell_m <= _FINE_ENOUGH * grid.cell_m:
        z = _resampled(values, transform, crs, cell_m=cell_m, grid=grid)
        _require_cover(np.isfinite(z[home]), path)
        tags = {"source": path.name, "synthetic": "no", "unit": "m"}
        return Raster(grid, np.where(np.isfinite(z), np.maximum(z, 0.0), 0.0).astype(np.float32), tags)
    rng = np.random.default_rng([seed, 3])
    work, times = coarser(grid, cell_m=_WORKING_CELL_M)
    at = _Coarse(values, *_places(work, transform, crs))
    rows, cols = values.shape
    covered = (at.row >= 0) & (at.row <= rows) & (at.col >= 0) & (at.col <= cols)
    home_wide = _inside(units, work)
    _require_cover(covered[home_wide] & np.isfinite(values.ravel()[at.block[home_wide]]), path)
    at = _Coarse(np.nan_to_num(values, nan=0.0), at.row, at.col)
    land = home_wide | ~_sea(at, home_wide)
    smooth = at.match(np.where(land, np.maximum(at.spread(at.values), LAND_MIN_M), 0.0))
    smooth = ndimage.gaussian_filter(smooth, 0.12 * cell_m / work.cell_m)
    z = worked(smooth, 2.0 * relief_m(smooth, cell_m=work.cell_m), land, work, rng=rng)
    z = at.match(z)
    ashore = home | (finer(land.astype(np.float64), grid=grid, times=times) > 0.5)
    fine = roughen(finer(z, grid=grid, times=times), land=ashore, cell_m=grid.cell_m, rng=rng)
    fine = _Coarse(at.values, *_places(grid, transform, crs)).match(fine)
    return Raster(grid, fine.astype(np.float32), elevation_tags(f"{path.name}; {source_text(seed)}"))


def _read(path: Path, *, grid: Grid) -> tuple[Field, Affine, str, float]:
    """Values (NaN = no data), transform, CRS and cell width (m, at the grid's centre) of a raster file."""
    try:
        with rasterio.open(path) as source:
            if source.crs is None:
                raise CrsError("error.sample_elevation_no_crs", file=path.name)
            values = source.read(1, masked=True).astype(np.float64).filled(np.nan)
            transform, crs = source.transform, source.crs.to_wkt()
    except rasterio.errors.RasterioIOError as fault:
        raise InputError("error.sample_elevation_unreadable", file=path.name) from fault
    left, bottom, right, top = grid.bounds
    back = Transformer.from_crs(grid.crs, crs, always_xy=True)
    x, y = back.transform([(left + right) / 2] * 2, [(bottom + top) / 2, (bottom + top) / 2 + 1000.0])
    per_km = float(np.hypot(x[1] - x[0], y[1] - y[0]))
    return values, transform, crs, 1000.0 * abs(transform.e) / per_km


def _places(grid: Grid, transform: Affine, crs: str) -> tuple[Field, Field]:
    """Fractional row and column in the raster of the centres of a grid's cells."""
    x_m, y_m = np.meshgrid(grid.x_m, grid.y_m)
    x, y = Transformer.from_crs(grid.crs, crs, always_xy=True).transform(x_m.ravel(), y_m.ravel())
    away = ~transform
    col = away.a * x + away.b * y + away.c
    row = away.d * x + away.e * y + away.f
    return row.reshape(grid.shape), col.reshape(grid.shape)


def _require_cover(known: Flags, path: Path) -> None:
    if not known.all():
        missing_pct = 100.0 * float(1 - known.mean())
        raise InputError("error.sample_elevation_outside", file=path.name, missing_pct=missing_pct)


def _inside(units: gpd.GeoDataFrame, grid: Grid) -> Flags:
    """Cells of ``grid`` whose centre lies in a unit."""
    shapes = list(units.geometry)
    burnt = rasterio.features.rasterize(shapes, out_shape=grid.shape, transform=grid.transform, dtype="uint8")
    return np.asarray(burnt > 0)


def _resampled(values: Field, transform: Affine, crs: str, *, cell_m: float, grid: Grid) -> Field:
    """The raster on ``grid``: means of its cells where they are smaller, else bilinear; NaN outside it."""
    z = np.full(grid.shape, np.nan)
    reproject(
        values,
        z,
        src_transform=transform,
        src_crs=crs,
        src_nodata=np.nan,
        dst_transform=grid.transform,
        dst_crs=grid.crs,
        dst_nodata=np.nan,
        resampling=Resampling.average if cell_m < grid.cell_m else Resampling.bilinear,
    )
    return z


def _sea(at: _Coarse, home: Flags) -> Flags:
    """Cells outside the units that are sea: coarse sea cells, and low or near ground that is joined to them."""
    deep = ~home & (at.values.ravel()[at.block] < _SEA_MEAN_M)
    if not deep.any():
        return np.zeros(home.shape, dtype=bool)
    block_cells = np.sqrt(home.size / max(1, len(np.unique(at.block))))
    near = ndimage.distance_transform_edt(~deep) < 1.1 * block_cells
    shallow = ~home & (deep | near | (at.spread(at.values) < _SHORE_M))
    pieces, _ = ndimage.label(shallow)
    joined = np.unique(pieces[deep])
    return np.isin(pieces, joined[joined > 0])
