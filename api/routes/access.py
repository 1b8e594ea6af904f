"""Travel to services: from a place, the way there, and the areas within a time."""

from __future__ import annotations

import json
from typing import Annotated, Any

import geopandas as gpd
import numpy as np
import shapely
from fastapi import APIRouter, Query, Response
from pydantic import Field

from phusong.api.access_models import AccessList, Ground, NearestPoint, PlaceAccess, ServiceInfo, ServiceList
from phusong.api.access_step import CODES
from phusong.api.errors import QueryError
from phusong.api.models import Meta
from phusong.api.results import Row, Snapshot, distance_km, geometries
from phusong.api.routes.communes import GEO_JSON
from phusong.api.routes.coverage import AskedPoint
from phusong.api.served import Asked, RetryingRoute, TheLang, TheResults, TheStudy, problems
from phusong.api.trips import REASONS, properties_of, trip_from, unknown_service
from phusong.coverage.access.isochrones import cell_areas
from phusong.layers.errors import Fault
from phusong.layers.messages import Lang, say
from phusong.layers.rasters import read_raster

router = APIRouter(tags=["access"], route_class=RetryingRoute)

LAYERS = (
    *("units", "villages", "postal_points", "service_points", "facilities", "elevation", "land_cover"),
    *("roads", "rivers", "crossings", "fibre_nodes"),
)
UNITS = {"minutes": "min", "km": "km", "straight_km": "km", "area_km2": "km2", "people": "persons"}
REASON_OF = {code: REASONS[reason] for reason, code in CODES.items()}
MOST_MIN = 1440
GEO: dict[int | str, dict[str, Any]] = {200: {"content": {GEO_JSON: {}}}}


class AskedAccess(AskedPoint):
    """Where, and to what."""

    service: str | None = Field(None, max_length=60, description="Id of one service; all of the study's without it")


class AskedRoute(AskedPoint):
    """From where to what."""

    service: str = Field(max_length=60, description="Id of the service", examples=["post"])


class AskedIsochrones(Asked):
    """Around the points of which service, within which times."""

    service: str = Field(max_length=60, description="Id of the service", examples=["post"])
    minutes: list[Annotated[int, Field(ge=1, le=MOST_MIN)]] = Field(
        [], max_length=6, description="Whole minutes, several allowed; the service's own limits without them"
    )


@router.get("/services", summary=say("api.route.services", "en"), responses=problems())
def services(asked: Annotated[Asked, Query()], study: TheStudy, results: TheResults, lang: TheLang) -> ServiceList:
    """The services whose access the last run computed, and what their times rest on."""
    items = [
        ServiceInfo(
            id=name,
            title=one["title"][lang],
            ground=_ground(one, lang),
            **{key: one[key] for key in ("layer", "points", "timed", "limits_km", "limits_min", "per", "counts")},
        )
        for name, one in results.services.items()
    ]
    return ServiceList(meta=study.meta(lang, units=UNITS, layers=LAYERS), total=len(items), items=items)


@router.get("/access", summary=say("api.route.access", "en"), responses=problems(404))
def access(asked: Annotated[AskedAccess, Query()], study: TheStudy, results: TheResults, lang: TheLang) -> AccessList:
    """Minutes to the nearest point of each service by the way there, and why where there is none. Outside: 404."""
    unit = results.unit_at(asked.lon, asked.lat)
    known = results.services
    if asked.service is not None and asked.service not in known:
        raise unknown_service(asked.service, list(known))
    chosen = {name: one for name, one in known.items() if asked.service in (None, name)}
    items = [_reached(name, one, asked, results, lang) for name, one in chosen.items()]
    return AccessList(
        meta=study.meta(lang, units=UNITS, layers=LAYERS),
        total=len(items),
        lon=asked.lon,
        lat=asked.lat,
        unit_code=unit["code"],
        unit_name=unit["name"],
        items=items,
    )


@router.get("/route", summary=say("api.route.route", "en"), response_class=Response, responses={**problems(404), **GEO})
def route(asked: Annotated[AskedRoute, Query()], study: TheStudy, lang: TheLang) -> Response:
    """The least-cost way to the nearest point of a service as a GeoJSON line; no geometry and a reason without one."""
    trip = trip_from(study.inputs.inputs(), study.searches, lon=asked.lon, lat=asked.lat, service_id=asked.service)
    line = (
        None
        if trip.line is None
        else json.loads(shapely.to_geojson(shapely.set_precision(trip.line, 1e-6, mode="pointwise")))
    )
    feature = {"type": "Feature", "geometry": line, "properties": properties_of(trip, lang)}
    return _collection([feature], study.meta(lang, units=UNITS, layers=LAYERS), lang)


