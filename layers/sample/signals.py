"""Observed signal reports, as an official list would have them: mostly right, not complete, some out of date."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.layers.sample.frames import layer_frame, points_xy
from phusong.layers.sample.ground import Floats, Ground
from phusong.layers.sample.masts import LIMIT_DB, least_loss_db, weaker_db

SURVEYED_ON: Final = date(2012, 11, 15)
MEASURED_ON: Final = date(2012, 12, 10)
EARLIER_ON: Final = date(2012, 5, 31)
LISTED_SHARE: Final = 0.92  # of the villages in mountains
WRONG_SHARE: Final = 0.05  # of the listed villages
CLUSTERS_SHARE: Final = 0.8
LOWLAND_SHARE: Final = 0.1
EARLIER_SHARE: Final = 0.1
MEASURED_SHARE: Final = 0.15
RADIATED_DBM: Final = 58.0
USABLE_DBM: Final = -95.0
LIMIT_3G_DB: Final = 148.0  # 49 dBm of pilot down to -105 dBm, less 6 dB


def make_signal_reports(
    ground: Ground,
    villages: pd.DataFrame,
    clusters: pd.DataFrame | None,
    sites: pd.DataFrame,
    sectors: pd.DataFrame,
    *,
    rng: np.random.Generator,
    source: str,
) -> pd.DataFrame:
    """Reports on most villages in mountains, their outlying clusters and some lowland villages.

    What the lists say follows a crude estimate of the path to the masts in service, with a few errors; some reports are
    older and overtaken, some are measured levels of one operator.
    """
    xy = points_xy(villages)
    codes = np.array(villages["code"].tolist(), dtype=object)
    hilly = ground.hilly(xy)
    running = _running(sites, sectors)
    has_2g, has_3g = np.ones((2, len(xy)), dtype=np.bool_)
    has_2g[hilly] = _loss(ground, running, xy[hilly], technology="2G", frequency_mhz=900.0) <= LIMIT_DB
    has_3g[hilly] = _loss(ground, running, xy[hilly], technology="3G", frequency_mhz=2100.0) <= LIMIT_3G_DB
    said = partial(_said, codes=codes, xy=xy)
    centre: dict[str, Any] = {"place": "centre", "as_of": SURVEYED_ON}

    def some(share: float) -> NDArray[np.bool_]:
        return rng.random(len(xy)) < share

    listed = hilly & some(LISTED_SHARE)
    parts = [
        said(listed, has_2g ^ some(WRONG_SHARE), technology="2G", **centre),
        said(listed & some(0.5), has_3g, technology="3G", **centre),
        said(listed & ~has_2g & ~has_3g & some(0.6), has_2g, **centre),
        said(~hilly & some(LOWLAND_SHARE), True, technology="2G", **centre),
        said(listed & some(EARLIER_SHARE), False, technology="2G", place="centre", as_of=EARLIER_ON),
    ]
    if clusters is not None and len(clusters):
        at = points_xy(clusters)
        of = clusters["village_code"].to_numpy(dtype=object)
        outlying = pd.Series(of).duplicated().to_numpy()  # a village's first cluster is its centre
        silent = _loss(ground, running, at, technology="2G", frequency_mhz=900.0) > LIMIT_DB
        asked = outlying & np.isin(of, codes[listed]) & (rng.random(len(of)) < CLUSTERS_SHARE)
        told = asked & (silent | (rng.random(len(of)) < 0.15))
        parts.append(_said(told, ~silent, codes=of, xy=at, technology="2G", place="cluster", as_of=SURVEYED_ON))
    measured = np.flatnonzero((listed | some(0.02)) & some(MEASURED_SHARE))
    if len(measured) and len(running):
        operator = str(running["operator"].value_counts().idxmax())
        of_one = running[running["operator"] == operator]
        loss = _loss(ground, of_one, xy[measured], technology="2G", frequency_mhz=900.0)
        measured, loss = measured[np.isfinite(loss)], loss[np.isfinite(loss)]
        level = np.round(np.clip(RADIATED_DBM - 6 - loss + rng.normal(0, 6, len(loss)), -110, -45))
        levels = pd.DataFrame({"level_dbm": level, "has_signal": level >= USABLE_DBM, "village_code": codes[measured]})
        levels[["x_m", "y_m"]] = xy[measured]
        levels = levels.assign(operator=operator, technology="2G", place="centre", as_of=MEASURED_ON)
        parts.append(levels.astype({"technology": object, "operator": object}))
    frame = pd.concat(parts, ignore_index=True)
    columns = {str(c): frame[c].tolist() for c in frame if c not in ("x_m", "y_m")}
    columns["report_id"] = [f"R{i + 1:04d}" for i in range(len(frame))]
    xy_m = frame[["x_m", "y_m"]].to_numpy(dtype=np.float64)
    return layer_frame("signal_reports", columns, rows=len(frame), source=source, xy_m=xy_m, crs=ground.crs)


def _said(chosen: NDArray[np.bool_], has: Any, *, codes: NDArray[Any], xy: Floats, **same: Any) -> pd.DataFrame:
    """Reports that say ``has`` (one value, or one a place) of the chosen places."""
    empty = {"technology": None, "operator": None, "level_dbm": np.nan}
    at = xy[chosen]
    signal = np.broadcast_to(has, chosen.shape)[chosen]
    columns = {"village_code": codes[chosen], "has_signal": signal, "x_m": at[:, 0], "y_m": at[:, 1]}
    return pd.DataFrame(columns).assign(**(empty | same)).astype({"technology": object, "operator": object})


def _running(sites: pd.DataFrame, sectors: pd.DataFrame) -> pd.DataFrame:
    """Sectors of sites in service with the mast's x_m, y_m; a site of unknown status counts as in service."""
    xy = points_xy(sites)
    on = sites["status"].isna() | (sites["status"] == "in_service")
    at = pd.DataFrame({"site_id": sites["site_id"], "x_m": xy[:, 0], "y_m": xy[:, 1]})[on]
    stations = sectors[["site_id", "operator", "technology"]].assign(weaker_db=weaker_db(sectors))
    strongest = stations.sort_values("weaker_db", kind="stable").drop_duplicates(["site_id", "operator", "technology"])
    return strongest.sort_index().merge(at, on="site_id")


def _loss(ground: Ground, running: pd.DataFrame, places: Floats, *, technology: str, frequency_mhz: float) -> Floats:
    own = running[running["technology"] == technology].sort_values("weaker_db", kind="stable")
    masts = own.drop_duplicates("site_id")
    xy, weaker = masts[["x_m", "y_m"]].to_numpy(), masts["weaker_db"].to_numpy()
    return least_loss_db(ground, xy, places, weaker_db=weaker, frequency_mhz=frequency_mhz)
