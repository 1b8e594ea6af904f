"""Observed signal reports, as an official list would have them: mostly right, not complete, some out of date."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.layers.sample.frames import layer_frame, points_xy
from phusong.layers.sample.ground import Floats, Ground
from phusong.layers.sample.masts import LIMIT_DB, least_loss_db

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
    loss_2g = _loss(ground, running, xy, technology="2G", frequency_mhz=900.0)
    loss_3g = _loss(ground, running, xy, technology="3G", frequency_mhz=2100.0)
    has_2g, has_3g = loss_2g <= LIMIT_DB, loss_3g <= LIMIT_3G_DB
    rows: list[dict[str, Any]] = []
    places: list[Floats] = []

    def add(chosen: NDArray[Any], at: Floats, has: NDArray[Any], of: NDArray[Any] = codes, **same: Any) -> None:
        for i in np.flatnonzero(chosen):
            rows.append({"village_code": of[i], "has_signal": bool(has[i]), **same})
            places.append(at[i])

    def some(share: float) -> NDArray[np.bool_]:
        return rng.random(len(xy)) < share

    listed = hilly & some(LISTED_SHARE)
    centre: dict[str, Any] = {"place": "centre", "as_of": SURVEYED_ON}
    add(listed, xy, has_2g ^ some(WRONG_SHARE), technology="2G", **centre)
    add(listed & some(0.5), xy, has_3g, technology="3G", **centre)
    add(listed & ~has_2g & ~has_3g & some(0.6), xy, has_2g, **centre)
    add(~hilly & some(LOWLAND_SHARE), xy, np.ones(len(xy), dtype=np.bool_), technology="2G", **centre)
    earlier = {**centre, "as_of": EARLIER_ON}
    add(listed & some(EARLIER_SHARE), xy, np.zeros(len(xy), dtype=np.bool_), technology="2G", **earlier)
    if clusters is not None and len(clusters):
        at = points_xy(clusters)
        of = np.array(clusters["village_code"].tolist(), dtype=object)
        outlying = np.array([str(i) != first for i, first in _first_of(clusters)], dtype=np.bool_)
        in_list = np.isin(of, codes[listed]) & (rng.random(len(of)) < CLUSTERS_SHARE)
        silent = _loss(ground, running, at, technology="2G", frequency_mhz=900.0) > LIMIT_DB
        told = outlying & in_list & (silent | (rng.random(len(of)) < 0.15))
        add(told, at, ~silent, of=of, technology="2G", place="cluster", as_of=SURVEYED_ON)
    _add_levels(ground, running, xy, codes, listed | some(0.02), rows, places, rng)
    frame = pd.DataFrame(rows)
    columns = {c: frame[c].tolist() for c in frame}
    columns["report_id"] = [f"R{i + 1:04d}" for i in range(len(frame))]
    xy_m = np.array(places).reshape(-1, 2)
    return layer_frame("signal_reports", columns, rows=len(frame), source=source, xy_m=xy_m, crs=ground.crs)


def _first_of(clusters: pd.DataFrame) -> list[tuple[str, str]]:
    """Each cluster's id with the id of its village's first one, which is the centre."""
    first = clusters.groupby("village_code")["cluster_id"].transform("first")
    return list(zip(clusters["cluster_id"].tolist(), first.tolist(), strict=True))


def _running(sites: pd.DataFrame, sectors: pd.DataFrame) -> pd.DataFrame:
    """Sectors of sites in service with the mast's x_m, y_m; a site of unknown status counts as in service."""
    xy = points_xy(sites)
    on = sites["status"].isna() | (sites["status"] == "in_service")
    at = pd.DataFrame({"site_id": sites["site_id"], "x_m": xy[:, 0], "y_m": xy[:, 1]})[on]
    return sectors[["site_id", "operator", "technology"]].drop_duplicates().merge(at, on="site_id")


def _loss(ground: Ground, running: pd.DataFrame, places: Floats, *, technology: str, frequency_mhz: float) -> Floats:
    masts = running.loc[running["technology"] == technology, ["site_id", "x_m", "y_m"]].drop_duplicates("site_id")
    return least_loss_db(ground, masts[["x_m", "y_m"]].to_numpy(), places, frequency_mhz=frequency_mhz)


def _add_levels(
    ground: Ground,
    running: pd.DataFrame,
    xy: Floats,
    codes: NDArray[Any],
    among: NDArray[np.bool_],
    rows: list[dict[str, Any]],
    places: list[Floats],
    rng: np.random.Generator,
) -> None:
    """Levels measured of the operator with most stations, at some of the villages."""
    chosen = np.flatnonzero(among & (rng.random(len(xy)) < MEASURED_SHARE))
    noise = rng.normal(0, 6, len(chosen))
    if not len(chosen) or not len(running):
        return
    operator = str(running["operator"].value_counts().idxmax())
    loss = _loss(ground, running[running["operator"] == operator], xy[chosen], technology="2G", frequency_mhz=900.0)
    for i, level in zip(chosen, RADIATED_DBM - 6 - loss + noise, strict=True):
        if np.isfinite(level):
            told = float(np.round(np.clip(level, -110, -45)))
            same = {"technology": "2G", "operator": operator, "place": "centre", "as_of": MEASURED_ON}
            rows.append({"village_code": codes[i], "has_signal": told >= USABLE_DBM, "level_dbm": told, **same})
            places.append(xy[i])
