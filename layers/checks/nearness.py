"""Masts near one another: the same mast twice, one mast in two files, and rows that are sectors of one mast.

Operators often share a mast, so only masts of one operator are compared. Coordinates are in one CRS of metres.
"""

from __future__ import annotations

import math
from dataclasses import replace

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Geod

from phusong.layers.checks.validate import Checked, is_note
from phusong.layers.errors import CrsError, Fault
from phusong.layers.messages import Text
from phusong.layers.readers.raw import RawTable
from phusong.layers.schema import LAYERS

WITHIN_M = 20.0
"""Masts of one operator nearer than this are hardly two."""
MOST_LISTED = 100
MOST_PAIRS = 200_000
"""So many pairs of masts near one another are looked at; lists with more give whole regions one place."""
_MOST_AT_ONCE = 1_000_000
_EARTH = Geod(ellps="WGS84")
Names = frozenset[str]
Shapes = NDArray[np.object_]


def plain_name(name: str) -> str:
    """An operator's name for comparing: without case and blanks."""
    return "".join(name.casefold().split())


def operators(sites: pd.DataFrame, sectors: pd.DataFrame | None = None) -> list[Names]:
    """The operators of each mast, by name without case and blanks: those of its sectors, else its own column
    ``operator``, else its ``owner``; none if nothing is known."""
    known: dict[str, Names] = {}
    if sectors is not None:
        named = sectors["operator"].astype(str).map(plain_name)
        known = {str(site): frozenset(names) for site, names in named.groupby(sectors["site_id"])}
    found = [known.get(str(site), frozenset[str]()) for site in sites["site_id"]]
    for column in ("operator", "owner"):
        if column in sites:
            own = [frozenset([plain_name(str(name))]) if pd.notna(name) else frozenset[str]() for name in sites[column]]
            found = [names or mine for names, mine in zip(found, own, strict=True)]
    return found


