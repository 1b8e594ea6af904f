"""Measured levels paired with the sectors that serve them, for the fit of a model."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from phusong.coverage.radio import server_kernels
from phusong.coverage.radio.defaults import usable_levels
from phusong.coverage.radio.link import Air, path
from phusong.coverage.radio.models import Propagation
from phusong.coverage.radio.network import build_network, on_air
from phusong.coverage.radio.point import Profile
from phusong.coverage.radio.site_general import MODELS, SiteGeneralLoss, path_loss
from phusong.coverage.radio.terrain import Terrain
from phusong.layers.patterns import Patterns

PAIR_COLUMNS = (
    "sector_id",
    "site_id",
    "operator",
    "band_mhz",
    "distance_m",
    "line_of_sight",
    "eirp_dbm",
    "model_db",
    "free_space_db",
    "diffraction_db",
    "outside",
    "left_out",
)


def pair_levels(
    reports: gpd.GeoDataFrame,
    sites: gpd.GeoDataFrame,
    sectors: pd.DataFrame,
    *,
    terrain: Terrain,
    propagation: Propagation,
    max_range_m: float = 20_000.0,
    patterns: Patterns | None = None,
) -> pd.DataFrame:
    """The server of each measured level and the losses of its path; a row a report, ``PAIR_COLUMNS``, same index.

    ``reports``: points with technology, operator (missing: any) and as_of, as the layer ``signal_reports``. A report
    does not name its server: it is the sector of that technology and operator, on air on that day and within range,
    with the highest level by max(model, free space + diffraction), the site-general model of ``propagation`` (free
    space for any other). ``eirp_dbm``: towards the place. ``outside``: flags of ``site_general.Outside``.
    ``left_out``: "" or why there is no server: ``no_place`` (not a point), ``no_technology``, ``no_elevation``,
    ``no_server`` (none in range; one at the very place has no path), ``void`` (elevation is missing on the way of one
    that could be the strongest). InputError as ``build_network``.
    """
    networks: dict[tuple[str, bytes], Air] = {}

    def serving(technology: str, day: date) -> Air:
        on = on_air(sites, on=day).to_numpy()
        key = (technology, on.tobytes())
        if key not in networks:
            own = sectors[(sectors["technology"] == technology) & sectors["site_id"].isin(sites.loc[on, "site_id"])]
            network = build_network(
                sites,
                own,
                terrain=terrain,
                on=day,
                max_range_m=max_range_m,
                usable_dbm=usable_levels(),
                patterns=patterns,
            )
            networks[key] = Air.of(network)
        return networks[key]

    def paired(shape: BaseGeometry | None, technology: Any, operator: Any, day: date) -> dict[str, Any]:
        if shape is None or shape.is_empty or shape.geom_type != "Point":
            return {"left_out": "no_place"}
        if pd.isna(technology):
            return {"left_out": "no_technology"}
        ground_m = terrain.ground_m(shape.x, shape.y)
        if np.isnan(ground_m):
            return {"left_out": "no_elevation"}
        air = serving(str(technology), day)
        away_m = np.hypot(air.sectors["x_m"] - shape.x, air.sectors["y_m"] - shape.y).to_numpy()
        near = (away_m > 0.0) & (away_m**2 <= air.table[:, server_kernels.RANGE_M2])
        if not pd.isna(operator):
            near &= (air.sectors["operator"] == operator).to_numpy()
        return _strongest(
            air, np.flatnonzero(near), at=(shape.x, shape.y, ground_m), terrain=terrain, propagation=propagation
        )

    columns = (reports.geometry, reports["technology"], reports["operator"], reports["as_of"])
    found = [paired(*row) for row in zip(*columns, strict=True)]
    return pd.DataFrame.from_records(found, index=reports.index, columns=list(PAIR_COLUMNS))


def _strongest(
    air: Air, near: NDArray[np.int64], *, at: tuple[float, float, float], terrain: Terrain, propagation: Propagation
) -> dict[str, Any]:
    """``PAIR_COLUMNS`` of the strongest of the sectors ``near`` at (x_m, y_m, ground_m), or only why there is none.

    Sectors are tried in the order of what they could bring without terrain, until no other can be stronger.
    """
    x_m, y_m, ground_m = at
    if not len(near):
        return {"left_out": "no_server"}
    frame = air.sectors.iloc[near]
    rows = frame.to_dict("records")
    east, north = x_m - frame["x_m"].to_numpy(), y_m - frame["y_m"].to_numpy()
    rise_m = ground_m + propagation.terminal_height_m - air.place[near, 2]
    earth_m = propagation.earth_radius_m
    ways = zip(near, east, north, rise_m, strict=True)
    lost_db = np.array([air.pattern_loss_db(i, e, n, rise_m=r, earth_m=earth_m) for i, e, n, r in ways])
    eirp_dbm = air.table[near, server_kernels.EIRP] - lost_db

    def flat(name: str, *, height_m: Any, terminal_m: float, line_of_sight: bool = False) -> SiteGeneralLoss:
        return path_loss(
            name,
            np.hypot(east, north),
            frequency_mhz=frame["band_mhz"].to_numpy(),
            base_height_m=height_m,
            terminal_height_m=terminal_m,
            environment=propagation.environment,
            line_of_sight=line_of_sight,
        )

    slant = flat("free_space", height_m=rise_m, terminal_m=0.0)
    seen = hidden = slant
    if (name := propagation.model.replace("-", "_")) in MODELS and name != "free_space":
        seen, hidden = (
            flat(
                name,
                height_m=frame["height_m"].to_numpy(),
                terminal_m=propagation.terminal_height_m,
                line_of_sight=sight,
            )
            for sight in (True, False)
        )
    most_dbm = eirp_dbm - np.maximum(np.minimum(seen.loss_db, hidden.loss_db), slant.loss_db)
    walked: dict[tuple[float, ...], Profile] = {}

    def walk(row: Mapping[Any, Any]) -> Profile:
        ends: tuple[float, ...] = tuple(float(row[name]) for name in ("x_m", "y_m", "height_m", "band_mhz"))
        if ends not in walked:
            tx_x_m, tx_y_m, height_m, band_mhz = ends
            over: dict[str, Any] = {"terrain": terrain, "propagation": propagation}
            walked[ends] = path(tx_x_m, tx_y_m, x_m, y_m, height_m=height_m, band_mhz=band_mhz, **over)
        return walked[ends]

    best, highest = -1, -np.inf
    for i in np.argsort(-most_dbm, kind="stable"):
        if most_dbm[i] <= highest:
            break
        one = walk(rows[i])
        if np.isnan(one.diffraction_db):
            return {"left_out": "void"}
        by_model = seen if one.line_of_sight else hidden
        level = eirp_dbm[i] - max(by_model.loss_db[i], one.loss_db)
        if level > highest:
            best, highest = int(i), float(level)
    row, one = rows[best], walk(rows[best])
    by_model = seen if one.line_of_sight else hidden
    return {
        **{name: row[name] for name in ("sector_id", "site_id", "operator", "band_mhz")},
        "distance_m": float(one.d_m[-1]),
        "line_of_sight": one.line_of_sight,
        "eirp_dbm": float(eirp_dbm[best]),
        "model_db": float(by_model.loss_db[best]),
        "free_space_db": one.free_space_db,
        "diffraction_db": one.diffraction_db,
        "outside": int(by_model.outside[best]),
        "left_out": "",
    }
