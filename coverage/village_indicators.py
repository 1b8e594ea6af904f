"""Indicators of each village: signal by the model at its centre, clusters and people, and signal as observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from phusong.coverage.access.serving import Served
from phusong.coverage.classes import Classes
from phusong.coverage.columns import joined_words, yes_no
from phusong.coverage.indicators import CLASSES, expand
from phusong.coverage.observed import observed_operators, observed_signal, reports_of_villages
from phusong.coverage.places import in_service
from phusong.coverage.populated_cells import nearest_village, uncovered_groups
from phusong.coverage.population import People, footprints, rows_of
from phusong.coverage.service_indicators import study_services, village_services
from phusong.coverage.services import present
from phusong.coverage.signal import Radio, any_of, by_operator, by_technology, covered_at, operators_of, technologies_of
from phusong.coverage.zonal import KNOWN_SHARE, zones
from phusong.layers.errors import ComputeError
from phusong.layers.grid import Grid, Raster

_OF_LAYER = ("code", "name", "unit_code", "population", "households", "grid_power")
_BASES = tuple(f"{name}_basis" for name in CLASSES)
VILLAGE_COLUMNS = (*_OF_LAYER, "observed_as_of", "clusters_basis", "operators_at_centre", "nearest_site", *_BASES)
"""The columns before the indicators.

observed_as_of         day of the village's newest signal report
clusters_basis         what ``clusters_uncovered`` counts: "clusters" of houses, or "populated_cells" in their stead
operators_at_centre    who has signal at the centre, reports before the model, joined by ";"; missing: not known
nearest_site           id of the site ``nearest_site_km`` away
<class>_basis          what the village's class rests on: "recorded", "computed:<test>", "inherited" or "none"
"""
CLUSTERS, CELLS = "clusters", "populated_cells"

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Homes:
    """How people are taken to live around village centres, as the study's settings say (``[people]``)."""

    village_radius_m: float = 1500.0
    max_slope_pct: float = 60.0
    cluster_min_people: float = 20.0


