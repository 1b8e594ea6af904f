"""The land the sample stands on: the synthetic province, or detail put under given communes and a coarse elevation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import rasterio.features
import shapely
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from scipy import ndimage

from phusong.layers.errors import InputError
from phusong.layers.grid import Grid, Raster
from phusong.layers.sample.communes import communes
from phusong.layers.sample.figures import Figures, figures
from phusong.layers.sample.landscape import Wobble, drawing, inland_km, natural_line_m, target_m
from phusong.layers.sample.terrain import (
    LAND_MIN_M,
    carve,
    coarser,
    finer,
    fractal,
    hold,
    ridged,
    roughen,
)

Field = NDArray[np.float64]
Flags = NDArray[np.bool_]

_WORKING_CELL_M = 180.0
_MARGIN_M = 8000.0
_OFFSHORE_M = 1500.0


@dataclass(frozen=True)
class Geography:
    """The synthetic province: ``units`` as the schema has them, ``elevation`` (m, sea 0) on a grid 8 km wider, and the
    natural course of its roads (``roads``: name, geometry; CRS of the units)."""

    units: gpd.GeoDataFrame
    elevation: Raster
    roads: gpd.GeoDataFrame
    figures: Figures


def geography(*, seed: int = 2012, cell_m: float = 90.0, people_2012_total: int | None = None) -> Geography:
    """The synthetic Quảng Trị: districts with their real counts, areas and persons, and terrain with the real means.

    ``people_2012_total`` replaces the stated total (mark K). The same seed gives the same bytes.
    """
    known = figures()
    places, ground = (np.random.default_rng([seed, part]) for part in (1, 2))
    wobble = Wobble.seeded(places)
    total = known.people_2012_total if people_2012_total is None else people_2012_total
    units = communes(known, wobble=wobble, people_2012_total=total, rng=places)
    grid = Grid.covering(tuple(units.total_bounds), crs=known.crs, cell_m=cell_m, margin_m=_MARGIN_M)
    names = [name for name in drawing()["lines"] if name.startswith("road")]
    roads = gpd.GeoDataFrame({"name": names}, geometry=[natural_line_m(n, wobble) for n in names], crs=known.crs)
    return Geography(units, _province_terrain(units, grid, known=known, rng=ground), roads, known)


def _tags(grid: Grid, seed: str) -> dict[str, str]:
    return {"source": seed, "synthetic": "yes", "unit": "m"}


def _inside(shape: shapely.Geometry, grid: Grid) -> Flags:
    """Cells whose centre lies in ``shape``."""
    return np.asarray(
        rasterio.features.rasterize([shape], out_shape=grid.shape, transform=grid.transform, dtype="uint8") > 0
    )


def _province_terrain(units: gpd.GeoDataFrame, grid: Grid, *, known: Figures, rng: np.random.Generator) -> Raster:
    """Terrain of the synthetic province on ``grid``: its land-weighted means are those published."""
    work, times = coarser(grid, cell_m=_WORKING_CELL_M)
    province = units.union_all()
    inland = province.buffer(_OFFSHORE_M)
    x_m, y_m = np.meshgrid(work.x_m, work.y_m)
    shore_km = inland_km(x_m, y_m)
    inside = _inside(province, work)
    land = inside | ((shore_km > 0) & ~(_inside(inland, work) & (shore_km < _OFFSHORE_M / 1000)))
    smooth = target_m(x_m, y_m)
    relief = _relief(smooth, cell_m=work.cell_m)
    noise = ridged(work.shape, cell_m=work.cell_m, longest_m=7000.0, rng=rng)
    gentle = fractal(work.shape, cell_m=work.cell_m, longest_m=4000.0, slope=3.6, rng=rng)
    start = np.maximum(smooth + relief * noise + np.minimum(0.25 * smooth, 3.0) * gentle, LAND_MIN_M)
    control = hold(smooth, land=land, cell_m=work.cell_m, scale_m=1700.0)
    z = carve(start, land=land, cell_m=work.cell_m, control=control)
    fine = finer(z, grid=grid, times=times)
    ashore = finer(land.astype(np.float64), grid=grid, times=times) > 0.5
    mainland = units.loc[units["counted"].fillna(False).astype(bool)].union_all()
    home = _inside(mainland, grid)
    ashore |= home
    fine = roughen(fine, land=ashore, cell_m=grid.cell_m, rng=rng)
    fine = _to_mean(fine, home, mean_m=known.elevation_mean_m)
    isles = units.loc[units["island"].fillna(False).astype(bool)]
    for isle in isles.geometry:
        fine = np.where(_inside(isle, grid), _hill(isle, grid, top_m=float(drawing()["island"]["top_m"])), fine)
    return Raster(grid, fine.astype(np.float32), _tags(grid, "synthetic"))


def _relief(smooth: Field, *, cell_m: float) -> Field:
    """Amplitude (m) of the noise: grows with the height above the lowest ground within about 6 km and with height."""
    low = ndimage.minimum_filter(smooth, size=int(12000 / cell_m) | 1)
    low = ndimage.gaussian_filter(low, 3000 / cell_m)
    above: Field = np.maximum(smooth - low, 0.0)
    return 0.55 * above + 0.06 * smooth


def _to_mean(z: Field, home: Flags, *, mean_m: float) -> Field:
    """Scale the heights above the plain so that the mean over ``home`` is ``mean_m``; ground below 60 m keeps."""
    high = np.maximum(z - 60.0, 0.0)
    factor = (mean_m - float(np.minimum(z, 60.0)[home].mean())) / float(high[home].mean())
    scaled: Field = np.minimum(z, 60.0) + factor * high
    return scaled


def _hill(isle: shapely.Polygon, grid: Grid, *, top_m: float) -> Field:
    """A small hill on an island: rises from the shore to ``top_m`` with the distance from it."""
    x_m, y_m = np.meshgrid(grid.x_m, grid.y_m)
    near = shapely.distance(shapely.boundary(isle), shapely.points(x_m, y_m))
    shape: Field = LAND_MIN_M + (top_m - LAND_MIN_M) * np.clip(near / near[_inside(isle, grid)].max(), 0, 1) ** 1.5
    return shape
