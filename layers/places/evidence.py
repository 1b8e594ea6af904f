"""How well a reading of coordinates fits what is known of where the rows should lie, and how sure the best one is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from scipy.special import bdtrc

from phusong.layers.places.dms import Cells
from phusong.layers.places.projection import VN2000, WGS84, Bounds, moved_bounds, transformer
from phusong.layers.places.ways import Numbers, Way, box_in, candidates, is_degrees, utm_zone, ways
from phusong.layers.rasters import crs_text

TOLERANCE_M = 1_000.0
"""Outside the unit it names a place still fits, m: outlines and villages' centres are only so exact."""
MARGIN_M = 5_000.0
"""Outside all units a place that names none still fits, m."""
FAR_M = 2 * TOLERANCE_M
"""Readings nearer to each other than this, m, cannot be told apart with the tolerance: bare insides are counted."""
SAME_M = 1.0
"""Readings nearer than this, m, are one."""
SAMPLE = 2_000
"""Rows at different places that readings are weighed on; of more, so many are drawn (always the same)."""
WRONG_SHARE = 0.05
"""Share of rows taken to be wrong in themselves under the right reading."""
BY_CHANCE = (0.05, 0.5)
"""Share of rows a far-off reading puts right by chance, before the file is looked at: with a unit named, without."""
CERTAIN = 0.99
"""From this confidence on a reading is taken."""
LIKELY = 0.5
"""A reading is weighed if it brings this share of the rows at least near the province."""
_MARGIN_DEG = 0.3  # 33 km: what a neighbouring meridian moves
_SIMPLER_M = 250.0
_TOLD = ("marked", "dotted", "point", "comma", "digits", "role", "zone")


@dataclass(frozen=True)
class Places:
    """What is known of where rows should lie.

    ``units``: GeoDataFrame with ``code`` and geometry in any CRS, of the date the rows' codes are of. ``named``: each
    row's unit code or None. ``bounds``: the province in WGS 84 degrees (left, bottom, right, top), where units are not
    known; more than the units', it says nothing.
    """

    units: geopandas.GeoDataFrame | None = None
    named: NDArray[np.object_] | None = None
    bounds: Bounds | None = None


