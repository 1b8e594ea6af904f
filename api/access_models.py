"""What the API answers on travel to services: one model each, as in ``models``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from phusong.api.examples import META
from phusong.api.models import Whole, example_of

WHY = "cut off, water, no elevation, beyond the limit asked for, or no point that anybody can reach"
Reason = Literal["cut_off", "water", "no_elevation", "beyond_limit", "points_unreachable"]

GROUND: dict[str, Any] = {
    "mode": "motorbike",
    "walking": "tobler",
    "season": "dry",
    "basis": "roads",
    "told": "đi xe máy, mùa khô, tốc độ đi bộ theo Tobler, theo mạng đường đã có",
}
SERVICE: dict[str, Any] = {
    "id": "post",
    "title": "điểm phục vụ bưu chính",
    "layer": "postal_points",
    "points": 156,
    "timed": True,
    "limits_km": [3.0],
    "limits_min": [30.0],
    "per": 10000,
    "ground": GROUND,
    "counts": {"points": 156.0, "points_used": 156.0, "people_cut_off": 333.0},
}
POINT: dict[str, Any] = {
    "point_id": "BD-001",
    "name": "Bưu điện văn hóa xã Hướng Phùng",
    "kind": "commune_culture_post",
    "lon": 106.582,
    "lat": 16.731,
    "straight_km": 1.2,
}
REACHED: dict[str, Any] = {
    "service": "post",
    "title": "điểm phục vụ bưu chính",
    "minutes": 12,
    "reason": None,
    "straight_km": 1.1,
    "nearest": POINT,
    "supply": 1.7,
    "per": 10000,
    "ground": GROUND,
}


class Ground(BaseModel):
    """What times of travel rest on."""

    model_config = example_of(GROUND)
    mode: str = Field(description="walk, motorbike, car, or fibre (a cable)")
    walking: str = Field(description="Pace by slope: tobler or langmuir")
    season: str = Field(description="dry or flooded")
    basis: str = Field(description="roads; walking_model: no roads are known and everybody walks")
    told: str = Field(description="The same in words")


class ServiceInfo(BaseModel):
    """A service of the study."""

    model_config = example_of(SERVICE)
    id: str
    title: str = Field(description="One point of it, in words")
    layer: str = Field(description="Input layer of its points")
    points: int = Field(description="Points in service")
    timed: bool = Field(description="False: a cable, which has a length and no time")
    limits_km: list[float] = Field(description="Distances within which people are counted, km")
    limits_min: list[float] = Field(description="Times within which people are counted, min")
    per: int | None = Field(description="Catchments tell supply per so many people; null without a catchment")
    ground: Ground
    counts: dict[str, float] = Field(description="What went in and what was left out: points, persons")


class ServiceList(Whole):
    """The services of the study."""

    model_config = example_of({"meta": META, "total": 1, "items": [SERVICE]})
    items: list[ServiceInfo]


class NearestPoint(BaseModel):
    """The point of a service that is reached first."""

    model_config = example_of(POINT)
    point_id: str
    name: str | None
    kind: str | None
    lon: float = Field(description="degrees, WGS 84")
    lat: float = Field(description="degrees, WGS 84")
    straight_km: float = Field(description="From the place asked for, as the crow flies, km")


class PlaceAccess(BaseModel):
    """Travel from a place to one service."""

    model_config = example_of(REACHED)
    service: str
    title: str = Field(description="One point of the service, in words")
    minutes: int | None = Field(
        description="From the middle of the cell that holds the place (a route sets out on the place's own bank of a "
        "river) to the point reached first, whole minutes rounded up; null: see reason"
    )
    reason: Reason | None = Field(description=f"Why no time is known: {WHY}; null for a cable, which has no time")
    straight_km: float = Field(description="To the nearest point as the crow flies, which may be another, km")
    nearest: NearestPoint | None = Field(description="The point reached first; null: none")
    supply: float | None = Field(description="Supply in reach per so many people (per); null: nothing in reach")
    per: int | None = Field(description="persons")
    ground: Ground


class AccessList(Whole):
    """Travel from a place to every service."""

    model_config = example_of(
        {
            "meta": META,
            "total": 1,
            "lon": 106.58,
            "lat": 16.73,
            "unit_code": "19429",
            "unit_name": "Hướng Phùng",
            "items": [REACHED],
        }
    )
    lon: float = Field(description="degrees, WGS 84")
    lat: float = Field(description="degrees, WGS 84")
    unit_code: str = Field(description="Commune the place lies in")
    unit_name: str
    items: list[PlaceAccess]
