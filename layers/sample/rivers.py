"""Rivers of the sample: what drains the elevation, as lines, and as outlines where they are wide.

Hollows are filled until they drain to the sea or the frame (as ``terrain`` does); water then takes the steepest way
down to one of eight neighbours. Widths grow with the root of the catchment (mark K: a parameter, no survey).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio import features
from rasterio.features import rasterize
from scipy import ndimage

from phusong.layers.grid import Grid, Raster
from phusong.layers.sample.frames import layer_frame
from phusong.layers.sample.ground import Ground
from phusong.layers.sample.terrain import Field, Flags, blocks, coarser, drain, fractal, lower

Ints = NDArray[np.int64]

WORK_CELL_M: Final = 180.0
STREAM_KM2: Final = 14.0  # smaller catchments hold nobody up
AROUND_M: Final = 3_000.0  # beyond the units
RIVER_KM2: Final = 45.0  # streams of less are barriers in floods only
OUTLINE_M: Final = 70.0  # rivers as wide as this are outlines
WIDTH_M: Final = 2.6  # of a river of 1 km2 of catchment
FLOODING_M: Final = 40.0  # rivers as wide as this flood the land beside them
FLOOD_REACH_M: Final = 2_500.0
FLOOD_LEVEL_M: Final = 2.2
FLOOD_LEAST_M2: Final = 300_000.0
DRY_M: Final = 180.0  # around the places people live at, which stand higher
BESIDE: Final = 0.7  # of the way from a river's middle to the places people live at is water, at most
_NOISE_M: Final = 1.2  # of height on flats, so that rivers part there
_WINDING_M: Final = 75.0


@dataclass(frozen=True)
class Reach:
    """A river between two confluences: its course downstream, catchment at the lower end and number of its stem."""

    line: shapely.LineString
    km2: float
    stem: int

    @property
    def width_m(self) -> float:
        """Width where no place narrows it."""
        return float(round(WIDTH_M * self.km2**0.5))


def drained(elevation: Raster, *, rng: np.random.Generator) -> tuple[Grid, Ints, Field, Flags]:
    """Working grid, receiver of each cell (flat; itself at outlets), catchment (km2) and land of an elevation."""
    work, times = coarser(elevation.grid, cell_m=WORK_CELL_M)
    values = np.nan_to_num(elevation.values.astype(np.float64), nan=0.0)
    low, ashore = (blocks(v, work.shape, times) for v in (values, (values > 0).astype(np.float64)))
    land = ashore > 0
    noise = ndimage.gaussian_filter(rng.standard_normal(work.shape), 2.0)
    low += _NOISE_M * noise / noise.std() * np.exp(-low / 40.0)
    low = np.where(land, np.maximum(low, 0.5), 0.0)
    fixed = ~land
    fixed[[0, -1], :] = True
    fixed[:, [0, -1]] = True
    filled = np.where(fixed, low, np.inf)
    lower(filled, low)
    receiver, catchment = np.arange(filled.size), np.ones(filled.size)
    drain(filled, np.argsort(filled, axis=None, kind="stable"), fixed, receiver, catchment)
    return work, receiver, catchment.reshape(work.shape) * (work.cell_m / 1000) ** 2, land


def courses(ground: Ground, *, rng: np.random.Generator) -> list[Reach]:
    """The reaches, in and around the units, of all rivers with a catchment of ``STREAM_KM2`` or more, widest first."""
    work, receiver, area_km2, land = drained(ground.elevation, rng=rng)
    home = shapely.buffer(shapely.union_all(np.asarray(ground.units.geometry.array)), AROUND_M)
    km2 = area_km2.ravel()
    wet = (km2 >= STREAM_KM2) & land.ravel() & (receiver != np.arange(len(receiver)))
    cells = np.flatnonzero(wet)
    above = np.bincount(receiver[cells], minlength=len(receiver))
    order = cells[np.argsort(-km2[cells], kind="stable")]
    first: dict[int, int] = {}  # the widest river that comes into a cell
    for cell in order.tolist():
        first.setdefault(int(receiver[cell]), cell)
    stem: dict[int, int] = {}
    for number, cell in enumerate(order.tolist()):
        down = int(receiver[cell])
        stem[cell] = stem[down] if down in stem and first[down] == cell else number
    found = []
    bent = _winding(work, rng)
    for start in cells[(above[cells] == 0) | (above[cells] > 1)].tolist():
        way = [start]
        while wet[way[-1]] and (len(way) == 1 or above[way[-1]] == 1):
            way.append(int(receiver[way[-1]]))
        at = np.array(way)
        line = shapely.linestrings(work.x_m[at % work.shape[1]], work.y_m[at // work.shape[1]])
        for part in shapely.get_parts(shapely.intersection(shapely.transform(rounded(line), bent), home)):
            if part.length > 0:
                found.append(Reach(part, float(km2[way[-2]]), stem[start]))
    return sorted(found, key=lambda reach: (-reach.km2, reach.line.coords[0]))


def _winding(work: Grid, rng: np.random.Generator) -> Callable[[Field], Field]:
    """A smooth small displacement of the plane: rivers that keep to eight directions wind, and still meet."""
    field = [
        _WINDING_M * fractal(work.shape, cell_m=work.cell_m, longest_m=1_800.0, slope=4.5, rng=rng) for _ in range(2)
    ]

    def bent(xy_m: Field) -> Field:
        at = [(work.top_m - xy_m[:, 1]) / work.cell_m - 0.5, (xy_m[:, 0] - work.left_m) / work.cell_m - 0.5]
        moved: Field = xy_m + np.stack([ndimage.map_coordinates(v, at, order=1, mode="nearest") for v in field], 1)
        return moved

    return bent


def rounded(line: shapely.LineString, *, times: int = 2) -> shapely.LineString:
    """A line with its corners cut (Chaikin 1974), its ends kept."""
    at = shapely.get_coordinates(line)
    for _ in range(times):
        if len(at) < 3:
            break
        quarter, three = 0.75 * at[:-1] + 0.25 * at[1:], 0.25 * at[:-1] + 0.75 * at[1:]
        inner = np.stack([quarter, three], axis=1).reshape(-1, 2)
        at = np.concatenate([at[:1], inner[1:-1], at[-1:]])
    return shapely.linestrings(at)


def make_rivers(
    reaches: Sequence[Reach], places: Field, floods: Sequence[shapely.Polygon], *, source: str, crs: Any
) -> pd.DataFrame:
    """The ``rivers`` layer: a line a reach, an outline a wide stem, which leaves ``places`` (n, 2) on dry ground, and
    the land that ``floods`` for a time."""
    near = shapely.STRtree(shapely.points(places))
    numbers = {stem: k + 1 for k, stem in enumerate(dict.fromkeys(reach.stem for reach in reaches))}
    wide: dict[int, list[Reach]] = {}
    rows: list[tuple[shapely.Geometry, str, bool, float]] = []
    for reach in reaches:
        if reach.width_m >= OUTLINE_M:
            wide.setdefault(reach.stem, []).append(reach)
        else:
            word = "Sông" if reach.km2 >= 4 * RIVER_KM2 else "Suối"
            name = f"{word} mẫu số {numbers[reach.stem]}"
            rows.append((reach.line, name, reach.km2 < RIVER_KM2, reach.width_m))
    outlines = [
        (outline(parts, near), f"Sông mẫu số {numbers[stem]}", False, max(part.width_m for part in parts))
        for stem, parts in wide.items()
    ]
    low = [(shape, f"Vùng trũng ngập lũ mẫu số {k + 1}", True, np.nan) for k, shape in enumerate(floods)]
    rows = [*outlines, *rows, *low]
    return layer_frame(
        "rivers",
        {
            "river_id": [f"W{i + 1:04d}" for i in range(len(rows))],
            "name": [row[1] for row in rows],
            "floods_only": [row[2] for row in rows],
            "width_m": [row[3] for row in rows],
        },
        rows=len(rows),
        source=source,
        shapes=[row[0] for row in rows],
        crs=crs,
    )


def flooded(ground: Ground, reaches: Sequence[Reach], places: Field) -> list[shapely.Polygon]:
    """Low land along the wide rivers that floods cover, largest first; ``places`` (n, 2) stand above the water."""
    work, times = coarser(ground.elevation.grid, cell_m=WORK_CELL_M)
    height = blocks(np.nan_to_num(ground.elevation.values.astype(np.float64), nan=0.0), work.shape, times)
    ashore = blocks(ground.land.astype(np.float64), work.shape, times)
    wide = [shapely.buffer(reach.line, FLOOD_REACH_M) for reach in reaches if reach.width_m >= FLOODING_M]
    if not wide:
        return []
    near = rasterize(wide, out_shape=work.shape, transform=work.transform, dtype="uint8") > 0
    low = near & (height < FLOOD_LEVEL_M) & (ashore > 0.9)
    drawn = features.shapes(low.astype(np.uint8), mask=low, transform=work.transform)
    whole = shapely.union_all([shapely.geometry.shape(shape) for shape, _ in drawn])
    smooth = shapely.buffer(shapely.buffer(shapely.buffer(whole, -70.0), 140.0), -70.0)
    dry = shapely.union_all(shapely.buffer(shapely.points(places), DRY_M, quad_segs=4))
    parts = shapely.get_parts(shapely.simplify(shapely.difference(smooth, dry), 20.0))
    parts = parts[(shapely.area(parts) >= FLOOD_LEAST_M2) & shapely.is_valid(parts)]
    return sorted(parts.tolist(), key=lambda part: -part.area)


def outline(parts: Sequence[Reach], places: shapely.STRtree) -> shapely.Geometry:
    """Water of the reaches of one stem, narrower beside places that people live at."""
    pieces = []
    for part in parts:
        at = shapely.get_coordinates(shapely.segmentize(part.line, 200.0))
        lines = shapely.linestrings(np.stack([at[:-1], at[1:]], axis=1))
        _, away_m = places.query_nearest(lines, all_matches=False, return_distance=True)
        pieces += shapely.buffer(lines, np.clip(BESIDE * away_m, 0.5, part.width_m / 2), quad_segs=3).tolist()
    return shapely.simplify(shapely.union_all(pieces), 1.0)
