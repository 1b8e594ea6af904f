"""Crosswalk between two dated sets of units: which unit of one date became which of the other, and how much of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import geopandas
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.layers.dated import overlay as laid
from phusong.layers.dated.overlay import Floats, Pieces, Rows, Weight
from phusong.layers.dated.units import date_of, same_name
from phusong.layers.errors import Fault
from phusong.layers.grid import Raster

Kind = Literal["whole", "renamed", "merged", "split", "part"]
Weighting = Literal["population raster", "village people", "villages", "area", "none"]
OF_PEOPLE: tuple[Weighting, ...] = ("population raster", "village people")
"""Weightings whose weights are persons."""
PAIR_COLUMNS = {
    "from_code": "str",
    "from_name": "str",
    "to_code": "str",
    "to_name": "str",
    "kind": "str",
    "basis": "str",  # polygons, lineage
    "weight": "float64",  # persons or villages in the part, NaN if not weighed
    "area_km2": "float64",  # of the part, NaN without polygons
    "share_of_old": "float64",
    "share_of_new": "float64",
    "old_by": "str",  # what share_of_old rests on: whole, a Weighting, "" (not known)
    "new_by": "str",
    "area_share_of_old": "float64",
    "area_share_of_new": "float64",
}
UNMATCHED_COLUMNS = {"code": "str", "name": "str", "share": "float64", "area_share": "float64", "area_km2": "float64"}


@dataclass(frozen=True)
class Dropped:
    """The strips that were not taken for parts of units, and the rule they fell under (see ``overlay.real``)."""

    count: int = 0
    area_km2: float = 0.0
    area_pct: float = 0.0  # of all that the two sets have in common
    weight: float = float("nan")  # persons or villages in them
    weight_pct: float = float("nan")
    width_m: float = laid.WIDTH_M
    share_pct: float = laid.SHARE_PCT
    trifle_pct: float = laid.TRIFLE_PCT


@dataclass(frozen=True)
class Crosswalk:
    """Pairs (old unit, new unit) with the share of each in the other; ``PAIR_COLUMNS``, sorted by the two codes.

    ``share_of_old``: part of the old unit's people (or villages, or area: ``old_by``) that live in the new one, 0-1;
    ``share_of_new`` the same of the new unit's. NaN where it is not known (a lineage says who, not how much). Kinds:
    ``whole`` one unit, the same before and after (its code may be another); ``renamed`` the same under another name;
    ``merged`` all of the old unit with others; ``split`` a part of the old unit, and the new one is nothing else;
    ``part`` a part of the old unit with parts of others.

    ``unmatched_from``: what of old units lies in no new one (``share`` 1: the whole unit);
    ``unmatched_to`` the same of the new. For every old unit its shares and its unmatched share add up to 1.
    """

    from_valid_on: date
    to_valid_on: date
    pairs: pd.DataFrame
    weighting: Weighting
    unmatched_from: pd.DataFrame
    unmatched_to: pd.DataFrame
    dropped: Dropped = Dropped()
    notes: tuple[Fault, ...] = ()
    told_by: Literal["old", "new"] = "old"  # of a descent: the side whose units it lists, each with all its parts

    @property
    def from_codes(self) -> NDArray[np.object_]:
        """Codes of all old units, sorted."""
        return np.union1d(
            self.pairs["from_code"].to_numpy(dtype=object), self.unmatched_from["code"].to_numpy(dtype=object)
        )

    def counts(self) -> dict[str, int]:
        """How many pairs there are of each kind."""
        found = self.pairs["kind"].value_counts()
        return {kind: int(found.get(kind, 0)) for kind in ("whole", "renamed", "merged", "split", "part")}

    def back(self) -> Crosswalk:
        """The same crosswalk from the new units to the old ones."""
        other = {
            name: name.replace("from_", "to_") if name.startswith("from_") else name.replace("to_", "from_")
            for name in ("from_code", "from_name", "to_code", "to_name")
        }
        for one, two in (("old_by", "new_by"), ("share_of_old", "share_of_new")):
            other |= {one: two, two: one}
        other |= {"area_share_of_old": "area_share_of_new", "area_share_of_new": "area_share_of_old"}
        pairs = self.pairs.rename(columns=other)
        pairs["kind"] = pairs["kind"].replace({"merged": "split", "split": "merged"})
        return replace(
            self,
            from_valid_on=self.to_valid_on,
            to_valid_on=self.from_valid_on,
            pairs=tidy(pairs),
            unmatched_from=self.unmatched_to,
            unmatched_to=self.unmatched_from,
            told_by="new" if self.told_by == "old" else "old",
        )


def from_polygons(
    old: geopandas.GeoDataFrame,
    new: geopandas.GeoDataFrame,
    *,
    weight: Weight = None,
    width_m: float = laid.WIDTH_M,
    share_pct: float = laid.SHARE_PCT,
    trifle_pct: float = laid.TRIFLE_PCT,
) -> Crosswalk:
    """The crosswalk of two sets of outlines by exact overlay: frames of code, valid_on, name and geometry, each of one
    date (see ``units.read_units``).

    ``weight``: a population raster in persons a cell (its CRS is then that of the overlay), villages as points
    (``population``, or 1 each), or None for area. A unit without known weight is weighed by area and a note says so.
    Without a raster the overlay is done in an equal-area projection. Strips where the two sets draw one boundary
    differently are dropped by the rule of ``overlay.real`` and their sum is told; what is left of a unit counts as the
    whole of it.
    """
    crs = weight.grid.crs if isinstance(weight, Raster) else laid.equal_area_crs(old)
    one, repaired_old = laid.outlines(old, crs=crs)
    other, repaired_new = laid.outlines(new, crs=crs)
    pieces = laid.overlay(one, other)
    kept = laid.real(pieces, width_m=width_m, share_pct=share_pct, trifle_pct=trifle_pct)
    amounts, known = laid.weigh(pieces, weight, crs=crs)
    name = _weighting(weight)
    notes = []
    for units, repaired, shapes in ((old, repaired_old, one), (new, repaired_new, other)):
        notes += _notes(repaired, laid.overlap_m2(shapes), units=units, area_m2=float(pieces.area_m2.sum()))
    shares, rest_on = {}, {}
    for side, rows in (("old", pieces.one), ("new", pieces.other)):
        shares[side], rest_on[side], fallen = _shares(rows, pieces, kept, amounts, known, name=name)
        if fallen:
            day = date_of(old if side == "old" else new).isoformat()
            notes.append(Fault("note.unit_without_weight", layer="units", params={"count": fallen, "valid_on": day}))
    lost = _dropped(pieces, kept, amounts, width_m=width_m, share_pct=share_pct, trifle_pct=trifle_pct)
    if lost.count:
        params = {"count": lost.count, "area_km2": f"{lost.area_km2:.1f}", "area_pct": f"{lost.area_pct:.2f}"}
        params |= {"width_m": f"{width_m:g}", "share_pct": f"{share_pct:g}", "trifle_pct": f"{trifle_pct:g}"}
        notes.append(Fault("note.slivers_dropped", layer="units", params=params))
        if lost.weight > 0:
            weighed = {"weight": f"{lost.weight:.0f}", "weight_pct": f"{lost.weight_pct:.2f}"}
            code = "note.slivers_people" if name in OF_PEOPLE else "note.slivers_villages"
            notes.append(Fault(code, layer="units", params=weighed))
    at = np.flatnonzero(kept & pieces.whole)
    pairs = pd.DataFrame(
        {
            **_named(old, pieces.one[at], "from"),
            **_named(new, pieces.other[at], "to"),
            "basis": "polygons",
            "weight": amounts[at],
            "area_km2": pieces.area_m2[at] / 1e6,
            "share_of_old": shares["old"][at],
            "share_of_new": shares["new"][at],
            "old_by": rest_on["old"][at],
            "new_by": rest_on["new"][at],
            "area_share_of_old": _area_shares(pieces.one, pieces, kept)[at],
            "area_share_of_new": _area_shares(pieces.other, pieces, kept)[at],
        }
    )
    sole_old, sole_new = (_sole(rows, kept)[at] for rows in (pieces.one, pieces.other))
    pairs["kind"] = kinds(sole_old, sole_new, same_name=same_names(pairs))
    return Crosswalk(
        date_of(old),
        date_of(new),
        tidy(pairs),
        name,
        _unmatched(old, pieces.one, pieces, kept & (pieces.other < 0), shares["old"]),
        _unmatched(new, pieces.other, pieces, kept & (pieces.one < 0), shares["new"]),
        lost,
        tuple(notes),
    )


def kinds(
    sole_old: NDArray[np.bool_], sole_new: NDArray[np.bool_], *, same_name: NDArray[np.bool_]
) -> NDArray[np.object_]:
    """Kind of each pair: whether it is all of the old unit, all of the new one, and whether the names agree."""
    conditions = [sole_old & sole_new & same_name, sole_old & sole_new, sole_old, sole_new]
    return np.select(conditions, ["whole", "renamed", "merged", "split"], default="part").astype(object)


def tidy(pairs: pd.DataFrame) -> pd.DataFrame:
    """The pairs with exactly ``PAIR_COLUMNS``, typed and in their order."""
    table = pairs.reindex(columns=list(PAIR_COLUMNS)).astype(PAIR_COLUMNS)
    return table.sort_values(["from_code", "to_code"], kind="stable").reset_index(drop=True)


def no_units() -> pd.DataFrame:
    """An empty frame of unmatched units."""
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in UNMATCHED_COLUMNS.items()})


def _weighting(weight: Weight) -> Weighting:
    if weight is None:
        return "area"
    if isinstance(weight, Raster):
        return "population raster"
    return "village people" if laid.counts_people(weight) else "villages"


def _shares(
    rows: Rows, pieces: Pieces, kept: NDArray[np.bool_], amounts: Floats, known: Floats, *, name: Weighting
) -> tuple[Floats, NDArray[np.object_], int]:
    """Share of each kept piece in its unit, what it rests on, and how many units could not be weighed."""
    there = kept & (rows >= 0)
    unit = rows[there]
    n = int(rows.max(initial=-1)) + 1
    area = pieces.area_m2[there]
    weight = np.nan_to_num(amounts[there])
    areas = np.bincount(unit, weights=area, minlength=n)
    totals = np.bincount(unit, weights=weight, minlength=n)
    seen = np.bincount(unit, weights=area * known[there], minlength=n)
    weighed = (totals > 0) & (seen >= laid.KNOWN_SHARE * areas)
    number = np.bincount(unit, minlength=n)
    share, by = np.full(len(rows), np.nan), np.full(len(rows), "", dtype=object)
    share[there] = np.where(weighed[unit], weight / np.where(totals > 0, totals, 1.0)[unit], area / areas[unit])
    share[np.flatnonzero(there)[number[unit] == 1]] = 1.0
    by[there] = np.where(number[unit] == 1, "whole", np.where(weighed[unit], name, "area"))
    return share, by, int(((number > 1) & ~weighed).sum()) if name != "area" else 0


def _area_shares(rows: Rows, pieces: Pieces, kept: NDArray[np.bool_]) -> Floats:
    there = kept & (rows >= 0)
    totals = np.bincount(rows[there], weights=pieces.area_m2[there], minlength=int(rows.max(initial=-1)) + 1)
    share = np.full(len(rows), np.nan)
    share[there] = pieces.area_m2[there] / totals[rows[there]]
    return share


def _sole(rows: Rows, kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether a piece is the only kept one of its unit."""
    number = np.bincount(rows[kept & (rows >= 0)], minlength=int(rows.max(initial=-1)) + 1)
    sole: NDArray[np.bool_] = (rows >= 0) & (number[np.maximum(rows, 0)] == 1)
    return sole


