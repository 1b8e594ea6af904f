"""The air over a study: fall of refractivity (DN), refractivity at sea level (N0), effective Earth radius.

DN and the effective Earth radius are one fact: k = 157 / (157 - DN), ITU-R P.1812-7 eq. (7a) over the Earth's radius.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from pyproj import Transformer

from phusong.layers.errors import InputError
from phusong.layers.grid import Grid

EARTH_N_PER_KM = 157.0  # 1e6 / 6371 km: the fall of refractivity that makes rays follow the Earth


@dataclass(frozen=True)
class Atmosphere:
    """Median year over the middle of the study.

    ``delta_n``: DN, N-units/km. ``n0``: N0, N-units, None where neither the study nor a region states it and no model
    asks. ``effective_earth_factor``: effective Earth radius over the Earth's radius. ``region``: whose values were
    taken ("" if none were). ``source``: where those come from.
    """

    delta_n: float
    n0: float | None
    effective_earth_factor: float
    latitude_deg: float
    region: str
    source: str


@cache
def atmosphere_defaults() -> Mapping[str, Any]:
    """The table ``data/atmosphere.toml``: ``source`` and ``region``, a list."""
    return tomllib.loads(files(__package__).joinpath("data/atmosphere.toml").read_text(encoding="utf-8"))


def effective_earth_factor(delta_n: float) -> float:
    """Effective Earth radius over the Earth's radius for DN in N-units/km, ITU-R P.1812-7 eq. (7a)."""
    return EARTH_N_PER_KM / (EARTH_N_PER_KM - delta_n)


def refractivity_fall(earth_factor: float) -> float:
    """DN in N-units/km that gives this effective Earth radius over the Earth's radius."""
    return EARTH_N_PER_KM * (1.0 - 1.0 / earth_factor)


def atmosphere(grid: Grid, *, model: str, delta_n: float | None, n0: float | None, earth_factor: float) -> Atmosphere:
    """The air for a propagation model over the middle of ``grid``; arguments as the study's settings have them.

    DN is ``delta_n``, else the region's for ``p1812``, else what ``earth_factor`` says; it gives the effective Earth
    radius. N0 is ``n0``, else the region's. InputError if the model needs a value that is not stated and the study lies
    off the regions of the table.
    """
    left, bottom, right, top = grid.bounds
    to_degrees = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    longitude_deg, latitude_deg = to_degrees.transform((left + right) / 2, (bottom + top) / 2)
    region = _region(longitude_deg, latitude_deg)
    regional_dn = delta_n is None and model == "p1812"
    regional_n0 = n0 is None
    missing = [
        name for name, needed in (("delta_n", regional_dn), ("n0", regional_n0 and model in ("p1812", "itm"))) if needed
    ]
    if region is None and missing:
        place: dict[str, Any] = {"latitude_deg": f"{latitude_deg:.2f}", "longitude_deg": f"{longitude_deg:.2f}"}
        raise InputError("atmosphere.error.no_region", model=model, names=", ".join(missing), **place)
    if region is not None and regional_dn:
        delta_n = float(region["delta_n"])
    if region is not None and regional_n0:
        n0 = float(region["n0"])
    if delta_n is None:
        delta_n = refractivity_fall(earth_factor)
    else:
        earth_factor = effective_earth_factor(delta_n)
    taken = region is not None and (regional_dn or regional_n0)
    name, source = (region["name"], atmosphere_defaults()["source"]) if region is not None and taken else ("", "")
    return Atmosphere(delta_n, n0, earth_factor, float(latitude_deg), name, source)


def _region(longitude_deg: float, latitude_deg: float) -> Mapping[str, Any] | None:
    for region in atmosphere_defaults()["region"]:
        south, north = region["latitude_deg"]
        west, east = region["longitude_deg"]
        if south <= latitude_deg < north and west <= longitude_deg < east:
            return dict(region)
    return None
