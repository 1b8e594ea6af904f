"""Coverage at a point."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from phusong.api.models import Level, PointCoverage, Server
from phusong.api.profile import QUANTITIES
from phusong.api.results import Row, Snapshot, distance_km
from phusong.api.served import Asked, RetryingRoute, Served, TheLang, TheResults, TheStudy, problems
from phusong.coverage.radio import NO_SERVER_DBM
from phusong.coverage.radio.margin import over_db
from phusong.layers.messages import say

router = APIRouter(tags=["coverage"], route_class=RetryingRoute)

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
    least_dbm = _as_number(results.tags(path).get("required_dbm"))
    servers_path = results.raster("servers", technology)
    rows = results.sample(servers_path, asked.lon, asked.lat) if results.has(servers_path.name) else {}
    found = []
    for place, (name, value) in enumerate(results.sample(path, asked.lon, asked.lat).items()):
        level = None if value is None or value <= NO_SERVER_DBM else value
        sector = _sector(rows.get(name), results)
        usable_dbm = least_dbm if sector is None else sector.get("required_dbm", least_dbm)
        usable = None if value is None or usable_dbm is None else bool(over_db(value, usable_dbm) >= 0.0)
        found.append(
            Level(
                technology=technology,
                operator=None if place == 0 else name,
                quantity=QUANTITIES[technology],
                level_dbm=None if level is None else round(level, 2),
                usable_dbm=None if usable_dbm is None else round(usable_dbm, 2),
                usable=usable,
                state=_state(value, usable),
                server=None if level is None or sector is None else _server(sector, asked, study, results),
            )
        )
    return found


def _state(value: float | None, usable: bool | None) -> Any:
    if value is None:
        return "no_data"
    if value <= NO_SERVER_DBM:
        return "no_mast_in_range"
    return "usable" if usable else "too_weak"


def _sector(row: float | None, results: Snapshot) -> Row | None:
    sectors = results.sectors
    return sectors[int(row)] if row is not None and 0 <= row < len(sectors) else None


def _server(sector: Row, asked: AskedPoint, study: Served, results: Snapshot) -> Server:
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
