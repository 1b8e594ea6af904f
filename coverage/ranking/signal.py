"""Signal at a place as a chance: what the model may be off by, for a mast as a whole and for each place on its own.

The level at a place differs from the computed one by a part that all places of a mast share (the model is off for its
hills, its antenna, its power), by a part of the place's own, whichever mast serves it (its fold of the ground, its
trees), and by what an error of the mast's position makes, whose direction counts: of two villages on opposite sides of
a mast one gains what the other loses. All follows from levels and servers as they lie there: nothing is swept again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from phusong.coverage.means import ratio
from phusong.coverage.radio.margin import margin_db
from phusong.coverage.signal import any_of
from phusong.layers.grid import Grid

SURE = 4.5
"""Beyond so many standard deviations signal is as sure, or as sure to be missing, as 3.4e-6 either way."""
NEVER = np.float32(-1e9)
STREAMS = ((5, 1), (5, 2))
"""Behind the seed: the random numbers of masts and of places, drawn for no other choice (``sensitivity.CHOICES``)."""
LEVELS = 65_536
"""So many equally likely values stand for a place's own deviation."""
_NODES = 64
_AT_ONCE = 32  # draws side by side: the processor adds several at a time

F32 = NDArray[np.float32]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Key = tuple[str, str]


class Servers(Protocol):
    """Of a ``ServerMap`` what is needed here."""

    @property
    def level_dbm(self) -> F32: ...
    @property
    def server(self) -> NDArray[np.int32]: ...


class Radio(Protocol):
    """Of a ``RadioResult`` what is needed here."""

    @property
    def grid(self) -> Grid: ...
    @property
    def maps(self) -> Mapping[tuple[str, str, float | None], Servers]: ...
    @property
    def sectors(self) -> pd.DataFrame: ...
    @property
    def levels(self) -> Mapping[Key, F32]: ...


@dataclass(frozen=True)
class Chances:
    """Signal at n places from their best masts, m pairs of place and mast, for g kinds of signal.

    place, mast   int64[m], rising place; masts are numbered, one a position
    margin_db     float32[m, g]: what the mast has to spare there for the kind, -1e9 where it has nothing to give
    east, north   float32[m]: dB gained if the mast stands one standard error of position further east, north
    site_db       standard deviation of what all places of a mast share, dB; ``own_db``: of what is a place's own
    covered       float64[n, g]: 1, 0 or NaN as computed, nothing drawn
    masts         how many masts
    """

    place: Ints
    mast: Ints
    margin_db: F32
    east: F32
    north: F32
    site_db: float
    own_db: float
    covered: Floats
    masts: int

    @property
    def sigma_db(self) -> Floats:
        """Standard deviation of each pair's level, dB, float64[m]."""
        position = self.east.astype(np.float64) ** 2 + self.north.astype(np.float64) ** 2
        return np.sqrt(self.site_db**2 + self.own_db**2 + position)

    def probability(self) -> Floats:
        """Chance of signal at each place, float64[n, g]; NaN where it is not known.

        Of one mast Phi(margin / sigma). Of several the mean over the place's own deviation e of
        1 - prod Phi(-(margin + e) / s), s what is left of each mast's sigma; e by 64 equally likely values.
        """
        margin = self.margin_db.astype(np.float64)
        shape = self.covered.shape
        pairs = np.bincount(self.place, minlength=shape[0])
        single = pairs[self.place] == 1
        chance = np.zeros(shape)
        chance[self.place[single]] = _phi(margin[single], self.sigma_db[single, None])
        several, place = ~single, self.place[~single]
        left = np.sqrt(np.maximum(self.sigma_db[several] ** 2 - self.own_db**2, 0.0))[:, None]
        starts = np.flatnonzero(np.diff(place, prepend=-1))
        if len(place):
            rows, total = place[starts], np.zeros((len(starts), shape[1]))
            for own in self.own_db * ndtri((np.arange(_NODES) + 0.5) / _NODES):
                total += 1.0 - np.multiply.reduceat(_phi(-margin[several] - own, left), starts, axis=0)
            chance[rows] = total / _NODES
        return np.where(np.isnan(self.covered), np.nan, chance)


def _phi(value: Floats, sigma: Floats) -> Floats:
    """Phi(value / sigma); a step where sigma is 0."""
    return np.asarray(ndtr(value / np.maximum(sigma, 1e-9)), dtype=np.float64)


