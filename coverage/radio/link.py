"""One sector to one point, with every part of its level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import atan2, hypot
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.radio import path_kernels, server_kernels
from phusong.coverage.radio.defaults import usable_levels
from phusong.coverage.radio.link_budget import LinkTerms
from phusong.coverage.radio.models import Propagation, losses_along
from phusong.coverage.radio.network import Network, build_network, pattern_table
from phusong.coverage.radio.point import Profile, profile
from phusong.coverage.radio.rays import ray_to
from phusong.coverage.radio.terrain import Terrain
from phusong.layers.patterns import Patterns


@dataclass(frozen=True)
class Air:
    """The sectors of a network in their order: ``place`` (n, 4) and ``table`` (n, columns) as ``network.Mast``."""

    sectors: pd.DataFrame
    place: NDArray[np.float64]
    table: NDArray[np.float64]
    patterns: NDArray[np.float32]

    @classmethod
    def of(cls, network: Network) -> Air:
        count = len(network.sectors)
        place, table = np.empty((count, 4)), np.empty((count, server_kernels.SECTOR_COLUMNS))
        for mast in network.masts:
            place[mast.number], table[mast.number] = mast.place, mast.sectors
        return cls(network.sectors, place, table, pattern_table(network.patterns))

    def pattern_loss_db(self, i: int, east_m: float, north_m: float, *, rise_m: float, earth_m: float) -> float:
        """What sector ``i`` sends less than at most towards a place that far away, that much higher."""
        up = path_kernels.elevation_angle(hypot(east_m, north_m), rise_m, earth_m)
        return float(server_kernels.towards_db(atan2(east_m, north_m), up, self.table, i, self.patterns))


@dataclass(frozen=True)
class Link:
    """The path of one sector to a receiver, and what its antenna sends that way; powers of the measured quantity.

    ``sector``: its completed row, as ``Network.sectors``. ``loss_db``: basic transmission loss by the propagation model
    asked for, NaN across void elevation.
    """

    sector: Mapping[str, Any]
    profile: Profile
    pattern_loss_db: float
    loss_db: float

    @property
    def eirp_dbm(self) -> float:
        """EIRP towards the receiver."""
        sent = self.sector["pilot_power_dbm"] - self.sector["feeder_loss_db"] + self.sector["antenna_gain_dbi"]
        return float(sent - self.pattern_loss_db)

    @property
    def level_dbm(self) -> float:
        """Level outdoors."""
        return self.eirp_dbm - self.loss_db


def links(
    sites: gpd.GeoDataFrame,
    sectors: pd.DataFrame,
    *,
    x_m: float,
    y_m: float,
    terrain: Terrain,
    propagation: Propagation,
    usable_dbm: Mapping[str, float] | None = None,
    terms: LinkTerms | None = None,
    patterns: Patterns | None = None,
) -> list[Link]:
    """Every one of ``sectors``, on air or not, to a point; arguments as in ``compute``.

    Strongest first, unknown levels last, ties by ``sector_id``. InputError as ``profile`` and ``build_network``.
    """
    own = sites.loc[sites["site_id"].isin(sectors["site_id"]), ["site_id", "geometry"]]  # without dates: always on air
    network = build_network(
        own,
        sectors,
        terrain=terrain,
        on=date(1970, 1, 1),
        max_range_m=np.inf,
        usable_dbm=usable_levels(usable_dbm),
        terms=terms,
        patterns=patterns,
    )
    air = Air.of(network)
    found = []
    for i, row in enumerate(network.sectors.to_dict("records")):
        one = path(
            row["x_m"],
            row["y_m"],
            x_m,
            y_m,
            terrain=terrain,
            height_m=row["height_m"],
            band_mhz=row["band_mhz"],
            propagation=propagation,
        )
        lost_db = air.pattern_loss_db(
            i,
            x_m - row["x_m"],
            y_m - row["y_m"],
            rise_m=float(one.ray_m[-1] - one.ray_m[0]),
            earth_m=propagation.earth_radius_m,
        )
        loss_db = loss_by_model_db(
            one, air.place[i].tolist(), (x_m, y_m), terrain=terrain, band_mhz=row["band_mhz"], propagation=propagation
        )
        found.append(Link({str(name): value for name, value in row.items()}, one, lost_db, loss_db))
    return sorted(found, key=lambda link: -np.nan_to_num(link.level_dbm, nan=-np.inf))


def path(
    tx_x_m: float,
    tx_y_m: float,
    rx_x_m: float,
    rx_y_m: float,
    *,
    terrain: Terrain,
    height_m: float,
    band_mhz: float,
    propagation: Propagation,
) -> Profile:
    """``profile`` over the air of ``propagation``, to its terminal."""
    return profile(
        tx_x_m,
        tx_y_m,
        rx_x_m,
        rx_y_m,
        elevation=terrain,
        tx_height_m=height_m,
        rx_height_m=propagation.terminal_height_m,
        band_mhz=band_mhz,
        effective_earth_factor=propagation.effective_earth_factor,
        spherical_earth=propagation.spherical_earth,
        vertical=propagation.vertical,
    )


def loss_by_model_db(
    one: Profile,
    place: Sequence[float],
    end: tuple[float, float],
    *,
    terrain: Terrain,
    band_mhz: float,
    propagation: Propagation,
) -> float:
    """Basic transmission loss of the path ``one`` by the model of ``propagation``, dB, NaN across a void.

    ``place``: of the mast, row, col, antenna and ground above sea level, as ``network.Mast``; ``end``: x_m, y_m.
    """
    if propagation.model == "delta-bullington":
        return one.loss_db + propagation.offset_db
    ray = ray_to(terrain, place, *terrain.position(*end))
    if ray.void_from[0] < ray.count[0]:
        return float("nan")
    return float(losses_along(ray, bands_mhz=(band_mhz,), propagation=propagation)[0].db[0, -1])
