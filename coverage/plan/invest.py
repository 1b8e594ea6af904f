"""The investment list: candidates, their cost, the people they add, and the choice under the budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.sparse import csr_array
from scipy.spatial import cKDTree

from phusong.coverage.plan.candidates import Floats, Reach, find_candidates
from phusong.coverage.plan.cover import choose
from phusong.coverage.plan.serves import serves
from phusong.coverage.population import People
from phusong.coverage.radio.margin import over_db
from phusong.coverage.rules.judge import numbers
from phusong.layers.errors import ComputeError, CrsError
from phusong.layers.grid import Grid, Raster

PLAN_COLUMNS = (
    "rank",
    "candidate_id",
    "kind",
    "name",
    "unit_code",
    "unit_name",
    "x_m",
    "y_m",
    "lon",
    "lat",
    "ground_elevation_m",
    "technology",
    "band_mhz",
    "height_m",
    "cost_vnd",
    "people_new",
    "people_new_cumulative",
    "cost_cumulative_vnd",
    "people_per_bn_vnd",
    "off_grid",
    "border",
)
CANDIDATE_COLUMNS = ("candidate_id", "kind", "name", "unit_code", "x_m", "y_m", "cost_vnd", "people_alone", "rank")


@dataclass(frozen=True)
class Plan:
    """The proposed sites and how good they are.

    sites          by rank, columns ``PLAN_COLUMNS`` and geometry (points in the study's CRS); ``name`` is the nearest
                   village's, else the commune's; ``off_grid`` is NA where the grid power of the nearest village is
                   not known (no extra cost then), ``border`` where it is not known whether the commune is on the border
    candidates     all that were computed, columns ``CANDIDATE_COLUMNS``: people each would add alone, rank if chosen
    serves         which communes and villages each of them would serve (``serves.SERVES_COLUMNS``)
    status         "greedy"
    people_new     persons newly covered by the sites together
    bound_people   no choice of these candidates within the budget covers more
    gap_pct        how far the choice may be from the best of these candidates, % of the bound
    counts         candidates, sites, and persons: people_without_signal (without the technology before the plan),
                   people_signal_unknown, people_out_of_reach (of those without signal: no candidate reaches them)
    """

    sites: gpd.GeoDataFrame
    candidates: pd.DataFrame
    serves: pd.DataFrame
    status: str
    people_new: float
    cost_vnd: float
    budget_vnd: float
    bound_people: float
    gap_pct: float
    counts: Mapping[str, float]


def make_plan(
    people: People,
    units: pd.DataFrame,
    *,
    villages: gpd.GeoDataFrame | None,
    elevation: Raster,
    covered: NDArray[np.float32],
    reach: Reach,
    usable_dbm: float,
    technology: str,
    band_mhz: float | None,
    height_m: float,
    budget_vnd: float,
    site_cost_vnd: float,
    off_grid_extra_vnd: float,
    border_factor: float,
    max_candidates: int,
    min_people: float,
    home: NDArray[np.int64] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Plan:
    """Sites that bring ``technology`` to most people per VND within ``budget_vnd``.

    ``units`` (rows as in ``people.zones``): code, name, land_border. ``covered`` (rows, cols) says who has the signal
    already: 1, 0, or NaN not known, and only people on 0 cells count as newly covered. ``home`` says whose village a
    cell is (``lacking.home_villages``). ``reach`` gives the level of a
    new site at positions, on the cells asked for; a cell is covered from ``usable_dbm`` up.
    Cost of a site: ``site_cost_vnd``, times ``border_factor`` in land-border communes, plus ``off_grid_extra_vnd``
    where the nearest village has no grid power. A site must add more than ``min_people``.
    Errors: CrsError if elevation or covered are not on the people's grid; ComputeError if ``reach`` does not answer for
    each position once.
    """
    grid = people.zones.grid
    if elevation.grid != grid or covered.shape != grid.shape:
        raise CrsError("error.plan.grid")
    per_cell = _people_per_cell(people)
    dark = np.where(covered == 0, per_cell, 0.0)
    found = find_candidates(
        zones=people.zones,
        elevation=elevation,
        villages=villages,
        covered=covered,
        uncovered_people=dark,
        max_candidates=max_candidates,
    )
    found = _with_surroundings(found, units, villages=villages)
    factor = np.where(found["border"].fillna(False).to_numpy(dtype=np.bool_), border_factor, 1.0)
    extra = np.where(found["off_grid"].fillna(False).to_numpy(dtype=np.bool_), off_grid_extra_vnd, 0.0)
    found["cost_vnd"] = site_cost_vnd * factor + extra

    covers = _covers(found, reach, dark > 0, usable_dbm=usable_dbm, progress=progress)
    places = dark.reshape(-1)
    cost_vnd = found["cost_vnd"].to_numpy(np.float64)
    choice = choose(covers, people=places, cost_vnd=cost_vnd, budget_vnd=budget_vnd, min_people=min_people)
    order = np.array(choice.order, dtype=np.int64)
    rank = pd.Series(pd.NA, index=found.index, dtype="Int64")
    rank.iloc[order] = np.arange(1, len(order) + 1)
    found = found.assign(people_alone=covers @ places, rank=rank)
    reached = float(places[np.unique(covers.indices)].sum())
    sites = _sites(
        found,
        order,
        np.array(choice.gains),
        technology=technology,
        band_mhz=band_mhz,
        height_m=height_m,
        crs=grid.crs,
    )
    return Plan(
        sites=sites,
        candidates=found[list(CANDIDATE_COLUMNS)],
        serves=serves(
            found,
            covers,
            people=people,
            covered=covered,
            unit_codes=units["code"].to_numpy(dtype=object),
            village_codes=np.array([]) if villages is None else villages["code"].to_numpy(dtype=object),
            village_cells=_centre_cells(villages, grid),
            home=home,
        ),
        status=choice.status,
        people_new=choice.people,
        cost_vnd=choice.cost_vnd,
        budget_vnd=budget_vnd,
        bound_people=choice.bound_people,
        gap_pct=choice.gap_pct,
        counts={
            "candidates": len(found),
            "sites": len(order),
            "people_without_signal": float(dark.sum()),
            "people_signal_unknown": float(per_cell[np.isnan(covered)].sum()),
            "people_out_of_reach": float(dark.sum()) - reached,
        },
    )


def _centre_cells(villages: gpd.GeoDataFrame | None, grid: Grid) -> NDArray[np.int64]:
    """Flat index of the cell of each village's centre, -1 off the grid."""
    if villages is None:
        return np.empty(0, np.int64)
    x_m, y_m = villages.geometry.x.to_numpy(np.float64), villages.geometry.y.to_numpy(np.float64)
    inside = grid.inside(x_m, y_m)
    cells = np.full(len(villages), -1, dtype=np.int64)
    rows, cols = grid.rowcol(x_m[inside], y_m[inside])
    cells[inside] = rows * grid.shape[1] + cols
    return cells


def _people_per_cell(people: People) -> Floats:
    """Persons per cell, float64 (rows, cols); pairs of units without population count 0."""
    shape = people.zones.grid.shape
    weights = np.where(np.isnan(people.people), 0.0, people.people)
    sums = np.bincount(people.zones.cell, weights=weights, minlength=shape[0] * shape[1])
    return sums.astype(np.float64).reshape(shape)


def _with_surroundings(found: pd.DataFrame, units: pd.DataFrame, *, villages: gpd.GeoDataFrame | None) -> pd.DataFrame:
    """The candidates with name, unit_code, unit_name, border and off_grid."""
    unit = found["unit"].to_numpy(np.int64)
    border = numbers(units, "land_border")[unit]
    named = found.assign(
        unit_code=units["code"].to_numpy(dtype=object)[unit],
        unit_name=units["name"].to_numpy(dtype=object)[unit],
        border=_yes_no(border),
    )
    if villages is None or not len(villages) or not len(found):
        return named.assign(name=named["unit_name"], off_grid=_yes_no(np.full(len(found), np.nan)))
    centres = np.column_stack([villages.geometry.x.to_numpy(), villages.geometry.y.to_numpy()])
    _, nearest = cKDTree(centres).query(found[["x_m", "y_m"]].to_numpy(np.float64))
    power = numbers(villages, "grid_power")[nearest]
    return named.assign(name=villages["name"].to_numpy(dtype=object)[nearest], off_grid=_yes_no(1.0 - power))


def _covers(
    found: pd.DataFrame,
    reach: Reach,
    where: NDArray[np.bool_],
    *,
    usable_dbm: float,
    progress: Callable[[int, int], None] | None,
) -> csr_array:
    """(n candidates, rows * cols): 1 where a candidate's level is usable on a cell of ``where``."""
    cells: list[NDArray[np.int64]] = [np.empty(0, np.int64)] * len(found)
    positions = found[["x_m", "y_m"]].to_numpy(np.float64)
    answered = np.zeros(len(found), dtype=np.int64)
    if len(found):
        for index, (row0, row1, col0, col1), level in reach(positions, where):
            rows, cols = np.nonzero((over_db(level, usable_dbm) >= 0.0) & where[row0:row1, col0:col1])
            cells[index] = (rows + row0) * where.shape[1] + cols + col0
            answered[index] += 1
            if progress is not None:
                progress(int(answered.sum()), len(found))
    if not (answered == 1).all():
        raise ComputeError("error.plan.lost", done=int((answered == 1).sum()), total=len(found))
    starts = np.concatenate([[0], np.cumsum([len(own) for own in cells])]).astype(np.int64)
    joined = np.concatenate(cells) if cells else np.empty(0, np.int64)
    return csr_array((np.ones(len(joined)), joined, starts), shape=(len(found), where.size))


def _sites(
    found: pd.DataFrame,
    order: NDArray[np.int64],
    gains: Floats,
    *,
    technology: str,
    band_mhz: float | None,
    height_m: float,
    crs: str,
) -> gpd.GeoDataFrame:
    table = found.iloc[order].reset_index(drop=True)
    lon, lat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(
        table["x_m"].to_numpy(np.float64), table["y_m"].to_numpy(np.float64)
    )
    cost = table["cost_vnd"].to_numpy(np.float64)
    table = table.assign(
        rank=np.arange(1, len(table) + 1),
        lon=np.asarray(lon, dtype=np.float64),
        lat=np.asarray(lat, dtype=np.float64),
        technology=pd.Series([technology] * len(table), dtype="str"),
        band_mhz=np.nan if band_mhz is None else float(band_mhz),
        height_m=float(height_m),
        people_new=gains,
        people_new_cumulative=np.cumsum(gains),
        cost_cumulative_vnd=np.cumsum(cost),
        people_per_bn_vnd=gains / (cost / 1e9),
    )
    points = gpd.points_from_xy(table["x_m"], table["y_m"], crs=crs)
    return gpd.GeoDataFrame(table[list(PLAN_COLUMNS)], geometry=points)


def _yes_no(values: Floats) -> pd.api.extensions.ExtensionArray:
    return pd.array([pd.NA if np.isnan(value) else value == 1.0 for value in values], dtype="boolean")
