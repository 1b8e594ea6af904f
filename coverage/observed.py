"""What signal reports say of each village: at its centre, and at its clusters of houses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from phusong.coverage.columns import yes_no
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


def observed_signal(told: pd.DataFrame, *, technologies: Sequence[str], operators: Sequence[str]) -> pd.DataFrame:
    """Whether there is signal of any operator at each (village, spot) reported: boolean by that index, NA unknown.

    Columns "any" (of any technology) and each of ``technologies``. Yes if a report says so that no newer one takes
    back: the same operator's without signal, or one without operator (none has signal). No if the newest word is of no
    operator having signal, or if each of ``operators`` says no. A report without technology speaks of all of them when
    it says no, and of "any" only when it says yes; "any" is also no when each of ``technologies`` is. On the same day
    a yes outweighs a no.
    """
    said = _Said(told, technologies, operators)
    yes, no = said.any_operator()
    return said.frame({name: _verdict(yes[name], no[name]) for name in ("any", *technologies)})


def observed_operators(told: pd.DataFrame, *, technologies: Sequence[str], operators: Sequence[str]) -> pd.DataFrame:
    """Whether each of ``operators`` has signal of any technology at each (village, spot) reported; NA unknown.

    Yes and no as in ``observed_signal``, for one operator: its own reports, and those that none has signal. Such a no
    falls silent where a later report without operator says yes: somebody has signal since, it is not known who.
    """
    said = _Said(told, technologies, operators)
    return said.frame({name: _verdict(*said.one_operator(name)) for name in operators})


class _Said:
    """Reports as numbers: group of (village, spot), operator and technology (0: not named), day, and which yes stand.

    A yes is taken back by a later no of the same group whose operator is the same or not named, and so its technology.
    """

    def __init__(self, told: pd.DataFrame, technologies: Sequence[str], operators: Sequence[str]) -> None:
        spot, spots = pd.factorize(told["spot"].astype(str), sort=True)
        key = told["village"].to_numpy(np.int64) * max(len(spots), 1) + spot
        keys, self.group = np.unique(key, return_inverse=True)
        village, spot = np.divmod(keys, max(len(spots), 1))
        self.index = pd.MultiIndex.from_arrays([village, np.asarray(spots)[spot]], names=["village", "spot"])
        self.technologies, self.operators = tuple(technologies), tuple(dict.fromkeys(operators))
        self.operator, self.operator_code = _codes(told["operator"], self.operators)
        self.technology, self.technology_code = _codes(told["technology"], self.technologies)
        self.day = told["as_of"].astype("int64").to_numpy()
        has = told["has_signal"].to_numpy(dtype=np.bool_)
        self.no = ~has
        takes = [self._last_no(by_operator=o, by_technology=t) for o in (True, False) for t in (True, False)]
        self.stands = has & (self.day >= np.maximum.reduce(takes))

    def _last_no(self, *, by_operator: bool, by_technology: bool) -> NDArray[np.int64]:
        """Day of the last no, for each row, of its operator (else of none named) and its technology (else likewise)."""
        first = np.iinfo(np.int64).min
        if not len(self.group):
            return np.empty(0, np.int64)
        width = int(self.technology.max()) + 1
        height = (int(self.operator.max()) + 1) * width
        own = self.group * height + self.operator * width + self.technology
        asked = self.group * height + by_operator * self.operator * width + by_technology * self.technology
        keys, place = np.unique(own[self.no], return_inverse=True)
        last = np.full(len(keys) + 1, first)
        np.maximum.at(last, place, self.day[self.no])
        at = np.searchsorted(keys, asked)
        known = keys[np.minimum(at, len(keys) - 1)] == asked if len(keys) else np.zeros(len(asked), np.bool_)
        return np.where(known, last[np.minimum(at, len(keys))], first)

    def _where(self, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Groups that one of the rows is of."""
        found = np.zeros(len(self.index), dtype=np.bool_)
        found[self.group[rows]] = True
        return found

    def _about(self, name: str) -> NDArray[np.bool_]:
        """Rows on a technology or on all of them."""
        about: NDArray[np.bool_] = (self.technology == 0) | (self.technology == self.technology_code[name])
        return about

    def any_operator(self) -> tuple[dict[str, NDArray[np.bool_]], dict[str, NDArray[np.bool_]]]:
        """Where there is signal of any operator, and where none, by technology and of "any"."""
        yes, no = {"any": self._where(self.stands)}, {}
        unnamed = self.operator == 0
        named = np.isin(self.operator, [self.operator_code[name] for name in self.operators])
        for name in self.technologies:
            yes[name] = self._where(self.stands & (self.technology == self.technology_code[name]))
            denied = self.no & self._about(name)
            pairs = np.unique(np.column_stack([self.group, self.operator])[denied & named], axis=0)
            each = np.bincount(pairs[:, 0], minlength=len(self.index)) == len(self.operators)
            no[name] = ~yes[name] & (self._where(denied & unnamed) | (each & bool(self.operators)))
        no["any"] = self._where(self.no & unnamed & (self.technology == 0))
        if self.technologies:
            no["any"] |= np.logical_and.reduce([no[name] for name in self.technologies])
        return yes, no

    def one_operator(self, name: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Where an operator has signal of any technology, and where it has none."""
        own, unnamed = self.operator == self.operator_code[name], self.operator == 0
        since = np.full(len(self.index), np.iinfo(np.int64).min)
        np.maximum.at(since, self.group[self.stands & unnamed], self.day[self.stands & unnamed])
        denied = self.no & (own | (unnamed & (self.day > since[self.group])))
        none = self._where(denied & (self.technology == 0))
        if self.technologies:
            none |= np.logical_and.reduce([self._where(denied & self._about(t)) for t in self.technologies])
        return self._where(self.stands & own), none

    def frame(self, columns: Mapping[str, NDArray[np.float64]]) -> pd.DataFrame:
        """Columns of 1, 0 and NaN as boolean, a row a group."""
        return pd.DataFrame({name: yes_no(values).array for name, values in columns.items()}, index=self.index)


def _codes(values: pd.Series[str], known: Sequence[str]) -> tuple[NDArray[np.int64], dict[str, int]]:
    """Each value as a number, 0 for none; and the number of each known name and each name found."""
    names = dict.fromkeys([*known, *values.dropna().unique()])
    code = {str(name): number for number, name in enumerate(names, start=1)}
    return np.asarray(values.map(code).fillna(0), dtype=np.int64), code


def _verdict(yes: NDArray[np.bool_], no: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(yes, 1.0, np.where(no, 0.0, np.nan))


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
) -> NDArray[np.object_]:
    """The spot of its village each report speaks of: "centre", "cluster <id>", "cluster <square>" or "cluster"."""
    spots = np.full(len(report), "centre", dtype=object)
    of_cluster = reports["place"].to_numpy()[report] == "cluster"
    spots[of_cluster] = "cluster"
    shapes = reports.geometry.to_numpy()[report]
    rows = np.flatnonzero(of_cluster & ~(shapely.is_missing(shapes) | shapely.is_empty(shapes)))
    middle = shapely.centroid(shapes[rows])
    squares = np.column_stack([shapely.get_x(middle), shapely.get_y(middle)]) // PLACE_M
    spots[rows] = [f"cluster {int(x)} {int(y)}" for x, y in squares]
    if clusters is None or not len(rows):
        return spots
    owner = rows_of(clusters["village_code"], villages["code"])
    order = np.argsort(owner, kind="stable")  # clusters by village, each village's in the layer's order
    begin, end = (np.searchsorted(owner[order], village[rows], side=side) for side in ("left", "right"))
    count = end - begin
    which = np.repeat(np.arange(len(rows)), count)
    ahead = np.cumsum(count) - count
    cluster = order[np.arange(count.sum()) - np.repeat(ahead - begin, count)]
    away_m = shapely.distance(clusters.geometry.to_numpy()[cluster], shapes[rows][which])
    by_distance = np.lexsort((np.arange(len(which)), away_m, which))
    nearest = by_distance[np.unique(which[by_distance], return_index=True)[1]]
    nearest = nearest[away_m[nearest] <= NEAR_M]
    names = clusters["cluster_id"].astype(str).to_numpy()[cluster[nearest]]
    spots[rows[which[nearest]]] = [f"cluster {name}" for name in names]
    return spots