@router.get(
    "/isochrones",
    summary=say("api.route.isochrones", "en"),
    response_class=Response,
    responses={**problems(404), **GEO},
)
def isochrones(
    asked: Annotated[AskedIsochrones, Query()], study: TheStudy, results: TheResults, lang: TheLang
) -> Response:
    """The parts of the communes from which a service is reached within these times, with the people who live there.

    404 for a service whose points nobody can reach.
    """
    known = {name: one for name, one in results.services.items() if one["timed"]}
    if asked.service not in known:
        raise unknown_service(asked.service, list(known))
    one = known[asked.service]
    limits = sorted(set(asked.minutes))
    longest = float(results.tags(results.directory / f"travel_time_{asked.service}.tif").get("max_min", "inf"))
    if limits and limits[-1] > longest:
        params = {"found": limits[-1], "most": f"{longest:g}"}
        raise QueryError("api.query", faults=(Fault("trip.error.minutes", column="minutes", params=params),))
    if limits:
        areas = _areas(results, asked.service, limits)
    else:  # kept, as there is one answer a service; those of any minutes would fill the memory
        own = [int(limit) for limit in one["limits_min"] if limit <= longest]
        areas = results.keep(f"isochrones {asked.service}", lambda: _areas(results, asked.service, own))
    told = {"service": asked.service, "title": one["title"][lang], **_ground(one, lang).model_dump()}
    shown = zip(areas.itertuples(), geometries(areas), strict=True)
    features = [
        {
            "type": "Feature",
            "geometry": json.loads(geometry),
            "properties": {"minutes": row.minutes, "area_km2": row.area_km2, "people": row.people, **told},
        }
        for row, geometry in shown
    ]
    return _collection(features, study.meta(lang, units=UNITS, layers=LAYERS), lang)


def _ground(one: Row, lang: Lang) -> Ground:
    return Ground(told=one["told"][lang], **{key: one[key] for key in ("mode", "walking", "season", "basis")})


def _reached(name: str, one: Row, asked: AskedPoint, results: Snapshot, lang: Lang) -> PlaceAccess:
    """Travel from a place to a service by the rasters of the run."""

    def at(kind: str) -> float | None:
        path = results.directory / f"{kind}_{name}.tif"
        return results.sample(path, asked.lon, asked.lat)[name] if results.has(path.name) else None

    value, row, supply = at("travel_time"), at("nearest"), at("access")
    points = results.access_points[name]
    away = [distance_km(asked.lon, asked.lat, point["lon"], point["lat"]) for point in points]
    nearest = None
    if row is not None:
        point = points[int(row)]
        own = {key: point[key] for key in ("point_id", "name", "kind", "lon", "lat")}
        nearest = NearestPoint(**own, straight_km=round(away[int(row)], 3))
    reason: Any = None
    if one["timed"] and (value is None or value < 0):
        nobody = not results.has(f"travel_time_{name}.tif")
        reason = "points_unreachable" if nobody else "no_elevation" if value is None else REASON_OF[int(value)]
    return PlaceAccess(
        service=name,
        title=one["title"][lang],
        minutes=None if value is None or value < 0 else int(value),
        reason=reason,
        straight_km=round(min(away), 3),
        nearest=nearest,
        supply=None if supply is None else float(f"{supply:.3g}"),
        per=one["per"],
        ground=_ground(one, lang),
    )


def _areas(results: Snapshot, service: str, limits: list[int]) -> gpd.GeoDataFrame:
    """A row a limit: the cells of the communes from which the service is reached in time, as a MultiPolygon."""
    minutes = read_raster(results.directory / f"travel_time_{service}.tif")
    people = read_raster(results.directory / "population.tif").values
    grid, known = minutes.grid, ~np.isnan(people) & (minutes.values >= 0)
    rows, counted = [], []
    for limit in limits:
        within = known & (minutes.values <= limit)
        found = cell_areas(within.astype(np.uint8), where=within, transform=grid.transform)
        rows.append(found.get(1, shapely.MultiPolygon()))
        counted.append(float(people[within].sum(dtype=np.float64)))
    areas = gpd.GeoSeries(rows, crs=grid.crs)
    columns = {"minutes": limits, "people": np.round(counted, 1), "area_km2": (areas.area / 1e6).round(3)}
    return gpd.GeoDataFrame(columns, geometry=areas, crs=grid.crs)


def _collection(features: list[dict[str, Any]], meta: Meta, lang: Lang) -> Response:
    """A FeatureCollection (RFC 7946) with the foreign member ``meta``."""
    body = {"type": "FeatureCollection", "meta": json.loads(meta.model_dump_json()), "features": features}
    return Response(
        json.dumps(body, ensure_ascii=False),
        media_type=GEO_JSON,
        headers={"Content-Language": lang, "Vary": "Accept-Language"},
    )