def signal_chances(
    x_m: Floats,
    y_m: Floats,
    radio: Radio,
    *,
    kinds: Sequence[Sequence[Key]],
    sigma_db: float,
    fading_db: float = 0.0,
    site_share: float = 0.5,
    position_error_m: float = 100.0,
    path_loss_exponent: float = 3.5,
) -> Chances:
    """The chances at places x_m, y_m (study's CRS, m) from the radio result.

    ``kinds``: for each kind of signal the (technology, operator) pairs that bring it; each gives its best mast's margin
    at the place's cell. ``sigma_db``: standard deviation of the level, of which ``site_share`` (0-1) of the variance is
    common to a mast; ``fading_db``: the margin for fading that covering asks for already. ``position_error_m``:
    standard error of a mast's position along each axis. By L = L0 + 10 n log10 d a mast that stands e m nearer brings
    10 n / ln 10 * e / d dB more, n the ``path_loss_exponent``; nearer than its error a mast is not told apart from it.
    """
    grid = radio.grid
    inside = grid.inside(x_m, y_m)
    rows, cols = grid.rowcol(x_m, y_m)
    cell = np.where(inside, rows * grid.shape[1] + cols, 0)
    sectors = radio.sectors
    spots = np.column_stack([sectors["x_m"].to_numpy(np.float64), sectors["y_m"].to_numpy(np.float64)])
    masts, mast_of = np.unique(spots, axis=0, return_inverse=True)
    mast_of = mast_of.reshape(-1)

    parts: list[tuple[Ints, Ints, F32, int]] = []
    covered = np.full((len(x_m), len(kinds)), np.nan)
    for g, keys in enumerate(kinds):
        each = []
        for technology, operator in keys:
            margin = margin_db(radio, technology, operator).reshape(-1)[cell]
            server = radio.maps[technology, operator, None].server.reshape(-1)[cell]
            each.append(np.where(np.isnan(margin), np.nan, (margin >= 0).astype(np.float64)))
            place = np.flatnonzero(inside & np.isfinite(margin) & (server >= 0))
            parts.append((place, mast_of[server[place]], margin[place], g))
        if each:
            covered[:, g] = np.where(inside, any_of(each), np.nan)
    place, mast, margin = _best_of_each_mast(parts, kinds=len(kinds), masts=max(len(masts), 1))

    to_east, to_north = x_m[place] - masts[mast, 0], y_m[place] - masts[mast, 1]
    away_m = np.hypot(to_east, to_north)
    per_m = 10.0 * path_loss_exponent / np.log(10.0) / np.maximum(away_m, max(position_error_m, 1.0))
    pull = position_error_m * per_m / np.maximum(away_m, 1e-9)
    return Chances(
        place,
        mast,
        margin + np.float32(fading_db),
        (pull * to_east).astype(np.float32),
        (pull * to_north).astype(np.float32),
        float(sigma_db * np.sqrt(site_share)),
        float(sigma_db * np.sqrt(1.0 - site_share)),
        covered,
        len(masts),
    )


def _best_of_each_mast(
    parts: Sequence[tuple[Ints, Ints, F32, int]], *, kinds: int, masts: int
) -> tuple[Ints, Ints, F32]:
    """Pairs of place and mast by place, then mast, with the greatest margin of each kind."""
    where = [place * masts + mast for place, mast, _, _ in parts]
    pairs = np.unique(np.concatenate([np.empty(0, np.int64), *where]))
    margin = np.full((len(pairs), kinds), NEVER)
    for at, (_, _, values, g) in zip(where, parts, strict=True):
        row = np.searchsorted(pairs, at)  # a place has one server of a technology and operator: no row twice
        margin[row, g] = np.maximum(margin[row, g], values)
    return pairs // masts, pairs % masts, margin


