"""Signal at cells from the radio result: 1 covered, 0 not, NaN unknown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.layers.grid import Grid
from phusong.layers.schema import TECHNOLOGIES

Floats = NDArray[np.float64]


class Radio(Protocol):
    """What indicators need of a radio result: levels in dBm by (technology, operator), and where they cover."""

    @property
    def grid(self) -> Grid: ...
    @property
    def levels(self) -> Mapping[tuple[str, str], NDArray[np.float32]]: ...
    @property
    def usable_dbm(self) -> Mapping[str, float]: ...
    def covered(self, technology: str, operator: str | None = None) -> NDArray[np.float32]: ...


def technologies_of(radio: Radio | None, reports: pd.DataFrame | None) -> tuple[str, ...]:
    """Technologies that the radio result or the signal reports know, in order of generation."""
    found = {technology for technology, _ in radio.levels} if radio is not None else set()
    if reports is not None:
        found |= set(reports["technology"].dropna())
    return tuple(t for t in TECHNOLOGIES if t in found)


def operators_of(radio: Radio | None) -> tuple[str, ...]:
    """Operators with levels in the radio result, sorted."""
    return tuple(sorted({operator for _, operator in radio.levels})) if radio is not None else ()


def covered_at(radio: Radio, cell: NDArray[np.int64]) -> dict[tuple[str, str], Floats]:
    """1, 0 or NaN at flat cell indices, float64[n], by (technology, operator): whether the level is what it must be."""
    return {key: radio.covered(*key).reshape(-1)[cell].astype(np.float64) for key in radio.levels}


def any_of(covered: Iterable[Floats]) -> Floats:
    """1 where one is 1; NaN where none is 1 and one is unknown; else 0. At least one array is needed."""
    stack = np.stack(list(covered))
    best = np.fmax.reduce(stack, axis=0)
    return np.where((best == 0) & np.isnan(stack).any(axis=0), np.nan, best)


def exactly_one(covered: Iterable[Floats]) -> Floats:
    """1 where just one is 1, else 0; NaN where an unknown one could change that."""
    stack = np.stack(list(covered))
    sure = np.nansum(stack, axis=0)
    return np.where((sure <= 1) & np.isnan(stack).any(axis=0), np.nan, (sure == 1).astype(np.float64))


def by_operator(covered: Mapping[tuple[str, str], Floats]) -> dict[str, Floats]:
    """Signal of any technology, by operator."""
    operators = sorted({operator for _, operator in covered})
    return {name: any_of(v for (_, o), v in covered.items() if o == name) for name in operators}


def by_technology(covered: Mapping[tuple[str, str], Floats]) -> dict[str, Floats]:
    """Signal of any operator, by technology."""
    found = {technology for technology, _ in covered}
    return {t: any_of(v for (k, _), v in covered.items() if k == t) for t in TECHNOLOGIES if t in found}
