"""The land the sample stands on: the synthetic province, or detail put under given communes and a coarse elevation."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import rasterio.features
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from phusong.layers.grid import Grid, Raster
from phusong.layers.sample.classing import make_borders
from phusong.layers.sample.communes import communes
from phusong.layers.sample.figures import Figures, figures
from phusong.layers.sample.frames import elevation_tags, source_text
from phusong.layers.sample.landscape import Wobble, drawing, floor_km, inland_km, natural_line_m, target_m
from phusong.layers.sample.terrain import LAND_MIN_M, coarser, finer, relief_m, roughen, worked

Field = NDArray[np.float64]
Flags = NDArray[np.bool_]

_WORKING_CELL_M = 180.0
_MARGIN_M = 8000.0


@dataclass(frozen=True)
class Geography:
    """The synthetic province: ``units`` and ``borders`` as the schema has them, ``elevation`` (m, sea 0) on a grid 8 km
    wider, and the natural course of its roads (``roads``: name, geometry; CRS of the units)."""

    units: gpd.GeoDataFrame
    elevation: Raster
    roads: gpd.GeoDataFrame
    borders: pd.DataFrame
    figures: Figures


def geography(*, seed: int = 2012, cell_m: float = 90.0, people_2012_total: int | None = None) -> Geography:
    """The synthetic Quảng Trị: districts with their real counts, areas and persons, and terrain with the real means.

    ``people_2012_total`` replaces the stated total (mark K). The same seed gives the same bytes.
    """
    known = figures()
    places, ground = (np.random.default_rng([seed, part]) for part in (1, 2))
    wobble = Wobble.seeded(places)
    source = source_text(seed)
    total = known.people_2012_total if people_2012_total is None else people_2012_total
    units = communes(known, wobble=wobble, people_2012_total=total, rng=places, source=source)
    grid = Grid.covering(tuple(units.total_bounds), crs=known.crs, cell_m=cell_m, margin_m=_MARGIN_M)
    names = [name for name in drawing()["lines"] if name.startswith("road")]
    roads = gpd.GeoDataFrame({"name": names}, geometry=[natural_line_m(n, wobble) for n in names], crs=known.crs)
    z = _province_terrain(units, grid, known=known, wobble=wobble, rng=ground)
    lines = {name: natural_line_m(name, wobble) for name in ("border", "coast")}
    borders = make_borders(units, **lines, source=source)
    return Geography(units, Raster(grid, z.astype(np.float32), elevation_tags(source)), roads, borders, known)


def _inside(shape: shapely.Geometry, grid: Grid) -> Flags:
    """Cells whose centre lies in ``shape``."""
    return np.asarray(
        rasterio.features.rasterize([shape], out_shape=grid.shape, transform=grid.transform, dtype="uint8") > 0
    )


def _province_terrain(
    units: gpd.GeoDataFrame, grid: Grid, *, known: Figures, wobble: Wobble, rng: np.random.Generator
) -> Field:
    """Terrain (m) of the synthetic province on ``grid``: its land-weighted means are those published."""
    work, times = coarser(grid, cell_m=_WORKING_CELL_M)
    x_m, y_m = np.meshgrid(work.x_m, work.y_m)
    shape = units.loc[~units["island"].astype(bool)].union_all()
    inside = _inside(shape, work)
    drawn = wobble.back(np.stack([x_m.ravel(), y_m.ravel()], axis=1))
    shore_km = inland_km(drawn[:, 0].reshape(work.shape), drawn[:, 1].reshape(work.shape))
    away_km = ndimage.distance_transform_edt(~inside) * work.cell_m / 1000
    land = inside | (shore_km > 0.6 * np.clip(1 - away_km / 5.0, 0.0, 1.0))
    smooth, floor = _drawn_surface(work, wobble=wobble)
    relief = relief_m(smooth, cell_m=work.cell_m) * (0.12 + 0.88 * (1 - np.exp(-((floor / 1.6) ** 2))))
    z = worked(smooth, relief, land, work, rng=rng)
    mainland = _inside(shape, grid)
    ashore = mainland | (finer(land.astype(np.float64), grid=grid, times=times) > 0.5)
    fine = roughen(finer(z, grid=grid, times=times), land=ashore, cell_m=grid.cell_m, rng=rng)
    fine = _to_mean(fine, mainland, mean_m=known.elevation_mean_m)
    for isle in units.loc[units["island"].astype(bool)].geometry:
        _raise_hill(fine, isle, grid, top_m=float(drawing()["island"]["top_m"]))
    return fine


def _drawn_surface(work: Grid, *, wobble: Wobble) -> tuple[Field, Field]:
    """The drawn target surface (m) and the distance from valley floors (km) on ``work``, displaced as the outline is.

    Both are smooth, so they are found on cells three times as wide.
    """
    wide, times = coarser(work, cell_m=3 * work.cell_m)
    x_m, y_m = np.meshgrid(wide.x_m, wide.y_m)
    drawn = wobble.back(np.stack([x_m.ravel(), y_m.ravel()], axis=1))
    x_m, y_m = (drawn[:, axis].reshape(wide.shape) for axis in (0, 1))
    surfaces = [finer(f(x_m, y_m), grid=work, times=times) for f in (target_m, floor_km)]
    return np.maximum(surfaces[0], 0.0), np.maximum(surfaces[1], 0.0)


def _to_mean(z: Field, home: Flags, *, mean_m: float) -> Field:
    """Scale the heights above the plain so that the mean over ``home`` is ``mean_m``; ground below 60 m keeps."""
    high = np.maximum(z - 60.0, 0.0)
    factor = (mean_m - float(np.minimum(z, 60.0)[home].mean())) / float(high[home].mean())
    scaled: Field = np.minimum(z, 60.0) + factor * high
    return scaled


def _raise_hill(z: Field, isle: shapely.Polygon, grid: Grid, *, top_m: float) -> None:
    """Write a small hill on an island into ``z``: it rises from the shore to ``top_m``; nothing if no cell is on it."""
    rows, cols = np.nonzero(_inside(isle, grid))
    if len(rows):
        away = shapely.distance(shapely.boundary(isle), shapely.points(grid.x_m[cols], grid.y_m[rows]))
        z[rows, cols] = LAND_MIN_M + (top_m - LAND_MIN_M) * (away / away.max()) ** 1.5
