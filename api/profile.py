"""One path of a study: from a sector, a site or a place to a village or a place; as a view and as an answer."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyproj import Geod, Transformer

from phusong.api.errors import OutsideError, QueryError
from phusong.api.models import Meta
from phusong.api.pipeline import Inputs
from phusong.api.profile_models import PathEnd, PathObstacle, PathPoints, PathProfile, PathSector
from phusong.api.radio import clutter_raster, propagation_of, terms_of, usable_of
from phusong.api.served import Served
from phusong.coverage.radio import radio_defaults
from phusong.coverage.radio.link import Link, links, loss_by_model_db, path
from phusong.coverage.radio.margin import over_db
from phusong.coverage.radio.models import Propagation
from phusong.coverage.radio.point import Profile
from phusong.coverage.radio.site_general import MODELS, Outside, path_loss
from phusong.coverage.radio.terrain import Terrain
from phusong.layers.errors import Fault, InputError, MissingError
from phusong.layers.messages import Lang, say
from phusong.layers.messages.format import quantity
from phusong.layers.places.projection import transformer
from phusong.maps.profile import End, ProfileView, profile_png, state_of, state_text, title_of

QUANTITIES = {"2G": "RxLev", "3G": "RSCP", "4G": "RSRP", "5G": "SS-RSRP"}
LAYERS = ("sites", "sectors", "villages", "elevation", "land_cover")
UNITS = {"distance_m": "m", "loss_db": "dB", "level_dbm": "dBm", "band_mhz": "MHz", "azimuth_deg": "deg"}
WGS84 = "EPSG:4326"
_GEOD = Geod(ellps="WGS84")


def path_view(
    inputs: Inputs,
    start: str,
    end: str,
    *,
    height_m: float | None = None,
    band_mhz: float | None = None,
    technology: str | None = None,
) -> ProfileView:
    """The path from ``start`` to ``end``: "lon,lat" in degrees, else the id of a sector or site, the code of a village.

    From a site its strongest sector at the end is taken (of ``technology``, if given). ``height_m`` and ``band_mhz``
    stand in for the sector's; from a place without sectors (of ``technology``) they are the plan's height and its band
    (that of ``technology`` by default, if it is another) unless given.
    MissingError for an unknown id, OutsideError for an end without elevation, QueryError if both ends are one place or
    a sector is of another technology.
    """
    settings, elevation = inputs.settings, inputs.elevation
    to_study = transformer(WGS84, settings.crs)
    rx_name, rx_x_m, rx_y_m = _end(inputs, end, to_study)
    tx_name, tx_x_m, tx_y_m, sectors = _start(inputs, start, to_study, technology)
    for x_m, y_m in ((tx_x_m, tx_y_m), (rx_x_m, rx_y_m)):
        if np.isnan(elevation.bilinear(np.array([x_m]), np.array([y_m]))[0]):
            lon, lat = _degrees(to_study, x_m, y_m)
            raise OutsideError("profile.error.no_elevation", lon=f"{lon:.5f}", lat=f"{lat:.5f}")
    if math.hypot(tx_x_m - rx_x_m, tx_y_m - rx_y_m) < 1e-3:
        raise QueryError("api.query", faults=(Fault("profile.error.one_place", column="to"),))
    terrain, propagation = Terrain.of(elevation, clutter_raster(inputs)), propagation_of(inputs)
    link: Link | None = None
    if len(sectors):
        given = {"height_m": height_m, "band_mhz": band_mhz}
        link = links(
            inputs.layers["sites"],
            sectors.assign(**{name: value for name, value in given.items() if value is not None}),
            x_m=rx_x_m,
            y_m=rx_y_m,
            terrain=terrain,
            propagation=propagation,
            usable_dbm=usable_of(settings),
            terms=terms_of(settings),
            patterns=inputs.patterns,
        )[0]
        row, one, loss_db = link.sector, link.profile, link.loss_db
        height_m, band_mhz = row["height_m"], row["band_mhz"]
        tx_name = row["sector_id"] if tx_name == row["site_id"] else f"{row['sector_id']} ({tx_name})"
    else:
        plan = settings.plan
        height_m = height_m or plan.height_m
        if band_mhz is None and technology in (None, plan.technology):
            band_mhz = plan.band_mhz
        if band_mhz is None:
            band_mhz = float(radio_defaults()["technology"][technology or plan.technology]["band_mhz"])
        where: dict[str, Any] = {"terrain": terrain, "band_mhz": band_mhz, "propagation": propagation}
        one = path(tx_x_m, tx_y_m, rx_x_m, rx_y_m, height_m=height_m, **where)
        place = (*terrain.position(tx_x_m, tx_y_m), one.ray_m[0], one.ground_m[0])
        loss_db = loss_by_model_db(one, place, (rx_x_m, rx_y_m), **where)
    (tx_lon, tx_lat), (rx_lon, rx_lat) = (_degrees(to_study, *at) for at in ((tx_x_m, tx_y_m), (rx_x_m, rx_y_m)))
    tags, source = elevation.tags, elevation.tags.get("source", "")
    return ProfileView(
        study=settings.name,
        as_of=settings.units_valid_on,
        synthetic=inputs.synthetic(LAYERS),
        source=f"{source} ({as_of})" if (as_of := tags.get("as_of")) else source,
        profile=one,
        tx=End(tx_name, tx_lon, tx_lat, height_m),
        rx=End(rx_name, rx_lon, rx_lat, propagation.terminal_height_m),
        azimuth_deg=_GEOD.inv(tx_lon, tx_lat, rx_lon, rx_lat)[0] % 360.0,
        band_mhz=band_mhz,
        effective_earth_factor=propagation.effective_earth_factor,
        model=propagation.model,
        loss_db=loss_db,
        outside=_outside(one, height_m=height_m, band_mhz=band_mhz, propagation=propagation),
        link=link,
    )


def write_profile(
    study_dir: Path,
    out: Path,
    *,
    start: str,
    end: str,
    technology: str | None,
    height_m: float | None,
    band_mhz: float | None,
    lang: Lang,
) -> ProfileView:
    """Write ``path_view`` of a study to a .png or .json file; InputError for another ending."""
    if out.suffix.lower() not in (".png", ".json"):
        raise InputError("profile.error.ending", path=out)
    study = Served.of(study_dir)
    view = path_view(study.inputs.inputs(), start, end, technology=technology, height_m=height_m, band_mhz=band_mhz)
    if out.suffix.lower() == ".png":
        profile_png(view, out, lang=lang)
    else:
        answer = path_answer(view, study.meta(lang, units=UNITS, layers=LAYERS))
        out.write_text(answer.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return view


def told(view: ProfileView, lang: Lang) -> str:
    """The view in one or two sentences."""
    one, link = view.profile, view.link
    text = say(
        "profile.told",
        lang,
        title=title_of(view, lang),
        distance=quantity(one.d_m[-1] / 1000.0, "km", lang),
        loss=quantity(view.loss_db, "dB", lang, most=1),
        state=state_text(view, lang),
    )
    if link is None:
        return text
    level = {
        name: quantity(value, "dBm", lang, most=1)
        for name, value in (("level", link.level_dbm), ("usable", link.sector["required_dbm"]))
    }
    return f"{text} {say('profile.told_level', lang, **level)}"


def path_answer(view: ProfileView, meta: Meta) -> PathProfile:
    """The view in figures; what is not known is null."""
    one, link, worst = view.profile, view.link, view.profile.obstacle
    ends = zip((view.tx, view.rx), (one.ground_m[0], one.ground_m[-1]), strict=True)
    start, end = (
        PathEnd(name=at.name or None, lon=at.lon, lat=at.lat, ground_m=_round(ground_m, 2), height_m=at.height_m)
        for at, ground_m in ends
    )
    obstacle = (
        worst
        if worst is None
        else PathObstacle(
            d_m=_round(one.d_m[worst], 2),
            surface_m=_round(one.surface_m[worst], 2),
            over_ray_m=_round(-one.clearance_m[worst], 2),
            clearance_zones=_round(one.clearance_zones[worst], 4),
        )
    )
    sector = None
    if link is not None:
        row, level_dbm, least_dbm = link.sector, _known(link.level_dbm), link.sector["required_dbm"]
        sector = PathSector(
            **{name: str(row[name]) for name in ("sector_id", "site_id", "operator", "technology")},
            quantity=QUANTITIES[row["technology"]],
            pilot_power_dbm=_round(row["pilot_power_dbm"], 3),
            feeder_loss_db=row["feeder_loss_db"],
            antenna_gain_dbi=row["antenna_gain_dbi"],
            pattern_loss_db=_round(link.pattern_loss_db, 3),
            eirp_dbm=_round(link.eirp_dbm, 3),
            level_dbm=level_dbm,
            usable_dbm=_round(least_dbm, 3),
            usable=None if level_dbm is None else bool(over_db(link.level_dbm, least_dbm) >= 0.0),
        )
    return PathProfile(
        meta=meta,
        start=start,
        end=end,
        distance_m=_round(one.d_m[-1], 2),
        azimuth_deg=_round(view.azimuth_deg, 4),
        band_mhz=view.band_mhz,
        effective_earth_factor=view.effective_earth_factor,
        state=state_of(one),
        free_space_db=_round(one.free_space_db, 3),
        bullington_db=_known(one.bullington_db),
        spherical_excess_db=_known(one.spherical_excess_db),
        diffraction_db=_known(one.diffraction_db),
        model=view.model,
        outside=list(view.outside),
        loss_db=_known(view.loss_db),
        nu=_known(one.nu),
        obstacle=obstacle,
        sector=sector,
        points=PathPoints(
            d_m=[_round(value, 2) for value in one.d_m],
            ground_m=[_known(value, 2) for value in one.ground_m],
            surface_m=[_known(value, 2) for value in one.surface_m],
            bulge_m=[_round(value, 3) for value in one.bulge_m],
            ray_m=[_round(value, 2) for value in one.ray_m],
            fresnel_m=[_round(value, 2) for value in one.fresnel_m],
        ),
    )


def _start(
    inputs: Inputs, asked: str, to_study: Transformer, technology: str | None
) -> tuple[str, float, float, pd.DataFrame]:
    """Name, x_m, y_m and sectors (none from a bare place) of where a path begins."""
    sectors, sites = inputs.layers.get("sectors", pd.DataFrame()), inputs.layers.get("sites")
    if place := _place(asked, to_study):
        return "", *place, sectors.iloc[:0]
    if sites is None:
        raise MissingError("profile.error.unknown_start", found=asked, nearest="-")
    own = sectors[sectors["sector_id"] == asked] if len(sectors) else sectors
    site = own["site_id"].iloc[0] if len(own) else asked
    found = sites[sites["site_id"] == site]
    if len(own) and technology not in (None, own["technology"].iloc[0]):
        params = {"sector": asked, "technology": own["technology"].iloc[0]}
        raise QueryError("api.query", faults=(Fault("profile.error.technology", column="technology", params=params),))
    if not len(found):
        known = [*sites["site_id"], *(sectors["sector_id"] if len(sectors) else ())]
        raise MissingError("profile.error.unknown_start", found=asked, nearest=_nearest(asked, known))
    if not len(own) and len(sectors):
        own = sectors[(sectors["site_id"] == site) & ((sectors["technology"] == technology) | (technology is None))]
    name = found["name"].iloc[0] if "name" in found else None
    point = found.geometry.iloc[0]
    return site if pd.isna(name) else str(name), point.x, point.y, own


def _end(inputs: Inputs, asked: str, to_study: Transformer) -> tuple[str, float, float]:
    """Name, x_m and y_m of where a path ends."""
    if place := _place(asked, to_study):
        return "", *place
    villages = inputs.layers.get("villages", pd.DataFrame({"code": []}))
    found = villages[villages["code"] == asked]
    if not len(found):
        raise MissingError("profile.error.unknown_end", found=asked, nearest=_nearest(asked, villages["code"]))
    point = found.geometry.iloc[0]
    return str(found["name"].iloc[0]), point.x, point.y


def _outside(one: Profile, *, height_m: float, band_mhz: float, propagation: Propagation) -> tuple[str, ...]:
    """The limits of a site-general model that a path breaks; none of other models."""
    model = propagation.model.replace("-", "_")
    if model not in MODELS:
        return ()
    loss = path_loss(
        model,
        one.d_m[-1],
        frequency_mhz=band_mhz,
        base_height_m=height_m,
        terminal_height_m=propagation.terminal_height_m,
        environment=propagation.environment,
        line_of_sight=bool(one.line_of_sight),
    )
    return Outside(int(loss.outside)).limits


def _place(asked: str, to_study: Transformer) -> tuple[float, float] | None:
    """x_m and y_m of "lon,lat"; None if it is not that."""
    try:
        lon, lat = (float(part) for part in asked.split(","))
    except ValueError:
        return None
    if not (-180.0 <= lon <= 180.0 and -90.0 <= lat <= 90.0):
        return None
    x_m, y_m = to_study.transform(lon, lat)
    if not (math.isfinite(x_m) and math.isfinite(y_m)):
        raise OutsideError("profile.error.no_elevation", lon=f"{lon:.5f}", lat=f"{lat:.5f}")
    return x_m, y_m


def _degrees(to_study: Transformer, x_m: float, y_m: float) -> tuple[float, float]:
    lon, lat = to_study.transform(x_m, y_m, direction="INVERSE")
    return round(lon, 6), round(lat, 6)


def _nearest(asked: str, known: Iterable[str]) -> str:
    return next(iter(difflib.get_close_matches(asked, sorted(set(known)), n=1, cutoff=0.0)), "-")


def _round(value: float, decimals: int) -> float:
    return round(float(value), decimals)


def _known(value: float, decimals: int = 3) -> float | None:
    return _round(value, decimals) if math.isfinite(value) else None
