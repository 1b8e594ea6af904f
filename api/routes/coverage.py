"""Coverage at a point."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from phusong.api.models import Level, PointCoverage, Server
from phusong.api.results import NO_SERVER_DBM, Snapshot, distance_km
from phusong.api.served import Asked, RetryingRoute, Served, TheLang, TheResults, TheStudy, problems
from phusong.layers.messages import say

router = APIRouter(tags=["coverage"], route_class=RetryingRoute)

QUANTITIES = {"2G": "RxLev", "3G": "RSCP", "4G": "RSRP", "5G": "SS-RSRP"}
LAYERS = ("units", "sites", "sectors", "elevation")
UNITS = {"level_dbm": "dBm", "usable_dbm": "dBm", "elevation_m": "m", "distance_km": "km"}


class AskedPoint(Asked):
    """Where."""

    lon: float = Field(
        ge=-180, le=180, allow_inf_nan=False, description="Longitude, degrees, WGS 84", examples=[106.58]
    )
    lat: float = Field(ge=-90, le=90, allow_inf_nan=False, description="Latitude, degrees, WGS 84", examples=[16.73])


@router.get("/coverage", summary=say("api.route.coverage", "en"), responses=problems(404))
def coverage(
    asked: Annotated[AskedPoint, Query()], study: TheStudy, results: TheResults, lang: TheLang
) -> PointCoverage:
    """Level outdoors in each technology's own quantity, and the sector that gives it. Outside the communes: 404."""
    unit = results.unit_at(asked.lon, asked.lat)
    height = None
    elevation = study.study.rasters_dir / "elevation.tif"
    if elevation.is_file():
        height = next(iter(results.sample(elevation, asked.lon, asked.lat).values()))
    levels = [level for name in results.technologies for level in _levels(name, asked, study, results)]
    return PointCoverage(
        meta=study.meta(lang, units=UNITS, layers=LAYERS),
        lon=asked.lon,
        lat=asked.lat,
        unit_code=unit["code"],
        unit_name=unit["name"],
        elevation_m=None if height is None else round(height, 2),
        levels=levels,
    )


def _levels(technology: str, asked: AskedPoint, study: Served, results: Snapshot) -> list[Level]:
    path = results.raster("coverage", technology)
    asked_dbm = _as_number(results.tags(path).get("required_dbm"))
    servers_path = results.raster("servers", technology)
    servers = results.sample(servers_path, asked.lon, asked.lat) if results.has(servers_path.name) else {}
    found = []
    for place, (name, value) in enumerate(results.sample(path, asked.lon, asked.lat).items()):
        level = None if value is None or value <= NO_SERVER_DBM else value
        usable_dbm = _required_dbm(servers.get(name), results) or asked_dbm
        usable = None if value is None or usable_dbm is None else value >= usable_dbm
        found.append(
            Level(
                technology=technology,
                operator=None if place == 0 else name,
                quantity=QUANTITIES[technology],
                level_dbm=None if level is None else round(level, 2),
                usable_dbm=usable_dbm,
                usable=usable,
                state=_state(value, usable),
                server=_server(servers.get(name), asked, study, results) if level is not None else None,
            )
        )
    return found


def _state(value: float | None, usable: bool | None) -> Any:
    if value is None:
        return "no_data"
    if value <= NO_SERVER_DBM:
        return "no_mast_in_range"
    return "usable" if usable else "too_weak"


def _required_dbm(row: float | None, results: Snapshot) -> float | None:
    """What the level of a server must be: a sector may need more than its technology's easiest."""
    sectors = results.sectors
    return _as_number(sectors[int(row)].get("required_dbm")) if row is not None and 0 <= row < len(sectors) else None


def _server(row: float | None, asked: AskedPoint, study: Served, results: Snapshot) -> Server | None:
    sectors = results.sectors
    if row is None or not 0 <= row < len(sectors):
        return None
    sector = sectors[int(row)]
    site = results.sites(study.layers).get(sector["site_id"], {})
    lon, lat = site.get("lon"), site.get("lat")
    return Server(
        sector_id=sector["sector_id"],
        site_id=sector["site_id"],
        name=site.get("name"),
        lon=lon,
        lat=lat,
        distance_km=None if lon is None or lat is None else round(distance_km(asked.lon, asked.lat, lon, lat), 3),
    )


def _as_number(text: str | None) -> float | None:
    try:
        value = float(text) if text else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None
