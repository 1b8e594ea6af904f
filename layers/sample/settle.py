"""Villages and their clusters of houses, placed on low and flat ground of their commune."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.layers.sample.figures import largest_remainder
from phusong.layers.sample.frames import layer_frame, points_xy
from phusong.layers.sample.ground import Floats, Ground, Ints, jitter, spread

PERSONS_A_VILLAGE: Final = 640.0
PERSONS_A_MOUNTAIN_VILLAGE: Final = 430.0
SMALLEST: Final = 3  # villages a commune, unless it has few people
FAR_SHARE: Final = 0.3  # of a mountain commune's villages, up side valleys
SHORTLIST: Final = 60  # cells looked at for each village wanted
NO_GRID_SHARE: Final = 0.025
UP_VALLEY_SHARE: Final = 0.4  # of mountain villages with a cluster 1-3 km up the valley

LOWLAND_NAMES: Final = (
    [
        "An",
        "Bình",
        "Đông",
        "Tây",
        "Hà",
        "Hòa",
        "Hưng",
        "Long",
        "Mỹ",
        "Nam",
        "Phú",
        "Phước",
        "Tân",
        "Thanh",
        "Trung",
        "Vĩnh",
        "Xuân",
        "Lương",
        "Cẩm",
        "Đại",
    ],
    [
        "An",
        "Lộc",
        "Sơn",
        "Thủy",
        "Tiến",
        "Trường",
        "Lâm",
        "Hải",
        "Giang",
        "Điền",
        "Khê",
        "Lập",
        "Thành",
        "Cát",
        "Hậu",
        "Thượng",
        "Hạ",
    ],
)
MOUNTAIN_NAMES: Final = (
    ["A", "Ka", "Ta", "Pa", "Cu", "Ra", "La", "Xi", "Tà", "Ba", "Ku", "Chân"],
    [
        "Rung",
        "Lêng",
        "Tăng",
        "Rong",
        "Vương",
        "Puông",
        "Xăng",
        "Linh",
        "Rượng",
        "Nhôi",
        "Cheng",
        "Mơn",
        "Đắt",
        "Túc",
        "Rò",
    ],
)


def split_exactly(total: float, weights: Floats) -> Floats:
    """``total`` in whole parts by ``weights`` (n,), summing to it exactly; at least one each where it suffices.

    A fraction in ``total`` stays with the largest part; an unknown total (NaN) gives unknown parts.
    """
    n = len(weights)
    if not np.isfinite(total):
        return np.full(n, np.nan)
    whole = int(np.floor(total))
    floor = 1 if whole >= n else 0
    parts = largest_remainder(whole - floor * n, weights).astype(np.float64) + floor
    parts[np.argmax(parts)] += total - whole
    return parts


def make_villages(ground: Ground, *, rng: np.random.Generator, source: str) -> pd.DataFrame:
    """Villages of every unit: at least three in a commune, people and households summing exactly to the unit's."""
    units = ground.units
    people = units["population"].to_numpy(dtype=np.float64, na_value=np.nan)
    households = units["households"].to_numpy(dtype=np.float64, na_value=np.nan)
    kinds = units["kind"].astype("object").where(units["kind"].notna(), "").tolist()
    codes, names = units["code"].tolist(), []
    rows: dict[str, list[Any]] = {"code": [], "unit_code": [], "population": [], "households": []}
    places: list[Floats] = []
    for i, cells in enumerate(ground.cells_of_units()):
        xy, far = _places(ground, i, cells, people[i], rng)
        n = len(xy)
        weights = rng.lognormal(0.0, 0.3, n) * np.where(far, 0.55, 1.0)
        parts = split_exactly(people[i], weights)
        rows["code"] += [f"{codes[i]}-{k + 1:02d}" for k in range(n)]
        rows["unit_code"] += [codes[i]] * n
        rows["population"] += parts.tolist()
        rows["households"] += split_exactly(households[i], np.where(np.isfinite(parts), parts, weights) + 1e-9).tolist()
        names += _names(n, kind=kinds[i], mountain=bool(ground.mountainous[i]), rng=rng)
        places.append(xy)
    xy_m = np.concatenate(places)
    power = _grid_power(ground, xy_m, np.nan_to_num(np.array(rows["population"])), rng)
    return layer_frame(
        "villages",
        {**rows, "name": names, "grid_power": power},
        rows=len(xy_m),
        source=source,
        xy_m=xy_m,
        crs=ground.crs,
    )