def same_masts(
    new: geopandas.GeoDataFrame,
    known: geopandas.GeoDataFrame,
    *,
    within_m: float = WITHIN_M,
    new_sectors: pd.DataFrame | None = None,
    known_sectors: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Which masts of ``new`` may be masts of ``known``: by id, or by place and operator.

    Both frames have ``site_id`` and points in the same CRS of metres, ``operator`` or ``owner`` if there is one. One
    row a pair: ``new`` and ``known`` (positions), ``how`` ("id"; "place": another id within ``within_m`` and a common
    operator; "place_unknown": the operator of one of them is not known), ``distance_m``, ``alike`` (all columns that
    both frames have but as_of and source are equal). A mast of ``known`` that a mast of ``new`` names by id is not told
    by place as well; by place at most MOST_PAIRS are told. By ``new``, then distance. CrsError if the frames are not in
    the same CRS of metres.
    """
    _in_metres(new, known)
    ours, theirs = (np.asarray(frame.geometry.array, dtype=object) for frame in (new, known))
    at = pd.Series(np.arange(len(known)), index=known["site_id"].astype(str))
    at = at[~at.index.duplicated()].reindex(new["site_id"].astype(str))
    by_id = np.flatnonzero(at.notna().to_numpy())
    id_pairs = np.column_stack([by_id, at.to_numpy()[by_id].astype(np.int64)])
    near, _ = near_pairs(ours, theirs, within_m)
    named = set(id_pairs[:, 1].tolist())
    mine, others = operators(new, new_sectors), operators(known, known_sectors)
    rows = [(int(i), int(k), "id") for i, k in id_pairs]
    has_id = set(by_id.tolist())
    for i, k in near.tolist():
        if k in named or i in has_id:
            continue
        if mine[i] and others[k]:
            if mine[i] & others[k]:
                rows.append((i, k, "place"))
        else:
            rows.append((i, k, "place_unknown"))
    found = pd.DataFrame(rows, columns=["new", "known", "how"]).astype({"new": np.int64, "known": np.int64})
    one, other = found["new"].to_numpy(), found["known"].to_numpy()
    found["distance_m"] = shapely.distance(ours[one], theirs[other])
    alike = np.ones(len(found), dtype=bool)
    for column in [c for c in new.columns if c in known.columns and c not in ("as_of", "source", "geometry")]:
        pairs = zip(new[column].iloc[one], known[column].iloc[other], strict=True)
        alike &= np.array(
            [a == b if pd.notna(a) and pd.notna(b) else pd.isna(a) and pd.isna(b) for a, b in pairs], bool
        )
    found["alike"] = alike
    return found.sort_values(["new", "distance_m", "known"], kind="stable").reset_index(drop=True)


def near_pairs(ours: Shapes, theirs: Shapes, within_m: float) -> tuple[NDArray[np.int64], bool]:
    """Positions (k, 2) of points within ``within_m`` m of each other, and whether these are all (MOST_PAIRS at most);
    of points among themselves each pair once."""
    tree, among = shapely.STRtree(theirs), ours is theirs
    step, count = max(1, _MOST_AT_ONCE // max(1, len(theirs))), 0
    found = [np.zeros((0, 2), dtype=np.int64)]
    for start in range(0, len(ours), step):
        pairs = tree.query(ours[start : start + step], predicate="dwithin", distance=within_m).T
        pairs[:, 0] += start
        found.append(pairs[pairs[:, 0] < pairs[:, 1]] if among else pairs)
        count += len(found[-1])
        if count > MOST_PAIRS:
            return np.concatenate(found)[:MOST_PAIRS], False
    return np.concatenate(found), True


def _in_metres(*frames: geopandas.GeoDataFrame) -> None:
    crs = [None if frame.crs is None else CRS.from_user_input(frame.crs) for frame in frames]
    if any(one is None or one.axis_info[0].unit_name != "metre" or one != crs[0] for one in crs):
        found = ", ".join("-" if one is None else one.to_string() for one in crs)
        raise CrsError("nearness.not_metres", found=found)


def near_masts(sites: Checked, sectors: Checked | None = None, *, within_m: float = WITHIN_M) -> list[Fault]:
    """Notes on pairs of masts of one operator within ``within_m`` m: the nearest MOST_LISTED, the rest as a number
    (at least so many, where there are more than MOST_PAIRS).

    With sectors it is told whether the two look like one mast twice (a sector of one technology, band and azimuth on
    both) or like sectors of one mast entered as several.
    """
    frame = sites.frame
    points = np.asarray(frame.geometry.array, dtype=object)
    names = operators(frame, None if sectors is None else sectors.frame)
    near, whole = near_pairs(points, points, within_m)
    one, other = near[[not (names[a] and names[b]) or bool(names[a] & names[b]) for a, b in near.tolist()]].T
    ids = frame["site_id"].tolist()
    equipment = {} if sectors is None else _equipment(sectors.frame)
    away_m = shapely.distance(points[one], points[other])
    faults = []
    for i in np.lexsort((other, one, away_m))[:MOST_LISTED].tolist():
        a, b = int(one[i]), int(other[i])
        mine, theirs = equipment.get(ids[a], set()), equipment.get(ids[b], set())
        kind = "near" if not mine or not theirs else "twice" if mine & theirs else "parts"
        params = {
            "found": ids[b],
            "other": ids[a],
            "operator": ", ".join(sorted(names[a] & names[b])) or Text("nearness.unknown"),
            "distance_m": f"{away_m[i]:.1f}",
        }
        faults.append(sites.fault(f"note.mast_{kind}", row=int(sites.rows[b]), **params))
    rest = len(one) - len(faults)
    if rest > 0:
        code = "note.masts_near_more" if whole else "note.masts_in_one_place"
        faults.append(sites.fault(code, count=rest, within_m=f"{within_m:g}"))
    return faults


_KIND = ["operator", "technology", "band_mhz", "azimuth_deg"]


def _equipment(sectors: pd.DataFrame) -> dict[str, set[tuple[object, ...]]]:
    """Operator, technology, band and azimuth of each mast's sectors; no data counts as a value of its own."""
    plain = sectors[_KIND].assign(operator=sectors["operator"].astype(str).map(plain_name))
    plain = plain.astype(object).where(plain.notna(), None)
    found: dict[str, set[tuple[object, ...]]] = {}
    for site, *kind in zip(sectors["site_id"].tolist(), *(plain[column].tolist() for column in _KIND), strict=True):
        found.setdefault(site, set()).add(tuple(kind))
    return found


def twice(sectors: Checked) -> list[Fault]:
    """Notes on sectors of one mast that are alike in operator, technology, band and azimuth (where these are known)."""
    frame = sectors.frame
    plain = frame.assign(operator=frame["operator"].astype(str).map(plain_name))[["site_id", *_KIND]]
    known = frame["band_mhz"].notna().to_numpy() & frame["azimuth_deg"].notna().to_numpy()
    later = plain.duplicated(keep="first").to_numpy() & known
    first = plain[known].drop_duplicates().assign(first=lambda kept: frame["sector_id"][kept.index])
    beside = plain.merge(first, how="left", on=["site_id", *_KIND])["first"].tolist()
    return [
        sectors.fault(
            "note.sector_twice",
            row=int(sectors.rows[i]),
            column="sector_id",
            found=str(frame["sector_id"].iloc[i]),
            other=str(beside[i]),
        )
        for i in np.flatnonzero(later)
    ]


def folded(raw: RawTable, *, within_m: float = WITHIN_M) -> tuple[RawTable, tuple[tuple[int, int], ...]]:
    """A list of masts with one row a technology, band or azimuth as one row a mast, and the numbers of the
    other rows, each with that of its mast's row.

    ``raw`` bears the names of the layer ``sites`` and has its points. A row is taken into an earlier one of the same
    ``site_id`` if it lies within ``within_m`` m of it and no cell of the layer's own columns says otherwise (an empty
    one says nothing); all others, and those with a fault, stay and are judged by ``validate``. The count is told in one
    ``changed.*`` remark.
    """
    if raw.geometry is None or raw.crs is None or "site_id" not in raw.frame:
        return raw, ()
    own = [c.name for c in LAYERS["sites"].all_columns if c.name in raw.frame and c.name != "site_id"]
    degrees = CRS.from_user_input(raw.crs).is_geographic
    ids = raw.frame["site_id"].astype("str").str.strip().tolist()
    cells = np.array(raw.frame[own].to_numpy(dtype=object))
    refused = np.isin(raw.rows, [f.row for f in raw.faults if f.row is not None and not is_note(f)])
    first: dict[str, int] = {}
    gone: list[int] = []
    masts: list[int] = []
    for i, site in enumerate(ids):
        if pd.isna(site) or not site or not isinstance(raw.geometry[i], shapely.Point) or raw.geometry[i].is_empty:
            continue
        if refused[i]:
            continue
        k = first.setdefault(site, i)
        said = [(a, b) for a, b in zip(cells[k], cells[i], strict=True) if not _silent(a) and not _silent(b)]
        if (
            k != i
            and all(str(a) == str(b) for a, b in said)
            and _apart_m(raw.geometry[k], raw.geometry[i], degrees) <= within_m
        ):
            filled = [b if _silent(a) else a for a, b in zip(cells[k], cells[i], strict=True)]
            cells[k] = filled
            gone.append(i)
            masts.append(k)
    if not gone:
        return raw, ()
    keep = np.ones(len(ids), dtype=bool)
    keep[gone] = False
    frame = raw.frame.assign(
        **{name: pd.Series(cells[:, j], raw.frame.index, dtype=object) for j, name in enumerate(own)}
    )
    params = {"count": len(gone), "found": ids[gone[0]]}
    told = Fault("changed.rows_of_one_mast", raw.file, "sites", raw.sheet, None, "site_id", params=params)
    kept = replace(
        raw,
        frame=frame[keep].reset_index(drop=True),
        rows=raw.rows[keep],
        geometry=raw.geometry[keep],
        faults=(*raw.faults, told),
    )
    return kept, tuple(zip(raw.rows[gone].tolist(), raw.rows[masts].tolist(), strict=True))


def _silent(cell: object) -> bool:
    """Whether a cell says nothing."""
    if isinstance(cell, str):
        return not cell.strip()
    return cell is None or cell is pd.NA or cell is pd.NaT or (isinstance(cell, float) and math.isnan(cell))


def _apart_m(one: shapely.Point, other: shapely.Point, degrees: bool) -> float:
    if degrees:
        return float(_EARTH.inv(one.x, one.y, other.x, other.y)[2])
    return float(one.distance(other))
