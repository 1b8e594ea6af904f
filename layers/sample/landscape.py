"""The schematic landscape of the synthetic province: its hand-drawn outline, great terrain lines and places.

All of it is data of ``data/landscape.toml``, drawn on whole kilometres of EPSG:9212; noise and rivers give the rest.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from shapely.geometry.base import BaseGeometry

from phusong.layers.sample.terrain import fractal

Field = NDArray[np.float64]

_FRAME_KM = (500.0, 1770.0, 660.0, 1940.0)
_INLAND_KM = (-40.0, 0.0, 0.5, 1.0, 1.8, 7.0, 12.0, 17.0, 23.0, 30.0, 38.0, 48.0, 90.0)
_COUNTRY_M = (0.0, 2.0, 12.0, 9.0, 4.0, 6.5, 14.0, 32.0, 64.0, 110.0, 200.0, 390.0, 500.0)


@cache
def drawing() -> dict[str, Any]:
    """The drawing as shipped; read once."""
    return tomllib.loads(files(__package__).joinpath("data/landscape.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Wobble:
    """A smooth random displacement of the plane that turns drawn lines into natural ones; one-to-one, seeded."""

    dx_m: Field
    dy_m: Field
    cell_m: float

    @classmethod
    def seeded(cls, rng: np.random.Generator) -> Wobble:
        """Displacements of some hundred metres over a few km, little of it at the coast."""
        cell_m = 500.0
        left, bottom, right, top = (1000 * v for v in _FRAME_KM)
        shape = (int((top - bottom) / cell_m), int((right - left) / cell_m))
        parts = [
            sum(
                size_m * fractal(shape, cell_m=cell_m, longest_m=longest_m, slope=4.5, rng=rng)
                for size_m, longest_m in ((420.0, 9000.0), (140.0, 2500.0))
            )
            for _ in range(2)
        ]
        x = left + (np.arange(shape[1]) + 0.5) * cell_m
        y = top - (np.arange(shape[0]) + 0.5) * cell_m
        inland_m = np.abs(inland_km(*np.meshgrid(x, y))) * 1000
        calm = 0.12 + 0.88 * (1 - np.exp(-((inland_m / 2500.0) ** 2)))
        return cls(np.asarray(parts[0]) * calm, np.asarray(parts[1]) * calm, cell_m)

    def __call__(self, xy_m: Field) -> Field:
        """Displaced positions of points (n, 2) in metres."""
        moved: Field = xy_m + self._move(xy_m)
        return moved

    def back(self, xy_m: Field) -> Field:
        """Where displaced points (n, 2) were drawn, by three fixed-point steps (good to some metres)."""
        drawn = xy_m - self._move(xy_m)
        for _ in range(3):
            drawn = xy_m - self._move(drawn)
        return drawn

    def _move(self, xy_m: Field) -> Field:
        left, _, _, top = (1000 * v for v in _FRAME_KM)
        at = [(top - xy_m[:, 1]) / self.cell_m - 0.5, (xy_m[:, 0] - left) / self.cell_m - 0.5]
        return np.stack([ndimage.map_coordinates(d, at, order=1, mode="nearest") for d in (self.dx_m, self.dy_m)], 1)


def line_m(name: str) -> BaseGeometry:
    """One of the drawn lines in metres, as drawn: coast, border, road_1, road_9, road_west, road_north."""
    return shapely.linestrings(1000.0 * np.asarray(drawing()["lines"][name], dtype=np.float64))


def natural_line_m(name: str, wobble: Wobble) -> BaseGeometry:
    """A drawn line, displaced as the outline is."""
    return shapely.transform(shapely.segmentize(line_m(name), 250.0), wobble)


def rings_m() -> tuple[list[str], NDArray[np.object_]]:
    """Names and outlines of the nine districts as drawn, in metres, with points every 250 m on shared edges."""
    points = drawing()["points"]
    names = list(drawing()["rings"])
    rings = [shapely.polygons(1000.0 * np.asarray([points[p] for p in drawing()["rings"][n]], float)) for n in names]
    return names, np.asarray(shapely.segmentize(rings, 250.0), dtype=object)


def _along(x_m: Field, y_m: Field, line_km: Field) -> tuple[Field, Field, Field]:
    """Distance (km) to a polyline (k, 2 or 3), the third coordinate at the nearest place, and the side (+ left)."""
    x, y = x_m / 1000, y_m / 1000
    best = np.full(x.shape, np.inf)
    third = np.zeros(x.shape)
    side = np.ones(x.shape)
    for start, end in pairwise(line_km):
        ex, ey = end[0] - start[0], end[1] - start[1]
        share = np.clip(((x - start[0]) * ex + (y - start[1]) * ey) / (ex * ex + ey * ey), 0.0, 1.0)
        away = np.hypot(x - start[0] - share * ex, y - start[1] - share * ey)
        nearer = away < best
        best = np.where(nearer, away, best)
        side = np.where(nearer, np.sign(ex * (y - start[1]) - ey * (x - start[0])), side)
        if line_km.shape[1] > 2:
            third = np.where(nearer, start[2] + share * (end[2] - start[2]), third)
    return best, third, side


def inland_km(x_m: Field, y_m: Field) -> Field:
    """Distance from the drawn coast in km, positive on the land side (south-west of it)."""
    away, _, side = _along(x_m, y_m, np.asarray(drawing()["lines"]["coast"], dtype=np.float64))
    return np.where(side < 0, away, -away)


def target_m(x_m: Field, y_m: Field) -> Field:
    """The smooth surface the terrain is held to, m: country rising from the coast, crests on it, floors cut into it."""
    country = np.interp(inland_km(x_m, y_m), _INLAND_KM, _COUNTRY_M)
    cubes = country**3
    for ridge in drawing()["ridge"]:
        away, crest, _ = _along(x_m, y_m, np.asarray(ridge["line"], dtype=np.float64))
        cubes += (crest * np.exp(-0.5 * (away / ridge["width_km"]) ** 2)) ** 3
    surface: Field = np.cbrt(cubes)
    for valley in drawing()["valley"]:
        away, floor, _ = _along(x_m, y_m, np.asarray(valley["line"], dtype=np.float64))
        width = valley["width_km"]
        near = np.exp(-((np.maximum(away - width / 2, 0.0) / (0.9 * width)) ** 2))
        surface = surface - np.maximum(surface - floor, 0.0) * near
    return surface


def floor_km(x_m: Field, y_m: Field) -> Field:
    """Distance to the nearest drawn valley floor, km, from its edge."""
    nearest: Field = np.min(
        [
            np.maximum(_along(x_m, y_m, np.asarray(v["line"], dtype=np.float64))[0] - v["width_km"] / 2, 0.0)
            for v in drawing()["valley"]
        ],
        axis=0,
    )
    return nearest


def road_km(x_m: Field, y_m: Field) -> Field:
    """Distance to the nearest drawn road, km."""
    roads = ("road_1", "road_9", "road_west", "road_north", "road_south")
    lines = [np.asarray(drawing()["lines"][name], dtype=np.float64) for name in roads]
    nearest: Field = np.min([_along(x_m, y_m, line)[0] for line in lines], axis=0)
    return nearest


def people_per_km2(x_m: Field, y_m: Field, height_m: Field) -> Field:
    """Relative density of people by height, roads and towns: the shape that commune totals follow (mark K)."""
    density = 420.0 * np.exp(-height_m / 22.0) + 50.0 * np.exp(-height_m / 330.0) + 5.0
    density *= 1.0 + 2.2 * np.exp(-((road_km(x_m, y_m) / 2.0) ** 2))
    for town in drawing()["town"]:
        away = np.hypot(x_m / 1000 - town["centre"][0], y_m / 1000 - town["centre"][1])
        density += 100.0 * town["pull"] * np.exp(-0.5 * (away / (0.5 * town["reach_km"])) ** 2)
    return density


def commune_km2(x_m: Field, y_m: Field, height_m: Field) -> Field:
    """Relative size of a commune at a place: small in towns and on the plain, large in the mountains (mark K)."""
    size = 7.0 + 110.0 * np.clip(height_m / 450.0, 0.0, 1.0)
    size *= 0.3 + 0.7 * (1 - np.exp(-((road_km(x_m, y_m) / 4.5) ** 2)))
    for town in drawing()["town"]:
        away = np.hypot(x_m / 1000 - town["centre"][0], y_m / 1000 - town["centre"][1])
        size /= 1.0 + 0.06 * town["pull"] * np.exp(-0.5 * (away / town["reach_km"]) ** 2)
    return size
