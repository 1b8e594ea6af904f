"""The ground the sample is built on: which unit a cell is in, how steep, rough and high above its valley it is.

Also the sample's own crude estimate of a radio path, by which masts are placed and reports written. It is deliberately
not the coverage engine: reports of villages without signal must not be the engine's own answer handed back to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy.ndimage import maximum_filter, minimum_filter
from scipy.spatial import cKDTree

from phusong.layers.errors import InputError
from phusong.layers.grid import Raster

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOUNTAIN_M: Final = 200.0  # a commune with two thirds of its area at 200 m or higher is mountainous
MOUNTAIN_SHARE: Final = 2 / 3
RELIEF_HILLY_M: Final = 250.0  # height range within 1.5 km from which ground counts as mountains here
EFFECTIVE_EARTH_M: Final = 4 / 3 * 6_371_000.0
PROFILE_POINTS: Final = 80
CHUNK: Final = 20_000  # paths at a time


@dataclass(frozen=True)
class Ground:
    """Rasters (rows, cols) on ``elevation.grid``; ``mountainous`` has one entry a row of ``units``.

    ``unit``: row in ``units`` of the cell's centre, -1 outside; ``land``: known elevation above the sea (0 m).
    ``above_valley_m``: height above the lowest cell within 1 km. ``relief_m``: height range within 1.5 km.
    """

    units: pd.DataFrame
    elevation: Raster
    unit: NDArray[np.int32]
    land: NDArray[np.bool_]
    slope_pct: NDArray[np.float32]
    relief_m: NDArray[np.float32]
    above_valley_m: NDArray[np.float32]
    mountainous: NDArray[np.bool_]

    @property
    def crs(self) -> Any:
        """CRS of the study."""
        return self.elevation.grid.crs

    def at(self, raster: NDArray[Any], xy_m: Floats) -> NDArray[Any]:
        """Values of ``raster`` in the cells that hold the points (n, 2); points outside take the nearest edge cell."""
        rows, cols = self.elevation.grid.rowcol(xy_m[:, 0], xy_m[:, 1])
        height, width = raster.shape
        return np.asarray(raster[np.clip(rows, 0, height - 1), np.clip(cols, 0, width - 1)])

    def cells_xy(self, flat: Ints) -> Floats:
        """Centres (n, 2) of cells given by flat index."""
        grid = self.elevation.grid
        return np.column_stack([grid.x_m[flat % grid.shape[1]], grid.y_m[flat // grid.shape[1]]])

    def cells_of_units(self) -> list[Ints]:
        """Flat indices of each unit's land cells; of all its cells where it has no land."""
        n = len(self.units)
        found: list[Ints] = []
        for mask in (self.unit >= 0) & self.land, self.unit >= 0:
            flat = np.flatnonzero(mask)
            owner = self.unit.ravel()[flat]
            order = np.argsort(owner, kind="stable")
            edges = np.searchsorted(owner[order], np.arange(n + 1))
            parts = [flat[order[edges[i] : edges[i + 1]]] for i in range(n)]
            found = [a if len(a) else b for a, b in zip(found, parts, strict=True)] if found else parts
        return found

    def hilly(self, xy_m: Floats) -> NDArray[np.bool_]:
        """Whether the points (n, 2) lie in a mountainous unit or in ground as rough as mountains."""
        unit = self.at(self.unit, xy_m)
        in_mountains = np.where(unit >= 0, self.mountainous[np.maximum(unit, 0)], False)
        rough = (self.at(self.relief_m, xy_m) >= RELIEF_HILLY_M) & (self.at(self._height, xy_m) >= 100.0)
        return np.asarray(in_mountains | rough)

    @property
    def _height(self) -> NDArray[np.float32]:
        return np.nan_to_num(self.elevation.values, nan=0.0)


def survey(units: pd.DataFrame, elevation: Raster) -> Ground:
    """The ground of ``units`` (polygons in the elevation's CRS). InputError where there is no unit or none on land."""
    if len(units) == 0:
        raise InputError("error.sample_no_units")
    grid = elevation.grid
    shapes = np.asarray(units.geometry.array)
    unit = rasterize(
        ((shape, i) for i, shape in enumerate(shapes)),
        out_shape=grid.shape,
        transform=grid.transform,
        fill=-1,
        dtype="int32",
    )
    known = np.isfinite(elevation.values)
    if not (known & (unit >= 0)).any():
        raise InputError("error.sample_elevation_elsewhere")
    height = np.nan_to_num(elevation.values, nan=0.0)
    falls_y, falls_x = np.gradient(height, grid.cell_m)
    lowest_near, lowest, highest = (
        f(height, size=_window(span_m, grid.cell_m))
        for f, span_m in ((minimum_filter, 2_000.0), (minimum_filter, 3_000.0), (maximum_filter, 3_000.0))
    )
    inside = unit[unit >= 0]
    cells = np.bincount(inside, minlength=len(units))
    high = np.bincount(inside, weights=height[unit >= 0] >= MOUNTAIN_M, minlength=len(units))
    return Ground(
        units=units,
        elevation=elevation,
        unit=unit,
        land=known & (height > 0),
        slope_pct=(100 * np.hypot(falls_x, falls_y)).astype(np.float32),
        relief_m=highest - lowest,
        above_valley_m=height - lowest_near,
        mountainous=high >= MOUNTAIN_SHARE * np.maximum(cells, 1),
    )


