"""Which part of which cell lies in which unit, computed once and exactly; sums over units are counts over pairs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import geopandas as gpd
import numpy as np
from numba import njit
from numpy.typing import NDArray
from pyproj import CRS

from phusong.layers.cell_shares import Frame, cell_shares
from phusong.layers.errors import ComputeError, CrsError, Fault, InputError
from phusong.layers.grid import Grid

AREA_TOLERANCE = 1e-6
"""Largest share of a unit's area that the cells may miss or count twice before the work is refused."""
KNOWN_SHARE = 0.5
"""A mean or a share stands only if at least this part of its weight lies on cells with data."""


@dataclass(frozen=True)
class Zones:
    """Pairs (unit, cell) sorted by unit then cell: each unit's cells and the share of each cell inside it.

    ``unit``: int32[n], row of the units frame. ``cell``: int64[n], row * cols + col. ``fraction``: float64[n], 0-1.
    """

    grid: Grid
    unit: NDArray[np.int32]
    cell: NDArray[np.int64]
    fraction: NDArray[np.float64]
    n_units: int

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """int64[n_units + 1]: unit i owns the pairs starts[i]:starts[i + 1]."""
        return np.searchsorted(self.unit, np.arange(self.n_units + 1)).astype(np.int64)

    @cached_property
    def area_km2(self) -> NDArray[np.float64]:
        """Area of each unit as its cells hold it, km2."""
        return self.sums(self.fraction) * self.cell_km2

    @property
    def cell_km2(self) -> float:
        """Area of one whole cell, km2."""
        return self.grid.cell_m**2 / 1e6

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of a value per pair over each unit, float64[n_units]; NaN in a pair makes its unit NaN."""
        return np.bincount(self.unit, weights=values, minlength=self.n_units).astype(np.float64)

    def at(self, raster: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float64]:
        """Value of a (rows, cols) array at each pair's cell, float64[n]."""
        return raster.reshape(-1)[self.cell].astype(np.float64)

    def centres_m(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Centre (x_m, y_m) of each pair's cell."""
        rows, cols = np.divmod(self.cell, self.grid.shape[1])
        return self.grid.x_m[cols], self.grid.y_m[rows]

    def means(self, values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Weighted mean over each unit's pairs with data, float64[n_units].

        NaN where the weight is unknown or zero, or less than ``KNOWN_SHARE`` of it lies on pairs with data.
        """
        total, part, whole = _weighted_sums(self.unit, values, weights, self.n_units)
        return known_mean(total, part, whole)

    def mean(self, values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
        """Weighted mean over all pairs with data, by the rule of ``means``; pairs of unknown weight are left out."""
        weighted = ~np.isnan(weights)
        known = weighted & ~np.isnan(values)
        total, part = float(np.sum((weights * values)[known])), float(np.sum(weights[known]))
        return float(known_mean(np.array([total]), np.array([part]), np.array([np.sum(weights[weighted])]))[0])


@njit(error_model="numpy", cache=True)
def _weighted_sums(
    unit: NDArray[np.int32], values: NDArray[np.float64], weights: NDArray[np.float64], n_units: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:  # pragma: no cover - compiled
    """Of each unit, over its pairs in their order: value x weight and weight where there is data; all weight."""
    total, part, whole = np.zeros(n_units), np.zeros(n_units), np.zeros(n_units)
    for k in range(len(unit)):
        if not np.isnan(values[k]):
            total[unit[k]] += weights[k] * values[k]
            part[unit[k]] += weights[k]
        whole[unit[k]] += weights[k]
    return total, part, whole


def known_mean(
    total: NDArray[np.float64], known: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """``total / known``, NaN where less than ``KNOWN_SHARE`` of ``weight`` is known, or nothing."""
    enough = (known > 0) & (known >= KNOWN_SHARE * weight * (1 - 1e-12))
    mean: NDArray[np.float64] = np.divide(total, known, out=np.full(total.shape, np.nan), where=enough)
    return mean


def zones(units: gpd.GeoDataFrame, *, grid: Grid, layer: str = "units") -> Zones:
    """Exact share of every cell of ``grid`` inside every polygon of ``units`` (same CRS).

    Shares are the area of the polygon clipped to the cell, not the cell-centre rule; a polygon smaller than a cell
    keeps its true share.

    Raises:
        CrsError: the polygons are not in the grid's CRS.
        InputError: a polygon is empty or reaches beyond the grid (its people would be lost); one fault a polygon.
        ComputeError: the cells do not add up to the polygons' areas (broken rings).
    """
    crs = CRS.from_user_input(grid.crs)
    if units.crs is None or CRS.from_user_input(units.crs) != crs:
        raise CrsError("error.zones_crs", layer=layer, found=str(units.crs), crs=grid.crs)
    _refuse_outside(units, grid=grid, layer=layer)
    left, _, _, top = grid.bounds
    frame = Frame(left, top, grid.cell_m, grid.cell_m, grid.shape)
    made = Zones(grid, *cell_shares(units.geometry.to_numpy(), frame), len(units))
    area_km2 = np.asarray(units.geometry.area, dtype=np.float64) / 1e6
    lost = np.abs(made.area_km2 - area_km2) > AREA_TOLERANCE * area_km2 + 1e-9 * made.cell_km2
    if lost.any():
        worst = int(np.argmax(np.where(lost, np.abs(made.area_km2 - area_km2), 0.0)))
        raise ComputeError(
            "error.zones_area",
            layer=layer,
            area=_code(units, worst),
            count=int(lost.sum()),
            cells_km2=round(float(made.area_km2[worst]), 6),
            area_km2=round(float(area_km2[worst]), 6),
        )
    return made


def _refuse_outside(units: gpd.GeoDataFrame, *, grid: Grid, layer: str) -> None:
    left, bottom, right, top = grid.bounds
    slack = 1e-6 * grid.cell_m
    faults: list[Fault] = []
    empty = np.asarray(units.geometry.isna() | units.geometry.is_empty)
    bounds = np.asarray(units.geometry.bounds, dtype=np.float64)
    for i in range(len(units)):
        if empty[i]:
            code = "error.zone_empty"
        elif (
            bounds[i, 0] < left - slack
            or bounds[i, 1] < bottom - slack
            or bounds[i, 2] > right + slack
            or bounds[i, 3] > top + slack
        ):
            code = "error.zone_outside"
        else:
            continue
        faults.append(Fault(code, layer=layer, row=i + 1, fatal=True, params={"area": _code(units, i)}))
    if faults:
        raise InputError("error.zones", faults=tuple(faults), layer=layer, count=len(faults))


def _code(units: gpd.GeoDataFrame, row: int) -> str:
    return str(units["code"].iloc[row]) if "code" in units else str(row + 1)