def village_indicators(
    layers: Mapping[str, pd.DataFrame],
    *,
    people: People,
    elevation: Raster,
    on: date,
    radio: Radio | None = None,
    served: Mapping[str, Served] | None = None,
    usable_dbm: Mapping[str, float] | None = None,
    homes: Homes = Homes(),
    classes: Classes | None = None,
) -> pd.DataFrame:
    """``VILLAGE_COLUMNS``, then one column an indicator of level "village", one row a village in the layer's order.

    ``served``: who reaches each service, by its id; without it villages have no times (see ``unit_indicators``).
    ``classes``: those of the villages; no data where they are not given.
    ``usable_dbm`` turns reported levels into signal or none (the radio result's levels where it is given). Levels are
    those of the cell that holds the centre, of the best operator; -200 dBm: computed, no mast in range. Sites are those
    in service on the day ``on``, of whatever operator; distances are straight.
    People covered: where the village has clusters of houses, the share of its clusters weighted by households (else
    people, else alike); else of the people of its area; else of its footprint, the habitable cells around its centre as
    the dasymetric method weighs them. No data where less than half of the weight has a known signal. Without villages
    the table has no rows.
    Clusters without signal: those of the layer; in a village that has none there, groups of neighbouring populated
    cells of its area or footprint without signal (``populated_cells.uncovered_groups``), each cell told to the village
    with the nearest centre among those whose footprint holds it.
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
        found = {name: villages[name].reset_index(drop=True) for name in _OF_LAYER}
        x_m, y_m = np.asarray(villages.geometry.x), np.asarray(villages.geometry.y)
        found["elevation_m"] = elevation.sample(x_m, y_m).astype(np.float64)
        found |= {} if classes is None else {str(name): column for name, column in classes.villages.items()}
        found |= village_services(layers, villages, served=served)
        found |= _nearest_sites(layers, villages, on=on)
        by_model: dict[str, Floats] = {}
        if radio is not None and radio.levels:
            found |= _modelled(layers, villages, radio, people, elevation, homes)
            by_model = by_operator(_at_centres(radio, villages))
        told = None if reports is None else _told(layers, villages, technologies, operators, radio, usable_dbm or {})
        if told is not None:
            named = operators or tuple(sorted(set(told["operator"].dropna())))
            found |= _observed(told, technologies, named, villages, present(layers, "village_clusters"))
        found |= _operators(by_model, told, technologies, n=len(villages))
    empty = {"observed_as_of": pd.Series(pd.NaT, index=range(len(villages)), dtype="datetime64[s]")}
    empty["clusters_basis"] = pd.Series("", index=range(len(villages)), dtype="str")
    empty |= {name: pd.Series("none", index=range(len(villages)), dtype="str") for name in _BASES}
    for name in (*_OF_LAYER, "operators_at_centre", "nearest_site"):
        kind = {"population": "float64", "households": "float64", "grid_power": "boolean"}.get(name, "str")
        empty[name] = pd.Series(index=range(len(villages)), dtype=kind)
    for one in declared:
        kind = "boolean" if one.kind == "yes_no" else "float64"
        empty[one.id] = pd.Series(pd.NA if kind == "boolean" else np.nan, index=range(len(villages)), dtype=kind)
    return pd.DataFrame(
        {name: found.get(name, empty[name]) for name in (*VILLAGE_COLUMNS, *(one.id for one in declared))}
    )


def _nearest_sites(layers: Mapping[str, pd.DataFrame], villages: gpd.GeoDataFrame, *, on: date) -> dict[str, object]:
    """The nearest site in service of each village; nothing where there is none."""
    layer = present(layers, "sites")
    sites = None if layer is None else in_service(gpd.GeoDataFrame(layer), on=on)
    if sites is None or not len(sites):
        return {}
    away_m, site = nearest(_positions(villages), _positions(sites))
    names = pd.Series(sites["site_id"].to_numpy(dtype=object)[site], dtype="str").where(~np.isnan(away_m))
    return {"nearest_site_km": away_m / 1000.0, "nearest_site": names}


def nearest(places: Floats, others: Floats) -> tuple[Floats, Ints]:
    """Straight distance to the nearest of ``others``, float64[n] m (NaN without a position), and its row (then 0)."""
    away_m, row = np.full(len(places), np.nan), np.zeros(len(places), dtype=np.int64)
    known = np.isfinite(places).all(axis=1)
    rows = np.flatnonzero(np.isfinite(others).all(axis=1))
    if known.any() and len(rows):
        away_m[known], found = cKDTree(others[rows]).query(places[known])
        row[known] = rows[found]
    return away_m, row


def _positions(points: gpd.GeoDataFrame) -> Floats:
    return np.column_stack([np.asarray(points.geometry.x), np.asarray(points.geometry.y)]).astype(np.float64)


def _modelled(  # noqa: PLR0917
    layers: Mapping[str, pd.DataFrame],
    villages: gpd.GeoDataFrame,
    radio: Radio,
    people: People,
    elevation: Raster,
    homes: Homes,
) -> dict[str, object]:
    n = len(villages)
    cell, inside = _cells(villages, people.zones.grid)
    found: dict[str, object] = {}
    for part, covered in _signal(radio, cell, inside).items():
        found[f"centre_covered_{part}"] = yes_no(covered)
    for technology in {technology for technology, _ in radio.levels}:
        best = np.fmax.reduce([v.reshape(-1)[cell] for (t, _), v in radio.levels.items() if t == technology])
        found[f"centre_level_{technology.lower()}_dbm"] = np.where(inside, best, np.nan).astype(np.float64)

    owner = np.full(0, -1)
    clusters = present(layers, "village_clusters")
    if clusters is not None:
        owner = rows_of(clusters["village_code"], villages["code"])
        at, within = _cells(gpd.GeoDataFrame(clusters), people.zones.grid)
        of_clusters = _signal(radio, at, within)
    has_clusters = np.isin(np.arange(n), owner)
    lived = _spread(layers, villages, people, elevation, homes)
    spread = lived if clusters is None else lived.replaced(_of_clusters(clusters, owner, at, within))
    for part, covered in _signal(radio, spread.cell, spread.cell >= 0).items():
        found[f"people_covered_{part}_pct"] = 100.0 * _shares(spread.village, covered, spread.weight, n=n)

    free = ~has_clusters[lived.village]
    told = np.zeros(n, dtype=np.bool_)
    for part, covered in _signal(radio, lived.cell, lived.cell >= 0).items():
        groups = uncovered_groups(
            lived.village[free],
            lived.cell[free],
            covered[free],
            lived.people[free],
            n=n,
            columns=people.zones.grid.shape[1],
            min_people=homes.cluster_min_people,
        )
        told |= ~np.isnan(groups)
        counted = _count_no(owner, of_clusters[part], n=n) if clusters is not None else groups
        found["clusters_uncovered" if part == "any" else f"clusters_uncovered_{part}"] = np.where(
            has_clusters, counted, groups
        )
    basis = np.where(has_clusters, CLUSTERS, np.where(told, CELLS, ""))
    return found | {"clusters_basis": pd.Series(basis, dtype="str")}


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


@dataclass(frozen=True)
class _Spread:
    """Where the people of villages are, a row a (village, flat cell): weight in its village, and people by the map.

    ``cell`` is -1 off the grid. ``people`` are 0 in the cells of a footprint that are nearer to another village.
    """

    village: Ints
    cell: Ints
    weight: Floats
    people: Floats

    def replaced(self, other: _Spread) -> _Spread:
        """``other``, before it the rows of villages it does not know."""
        keep = ~np.isin(self.village, other.village)
        return _Spread(
            np.concatenate([self.village[keep], other.village]),
            np.concatenate([self.cell[keep], other.cell]),
            np.concatenate([self.weight[keep], other.weight]),
            np.concatenate([self.people[keep], other.people]),
        )


def _spread(
    layers: Mapping[str, pd.DataFrame],
    villages: gpd.GeoDataFrame,
    people: People,
    elevation: Raster,
    homes: Homes,
) -> _Spread:
    """The people of each village on the cells of its area where that is known, else of its footprint."""
    grid = people.zones.grid
    marks = footprints(
        people.zones,
        gpd.GeoDataFrame(layers["units"]),
        villages,
        elevation=elevation,
        village_radius_m=homes.village_radius_m,
        max_slope_pct=homes.max_slope_pct,
    )
    cell = people.zones.cell[marks.pair]
    rows, columns = np.divmod(cell, grid.shape[1])
    centre = _positions(villages)[marks.village]
    away_m = np.hypot(grid.x_m[columns] - centre[:, 0], grid.y_m[rows] - centre[:, 1])
    own = nearest_village(marks.village, cell, away_m)
    found = _Spread(marks.village, cell, marks.weight, np.where(own, people.people[marks.pair], 0.0))
    areas = present(layers, "village_areas")
    if areas is None:
        return found
    parts = zones(gpd.GeoDataFrame(areas), grid=grid, layer="village_areas")
    row = rows_of(areas["code"], villages["code"])[parts.unit]
    held = parts.fraction * np.nan_to_num(parts.at(people.raster.values))
    lived = (parts.sums(held) > 0)[parts.unit]
    weight = np.where(lived, held, parts.fraction)
    chosen = row >= 0
    return found.replaced(_Spread(row[chosen], parts.cell[chosen], weight[chosen], held[chosen]))


def _of_clusters(clusters: pd.DataFrame, village: Ints, cell: Ints, inside: NDArray[np.bool_]) -> _Spread:
    """The people of each village at its clusters of houses."""
    own = village >= 0
    weight = _cluster_weights(clusters, village)
    return _Spread(village[own], np.where(inside, cell, -1)[own], weight[own], np.zeros(int(own.sum())))


def _cluster_weights(clusters: pd.DataFrame, village: Ints) -> Floats:
    """Households of each cluster if its village's clusters all have them, else people, else 1."""
    weight = np.ones(len(clusters))
    for column in ("population", "households"):  # the better one last
        values = clusters[column].to_numpy(dtype=np.float64, na_value=np.nan)
        groups = pd.Series(values).groupby(village)
        known = ~groups.transform("sum", skipna=False).isna().to_numpy()
        usable = known & (groups.transform("sum").to_numpy() > 0)
        weight = np.where(usable, values, weight)
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


