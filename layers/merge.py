"""New rows of a layer among those a study has: what fits, what is there already, what the layer will be."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any, NamedTuple

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from phusong.layers.checks.check import check_coverage, check_magnitudes, check_places, check_references
from phusong.layers.checks.nearness import MOST_LISTED, WITHIN_M, near_masts, same_masts, twice
from phusong.layers.checks.validate import Checked, validate
from phusong.layers.errors import Fault
from phusong.layers.readers.vector import layer_names, read_vector
from phusong.layers.schema import LAYERS, UNITS, Layer
from phusong.layers.study import Study

SAME_M = 1e-3
"""Corners nearer than this, m, are one."""
MOST_NAMED = 5
"""Rows that went out of a layer and are named."""


class Merged(NamedTuple):
    """``new``: the rows that go in or are there already, ``already`` of them; ``whole``: the layer as it will be."""

    new: Checked
    already: int
    whole: pd.DataFrame


def concerned(layer: Layer) -> set[str]:
    """The layers of a study against which new rows of ``layer`` are judged, it among them."""
    beside = {"sectors"} if layer.name == "sites" else set()
    return {layer.name, "units", *(target for target, _ in layer.refers.values()), *beside}


def standing(study: Study, names: Collection[str]) -> dict[str, Checked]:
    """The study's layers of these names, judged, faulty ones too, units of all dates; none without a file."""
    if not study.layers_path.exists():
        return {}
    there = {name.lower(): name for name in layer_names(study.layers_path)}
    return {
        name: validate(
            read_vector(study.layers_path, layer=there[name]), layer, crs=study.settings.crs, reproject=False
        )
        for name, layer in LAYERS.items()
        if name in names and name in there
    }


def staying(study: Study, new: pd.DataFrame) -> Checked | None:
    """The study's units of other dates than the new ones, judged, faulty ones too: they are written again. A unit whose
    date cannot be read is one of them; None if there are none."""
    if not study.layers_path.exists():
        return None
    name = next((name for name in layer_names(study.layers_path) if name.lower() == UNITS.name), None)
    if name is None:
        return None
    raw = read_vector(study.layers_path, layer=name)
    heading = next((name for name in raw.frame.columns if str(name).strip().lower() == "valid_on"), None)
    stays = np.ones(len(raw.rows), dtype=bool)
    if heading is not None:
        days = set(new["valid_on"].dt.strftime("%Y-%m-%d"))
        stays = np.array([str(day)[:10] not in days for day in raw.frame[heading]], dtype=bool)
    if not stays.any():
        return None
    shapes = None if raw.geometry is None else raw.geometry[stays]
    kept = replace(raw, frame=raw.frame[stays].reset_index(drop=True), rows=raw.rows[stays], geometry=shapes)
    return validate(kept, UNITS, crs=study.settings.crs, reproject=False)


def units_of(there: dict[str, Checked], study: Study) -> Checked | None:
    """The units of the study's day, None where there are none."""
    units = there.get("units")
    if units is None:
        return None
    day = np.datetime64(study.settings.units_valid_on, "s")
    kept = units.keep((units.frame["valid_on"] == day).to_numpy(), [])
    return kept if len(kept.frame) else None


def among(checked: Checked, there: dict[str, Checked], *, units: Checked | None) -> Checked:
    """The rows whose references and places fit what the study has, and notes on masts that may be one.

    References to a layer that is not there yet are left for ``phusong check``.
    """
    name = checked.layer
    refers = {target for target, _ in LAYERS[name].refers.values()}
    known = {other: there[other] for other in there if other in refers and other != "units"}
    if units is not None and name != "units":
        known["units"] = units
    done = check_places({**known, name: checked}, None)
    if not refers - known.keys():
        done = check_references(done)
    fit, notes = done[name], list[Fault]()
    if name == "sites":
        notes = near_masts(fit, there.get("sectors"))
    elif name == "sectors":
        notes = [*twice(fit), *check_magnitudes(fit)]
    elif name == "units":
        notes = check_coverage(geopandas.GeoDataFrame(fit.frame), file=fit.file)
    return fit.keep(np.ones(len(fit.frame), dtype=bool), notes)


def beside(new: Checked, known: pd.DataFrame, layer: Layer, *, sectors: pd.DataFrame | None = None) -> Merged:
    """New rows put beside those the study has.

    A row that is there cell for cell (but its source) is counted as there already; another row with its key is a fault.
    ``sectors``: the study's, by whose operators its masts are known.
    """
    asked = keys_of(new.frame, layer)
    at = keys_of(known, layer).get_indexer(asked)
    faults: list[Fault] = []
    good, fresh = np.ones(len(at), dtype=bool), at < 0
    twice_there = np.flatnonzero(~fresh)
    differing = _differing(new.frame.iloc[twice_there], known.iloc[at[twice_there]])
    for i, column in zip(twice_there.tolist(), differing, strict=True):
        if column is not None:
            good[i] = False
            params: dict[str, Any] = {"found": ", ".join(map(str, asked[i])), "other": column}
            row = int(new.rows[i])
            faults.append(new.fault("fault.already_otherwise", row=row, column=", ".join(layer.key), **params))
    if layer.name == "sites":
        faults += _same_masts(new, fresh, known, sectors)
    return Merged(new.keep(good, faults), int((~fresh & good).sum()), stacked(known, new.frame[fresh]))


