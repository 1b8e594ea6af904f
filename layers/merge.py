"""New rows of a layer among those a study has: what fits, what is there already, what the layer will be."""

from __future__ import annotations

from typing import Any, NamedTuple

import geopandas
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.layers.checks.check import check_coverage, check_magnitudes, check_places, check_references
from phusong.layers.checks.nearness import near_masts, same_masts, twice
from phusong.layers.checks.validate import Checked, validate
from phusong.layers.errors import Fault
from phusong.layers.readers.vector import layer_names, read_vector
from phusong.layers.schema import LAYERS, Layer
from phusong.layers.study import Study


class Merged(NamedTuple):
    """``new``: the rows that go in or are there already, ``already`` of them; ``whole``: the layer as it will be."""

    new: Checked
    already: int
    whole: pd.DataFrame


def standing(study: Study) -> dict[str, Checked]:
    """The study's layers as they are, judged, faulty ones too, units of all dates; none without a file."""
    if not study.layers_path.exists():
        return {}
    names = {name.lower(): name for name in layer_names(study.layers_path)}
    there = {}
    for name, layer in LAYERS.items():
        if name in names:
            raw = read_vector(study.layers_path, layer=names[name])
            checked = validate(raw, layer, crs=study.settings.crs, reproject=False)
            there[name] = checked
    return there


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


def beside(new: Checked, known: pd.DataFrame, layer: Layer) -> Merged:
    """New rows put beside those the study has.

    A row that is there cell for cell (but its source) is counted as there already; another row with its key is a fault.
    """
    keys = list(layer.key)
    old = pd.MultiIndex.from_frame(known[keys].astype(str))
    asked = pd.MultiIndex.from_frame(new.frame[keys].astype(str))
    at = old.get_indexer(asked)
    faults: list[Fault] = []
    good, fresh = np.ones(len(at), dtype=bool), at < 0
    for i in np.flatnonzero(at >= 0).tolist():
        column = _differs(new.frame.iloc[i], known.iloc[at[i]])
        if column is not None:
            good[i] = False
            found = ", ".join(str(value).removesuffix(" 00:00:00") for value in asked[i])
            params: dict[str, Any] = {"found": found, "other": column}
            row = int(new.rows[i])
            faults.append(new.fault("fault.already_otherwise", row=row, column=", ".join(keys), **params))
    if layer.name == "sites":
        faults += _same_masts(new, fresh, known)
    return Merged(new.keep(good, faults), int((~fresh & good).sum()), stacked(known, new.frame[fresh]))


def in_place(new: Checked, known: pd.DataFrame | None) -> pd.DataFrame:
    """The layer with new rows in place of what the study has; of units only those of the same dates give way."""
    if known is None or new.layer != "units":
        return new.frame
    return stacked(known[~known["valid_on"].isin(new.frame["valid_on"])], new.frame)


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


def _same_masts(new: Checked, fresh: NDArray[np.bool_], known: pd.DataFrame) -> list[Fault]:
    """Notes on new masts that stand where the study has a mast of the same operator under another id."""
    frame, rows = new.frame[fresh], new.rows[fresh]
    faults = []
    found = same_masts(frame, known)[["new", "known", "how", "distance_m"]]
    for at, old, how, away_m in found.itertuples(index=False):
        if how == "place":
            params: dict[str, Any] = {"found": frame["site_id"].iloc[at], "other": known["site_id"].iloc[old]}
            params["distance_m"] = f"{away_m:.0f}"
            faults.append(new.fault("note.same_mast", row=int(rows[at]), column="site_id", **params))
    return faults


def _differs(one: pd.Series[Any], other: pd.Series[Any]) -> str | None:
    """The first column in which two rows differ, None if they are alike; places within a millimetre are one."""
    for column in one.index:
        mine, theirs = one[column], other[column]
        if column == "geometry":
            if (mine is None) != (theirs is None) or (mine is not None and not mine.equals_exact(theirs, 1e-3)):
                return "geometry"
        elif column != "source" and not (pd.isna(mine) and pd.isna(theirs)) and (pd.isna(mine) or mine != theirs):
            return str(column)
    return None
