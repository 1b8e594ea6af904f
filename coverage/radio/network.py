"""From the layers ``sites`` and ``sectors`` to the masts of the sweep: who is on air, where, how strong, how turned."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import log10, pi

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.radio import kernels
from phusong.coverage.radio.antenna import grid_convergence_deg
from phusong.coverage.radio.defaults import complete_sectors, radio_defaults
from phusong.coverage.radio.diffraction import wavelength_m
from phusong.coverage.radio.quantity import pilot_power_dbm
from phusong.coverage.radio.sweep import Masts, Terrain
from phusong.layers.errors import Fault, InputError

Key = tuple[str, str]
"""Technology and operator."""


@dataclass(frozen=True)
class Network:
    """The sectors on air, completed, sorted by ``sector_id``, with the columns x_m, y_m and pilot_power_dbm added."""

    sectors: pd.DataFrame
    defaults_used: pd.DataFrame
    keys: tuple[Key, ...]
    masts: Masts
    not_in_service: int


def on_air(sites: gpd.GeoDataFrame, *, on: date) -> pd.Series[bool]:
    """Which sites serve on a day: not planned or closed, and the day within in_service_from and in_service_to.

    Missing status or dates count as in service.
    """
    day = pd.Timestamp(on)
    active = pd.Series(True, index=sites.index)
    if "status" in sites:
        active &= ~sites["status"].isin(["planned", "closed"])
    if "in_service_from" in sites:
        active &= ~(sites["in_service_from"] > day)
    if "in_service_to" in sites:
        active &= ~(sites["in_service_to"] < day)
    return active


def build_network(
    sites: gpd.GeoDataFrame, sectors: pd.DataFrame, *, terrain: Terrain, on: date, max_range_m: float
) -> Network:
    """The network on air on a day. InputError names sectors without site or height, and sites without elevation."""
    known = sectors["site_id"].isin(sites["site_id"])
    if not known.all():
        raise _refuse("radio.error.no_site", sectors.loc[~known, "sector_id"])
    active = sectors["site_id"].isin(sites.loc[on_air(sites, on=on), "site_id"])
    frame, defaults_used = complete_sectors(sectors[active].sort_values("sector_id", ignore_index=True))
    if frame["height_m"].isna().any():
        raise _refuse("radio.error.no_height", frame.loc[frame["height_m"].isna(), "sector_id"])
    places = pd.DataFrame(
        {"x_m": sites.geometry.x.to_numpy(), "y_m": sites.geometry.y.to_numpy()}, index=sites["site_id"]
    )
    frame["x_m"] = places["x_m"].reindex(frame["site_id"]).to_numpy()
    frame["y_m"] = places["y_m"].reindex(frame["site_id"]).to_numpy()
    frame["pilot_power_dbm"] = _pilot_powers(frame)
    pairs = list(zip(frame["technology"].tolist(), frame["operator"].tolist(), strict=True))
    keys = tuple(sorted(set(pairs)))
    number = {key: i for i, key in enumerate(keys)}
    masts = _masts(
        frame, np.array([number[pair] for pair in pairs], dtype=np.int32), terrain=terrain, max_range_m=max_range_m
    )
    return Network(frame, defaults_used, keys, masts, int((~active).sum()))


def sector_table(
    frame: pd.DataFrame, *, convergence_deg: NDArray[np.float64], max_range_m: float
) -> NDArray[np.float64]:
    """Rows as the kernel reads them (columns of ``kernels``) from completed sectors with pilot_power_dbm.

    EIRP holds the level at 1 m in free space: pilot power - feeder loss + antenna gain - 20 log10(4 pi / wavelength).
    """
    table = np.empty((len(frame), kernels.SECTOR_COLUMNS))
    waves = np.array([wavelength_m(float(mhz)) for mhz in frame["band_mhz"]])
    limits = np.array(
        [1e3 * radio_defaults()["technology"][t].get("max_range_km", np.inf) for t in frame["technology"]]
    )
    power = frame["pilot_power_dbm"] - frame["feeder_loss_db"] + frame["antenna_gain_dbi"]
    table[:, kernels.EIRP] = power.to_numpy() - 20.0 * log10(4.0 * pi) + 20.0 * np.log10(waves)
    table[:, kernels.ROOT_WAVELENGTH] = np.sqrt(waves)
    table[:, kernels.RANGE_M2] = np.minimum(limits, max_range_m) ** 2
    table[:, kernels.AZIMUTH] = np.radians(frame["azimuth_deg"].to_numpy() - convergence_deg)
    table[:, kernels.TILT] = np.radians(frame["mechanical_tilt_deg"].to_numpy())
    table[:, kernels.DOWNTILT] = np.radians(frame["electrical_tilt_deg"].to_numpy())
    table[:, kernels.WIDTH_H] = np.radians(frame["beamwidth_h_deg"].to_numpy())
    table[:, kernels.WIDTH_V] = np.radians(frame["beamwidth_v_deg"].to_numpy())
    return table


def _masts(frame: pd.DataFrame, key: NDArray[np.int32], *, terrain: Terrain, max_range_m: float) -> Masts:
    x_m, y_m = frame["x_m"].to_numpy(dtype=np.float64), frame["y_m"].to_numpy(dtype=np.float64)
    table = sector_table(
        frame, convergence_deg=grid_convergence_deg(x_m, y_m, crs=terrain.grid.crs), max_range_m=max_range_m
    )
    ground = np.array([terrain.ground_m(x, y) for x, y in zip(x_m, y_m, strict=True)])
    if np.isnan(ground).any():
        raise _refuse("radio.error.no_elevation", frame.loc[np.isnan(ground), "site_id"])
    row, col = (
        (terrain.grid.top_m - y_m) / terrain.grid.cell_m - 0.5,
        (x_m - terrain.grid.left_m) / terrain.grid.cell_m - 0.5,
    )
    places = np.stack([row, col, ground + frame["height_m"].to_numpy(dtype=np.float64), ground], axis=1)
    place, mast = np.unique(places.reshape(-1, 4), axis=0, return_inverse=True)
    mast = mast.reshape(-1)
    order = np.lexsort((np.arange(len(frame)), table[:, kernels.ROOT_WAVELENGTH], mast))
    first = np.searchsorted(mast[order], np.arange(len(place) + 1)).astype(np.int64)
    return Masts(place, first, np.ascontiguousarray(table[order]), key[order], order.astype(np.int32))


def _pilot_powers(frame: pd.DataFrame) -> NDArray[np.float64]:
    columns = ["technology", "carrier_power_dbm", "band_mhz", "bandwidth_mhz", "pilot_share_pct"]
    powers: list[float] = []
    faults: list[Fault] = []
    known: dict[tuple[object, ...], float] = {}
    for sector_id, row in zip(frame["sector_id"], frame[columns].itertuples(index=False, name=None), strict=True):
        if row not in known:
            technology, carrier, band, bandwidth, share = row
            try:
                known[row] = pilot_power_dbm(
                    technology,
                    carrier_power_dbm=carrier,
                    band_mhz=band,
                    bandwidth_mhz=bandwidth,
                    pilot_share_pct=share,
                )
            except InputError as error:
                found = {**error.params, "sector": sector_id}
                faults.append(
                    Fault("radio.error.sector_bandwidth", layer="sectors", column="bandwidth_mhz", params=found)
                )
                continue
        powers.append(known[row])
    if faults:
        raise InputError("radio.error.bandwidths", faults=tuple(faults), count=len(faults))
    return np.array(powers, dtype=np.float64)


def _refuse(code: str, names: pd.Series[str]) -> InputError:
    unique = sorted(set(names))
    shown = ", ".join(unique[:10]) + (", …" if len(unique) > 10 else "")
    return InputError(code, names=shown, count=len(unique))
