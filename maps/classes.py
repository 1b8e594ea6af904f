"""Classes and colours of a value drawn on a map: few, with round bounds, safe for colour-blind eyes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from phusong.maps.view import MapIndicator, Sense

NO_DATA_COLOUR = "#d4d4d4"
GAP_COLOUR = "#b0185e"
# Colour ramps from low to high: brown-teal (ColorBrewer BrBG; Brewer, Harrower and others, Apache 2.0) where high is
# good, turned round where high is bad, and one hue (ColorBrewer PuBu) where it is neither.
_DIVERGING = ("#8c510a", "#cf9a4e", "#f0dfb8", "#bfe3dd", "#5ab4ac", "#01665e")
_SINGLE = ("#f1eef6", "#d0d1e6", "#a6bddb", "#74a9cf", "#2b8cbe", "#045a8d")
# Levels of signal: not usable is orange, usable is light to dark blue: no eye mistakes the pair.
LEVEL_COLOURS: tuple[tuple[int, int, int, int], ...] = (
    (0, 0, 0, 0),
    (230, 110, 20, 150),
    (189, 215, 240, 190),
    (107, 174, 222, 195),
    (40, 120, 190, 200),
    (8, 55, 120, 205),
)
_SHARE_BREAKS = (0.0, 20.0, 40.0, 60.0, 80.0, 95.0, 100.0)
_CLASSES = 6


def breaks_of(values: NDArray[np.float64], *, unit: str) -> list[float]:
    """Bounds of the classes of ``values`` (NaN: no data), from the lowest to the highest; [] if there is no value.

    A percentage within 0-100 gets the same fixed bounds always, so that two technologies compare at a glance. Anything
    else gets quantiles with bounds rounded to two or three digits, the outer ones outwards. A single value: one class.
    """
    known = values[np.isfinite(values)]
    if known.size == 0:
        return []
    low, high = float(known.min()), float(known.max())
    if unit == "%" and low >= 0 and high <= 100:
        return list(_SHARE_BREAKS)
    if low == high:
        return [low, high]
    inner = np.quantile(known, np.linspace(0, 1, _CLASSES + 1)[1:-1])
    digits = _digits(high - low)
    bounds = [_down(low, digits), *(round(float(q), digits) for q in inner), _up(high, digits)]
    kept = [bounds[0]]
    for bound in bounds[1:]:
        if bound > kept[-1]:
            kept.append(bound)
    return kept


def _digits(spread: float) -> int:
    return 1 - math.floor(math.log10(spread)) if spread < 1000 else 2 - math.floor(math.log10(spread))


def _down(value: float, digits: int) -> float:
    return round(math.floor(value * 10.0**digits) / 10.0**digits, max(digits, 0))


def _up(value: float, digits: int) -> float:
    return round(math.ceil(value * 10.0**digits) / 10.0**digits, max(digits, 0))


def colours_of(count: int, higher_is: Sense) -> list[str]:
    """``count`` colours from low to high; with one class the middle of the ramp."""
    ramp: Sequence[str] = _SINGLE if higher_is == "neutral" else _DIVERGING
    if higher_is == "worse":
        ramp = ramp[::-1]
    if count == 1:
        return [ramp[len(ramp) // 2]]
    return [ramp[round(i * (len(ramp) - 1) / (count - 1))] for i in range(count)]


def classes_of(values: NDArray[np.float64], indicator: MapIndicator) -> tuple[list[float], list[str]]:
    """Bounds and colours of an indicator; of a yes/no one (0, 1) two colours and no bounds (no, yes)."""
    if indicator.kind == "yes_no":
        ends = colours_of(_CLASSES, indicator.higher_is)
        return [], [ends[1], ends[-2]]
    bounds = breaks_of(values, unit=indicator.unit)
    return bounds, colours_of(max(len(bounds) - 1, 0), indicator.higher_is)


def class_index(values: NDArray[np.float64], bounds: Sequence[float]) -> NDArray[np.int64]:
    """Class of each value, 0 to len(bounds) - 2; -1 for no data. A value on a bound belongs to the higher class."""
    if len(bounds) < 2:
        return np.full(values.shape, -1, dtype=np.int64)
    index = np.clip(np.searchsorted(np.asarray(bounds), values, side="right") - 1, 0, len(bounds) - 2)
    return np.where(np.isfinite(values), index, -1)
