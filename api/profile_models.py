"""What the API answers about one path."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from phusong.api import examples
from phusong.api.models import Meta, example_of

START: dict[str, Any] = {"name": "M1-2G-1", "lon": 106.58, "lat": 16.73, "ground_m": 512.0, "height_m": 36.0}
END: dict[str, Any] = {"name": "Thôn Cợp", "lon": 106.6, "lat": 16.74, "ground_m": 430.0, "height_m": 1.5}
SECTOR: dict[str, Any] = {
    "sector_id": "M1-2G-1",
    "site_id": "M1",
    "operator": "Viettel",
    "technology": "2G",
    "quantity": "RxLev",
    "pilot_power_dbm": 43.0,
    "feeder_loss_db": 2.0,
    "antenna_gain_dbi": 17.0,
    "pattern_loss_db": 3.1,
    "eirp_dbm": 54.9,
    "level_dbm": -69.35,
    "usable_dbm": -95.0,
    "usable": True,
}
OBSTACLE: dict[str, Any] = {"d_m": 1200.0, "surface_m": 508.0, "over_ray_m": 18.2, "clearance_zones": -1.9}
POINTS: dict[str, Any] = {
    "d_m": [0.0, 1200.0, 2392.0],
    "ground_m": [512.0, None, 430.0],
    "surface_m": [512.0, None, 430.0],
    "bulge_m": [0.0, 0.08, 0.0],
    "ray_m": [548.0, 489.8, 431.5],
    "fresnel_m": [0.0, 14.1, 0.0],
}


class PathEnd(BaseModel):
    """One end of a path."""

    model_config = example_of(START)
    name: str | None = Field(description="Sector, site or village; null for a bare place")
    lon: float = Field(description="degrees, WGS 84")
    lat: float = Field(description="degrees, WGS 84")
    ground_m: float = Field(description="Ground above sea level, m")
    height_m: float = Field(description="Antenna above ground, m")


class PathSector(BaseModel):
    """The sector at the start of a path, and the level at its end, in the technology's own quantity."""

    model_config = example_of(SECTOR)
    sector_id: str
    site_id: str
    operator: str
    technology: str
    quantity: str = Field(description="RxLev, RSCP, RSRP or SS-RSRP")
    pilot_power_dbm: float = Field(description="Power of what is measured, at the antenna port, dBm")
    feeder_loss_db: float = Field(description="dB")
    antenna_gain_dbi: float = Field(description="dBi")
    pattern_loss_db: float = Field(description="What the antenna sends less in this direction than at most, dB")
    eirp_dbm: float = Field(description="EIRP in this direction, dBm")
    level_dbm: float | None = Field(description="Level outdoors, dBm; null is no data")
    usable_dbm: float = Field(description="Level that counts as usable, with the margins of the study, dBm")
    usable: bool | None = Field(description="Whether it is usable; null is no data")


class PathObstacle(BaseModel):
    """The point with the least clearance in Fresnel zones."""

    model_config = example_of(OBSTACLE)
    d_m: float = Field(description="From the start, m")
    surface_m: float = Field(description="Ground and clutter above sea level, m")
    over_ray_m: float = Field(description="Above the ray over the effective Earth, m; negative: below")
    clearance_zones: float = Field(description="Clearance in radii of the first Fresnel zone; negative: blocked")


class PathPoints(BaseModel):
    """The points of a path from start to end, one array a quantity."""

    model_config = example_of(POINTS)
    d_m: list[float] = Field(description="From the start, m")
    ground_m: list[float | None] = Field(description="Ground above sea level, m; null is no data")
    surface_m: list[float | None] = Field(description="Ground and the clutter on it, but for the two ends, m")
    bulge_m: list[float] = Field(description="Rise of the effective Earth over the chord, m; add it to the surface")
    ray_m: list[float] = Field(description="The straight ray above sea level, m")
    fresnel_m: list[float] = Field(description="Radius of the first Fresnel zone, m")


class PathProfile(BaseModel):
    """One path over the terrain, with its losses; they are null where elevation is missing on the way."""

    model_config = example_of(
        {
            "meta": examples.META,
            "start": START,
            "end": END,
            "distance_m": 2392.0,
            "azimuth_deg": 62.5,
            "band_mhz": 900.0,
            "effective_earth_factor": 1.3333333333333333,
            "state": "blocked",
            "free_space_db": 99.11,
            "bullington_db": 25.14,
            "spherical_excess_db": 0.0,
            "diffraction_db": 25.14,
            "model": "delta-bullington",
            "outside": [],
            "loss_db": 124.25,
            "nu": 2.7,
            "obstacle": OBSTACLE,
            "sector": SECTOR,
            "points": POINTS,
        }
    )
    meta: Meta
    start: PathEnd
    end: PathEnd
    distance_m: float = Field(description="On the study's map projection, m")
    azimuth_deg: float = Field(description="From the start, clockwise from true north, degrees")
    band_mhz: float = Field(description="MHz")
    effective_earth_factor: float = Field(description="Effective Earth radius over the Earth's radius")
    state: Literal["clear", "in_zone", "blocked", "unknown"] = Field(
        description="clear: 0.6 of the first Fresnel zone is free; in_zone: line of sight, but an obstacle within it; "
        "blocked: an obstacle above the ray; unknown: elevation is missing on the way"
    )
    free_space_db: float = Field(description="ITU-R P.525, dB")
    bullington_db: float | None = Field(description="Bullington over the terrain, ITU-R P.526-15 4.5.1, dB")
    spherical_excess_db: float | None = Field(description="What the spherical Earth adds, ITU-R P.526-15 4.5.3, dB")
    diffraction_db: float | None = Field(description="Both together: delta-Bullington, dB")
    model: str = Field(description="Propagation model of the study, by which the loss and the level are")
    outside: list[str] = Field(
        description="Limits of that model which this path breaks: frequency, distance, base_height, terminal_height, "
        "surroundings; the loss is computed all the same"
    )
    loss_db: float | None = Field(
        description="Basic transmission loss by the model, dB; delta-bullington: free space and diffraction"
    )
    nu: float | None = Field(description="Parameter of Bullington's edge; null without points between the ends")
    obstacle: PathObstacle | None
    sector: PathSector | None = Field(description="null: the path begins at a place without a sector")
    points: PathPoints
