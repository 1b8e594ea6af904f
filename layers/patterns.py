"""Measured antenna patterns as plain arrays, each under the name of its file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


def _cut() -> NDArray[np.float32]:
    return np.zeros((0, 360), dtype=np.float32)


def _value() -> NDArray[np.float64]:
    return np.zeros(0)


def _band() -> NDArray[np.float64]:
    return np.zeros((0, 2))


@dataclass(frozen=True)
class Patterns:
    """The patterns a study's sectors name, in the order of ``names``; none by default.

    ``horizontal_db``, ``vertical_db``: float32 (n, 360), loss against the highest gain at whole degrees, from boresight
    clockwise and from the horizon ahead downwards (90: straight down). ``gain_dbi``: NaN where the file does not say.
    ``tilt_deg``: the electrical downtilt it was measured with, as stated, else where the vertical cut is strongest.
    ``band_mhz``: float64 (n, 2), the lowest and highest frequency it was measured at, NaN where the file does not say.
    """

    names: tuple[str, ...] = ()
    horizontal_db: NDArray[np.float32] = field(default_factory=_cut)
    vertical_db: NDArray[np.float32] = field(default_factory=_cut)
    gain_dbi: NDArray[np.float64] = field(default_factory=_value)
    tilt_deg: NDArray[np.float64] = field(default_factory=_value)
    band_mhz: NDArray[np.float64] = field(default_factory=_band)

    def rows(self, names: Iterable[object]) -> NDArray[np.int32]:
        """Row of each name, -1 where it is empty or not there."""
        known: Mapping[object, int] = {name: row for row, name in enumerate(self.names)}
        return np.array([known.get(name, -1) for name in names], dtype=np.int32)
