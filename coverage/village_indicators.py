"""Indicators of each village: signal by the model at its centre, clusters and people, and signal as observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.access.serving import Served
from phusong.coverage.indicators import expand
from phusong.coverage.observed import observed_signal, reports_of_villages
from phusong.coverage.population import People, footprints, rows_of
from phusong.coverage.service_indicators import study_services, village_services
from phusong.coverage.services import present
from phusong.coverage.signal import Radio, any_of, by_technology, covered_at, operators_of, technologies_of
from phusong.coverage.zonal import KNOWN_SHARE, zones
from phusong.layers.errors import ComputeError
from phusong.layers.grid import Grid, Raster

VILLAGE_COLUMNS = ("code", "name", "unit_code", "population", "households", "grid_power", "observed_as_of")
"""The columns before the indicators; ``observed_as_of`` is the day of the village's newest signal report."""

Floats = NDArray[np.float64]


def village_indicators(
    layers: Mapping[str, pd.DataFrame],
    *,
    people: People,
    elevation: Raster,
    radio: Radio | None = None,
    served: Mapping[str, Served] | None = None,
    usable_dbm: Mapping[str, float] | None = None,
    village_radius_m: float = 1500.0,
    max_slope_pct: float = 60.0,
) -> pd.DataFrame:
    """``VILLAGE_COLUMNS``, then one column an indicator of level "village", one row a village in the layer's order.

    ``served``: who reaches each service, by its id; without it villages have no times (see ``unit_indicators``).
    ``usable_dbm`` turns reported levels into signal or none (the radio result's levels where it is given). Levels are
    those of the cell that holds the centre, of the best operator; -200 dBm: computed, no mast in range.
    People covered: where the village has clusters of houses, the share of its clusters weighted by households (else
    people, else alike); else of the people of its area; else of its footprint, the habitable cells around its centre as
    the dasymetric method weighs them. No data where less than half of the weight has a known signal. Without villages
    the table has no rows.
    """
    grid = people.zones.grid
    if radio is not None and radio.grid != grid:
        raise ComputeError("error.grid_mismatch", layer="radio")
    layer, reports = present(layers, "villages"), present(layers, "signal_reports")
    technologies, operators = technologies_of(radio, reports), operators_of(radio)
    services = [one.id for one in study_services(layers, served)]
    declared = expand("village", technologies=technologies, services=services)
    villages = gpd.GeoDataFrame(layers["villages"] if layer is None and "villages" in layers else layer)
    found: dict[str, object] = {}
    if layer is not None:
        found = {name: villages[name].reset_index(drop=True) for name in VILLAGE_COLUMNS[:-1]}
        x_m, y_m = np.asarray(villages.geometry.x), np.asarray(villages.geometry.y)
        found["elevation_m"] = elevation.sample(x_m, y_m).astype(np.float64)
        found |= village_services(layers, villages, served=served)
        if radio is not None and radio.levels:
            found |= _modelled(layers, villages, radio, people, elevation, village_radius_m, max_slope_pct)
        if reports is not None:
            usable = dict(usable_dbm or {}) | dict(radio.usable_dbm if radio is not None else {})
            found |= _observed(layers, villages, technologies, operators, usable)
    empty = {"observed_as_of": pd.Series(pd.NaT, index=range(len(villages)), dtype="datetime64[s]")}
    for name in VILLAGE_COLUMNS[:-1]:
        kind = {"population": "float64", "households": "float64", "grid_power": "boolean"}.get(name, "str")
        empty[name] = pd.Series(index=range(len(villages)), dtype=kind)
    for one in declared:
        kind = "boolean" if one.kind == "yes_no" else "float64"
        empty[one.id] = pd.Series(pd.NA if kind == "boolean" else np.nan, index=range(len(villages)), dtype=kind)
    return pd.DataFrame(
        {name: found.get(name, empty[name]) for name in (*VILLAGE_COLUMNS, *(one.id for one in declared))}
    )