def varied_shares(chances: Chances, *, area: Ints, people: Floats, areas: int, draws: int, seed: int) -> F32:
    """By how much the share of people with signal changes in each draw, percentage points, float32 (draws, areas, g).

    ``area``: int64[n], where each place belongs, -1 nowhere; ``people`` of each place. Per draw every mast gets its
    deviation and an error of position, every place its own deviation; a place has signal if one of its masts still
    brings what covering asks. The change is against the same places with nothing drawn, so that shares computed from
    finer cells can be moved by it. NaN where no place with people and a known signal is.
    """
    kinds = chances.covered.shape[1]
    use = (area >= 0) & (people > 0)  # people that are not known count for none
    weight = np.where(use, people, 0.0)
    home = np.where(use, area, 0)
    counted = weight[:, None] * ~np.isnan(chances.covered)
    whole = _by_area(home, counted, areas)

    z = chances.margin_db / chances.sigma_db[:, None]
    sure = np.zeros(chances.covered.shape, dtype=np.bool_)
    np.logical_or.at(sure, chances.place, z > SURE)
    known = ~np.isnan(chances.covered)
    open_pair = ((np.abs(z) <= SURE) & (known & ~sure)[chances.place]).any(axis=1) & use[chances.place]
    place, mast = chances.place[open_pair], chances.mast[open_pair]
    margin = chances.margin_db[open_pair]
    # of what is settled, only the change against the computed signal counts
    settled = np.where(known, sure - np.nan_to_num(chances.covered), 0.0)
    start = _by_area(home, weight[:, None] * settled, areas)
    can = known & ~sure
    starts = np.append(np.flatnonzero(np.diff(place, prepend=-1)), len(place)).astype(np.int64)
    first = place[starts[:-1]]
    places = (starts, home[first], weight[first], can[first])
    pairs = (mast.astype(np.int32), chances.east[open_pair], chances.north[open_pair], margin)

    common, own = (np.random.default_rng([seed, *stream]) for stream in STREAMS)
    own_db = (chances.own_db * ndtri((np.arange(LEVELS) + 0.5) / LEVELS)).astype(np.float32)
    changes = np.empty((draws, areas, kinds), dtype=np.float32)
    share = 100.0 * ratio(np.ones_like(whole), whole)
    for begin in range(0, draws, _AT_ONCE):
        deviation = common.standard_normal((3, chances.masts, _AT_ONCE), dtype=np.float32)
        deviation[0] *= np.float32(chances.site_db)
        draw = own.integers(0, LEVELS, (len(first), _AT_ONCE), dtype=np.uint16)
        gained = np.repeat(start[..., None], _AT_ONCE, axis=2)
        _add_served(gained, *places, *pairs, deviation, own_db, draw)
        part = np.moveaxis(gained * share[..., None], 2, 0)
        changes[begin : begin + _AT_ONCE] = part[: draws - begin]
    return changes


def _by_area(home: Ints, values: Floats, areas: int) -> Floats:
    """Sums of the columns of ``values`` (n, g) over each area, float64 (areas, g)."""
    sums = np.zeros((areas, values.shape[1]))
    for g in range(values.shape[1]):
        sums[:, g] = np.bincount(home, weights=values[:, g], minlength=areas)
    return sums


@njit(error_model="numpy", cache=True)
def _add_served(  # noqa: PLR0917
    served: Floats,
    starts: Ints,
    home: Ints,
    people: Floats,
    can: NDArray[np.bool_],
    mast: NDArray[np.int32],
    east: F32,
    north: F32,
    margin_db: F32,
    deviation: F32,
    own_db: F32,
    draw: NDArray[np.uint16],
) -> None:
    """Adds the people of each place to its area where one of its masts brings signal, by kind and draw."""
    kinds, draws = margin_db.shape[1], draw.shape[1]
    best = np.empty((kinds, draws), dtype=np.float32)
    over, own = np.empty(draws, dtype=np.float32), np.empty(draws, dtype=np.float32)
    for i in range(len(home)):
        for d in range(draws):
            own[d] = own_db[draw[i, d]]
        best[:] = NEVER
        for k in range(starts[i], starts[i + 1]):
            site, to_east, to_north = deviation[0, mast[k]], deviation[1, mast[k]], deviation[2, mast[k]]
            for d in range(draws):
                over[d] = site[d] + east[k] * to_east[d] + north[k] * to_north[d]
            for g in range(kinds):
                margin, most = margin_db[k, g], best[g]
                for d in range(draws):
                    most[d] = max(most[d], margin + over[d])
        for g in range(kinds):
            if can[i, g]:
                at, most = served[home[i], g], best[g]
                for d in range(draws):
                    at[d] += people[i] * (most[d] + own[d] >= np.float32(0.0))