def _told(  # noqa: PLR0917
    layers: Mapping[str, pd.DataFrame],
    villages: gpd.GeoDataFrame,
    technologies: Sequence[str],
    operators: Sequence[str],
    radio: Radio | None,
    usable_dbm: Mapping[str, float],
) -> pd.DataFrame:
    """What the signal reports say of the villages (``observed.reports_of_villages``)."""
    clusters = present(layers, "village_clusters")
    return reports_of_villages(
        gpd.GeoDataFrame(layers["signal_reports"]),
        villages,
        clusters=None if clusters is None else gpd.GeoDataFrame(clusters),
        usable_dbm=dict(usable_dbm) | dict(radio.usable_dbm if radio is not None else {}),
    )


def _observed(
    told: pd.DataFrame,
    technologies: Sequence[str],
    operators: Sequence[str],
    villages: gpd.GeoDataFrame,
    clusters: pd.DataFrame | None,
) -> dict[str, object]:
    """What reports say of each village. That no cluster lacks signal they say only where each of its clusters is known
    and was reported: one seen with signal says nothing of the others."""
    index = pd.RangeIndex(len(villages))
    found: dict[str, object] = {"observed_as_of": told.groupby("village")["as_of"].max().reindex(index)}
    spots = observed_signal(told, technologies=technologies, operators=operators).reset_index()
    centres = spots[spots["spot"] == "centre"].set_index("village").reindex(index)
    around = spots[spots["spot"] != "centre"]
    owner = np.full(0, -1) if clusters is None else rows_of(clusters["village_code"], villages["code"])
    names = [] if clusters is None else [f"cluster {one}" for one in clusters["cluster_id"]]
    whole = np.bincount(owner[owner >= 0], minlength=len(villages))
    known = pd.MultiIndex.from_frame(around[["village", "spot"]]).isin(list(zip(owner.tolist(), names, strict=True)))
    for name in ("any", *technologies):
        part = name.lower()
        found[f"observed_signal_{part}"] = centres[name].astype("boolean")
        signal = around[name].to_numpy(dtype=np.float64, na_value=np.nan)
        column = "observed_clusters_uncovered" if name == "any" else f"observed_clusters_uncovered_{part}"
        village = around["village"].to_numpy(np.int64)
        lacking = _count_no(village, signal, n=len(villages))
        served = np.bincount(village[known & (signal == 1)], minlength=len(villages))
        found[column] = np.where((lacking > 0) | ((whole > 0) & (served >= whole)), lacking, np.nan)
    return found