def _modelled(  # noqa: PLR0917
    layers: Mapping[str, pd.DataFrame],
    villages: gpd.GeoDataFrame,
    radio: Radio,
    people: People,
    elevation: Raster,
    village_radius_m: float,
    max_slope_pct: float,
) -> dict[str, object]:
    grid = people.zones.grid
    n = len(villages)
    cell, inside = _cells(villages, grid)
    centre = _signal(radio, cell, inside)
    found: dict[str, object] = {}
    for part, covered in centre.items():
        found[f"centre_covered_{part}"] = _yes_no(covered)
    for technology in {technology for technology, _ in radio.levels}:
        best = np.fmax.reduce([v.reshape(-1)[cell] for (t, _), v in radio.levels.items() if t == technology])
        found[f"centre_level_{technology.lower()}_dbm"] = np.where(inside, best, np.nan).astype(np.float64)

    owner, spot, weight = _spread(layers, villages, people, elevation, village_radius_m, max_slope_pct)
    for part, covered in _signal(radio, spot, spot >= 0).items():
        found[f"people_covered_{part}_pct"] = 100.0 * _shares(owner, covered, weight, n=n)

    clusters = present(layers, "village_clusters")
    if clusters is not None:
        houses = gpd.GeoDataFrame(clusters)
        village = rows_of(houses["village_code"], villages["code"])
        at, within = _cells(houses, grid)
        for part, covered in _signal(radio, at, within).items():
            name = "clusters_uncovered" if part == "any" else f"clusters_uncovered_{part}"
            found[name] = _count_no(village, covered, n=n)
    return found


def _signal(radio: Radio, cell: NDArray[np.int64], known: NDArray[np.bool_]) -> dict[str, Floats]:
    """Signal of any operator (1, 0, NaN) at flat cells by technology in lower case, and "any"."""
    covered = by_technology(covered_at(radio, cell))
    found = {"any": any_of(covered.values())} | {technology.lower(): v for technology, v in covered.items()}
    return {part: np.where(known, values, np.nan) for part, values in found.items()}


def _cells(points: gpd.GeoDataFrame, grid: Grid) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Flat cell of each point (0 where outside), and which lie inside the grid."""
    x_m, y_m = np.asarray(points.geometry.x), np.asarray(points.geometry.y)
    rows, cols = grid.rowcol(x_m, y_m)
    inside = grid.inside(x_m, y_m)
    return np.where(inside, rows * grid.shape[1] + cols, 0), inside


def _spread(  # noqa: PLR0917
    layers: Mapping[str, pd.DataFrame],
    villages: gpd.GeoDataFrame,
    people: People,
    elevation: Raster,
    village_radius_m: float,
    max_slope_pct: float,
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """Where the people of each village are: village row, flat cell (-1: off the grid), weight."""
    grid = people.zones.grid
    marks = footprints(
        people.zones,
        gpd.GeoDataFrame(layers["units"]),
        villages,
        elevation=elevation,
        village_radius_m=village_radius_m,
        max_slope_pct=max_slope_pct,
    )
    owner, cell, weight = marks.village, people.zones.cell[marks.pair], marks.weight
    areas = present(layers, "village_areas")
    if areas is not None:
        parts = zones(gpd.GeoDataFrame(areas), grid=grid, layer="village_areas")
        row = rows_of(areas["code"], villages["code"])[parts.unit]
        held = parts.fraction * np.nan_to_num(parts.at(people.raster.values))
        lived = (parts.sums(held) > 0)[parts.unit]
        chosen = row >= 0
        owner, cell, weight = _replace(
            (owner, cell, weight), (row[chosen], parts.cell[chosen], np.where(lived, held, parts.fraction)[chosen])
        )
    clusters = present(layers, "village_clusters")
    if clusters is not None:
        row = rows_of(clusters["village_code"], villages["code"])
        at, inside = _cells(gpd.GeoDataFrame(clusters), grid)
        chosen = row >= 0
        size = _cluster_weights(clusters, row)
        owner, cell, weight = _replace(
            (owner, cell, weight), (row[chosen], np.where(inside, at, -1)[chosen], size[chosen])
        )
    return owner, cell, weight


def _replace(
    old: tuple[NDArray[np.int64], NDArray[np.int64], Floats], new: tuple[NDArray[np.int64], NDArray[np.int64], Floats]
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats]:
    """The old rows of villages that the new ones do not know, then the new ones."""
    keep = ~np.isin(old[0], new[0])
    owner, cell, weight = (np.concatenate([a[keep], b]) for a, b in zip(old, new, strict=True))
    return owner, cell, weight


def _cluster_weights(clusters: pd.DataFrame, village: NDArray[np.int64]) -> Floats:
    """Households of each cluster if its village's clusters all have them, else people, else 1."""
    weight = np.ones(len(clusters))
    for column in ("population", "households"):  # the better one last
        values = clusters[column].astype("float64")
        groups = values.groupby(village)
        usable = groups.transform(lambda part: part.notna().all() and part.sum() > 0).astype(bool).to_numpy()
        weight = np.where(usable, values.to_numpy(), weight)
    return weight


