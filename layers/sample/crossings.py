"""The sample's roads as a layer, and where people cross its rivers: bridges of roads, fords in the hills, ferries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from phusong.layers.sample.frames import layer_frame
from phusong.layers.sample.rivers import RIVER_KM2, Reach
from phusong.layers.sample.roads import Chain

Field = NDArray[np.float64]
Ints = NDArray[np.int64]

FORD_M: Final = 24.0  # tracks of the hills wade through water no wider
LISTED_M: Final = 20.0  # bridges over less are part of their road only
BANK_M: Final = 60.0  # that a bridge or ferry reaches beyond the water
FERRY_M: Final = 30.0  # rivers with ferries are as wide
FERRY_WALK_M: Final = 1_500.0  # from a ferry to a village on either side, at most
FERRY_AWAY_M: Final = 2_500.0  # from the next bridge or ferry, at least
MOST_FERRIES: Final = 12
LOW_M: Final = 3.0  # roads of the plain that lie lower may flood
FLOOD_SHARE: Final = 0.5  # of such roads, and of those of the hills that cross water on a bridge
_SMALL: Final = ("commune", "village", "track", "path")
_TITLES: Final = {
    "national": "Quốc lộ mẫu",
    "provincial": "Đường tỉnh mẫu",
    "district": "Đường huyện mẫu",
    "commune": "Đường xã mẫu",
    "village": "Đường thôn mẫu",
    "track": "Đường đất mẫu",
    "path": "Đường mòn mẫu",
}


@dataclass(frozen=True)
class Meets:
    """Where roads meet rivers: number of the chain and of the reach, and the place (n, 2)."""

    chain: Ints
    reach: Ints
    xy_m: Field


def meets(chains: Sequence[Chain], reaches: Sequence[Reach]) -> Meets:
    """All places where the middle line of a reach crosses a road."""
    lines = np.array([chain.line for chain in chains], dtype=object)
    waters = np.array([reach.line for reach in reaches], dtype=object)
    if not len(lines) or not len(waters):
        return Meets(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros((0, 2)))
    chain, reach = shapely.STRtree(waters).query(lines, predicate="intersects")
    shapes = shapely.intersection(lines[chain], waters[reach])
    parts, owner = shapely.get_parts(shapes, return_index=True)
    at = shapely.get_coordinates(shapely.centroid(parts))
    return Meets(chain[owner].astype(np.int64), reach[owner].astype(np.int64), at)


def make_roads(
    chains: Sequence[Chain],
    reaches: Sequence[Reach],
    over: Meets,
    *,
    rng: np.random.Generator,
    source: str,
    crs: Any,
) -> pd.DataFrame:
    """The ``roads`` layer: tracks of the hills have no bridge over small water, and low small roads may flood."""
    n = len(chains)
    word = np.array([chain.word for chain in chains], dtype=object)
    hilly = np.array([chain.hilly for chain in chains], dtype=bool)
    low = np.array([chain.low_m < LOW_M for chain in chains], dtype=bool)
    widest = np.zeros(n)
    np.maximum.at(widest, over.chain, np.array([reach.width_m for reach in reaches], dtype=np.float64)[over.reach])
    small = np.isin(word, _SMALL)
    wades = (widest > 0) & (widest <= FORD_M) & np.isin(word, ["track", "path"])
    luck = rng.random(n)
    floods = small & (luck < FLOOD_SHARE) & (low | (hilly & (widest > 0) & ~wades))
    loose = rng.random(n)
    surface = np.where(np.isin(word, ["national", "provincial"]), "paved", "earth").astype(object)
    surface[(word == "district") | ((word == "commune") & ~hilly)] = "paved"
    surface[np.isin(word, ["district", "commune"]) & hilly & (loose < 0.6)] = "gravel"
    surface[(word == "village") & (loose < 0.7)] = "gravel"
    surface[(word == "village") & (loose < 0.3)] = "paved"
    count: Counter[str] = Counter()
    names = []
    for one in word.tolist():
        count[one] += 1
        names.append(f"{_TITLES[one]} số {count[one]}")
    return layer_frame(
        "roads",
        {
            "road_id": [f"D{i + 1:05d}" for i in range(n)],
            "name": names,
            "class": word.tolist(),
            "surface": surface.tolist(),
            "bridge": ~wades,
            "floods": floods,
        },
        rows=n,
        source=source,
        shapes=[chain.line for chain in chains],
        crs=crs,
    )


def make_crossings(
    roads: pd.DataFrame,
    reaches: Sequence[Reach],
    over: Meets,
    places: Field,
    *,
    rng: np.random.Generator,
    source: str,
    crs: Any,
) -> pd.DataFrame:
    """The ``crossings`` layer: the larger bridges of roads, the fords of tracks without one, and ferries between
    ``places`` (n, 2) on two banks far from any bridge."""
    bridged = roads["bridge"].to_numpy(dtype=bool)[over.chain]
    floods = roads["floods"].to_numpy(dtype=bool)[over.chain]
    width_m = np.array([reach.width_m for reach in reaches], dtype=np.float64)[over.reach]
    lasting = np.array([reach.km2 >= RIVER_KM2 for reach in reaches], dtype=bool)[over.reach]  # others: dry or in flood
    lines = np.asarray(roads.geometry.array, dtype=object)
    rows: list[tuple[str, str, shapely.Geometry, float | None, bool]] = []
    for k in np.flatnonzero(lasting & (~bridged | (width_m >= LISTED_M))).tolist():
        at = shapely.points(over.xy_m[k])
        if not bridged[k]:
            rows.append(("ford", "Ngầm mẫu", at, None, True))
            continue
        near = shapely.get_parts(shapely.intersection(lines[over.chain[k]], at.buffer(width_m[k] / 2 + BANK_M)))
        span = near[np.argmin(shapely.distance(near, at))]
        rows.append(("bridge", "Cầu mẫu", span, None, bool(floods[k])))
    for line in ferries(reaches, over.xy_m[bridged], places):
        rows.append(("ferry", "Bến đò mẫu", line, float(rng.choice([10.0, 15.0, 20.0])), True))
    count: Counter[str] = Counter()
    names = []
    for _, title, *_ in rows:
        count[title] += 1
        names.append(f"{title} số {count[title]}")
    return layer_frame(
        "crossings",
        {
            "crossing_id": [f"X{i + 1:04d}" for i in range(len(rows))],
            "name": names,
            "kind": [row[0] for row in rows],
            "wait_min": [row[3] for row in rows],
            "floods": [row[4] for row in rows],
        },
        rows=len(rows),
        source=source,
        shapes=[row[2] for row in rows],
        crs=crs,
    )


def ferries(reaches: Sequence[Reach], bridges: Field, places: Field) -> list[shapely.LineString]:
    """Lines from bank to bank over wide rivers, the widest first, each with a place on either side."""
    homes = cKDTree(places)
    taken = [tuple(at) for at in bridges.tolist()]
    found: list[shapely.LineString] = []
    for reach in reaches:
        if reach.width_m < FERRY_M or len(found) == MOST_FERRIES:
            break
        for along in np.arange(400.0, reach.line.length - 400.0, 400.0).tolist():
            ends = shapely.line_interpolate_point(reach.line, [along - 50.0, along, along + 50.0])
            one, at, other = shapely.get_coordinates(ends)
            if taken and np.hypot(*(np.array(taken) - at).T).min() < FERRY_AWAY_M:
                continue
            flow = (other - one) / np.hypot(*(other - one))
            side = np.array([-flow[1], flow[0]])
            near = places[homes.query_ball_point(at, FERRY_WALK_M)] - at
            if not (near @ side > 0).any() or not (near @ side < 0).any():
                continue
            half = side * (reach.width_m / 2 + BANK_M)
            found.append(shapely.linestrings([at - half, at + half]))
            taken.append((float(at[0]), float(at[1])))
            if len(found) == MOST_FERRIES:
                break
    return found