def _named(units: geopandas.GeoDataFrame, rows: Rows, side: str) -> dict[str, NDArray[np.object_]]:
    return {
        f"{side}_code": units["code"].to_numpy(dtype=object)[rows],
        f"{side}_name": units["name"].to_numpy(dtype=object)[rows],
    }


def same_names(pairs: pd.DataFrame) -> NDArray[np.bool_]:
    """Whether the old and the new unit of each pair bear one name; units without names are taken to."""
    names = zip(*(pairs[name].fillna("") for name in ("from_name", "to_name")), strict=True)
    return np.array([not one or not two or same_name(one, two) for one, two in names], dtype=bool)


def _unmatched(
    units: geopandas.GeoDataFrame, rows: Rows, pieces: Pieces, kept: NDArray[np.bool_], shares: Floats
) -> pd.DataFrame:
    at = np.flatnonzero(kept & (rows >= 0))
    areas = pieces.one_area_m2 if rows is pieces.one else pieces.other_area_m2
    table = pd.DataFrame(
        {
            "code": units["code"].to_numpy(dtype=object)[rows[at]],
            "name": units["name"].to_numpy(dtype=object)[rows[at]],
            "share": shares[at],
            "area_share": pieces.area_m2[at] / areas[rows[at]],
            "area_km2": pieces.area_m2[at] / 1e6,
        }
    )
    return table.astype(UNMATCHED_COLUMNS).sort_values("code", kind="stable").reset_index(drop=True)