def _shares(owner: NDArray[np.int64], covered: Floats, weight: Floats, *, n: int) -> Floats:
    known = ~np.isnan(covered)
    held = np.bincount(owner[known], weights=weight[known], minlength=n)
    total = np.bincount(owner, weights=weight, minlength=n)
    part = np.bincount(owner[known], weights=(weight * covered)[known], minlength=n)
    enough = (held > 0) & (held >= KNOWN_SHARE * total * (1 - 1e-12))
    shares: Floats = np.divide(part, held, out=np.full(n, np.nan), where=enough)
    return shares


def _count_no(village: NDArray[np.int64], covered: Floats, *, n: int) -> Floats:
    """Clusters without signal of each village; NaN where it has no cluster, or none without signal but one unknown."""
    mine = village >= 0
    total = np.bincount(village[mine], minlength=n)
    no = np.bincount(village[mine & (covered == 0)], minlength=n).astype(np.float64)
    unknown = np.bincount(village[mine & np.isnan(covered)], minlength=n)
    return np.where((total == 0) | ((no == 0) & (unknown > 0)), np.nan, no)


def _yes_no(covered: Floats) -> pd.Series[bool]:
    value = pd.array(covered == 1, dtype="boolean")
    value[np.isnan(covered)] = pd.NA
    return pd.Series(value)


def _observed(
    layers: Mapping[str, pd.DataFrame],
    villages: gpd.GeoDataFrame,
    technologies: Sequence[str],
    operators: Sequence[str],
    usable_dbm: Mapping[str, float],
) -> dict[str, object]:
    clusters = present(layers, "village_clusters")
    told = reports_of_villages(
        gpd.GeoDataFrame(layers["signal_reports"]),
        villages,
        clusters=None if clusters is None else gpd.GeoDataFrame(clusters),
        usable_dbm=usable_dbm,
    )
    index = pd.RangeIndex(len(villages))
    found: dict[str, object] = {"observed_as_of": told.groupby("village")["as_of"].max().reindex(index)}
    known = operators or tuple(sorted(set(told["operator"].dropna())))
    for technology in (None, *technologies):
        verdicts = observed_signal(told, technology=technology, technologies=technologies, operators=known)
        spots = verdicts.reset_index(name="signal")
        at_centre = spots[spots["spot"] == "centre"].set_index("village")["signal"]
        part = "any" if technology is None else technology.lower()
        found[f"observed_signal_{part}"] = at_centre.reindex(index).astype("boolean")
        around = spots[spots["spot"] != "centre"]
        signal = np.asarray(around["signal"].astype("Float64").to_numpy(dtype=np.float64, na_value=np.nan), np.float64)
        name = "observed_clusters_uncovered" if technology is None else f"observed_clusters_uncovered_{part}"
        found[name] = _count_no(around["village"].to_numpy(np.int64), signal, n=len(villages))
    return found