def in_place(new: Checked, known: pd.DataFrame | None) -> pd.DataFrame:
    """The layer with new rows in place of what the study has; of units only those of the same dates give way."""
    return new.frame if known is None else stacked(other_dates(known, new.frame, LAYERS[new.layer]), new.frame)


def other_dates(known: pd.DataFrame, new: pd.DataFrame, layer: Layer) -> pd.DataFrame:
    """The units among a layer's rows that are of none of the new rows' dates; no row of another layer."""
    return known[~known["valid_on"].isin(new["valid_on"])] if layer.name == "units" else known[:0]


def gone(new: Checked, known: pd.DataFrame, whole: pd.DataFrame) -> tuple[Fault, ...]:
    """A note on the rows of the study that no longer are in the layer as it will be: such as rejected ones that were
    mended and put beside a list which now comes again."""
    layer = LAYERS[new.layer]
    there = keys_of(known, layer)
    lost = there[~there.isin(keys_of(whole, layer))]
    if not len(lost):
        return ()
    names = "; ".join(", ".join(map(str, key)) for key in lost[:MOST_NAMED]) + ("; …" if len(lost) > MOST_NAMED else "")
    return (new.fault("note.rows_gone", count=len(lost), names=names),)


def keys_of(frame: pd.DataFrame, layer: Layer) -> pd.MultiIndex:
    """The rows' keys as text, days without a time."""
    texts = [frame[name].astype(str).fillna("").str.removesuffix(" 00:00:00") for name in layer.key]
    return pd.MultiIndex.from_arrays(texts, names=list(layer.key))


def stacked(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Rows of two frames of one layer under each other."""
    if not len(one) or not len(other):
        return (other if not len(one) else one).reset_index(drop=True)
    whole: pd.DataFrame = pd.concat([one, other], ignore_index=True)
    if isinstance(one, geopandas.GeoDataFrame):
        whole = geopandas.GeoDataFrame(whole, geometry="geometry", crs=one.crs)
    return whole


def alike(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether two frames of one layer hold the same rows in the same order."""
    if len(one) != len(other) or list(one.columns) != list(other.columns):
        return False
    if not isinstance(one, geopandas.GeoDataFrame):
        return one.equals(other)
    plain = [name for name in one.columns if name != one.geometry.name]
    same = pd.DataFrame(one[plain]).reset_index(drop=True).equals(pd.DataFrame(other[plain]).reset_index(drop=True))
    return same and one.geometry.to_wkb().tolist() == other.geometry.to_wkb().tolist()


def _same_masts(
    new: Checked, fresh: NDArray[np.bool_], known: pd.DataFrame, sectors: pd.DataFrame | None
) -> list[Fault]:
    """Notes on new masts that stand where the study has a mast under another id, of the same operator or of one that is
    not known: the nearest MOST_LISTED, the rest as a number (at least so many, where there are MOST_PAIRS)."""
    frame, rows = new.frame[fresh], new.rows[fresh]
    faults = []
    found = same_masts(frame, known, known_sectors=sectors)[["new", "known", "how", "distance_m"]]
    found = found[found["how"] != "id"].sort_values("distance_m", kind="stable")
    for at, old, how, away_m in found[:MOST_LISTED].itertuples(index=False):
        code = "note.same_mast" if how == "place" else "note.same_mast_perhaps"
        params: dict[str, Any] = {"found": frame["site_id"].iloc[at], "other": known["site_id"].iloc[old]}
        params["distance_m"] = f"{away_m:.0f}"
        faults.append(new.fault(code, row=int(rows[at]), column="site_id", **params))
    if len(found) > MOST_LISTED:
        faults.append(new.fault("note.same_masts_more", count=len(found) - MOST_LISTED, within_m=f"{WITHIN_M:g}"))
    return faults


def _differing(one: pd.DataFrame, other: pd.DataFrame) -> list[str | None]:
    """For each row of two frames of one layer the first column in which they differ but the source, None if alike."""
    found = np.full(len(one), None, dtype=object)
    for column in (name for name in reversed(one.columns) if name != "source"):
        mine, theirs = one[column].reset_index(drop=True), other[column].reset_index(drop=True)
        empty, empty_there = mine.isna().to_numpy(), theirs.isna().to_numpy()
        if column == "geometry":
            shapes = (np.asarray(shape.array, dtype=object) for shape in (mine, theirs))
            same = shapely.equals_exact(*shapes, tolerance=SAME_M)
        else:
            plain = (cells.astype(object).where(cells.notna(), None) for cells in (mine, theirs))
            same = np.equal(*map(np.asarray, plain)).astype(bool)
        found[~(same | (empty & empty_there))] = column
    return list(found)