def _dropped(
    pieces: Pieces, kept: NDArray[np.bool_], amounts: Floats, *, width_m: float, share_pct: float, trifle_pct: float
) -> Dropped:
    strips = ~kept & pieces.whole
    area, weight = float(pieces.area_m2[strips].sum()), float(amounts[strips].sum())
    common = float(pieces.area_m2[pieces.whole].sum())
    all_weight = float(amounts[pieces.whole].sum())
    return Dropped(
        int(strips.sum()),
        area / 1e6,
        100 * area / common if common else 0.0,
        weight,
        100 * weight / all_weight if all_weight else float("nan"),
        width_m,
        share_pct,
        trifle_pct,
    )


def _notes(repaired: int, overlap_m2: float, *, units: geopandas.GeoDataFrame, area_m2: float) -> list[Fault]:
    day, notes = date_of(units).isoformat(), []
    if repaired:
        notes.append(Fault("note.outlines_repaired", layer="units", params={"count": repaired, "valid_on": day}))
    if overlap_m2 > laid.TRIFLE_PCT / 100 * 1e6:
        params = {"area_km2": f"{overlap_m2 / 1e6:.2f}", "area_pct": f"{100 * overlap_m2 / area_m2:.2f}"}
        notes.append(Fault("note.outlines_overlap", layer="units", params=params | {"valid_on": day}))
    return notes