def _operators(
    by_model: Mapping[str, Floats], told: pd.DataFrame | None, technologies: Sequence[str], *, n: int
) -> dict[str, object]:
    """How many operators have signal at each centre, by the model and with what reports say; and who they are.

    A report decides for the operators it speaks of, the model for the others. An operator that the model does not know
    counts where it was reported; without a model the count is known where each operator of the reports was spoken of.
    """
    count = np.column_stack(list(by_model.values())).sum(axis=1) if by_model else np.full(n, np.nan)
    names = list(by_model)
    decided = np.column_stack(list(by_model.values())) if by_model else np.empty((n, 0))
    reported = np.full(n, np.nan)
    if told is not None:
        more = sorted(set(told["operator"].dropna()) - set(names))
        decided = np.column_stack([decided, np.full((n, len(more)), 0.0 if by_model else np.nan)])
        names += more
        spots = observed_operators(told, technologies=technologies, operators=names).reset_index()
        centres = spots[spots["spot"] == "centre"].set_index("village").reindex(pd.RangeIndex(n))
        said = centres[names].to_numpy(dtype=np.float64, na_value=np.nan)
        decided = np.where(np.isnan(said), decided, said)
        if names:
            reported = np.where(np.isnan(said).all(axis=1), np.nan, decided.sum(axis=1))
    if not names:
        return {}
    known = np.asarray(~np.isnan(decided).any(axis=1))
    told_names = pd.Series(joined_words(decided == 1.0, names)).where(known)
    return {
        "operators_at_centre_count": count,
        "observed_operators_at_centre_count": reported,
        "operators_at_centre": told_names,
    }


def _at_centres(radio: Radio, villages: gpd.GeoDataFrame) -> dict[tuple[str, str], Floats]:
    """``covered_at`` of the cells that hold the centres; NaN where these lie off the grid."""
    cell, inside = _cells(villages, radio.grid)
    return {key: np.where(inside, values, np.nan) for key, values in covered_at(radio, cell).items()}