@dataclass
class Ground:
    """The places made ready: outlines in ``crs`` (metres), which of them has which code, and the box around them."""

    crs: str
    outlines: NDArray[np.object_]
    position: dict[str, int]
    box: Bounds  # WGS 84 degrees, with a margin

    @classmethod
    def of(cls, places: Places) -> Ground | None:
        """None where nothing is known."""
        units = places.units
        if units is not None and len(units) and units.crs is not None:
            own = crs_text(units.crs)
            left, bottom, right, top = moved_bounds(tuple(units.total_bounds), own, WGS84)
            crs = _metric(own, (left, bottom, right, top))
            move = transformer(own, crs).transform
            outlines = np.asarray(units.geometry.array, dtype=object)
            if own != crs:
                outlines = shapely.transform(outlines, lambda xy: np.column_stack(move(xy[:, 0], xy[:, 1])))
            position = {str(code): i for i, code in enumerate(units["code"])} if "code" in units else {}
        elif places.bounds is not None:
            left, bottom, right, top = places.bounds
            crs = _metric(None, places.bounds)
            outlines = np.array([shapely.box(*box_in(crs, places.bounds))], dtype=object)
            position = {}
        else:
            return None
        shapely.prepare(outlines)
        box = (left - _MARGIN_DEG, bottom - _MARGIN_DEG, right + _MARGIN_DEG, top + _MARGIN_DEG)
        return cls(crs, outlines, position, box)

    @cached_property
    def reach(self) -> Any:
        """All that lies within the margin of the units, as one prepared shape; metres."""
        simpler = shapely.simplify(self.outlines, _SIMPLER_M)
        area = shapely.union_all(shapely.buffer(simpler, MARGIN_M, quad_segs=4))
        shapely.prepare(area)
        return area

    def homes(self, named: NDArray[np.object_] | None, count: int) -> NDArray[np.int64]:
        """The outline each row names, -1 where it names none that is known."""
        if named is None:
            return np.full(count, -1, dtype=np.int64)
        codes = (str(int(c)) if isinstance(c, float) and c.is_integer() else str(c).strip() for c in named)
        return np.array([self.position.get(code, -1) for code in codes], dtype=np.int64)

    def metres(self, x: Numbers, y: Numbers, *, crs: str) -> tuple[Numbers, Numbers]:
        """Coordinates of ``crs`` in the ground's metres; NaN where they cannot be shown there."""
        good = np.isfinite(x) & np.isfinite(y)
        if is_degrees(crs):
            good &= (np.abs(x) <= 180) & (np.abs(y) <= 90)
        easting, northing = np.full(len(x), np.nan), np.full(len(x), np.nan)
        moved = transformer(crs, self.crs).transform(x[good], y[good])
        easting[good], northing[good] = (np.where(np.isfinite(moved).all(axis=0), part, np.nan) for part in moved)
        return easting, northing

    def contains(self, x_m: Numbers, y_m: Numbers) -> NDArray[np.bool_]:
        """Whether places lie in the province, with the margin."""
        inside: NDArray[np.bool_] = shapely.contains_xy(self.reach, x_m, y_m)
        return inside

    def away_m(self, x_m: Numbers, y_m: Numbers) -> float:
        """Median distance of places from the province with its margin, m; infinite where there is none."""
        known = np.isfinite(x_m) & np.isfinite(y_m)
        away = shapely.distance(self.reach, shapely.points(x_m[known], y_m[known]))
        return float(np.median(away)) if known.any() else math.inf

    def fits(self, x: Numbers, y: Numbers, homes: NDArray[np.int64]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Whether each place fits (its unit with the tolerance, or the province) and lies bare inside its own unit."""
        near, inside = np.zeros(len(x), dtype=bool), np.zeros(len(x), dtype=bool)
        known = np.isfinite(x) & np.isfinite(y)
        own = np.flatnonzero(known & (homes >= 0))
        if len(own):
            points, outlines = shapely.points(x[own], y[own]), self.outlines[homes[own]]
            near[own] = shapely.dwithin(outlines, points, TOLERANCE_M)
            inside[own] = shapely.intersects(outlines, points)
        rest = np.flatnonzero(known & (homes < 0))
        if len(rest):
            near[rest] = self.contains(x[rest], y[rest])
        return near, inside


@dataclass(eq=False)
class Rated:
    """One way of reading, weighed on the sample: places in the ground's metres, and which of them fit."""

    way: Way
    x_m: Numbers
    y_m: Numbers
    near: NDArray[np.bool_]
    inside: NDArray[np.bool_]
    moved_m: float = 0.0  # from the best, median
    confidence: float = 0.0

    @property
    def share(self) -> float:
        """Share of the sample that fits."""
        return float(self.near.mean())


@dataclass(frozen=True)
class Sample:
    """Rows at different places, on which readings are weighed."""

    first: Cells
    second: Cells
    homes: NDArray[np.int64]
    ground: Ground = field(repr=False)

    @classmethod
    def of(cls, first: Cells, second: Cells, homes: NDArray[np.int64], ground: Ground) -> Sample:
        """At most SAMPLE rows; rows alike count once (sectors of one mast are no further evidence)."""
        told = [getattr(cells, name) for cells in (first, second) for name in _TOLD]
        alike = pd.DataFrame(np.column_stack([*told, homes])).duplicated().to_numpy()
        rows = np.flatnonzero(~alike & ~(first.blank & second.blank))
        if len(rows) > SAMPLE:
            rows = np.sort(np.random.default_rng(0).choice(rows, SAMPLE, replace=False))
        return cls(first.take(rows), second.take(rows), homes[rows], ground)

    def rate(self, way: Way, *, box: Bounds) -> Rated:
        """One way, weighed."""
        read = way.read(self.first, self.second, box=box)
        x_m, y_m = self.ground.metres(*read, crs=way.crs)
        return Rated(way, x_m, y_m, *self.ground.fits(x_m, y_m, self.homes))


def weigh(sample: Sample, *, also: Sequence[Way] = ()) -> list[Rated]:
    """Every likely way, best first, each place once, with its distance from the best and its confidence.

    ``also``: ways weighed whether likely or not.
    """
    ground = sample.ground
    crs_also = [way.crs for way in also if way.crs not in candidates(ground.box)]
    found: list[Rated] = []
    for crs in (*candidates(ground.box), *dict.fromkeys(crs_also)):
        box = box_in(crs, ground.box)
        likely = [way for way, _, _ in ways(sample.first, sample.second, crs=crs, box=box, least=LIKELY)]
        plain = [way for way in also if way.crs == crs and way not in likely]
        for way in (*likely, *plain):
            rated = sample.rate(way, box=box)
            if np.isfinite(rated.x_m).any():
                _add(found, rated)
    return ranked(found, sample.homes)


def _add(found: list[Rated], new: Rated) -> None:
    """Put it in unless it is one of those there: the same places wherever both can be read."""
    for i, old in enumerate(found):
        apart = np.hypot(new.x_m - old.x_m, new.y_m - old.y_m)
        both = np.isfinite(apart)
        if both.any() and apart[both].max() <= SAME_M:
            if np.isfinite(new.x_m).sum() > np.isfinite(old.x_m).sum():
                found[i] = new
            return
    found.append(new)


def ranked(found: list[Rated], homes: NDArray[np.int64]) -> list[Rated]:
    """Best first. Of readings too near each other for the tolerance the one with most rows inside leads, but WGS 84
    goes before VN-2000 in degrees: that is what degrees are unless declared otherwise."""
    if not found:
        return []
    most = max(found, key=lambda one: int(one.near.sum()))
    alike = [one for one in found if one is most or distance_m(one, most) < FAR_M]
    degrees = [one for one in alike if one.way.crs == WGS84]
    best = max(degrees or alike, key=lambda one: (int(one.inside.sum()), int(one.near.sum())))
    best.moved_m = 0.0
    doubts = 0.0
    for one in (one for one in found if one is not best):
        one.moved_m = distance_m(one, best)
        surer = surety(best, one, homes)
        one.confidence = 1 - surer
        if best.way.crs == WGS84 and one.way.crs == VN2000 and one.moved_m < FAR_M:
            other = surety(one, best, homes)
            surer = 1 - other if other >= CERTAIN else 1.0
        doubts += 1 - surer
    best.confidence = max(0.0, 1 - doubts)
    return [best, *sorted((one for one in found if one is not best), key=lambda one: -int(one.near.sum()))]


def distance_m(one: Rated, other: Rated) -> float:
    """Median distance between the places of two readings, m; infinite where no row can be read in both."""
    apart = np.hypot(one.x_m - other.x_m, one.y_m - other.y_m)
    both = np.isfinite(apart)
    return float(np.median(apart[both])) if both.any() else math.inf


def surety(one: Rated, other: Rated, homes: NDArray[np.int64]) -> float:
    """How sure it is, 0 to 1, that ``one`` is right rather than ``other``, both equally likely before.

    Far apart: odds of (1 - e)(1 - q) / (e q) for each row that fits only one of them, with e = WRONG_SHARE and q the
    share of rows that a wrong reading puts right by chance: BY_CHANCE, as heavy as two rows, and what the file shows.
    Near each other (FAR_M): the exact sign test on the rows that lie inside the unit they name under only one of them;
    rows that name no unit say nothing there.
    """
    if distance_m(one, other) < FAR_M:
        own = homes >= 0
        gained = int((one.inside & ~other.inside & own).sum())
        lost = int((other.inside & ~one.inside & own).sum())
        if not gained:
            return 0.0 if lost else 0.5
        return 1 - float(bdtrc(gained - 1, gained + lost, 0.5))
    gained, lost = int((one.near & ~other.near).sum()), int((other.near & ~one.near).sum())
    prior = float(np.where(homes >= 0, *BY_CHANCE).mean()) if len(homes) else BY_CHANCE[1]
    both = int((one.near & other.near).sum())
    chance = (both + 2 * prior) / (both + max(gained, lost) + 2)
    row = math.log((1 - WRONG_SHARE) * (1 - chance) / (WRONG_SHARE * chance))
    return 1 / (1 + math.exp(-max(-500.0, min(500.0, (gained - lost) * max(0.0, row)))))


def _metric(own: str | None, box: Bounds) -> str:
    """The units' own CRS if it counts in metres, else WGS 84 UTM of the middle."""
    known = CRS.from_user_input(own) if own is not None else None
    if own is not None and known is not None and known.is_projected and known.axis_info[0].unit_conversion_factor == 1:
        return own
    zone = utm_zone((box[0] + box[2]) / 2)
    return f"EPSG:{(32600 if box[1] + box[3] >= 0 else 32700) + zone}"