def _places(
    ground: Ground, unit: int, cells: Ints, people: float, rng: np.random.Generator
) -> tuple[Floats, NDArray[np.bool_]]:
    """Centres (n, 2) of one unit's villages, and which of them lie far up."""
    if len(cells) == 0:  # smaller than a cell, or off the elevation
        inside = ground.units.geometry.iloc[[unit]].representative_point()
        return np.column_stack([inside.x, inside.y]).astype(np.float64), np.zeros(1, dtype=np.bool_)
    mountain = bool(ground.mountainous[unit])
    size = PERSONS_A_MOUNTAIN_VILLAGE if mountain else PERSONS_A_VILLAGE
    n = SMALLEST
    if np.isfinite(people):
        n = max(min(SMALLEST, int(people // 100)), round(people / size), 1)
    xy = ground.cells_xy(cells)
    slope, above = ground.slope_pct.ravel()[cells], ground.above_valley_m.ravel()[cells]
    height = np.nan_to_num(ground.elevation.values.ravel()[cells])
    luck = rng.gumbel(size=(2, len(cells)))
    climb = height - np.quantile(height, 0.1)
    near = luck[0] - slope / 6 - above / (30 if mountain else 12) - climb / (90 if mountain else 25)
    spacing = 0.6 * np.sqrt(len(cells) * ground.elevation.grid.cell_m**2 / n)
    n_far = round(FAR_SHARE * n) if mountain else 0
    chosen = _best(xy, near, n - n_far, spacing)
    if n_far:
        up = luck[1] - slope / 8 - above / 25 + np.minimum(climb, 350) / 120
        chosen = np.concatenate([chosen, _best(xy, up, n_far, spacing, taken=xy[chosen])])
    places = xy[chosen]
    if len(places) < n:  # more villages than cells
        places = np.concatenate([places, places[rng.integers(len(places), size=n - len(places))]])
    return jitter(ground, places, rng), np.arange(n) >= n - n_far


def _best(xy: Floats, score: Floats, count: int, spacing_m: float, *, taken: Floats | None = None) -> Ints:
    listed = min(len(xy), max(SHORTLIST * count, 200))
    best = np.argsort(-score, kind="stable")[:listed]
    return best[spread(xy[best], score[best], count, spacing_m=spacing_m, taken=taken)]


def _names(n: int, *, kind: str, mountain: bool, rng: np.random.Generator) -> list[str]:
    if kind in ("ward", "township"):
        return [f"Khu phố {k + 1}" for k in range(n)]
    first, second = MOUNTAIN_NAMES if mountain else LOWLAND_NAMES
    pool = [f"{a} {b}" for a in first for b in second if a != b]
    word = "Bản" if mountain else "Thôn"
    order = rng.permutation(len(pool))
    return [
        f"{word} {pool[order[k % len(pool)]]}" + (f" {k // len(pool) + 1}" if k >= len(pool) else "") for k in range(n)
    ]


def _grid_power(ground: Ground, xy_m: Floats, people: Floats, rng: np.random.Generator) -> NDArray[np.bool_]:
    """False for the few villages in the roughest ground, smallest first."""
    hilly = ground.hilly(xy_m)
    hardship = (
        ground.at(ground.relief_m, xy_m) / 300
        + np.nan_to_num(ground.elevation.sample(xy_m[:, 0], xy_m[:, 1])) / 300
        - people / 200
        + rng.gumbel(size=len(xy_m)) * 0.5
    )
    power = np.ones(len(xy_m), dtype=np.bool_)
    count = min(int(hilly.sum()), round(NO_GRID_SHARE * len(xy_m)))
    power[np.argsort(-np.where(hilly, hardship, -np.inf), kind="stable")[:count]] = False
    return power


def make_clusters(ground: Ground, villages: pd.DataFrame, *, rng: np.random.Generator, source: str) -> pd.DataFrame:
    """Two to five clusters of houses for each village in mountains; people and households sum to the village's.

    The first cluster is at the centre; of some villages one lies 1-3 km up the valley.
    """
    centres = points_xy(villages)
    people = villages["population"].to_numpy(dtype=np.float64, na_value=np.nan)
    households = villages["households"].to_numpy(dtype=np.float64, na_value=np.nan)
    codes = villages["code"].tolist()
    rows: dict[str, list[Any]] = {"cluster_id": [], "village_code": [], "households": [], "population": []}
    places: list[Floats] = []
    for i in np.flatnonzero(ground.hilly(centres)):
        wanted = int(rng.integers(2, 6))
        if np.isfinite(households[i]):
            wanted = min(wanted, max(2, int(households[i] // 12)))
        xy = np.concatenate([centres[i : i + 1], _outlying(ground, centres[i], wanted - 1, rng)])
        n = len(xy)
        weights = np.concatenate([[1.0], rng.uniform(0.15, 0.5, n - 1)])
        rows["cluster_id"] += [f"{codes[i]}-C{k + 1}" for k in range(n)]
        rows["village_code"] += [codes[i]] * n
        rows["households"] += split_exactly(households[i], weights).tolist()
        rows["population"] += split_exactly(people[i], weights).tolist()
        places.append(xy)
    xy_m = np.concatenate(places) if places else np.zeros((0, 2))
    return layer_frame("village_clusters", rows, rows=len(xy_m), source=source, xy_m=xy_m, crs=ground.crs)


def _outlying(ground: Ground, centre: Floats, count: int, rng: np.random.Generator) -> Floats:
    """Up to ``count`` places (n, 2) of houses around a village centre, in the same unit and on land."""
    grid = ground.elevation.grid
    rows, cols = grid.rowcol(centre[:1], centre[1:])
    row, col = int(rows[0]), int(cols[0])
    reach = int(3_000 // grid.cell_m)
    top, left = max(0, row - reach), max(0, col - reach)
    window = np.s_[top : row + reach + 1, left : col + reach + 1]
    own = ground.at(ground.unit, centre[None])[0]
    fits = (ground.unit[window] == own) & ground.land[window]
    y, x = np.nonzero(fits)
    xy = np.column_stack([grid.x_m[left + x], grid.y_m[top + y]])
    away = np.hypot(*(xy - centre).T)
    good = rng.gumbel(size=len(xy)) - ground.slope_pct[window][fits] / 8 - ground.above_valley_m[window][fits] / 40
    climb = np.nan_to_num(ground.elevation.values[window][fits]) - ground.at(ground.elevation.values, centre[None])[0]
    chosen: list[int] = []
    for k in range(count):
        up = k == 0 and rng.random() < UP_VALLEY_SHARE
        band = (away >= 1_000) & (away <= 3_000) & (climb > 15) if up else (away >= 250) & (away <= 1_100)
        apart = np.array([np.hypot(*(xy - xy[c]).T) >= 200 for c in chosen]).all(axis=0) if chosen else True
        open_to = np.flatnonzero(band & apart)
        if len(open_to):
            chosen.append(int(open_to[np.argmax(good[open_to])]))
    return jitter(ground, xy[np.array(chosen, dtype=np.int64)], rng)
