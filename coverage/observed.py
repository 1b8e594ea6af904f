"""What signal reports say of each village: at its centre, and at its clusters of houses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from phusong.coverage.population import rows_of

NEAR_M = 1000.0
"""A report without village code speaks for the nearest village centre, or cluster, within this distance."""
PLACE_M = 100.0
"""Cluster reports without a known cluster are of one place if they fall in the same square of this size."""


def reports_of_villages(
    reports: gpd.GeoDataFrame,
    villages: gpd.GeoDataFrame,
    *,
    clusters: gpd.GeoDataFrame | None,
    usable_dbm: Mapping[str, float],
) -> pd.DataFrame:
    """One row a (report, village): village row, spot (centre or a cluster), operator, technology, has_signal, as_of.

    A report belongs to the village of its code; without one, a polygon belongs to the villages whose centres it holds,
    anything else to the village with the nearest centre within ``NEAR_M``. ``has_signal`` stands as reported; where
    only a level is, it is level >= usable level of the report's technology. Reports with neither, and reports of no
    village, say nothing. Place "cluster" speaks for the nearest cluster of its village within ``NEAR_M`` (else for the
    spot itself, on a grid of ``PLACE_M``); centre, area or no place speak for the centre.
    """
    told = reports["has_signal"].astype("boolean")
    usable = reports["technology"].map(dict(usable_dbm)).astype("float64")
    by_level = (reports["level_dbm"] >= usable).astype("boolean").mask(reports["level_dbm"].isna() | usable.isna())
    told = told.fillna(by_level)
    report, village = _villages_of(reports, villages)
    keep = np.asarray(told.notna())[report]
    report, village = report[keep], village[keep]
    found: pd.DataFrame = reports.iloc[report][["operator", "technology", "as_of"]].reset_index(drop=True)
    found["village"] = village
    found["has_signal"] = np.asarray(told.iloc[report], dtype=bool)
    found["spot"] = pd.Series(_spots(reports, report, village, villages, clusters), dtype="str")
    return found


def observed_signal(
    told: pd.DataFrame, *, technology: str | None, technologies: Sequence[str], operators: Sequence[str]
) -> pd.Series[bool]:
    """Whether there is signal of any operator at each (village, spot) reported: boolean by that index, NA unknown.

    ``technology`` None: of any. Yes if a report says so that no newer one takes back: the same operator's without
    signal, or one without operator (none has signal). No if the newest word is of no operator having signal, or if each
    of ``operators`` says no. A report without technology speaks of all of them when it says no, and of "any" only when
    it says yes; "any" is also no when each of ``technologies`` is. On the same day a yes outweighs a no.
    """
    keys: list[tuple[int, str]] = []
    values: list[bool | None] = []
    rows = told[["village", "spot", "operator", "technology", "has_signal", "as_of"]].astype({"as_of": "int64"})
    for _, group in rows.groupby(["village", "spot"], sort=True):
        said = [
            (
                int(day),
                bool(has),
                None if pd.isna(operator) else str(operator),
                None if pd.isna(tech) else str(tech),
            )
            for operator, tech, has, day in zip(
                group["operator"], group["technology"], group["has_signal"], group["as_of"], strict=True
            )
        ]
        keys.append((int(group["village"].iloc[0]), str(group["spot"].iloc[0])))
        values.append(_verdict(said, technology=technology, technologies=technologies, operators=operators))
    index = pd.MultiIndex.from_tuples(keys, names=["village", "spot"])
    return pd.Series(pd.array(values, dtype="boolean"), index=index)


def _verdict(
    said: list[tuple[int, bool, str | None, str | None]],
    *,
    technology: str | None,
    technologies: Sequence[str],
    operators: Sequence[str],
) -> bool | None:
    """Yes, no or unknown from (day, has_signal, operator, technology) of one spot."""
    for day, has, operator, tech in said:
        if has and (technology is None or tech == technology):
            overruled = any(
                not no and later > day and other in (None, operator) and about in (None, tech)
                for later, no, other, about in said
            )
            if not overruled:
                return True
    denied = [(operator, tech) for _, has, operator, tech in said if not has]
    if technology is None:
        if any(operator is None and tech is None for operator, tech in denied):
            return False
        each = [_verdict(said, technology=one, technologies=technologies, operators=operators) for one in technologies]
        return False if each and all(verdict is False for verdict in each) else None
    relevant = {operator for operator, tech in denied if tech in (None, technology)}
    if None in relevant or (operators and set(operators) <= relevant):
        return False
    return None


def _villages_of(reports: gpd.GeoDataFrame, villages: gpd.GeoDataFrame) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of reports and villages that belong together, sorted by report."""
    by_code = rows_of(reports["village_code"], villages["code"])
    coded = np.flatnonzero(by_code >= 0)
    shapes = reports.geometry.to_numpy()
    free = reports["village_code"].isna().to_numpy() & ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    polygon = np.isin(shapely.get_type_id(shapes), (3, 6))
    tree = shapely.STRtree(villages.geometry.to_numpy())
    inside, near = np.flatnonzero(free & polygon), np.flatnonzero(free & ~polygon)
    held = tree.query(shapes[inside], predicate="intersects")
    closest = tree.query_nearest(shapes[near], max_distance=NEAR_M, all_matches=True)
    first = pd.DataFrame({"report": near[closest[0]], "village": closest[1]}).groupby("report")["village"].min()
    report = np.concatenate([coded, inside[held[0]], first.index.to_numpy(np.int64)])
    village = np.concatenate([by_code[coded], held[1], first.to_numpy(np.int64)])
    order = np.lexsort((village, report))
    return report[order].astype(np.int64), village[order].astype(np.int64)


def _spots(
    reports: gpd.GeoDataFrame,
    report: NDArray[np.int64],
    village: NDArray[np.int64],
    villages: gpd.GeoDataFrame,
    clusters: gpd.GeoDataFrame | None,
) -> list[str]:
    of_village: dict[int, NDArray[np.int64]] = {}
    if clusters is not None:
        owner = rows_of(clusters["village_code"], villages["code"])
        of_village = {int(v): np.flatnonzero(owner == v) for v in np.unique(village)}
    places = reports["place"].to_numpy()
    shapes = reports.geometry.to_numpy()
    spots: list[str] = []
    for row, owner_row in zip(report, village, strict=True):
        if places[row] != "cluster":
            spots.append("centre")
            continue
        shape = shapes[row]
        if shape is None or shape.is_empty:
            spots.append("cluster")
            continue
        mine = of_village.get(int(owner_row), np.empty(0, np.int64))
        if clusters is not None and len(mine):
            away = shapely.distance(clusters.geometry.to_numpy()[mine], shape)
            if away.min() <= NEAR_M:
                spots.append(f"cluster {clusters['cluster_id'].iloc[mine[int(np.argmin(away))]]}")
                continue
        point = shape.centroid
        spots.append(f"cluster {int(point.x // PLACE_M)} {int(point.y // PLACE_M)}")
    return spots
