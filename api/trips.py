"""Ways to services from one place, found over the study's ground as its files now stand; kept for the next question."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from phusong.api.access import WAY_LAYERS, friction_of, nearest_name, rests_on, services_of, title_of
from phusong.api.errors import OutsideError, QueryError
from phusong.coverage.access.friction import Friction, Mode
from phusong.coverage.access.services import Service
from phusong.coverage.access.serving import cells_of, placed
from phusong.coverage.access.travel_time import (
    BEYOND_LIMIT,
    CUT_OFF,
    IMPASSABLE,
    VOID,
    Travel,
    path_length_m,
    reasons,
    route,
    travel_time,
)
from phusong.layers.errors import Fault
from phusong.layers.messages import Lang, say
from phusong.layers.messages.format import quantity
from phusong.layers.places.projection import in_degrees, transformer
from phusong.layers.writers.vectors import write_geojson

if TYPE_CHECKING:
    from phusong.api.pipeline import Inputs

WGS84 = "EPSG:4326"
KEPT = 4
"""Services whose search is kept in memory."""
REASONS = {VOID: "no_elevation", IMPASSABLE: "water", CUT_OFF: "cut_off", BEYOND_LIMIT: "beyond_limit"}


@dataclass(frozen=True)
class Search:
    """The ways of a study to one service; ``rows``: the point of each source of ``travel`` (None without any)."""

    service: Service
    points: gpd.GeoDataFrame
    ground: Friction
    travel: Travel | None
    rows: Any


@dataclass(frozen=True)
class Trip:
    """The least-cost way from a place to its nearest point of a service.

    ``minutes``: None for a cable, which has no time. ``km``: along the way and, like the minutes, from
    the middle of the first cell to that of the last; ``straight_km``: from the place itself to the point, so it may be
    more where they are near. ``line``: of the centres of its cells, in degrees, from the place to the point.
    ``reason``: why there is no way (``REASONS``); then the other figures are None. ``told``: what it rests on, by
    language.
    """

    service: Service
    lon: float
    lat: float
    minutes: float | None
    km: float | None
    straight_km: float | None
    point_id: str | None
    name: str | None
    kind: str | None
    point_lon: float | None
    point_lat: float | None
    line: shapely.LineString | None
    reason: str | None
    basis: str
    season: str
    walking: str
    mode: str
    told: Callable[[Lang], str]


class Searches:
    """Searches of one set of inputs, made when asked for; thread-safe. The last ``KEPT`` services are kept."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._inputs: Inputs | None = None
        self._grounds: dict[str, Friction] = {}
        self._kept: OrderedDict[str, Search] = OrderedDict()

    def search(self, inputs: Inputs, service_id: str) -> Search:
        """The ways to a service; QueryError if the study has no such service or no points of it."""
        with self._lock:
            if self._inputs is not inputs:
                self._inputs, self._grounds = inputs, {}
                self._kept.clear()
            if service_id not in self._kept:
                self._kept[service_id] = self._made(inputs, service_id)
                if len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(service_id)
            return self._kept[service_id]

    def _made(self, inputs: Inputs, service_id: str) -> Search:
        there = {
            service.id: (service, points) for service, points in services_of(inputs.settings, inputs.layers).items()
        }
        if service_id not in there:
            raise unknown_service(service_id, list(there))
        service, points = there[service_id]
        ground = self._ground(inputs, service.mode)
        asked = inputs.settings.access
        at = placed(points, ground)
        rows = np.flatnonzero(at >= 0)
        limit = asked.max_min if asked.max_min is not None and service.timed else math.inf
        travel = None
        if len(rows):
            travel = travel_time(ground.surface, at[rows], neighbours=asked.neighbours, limit=limit)
        return Search(service, points, ground, travel, rows)

    def _ground(self, inputs: Inputs, mode: Mode) -> Friction:
        if mode not in self._grounds:
            self._grounds[mode] = friction_of(inputs, mode)
        return self._grounds[mode]


def unknown_service(service_id: str, known: list[str]) -> QueryError:
    """The error for a service that the study does not have."""
    params = {"found": service_id, "nearest": nearest_name(service_id, known) if known else "-"}
    params["known"] = ", ".join(known) or "-"
    return QueryError("api.query", faults=(Fault("trip.error.service", column="service", params=params),))