def _window(span_m: float, cell_m: float) -> int:
    return max(3, 2 * round(span_m / cell_m / 2) + 1)


def spread(xy_m: Floats, score: Floats, count: int, *, spacing_m: float, taken: Floats | None = None) -> Ints:
    """Rows of ``xy_m`` (n, 2) in falling ``score`` that keep ``spacing_m`` from each other and from ``taken`` (k, 2).

    Where fewer than ``count`` fit, the spacing is halved until they do, at last to nothing; at most n rows come back.
    """
    order = np.argsort(-score, kind="stable")
    near = np.empty((count + (0 if taken is None else len(taken)), 2))
    n_near = 0
    if taken is not None:
        near[: len(taken)] = taken
        n_near = len(taken)
    chosen: list[int] = []
    while len(chosen) < count and len(order):
        left: list[int] = []
        for i in order:
            if len(chosen) == count:
                break
            gap = near[:n_near] - xy_m[i]
            if n_near and (gap * gap).sum(axis=1).min() < spacing_m**2:
                left.append(int(i))
                continue
            near[n_near] = xy_m[i]
            n_near += 1
            chosen.append(int(i))
        order = np.array(left, dtype=np.int64)
        spacing_m = spacing_m / 2 if spacing_m > 1 else 0.0
    return np.array(chosen, dtype=np.int64)


def jitter(ground: Ground, xy_m: Floats, rng: np.random.Generator) -> Floats:
    """The points (n, 2) moved at random inside their cell; back at the centre where that would leave their unit."""
    unit = ground.at(ground.unit, xy_m)
    moved = xy_m + rng.uniform(-0.45, 0.45, xy_m.shape) * ground.elevation.grid.cell_m
    shapes = np.asarray(ground.units.geometry.array)
    inside = shapely.contains_xy(shapes[np.maximum(unit, 0)], moved[:, 0], moved[:, 1])
    return np.where(inside[:, None], moved, xy_m)


def path_loss_db(elevation: Raster, mast: Floats, place: Floats, *, frequency_mhz: float = 900.0) -> Floats:
    """Crude loss of paths from ``mast`` (n, 3: x_m, y_m, height_m) to ``place`` (n, 2), 1.5 m above the ground, in dB.

    Free space (ITU-R P.525) and one equivalent knife edge (ITU-R P.526, eq. 31) where the two horizons meet, over
    80 points of the terrain on a 4/3 Earth.
    """
    parts = [
        _path_loss(elevation, mast[i : i + CHUNK], place[i : i + CHUNK], frequency_mhz)
        for i in range(0, len(mast), CHUNK)
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _path_loss(elevation: Raster, mast: Floats, place: Floats, frequency_mhz: float) -> Floats:
    step = (np.arange(PROFILE_POINTS) + 0.5) / PROFILE_POINTS
    x = mast[:, :1] + (place[:, :1] - mast[:, :1]) * step
    y = mast[:, 1:2] + (place[:, 1:2] - mast[:, 1:2]) * step
    ground = np.nan_to_num(elevation.sample(x, y), nan=0.0)
    length = np.maximum(np.hypot(*(place - mast[:, :2]).T), 30.0)[:, None]
    along = step * length
    bulge = along * (length - along) / (2 * EFFECTIVE_EARTH_M)
    top = ground + bulge
    start = np.nan_to_num(elevation.sample(mast[:, 0], mast[:, 1]), nan=0.0)[:, None] + mast[:, 2:3]
    end = np.nan_to_num(elevation.sample(place[:, 0], place[:, 1]), nan=0.0)[:, None] + 1.5
    rise_out = ((top - start) / along).max(axis=1, keepdims=True)
    rise_back = ((top - end) / (length - along)).max(axis=1, keepdims=True)
    wavelength = 299.792458 / frequency_mhz
    clear = rise_out < (end - start) / length
    with np.errstate(divide="ignore", invalid="ignore"):
        meet = np.where(clear, length / 2, (end - start + rise_back * length) / (rise_out + rise_back))
    meet = np.clip(meet, 1.0, length - 1.0)
    edge = rise_out * meet + start - (start + (end - start) * meet / length)
    nu_edge = edge * np.sqrt(2 * length / (wavelength * meet * (length - meet)))
    over = top - (start + (end - start) * step)
    nu_clear = (over * np.sqrt(2 * length / (wavelength * along * (length - along)))).max(axis=1, keepdims=True)
    nu = np.where(clear, nu_clear, nu_edge)
    knife = np.where(nu > -0.78, 6.9 + 20 * np.log10(np.hypot(nu - 0.1, 1) + nu - 0.1), 0.0)
    extra = (1 - np.exp(-knife / 6)) * (10 + 0.02 * length / 1000)
    free = 32.45 + 20 * np.log10(frequency_mhz) + 20 * np.log10(length / 1000)
    return np.asarray((free + knife + extra)[:, 0])


def pairs_within(masts: Floats, places: Floats, *, reach_m: float) -> tuple[Ints, Ints]:
    """Rows (mast, place) of all pairs of points closer than ``reach_m``, ordered by place, then mast."""
    if not len(masts) or not len(places):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    near = cKDTree(masts).query_ball_point(places, reach_m, return_sorted=True)
    place = np.repeat(np.arange(len(places)), [len(one) for one in near])
    mast = np.array([i for one in near for i in one], dtype=np.int64)
    return mast, place
