"""From the layers ``sites`` and ``sectors`` to masts: who is on air, where, how strong, how turned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.radio import server_kernels
from phusong.coverage.radio.antenna import grid_convergence_deg, sector_patterns
from phusong.coverage.radio.defaults import complete_sectors, radio_defaults
from phusong.coverage.radio.link_budget import LinkTerms
from phusong.coverage.radio.quantity import pilot_power_dbm
from phusong.coverage.radio.required import deficits_db, required_levels
from phusong.coverage.radio.terrain import Terrain
from phusong.layers.errors import Fault, InputError
from phusong.layers.patterns import Patterns

Key = tuple[str, str]
"""Technology and operator."""
BandKey = tuple[str, str, float | None]
"""Technology, operator and band in MHz; None: all its bands."""


@dataclass(frozen=True)
class Mast:
    """Antennas at one position and height: they share every path.

    ``place``: row and col in cells, antenna and ground above sea level in m. ``bands_mhz``: (bands,), rising. The rest
    is a row for each sector and map it competes on, sorted by map: ``sectors`` (columns of ``server_kernels``),
    ``band`` (its place in ``bands_mhz``), ``key`` (number of the map), ``number`` (row of the network's sectors).
    """

    place: tuple[float, float, float, float]
    bands_mhz: tuple[float, ...]
    sectors: NDArray[np.float64]
    band: NDArray[np.int64]
    key: NDArray[np.int64]
    number: NDArray[np.int64]

    @property
    def range_m(self) -> float:
        """The longest range of its sectors."""
        return float(np.sqrt(self.sectors[:, server_kernels.RANGE_M2].max()))


@dataclass(frozen=True)
class Network:
    """The sectors on air, completed, sorted by ``sector_id``; added: x_m, y_m, pilot_power_dbm, required_dbm.

    ``keys``: the maps the sectors compete on, one for each technology and operator, and one for each of its bands where
    it has several. ``required_dbm``: by technology, see ``required``; a sector's own is that and its deficit.
    """

    sectors: pd.DataFrame
    defaults_used: pd.DataFrame
    keys: tuple[BandKey, ...]
    masts: tuple[Mast, ...]
    usable_dbm: Mapping[str, float]
    required_dbm: Mapping[str, float]
    patterns: Patterns
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
    sites: gpd.GeoDataFrame,
    sectors: pd.DataFrame,
    *,
    terrain: Terrain,
    on: date,
    max_range_m: float,
    usable_dbm: Mapping[str, float],
    terms: LinkTerms | None = None,
    patterns: Patterns | None = None,
) -> Network:
    """The network on air on a day. InputError names sectors without site or height, and sites without elevation.

    ``usable_dbm``: of every technology; ``terms``: what a covered place is asked to have (outdoors, median, downlink).
    """
    known = sectors["site_id"].isin(sites["site_id"])
    if not known.all():
        raise _refuse("radio.error.no_site", sectors.loc[~known, "sector_id"])
    terms, patterns = terms or LinkTerms(), patterns or Patterns()
    active = sectors["site_id"].isin(sites.loc[on_air(sites, on=on), "site_id"])
    frame, defaults_used = complete_sectors(
        sectors[active].sort_values("sector_id", ignore_index=True), patterns=patterns
    )
    if frame["height_m"].isna().any():
        raise _refuse("radio.error.no_height", frame.loc[frame["height_m"].isna(), "sector_id"])
    places = pd.DataFrame(
        {"x_m": sites.geometry.x.to_numpy(), "y_m": sites.geometry.y.to_numpy()}, index=sites["site_id"]
    )
    frame["x_m"] = places["x_m"].reindex(frame["site_id"]).to_numpy()
    frame["y_m"] = places["y_m"].reindex(frame["site_id"]).to_numpy()
    frame["pilot_power_dbm"] = _pilot_powers(frame)
    required = required_levels(usable_dbm, terms=terms, sectors=frame)
    least = frame["technology"].map(required).astype("float64")
    frame["required_dbm"] = least + deficits_db(frame, required_dbm=required, usable_dbm=usable_dbm, terms=terms)
    keys = _keys(frame)
    masts = _masts(frame, keys, terrain=terrain, max_range_m=max_range_m, patterns=patterns)
    return Network(frame, defaults_used, keys, masts, usable_dbm, required, patterns, int((~active).sum()))


def sector_table(
    frame: pd.DataFrame, *, convergence_deg: NDArray[np.float64], max_range_m: float, patterns: Patterns
) -> NDArray[np.float64]:
    """Rows as the kernels read them (columns of ``server_kernels``), from completed sectors.

    EIRP is that of the measured signal: pilot power - feeder loss + antenna gain.
    """
    table = np.empty((len(frame), server_kernels.SECTOR_COLUMNS))
    limits = np.array(
        [1e3 * radio_defaults()["technology"][t].get("max_range_km", np.inf) for t in frame["technology"]]
    )
    measured, tilt_deg = sector_patterns(frame, patterns)
    table[:, server_kernels.EIRP] = frame["pilot_power_dbm"] - frame["feeder_loss_db"] + frame["antenna_gain_dbi"]
    table[:, server_kernels.LEAST] = frame["required_dbm"]
    table[:, server_kernels.RANGE_M2] = np.minimum(limits, max_range_m) ** 2
    table[:, server_kernels.AZIMUTH] = np.radians(frame["azimuth_deg"].to_numpy() - convergence_deg)
    table[:, server_kernels.TILT] = np.radians(frame["mechanical_tilt_deg"].to_numpy())
    table[:, server_kernels.DOWNTILT] = np.radians(tilt_deg)
    table[:, server_kernels.WIDTH_H] = np.radians(frame["beamwidth_h_deg"].to_numpy())
    table[:, server_kernels.WIDTH_V] = np.radians(frame["beamwidth_v_deg"].to_numpy())
    table[:, server_kernels.PATTERN] = measured
    return table


def pattern_table(patterns: Patterns) -> NDArray[np.float32]:
    """(n, 2, 360) horizontal and vertical loss in dB at whole degrees, as the kernels read them."""
    return np.stack([patterns.horizontal_db, patterns.vertical_db], axis=1)


def _keys(frame: pd.DataFrame) -> tuple[BandKey, ...]:
    """A map for each technology and operator, and one for each band of those that have several."""
    keys: list[BandKey] = []
    for technology, operator in sorted(set(zip(frame["technology"].tolist(), frame["operator"].tolist(), strict=True))):
        own = (frame["technology"] == technology) & (frame["operator"] == operator)
        bands = sorted(set(frame.loc[own, "band_mhz"].tolist()))
        keys += [(technology, operator, None), *((technology, operator, mhz) for mhz in bands if len(bands) > 1)]
    return tuple(keys)


def _masts(
    frame: pd.DataFrame, keys: tuple[BandKey, ...], *, terrain: Terrain, max_range_m: float, patterns: Patterns
) -> tuple[Mast, ...]:
    x_m, y_m = frame["x_m"].to_numpy(dtype=np.float64), frame["y_m"].to_numpy(dtype=np.float64)
    convergence = grid_convergence_deg(x_m, y_m, crs=terrain.grid.crs)
    table = sector_table(frame, convergence_deg=convergence, max_range_m=max_range_m, patterns=patterns)
    ground = terrain.grounds_m(x_m, y_m)
    if np.isnan(ground).any():
        raise _refuse("radio.error.no_elevation", frame.loc[np.isnan(ground), "site_id"])
    row, col = terrain.position_of(x_m, y_m)
    numbers = {key: i for i, key in enumerate(keys)}
    bands = frame["band_mhz"].to_numpy(dtype=np.float64)
    owners = list(zip(frame["technology"].tolist(), frame["operator"].tolist(), strict=True))
    places = np.stack([row, col, ground + frame["height_m"].to_numpy(dtype=np.float64), ground], axis=1)
    place, of_mast = np.unique(places.reshape(-1, 4), axis=0, return_inverse=True)
    order = np.argsort(of_mast.reshape(-1), kind="stable")
    ends = np.searchsorted(of_mast.reshape(-1)[order], np.arange(len(place) + 1))
    masts = []
    for mast, (first, last) in enumerate(zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)):
        own = order[first:last]
        own_bands = np.unique(bands[own])
        entries = sorted(
            (numbers[key], int(i))
            for i in own
            for key in ((*owners[i], None), (*owners[i], float(bands[i])))
            if key in numbers
        )
        number = np.array([i for _, i in entries], dtype=np.int64)
        masts.append(
            Mast(
                tuple(place[mast].tolist()),
                tuple(own_bands.tolist()),
                table[number],
                np.searchsorted(own_bands, bands[number]).astype(np.int64),
                np.array([key for key, _ in entries], dtype=np.int64),
                number,
            )
        )
    return tuple(masts)


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