def trip_from(inputs: Inputs, searches: Searches, *, lon: float, lat: float, service_id: str) -> Trip:
    """The way from a place (degrees, WGS 84) to the nearest point of a service.

    OutsideError for a place outside the study's grid, QueryError for a service that the study does not have.
    """
    found = searches.search(inputs, service_id)
    grid = inputs.elevation.grid
    x_m, y_m = transformer(WGS84, grid.crs).transform(lon, lat)
    place = gpd.GeoDataFrame(geometry=gpd.points_from_xy([x_m], [y_m]), crs=grid.crs)
    cell = cells_of(place, grid)
    if not (math.isfinite(x_m) and math.isfinite(y_m)) or cell[0] < 0:
        raise OutsideError("trip.error.outside", lon=f"{lon:.5f}", lat=f"{lat:.5f}")
    ground = found.ground
    start = placed(place, ground)
    common: dict[str, Any] = {
        "service": found.service,
        "lon": lon,
        "lat": lat,
        **{name: getattr(ground, name) for name in ("basis", "season", "walking", "mode")},
        "told": lambda lang: rests_on(ground, inputs.settings, lang),
    }
    figures = ("minutes", "km", "straight_km", "point_id", "name", "kind", "point_lon", "point_lat", "line")
    nothing: dict[str, Any] = dict.fromkeys(figures)
    travel = found.travel
    cost = math.inf if travel is None or start[0] < 0 else float(travel.cost.reshape(-1)[start[0]])
    if travel is None or travel.nearest is None or not math.isfinite(cost):
        return Trip(**common, **nothing, reason=_reason(found, int(cell[0]), int(start[0])))
    row = int(found.rows[travel.nearest.reshape(-1)[start[0]]])
    point = found.points.iloc[row]
    end = point.geometry
    cells = route(travel, start)[0]
    rows, cols = np.divmod(cells, grid.shape[1])
    line = shapely.LineString([(x_m, y_m), *zip(grid.x_m[cols], grid.y_m[rows], strict=True), (end.x, end.y)])
    degrees = gpd.GeoSeries(in_degrees(gpd.GeoSeries([line, end], crs=grid.crs)))
    return Trip(
        **common,
        minutes=cost if found.service.timed else None,
        km=float(path_length_m(travel, start)[0]) / 1000.0,
        straight_km=math.hypot(end.x - x_m, end.y - y_m) / 1000.0,
        point_id=str(point[_id_column(found.points)]),
        name=_text(point.get("name")),
        kind=_text(point.get("kind")),
        point_lon=round(degrees.iloc[1].x, 6),
        point_lat=round(degrees.iloc[1].y, 6),
        line=degrees.iloc[0],
        reason=None,
    )


def write_trip(trip: Trip, path: Path, *, inputs: Inputs, lang: Lang) -> Path:
    """The way as GeoJSON of one line, longitude and latitude, with its figures as properties.

    Without a way the feature has no line, and its properties the reason.
    """
    columns = {name: [value] for name, value in properties_of(trip, lang).items()}
    synthetic = inputs.synthetic((trip.service.layer, *WAY_LAYERS, "elevation", "land_cover"))
    columns |= {"as_of": [inputs.settings.units_valid_on.isoformat()], "data": ["synthetic" if synthetic else ""]}
    return write_geojson(gpd.GeoDataFrame(columns, geometry=[trip.line], crs=WGS84), path)


def properties_of(trip: Trip, lang: Lang) -> dict[str, Any]:
    """The figures of a trip, rounded as they mean something."""
    return {
        "service": trip.service.id,
        "title": title_of(trip.service, lang),
        "minutes": _rounded(trip.minutes, 1),
        "km": _rounded(trip.km, 3),
        "straight_km": _rounded(trip.straight_km, 3),
        "point_id": trip.point_id,
        "point_name": trip.name,
        "point_kind": trip.kind,
        "mode": trip.mode,
        "walking": trip.walking,
        "season": trip.season,
        "basis": trip.basis,
        "ground": trip.told(lang),
        "reason": trip.reason,
    }


def trip_told(trip: Trip, lang: Lang) -> str:
    """The trip in one or two sentences."""
    service = title_of(trip.service, lang)
    ground = say("trip.rests", lang, ground=trip.told(lang))
    if trip.reason is not None:
        return f"{say('trip.none', lang, service=service, why=say(f'trip.reason.{trip.reason}', lang))} {ground}"
    km = {name: quantity(getattr(trip, name), "km", lang, most=1) for name in ("km", "straight_km")}
    point = f"{trip.name} ({trip.point_id})" if trip.name else trip.point_id
    if trip.minutes is None:
        return f"{say('trip.cable', lang, service=service, point=point, **km)} {ground}"
    return f"{say('trip.told', lang, service=service, point=point, time=duration(trip.minutes, lang), **km)} {ground}"


def duration(minutes: float, lang: Lang) -> str:
    """A time of travel in words: "12 min", "2 h 05 min"."""
    whole = round(minutes)
    if whole < 60:
        return say("trip.minutes", lang, minutes=whole)
    return say("trip.hours", lang, hours=whole // 60, minutes=f"{whole % 60:02d}")


def _reason(found: Search, cell: int, start: int) -> str:
    """Why nothing is reached from a cell whose people set out from ``start`` (-1: nowhere)."""
    if found.travel is None:
        return "points_unreachable"
    codes = reasons(found.ground.surface, found.travel).reshape(-1)
    return REASONS[int(codes[cell if start < 0 else start])]


def _id_column(points: gpd.GeoDataFrame) -> str:
    return next(str(name) for name in points.columns if str(name).endswith("_id"))


def _text(value: Any) -> str | None:
    return None if value is None or pd.isna(value) else str(value)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
