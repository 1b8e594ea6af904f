"""What one moves over: a cost per metre for every cell, slopes where they count, barriers and links."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from phusong.layers.grid import Grid

Pace = Literal["none", "tobler", "langmuir"]
PACE_CODES: dict[str, int] = {"none": 0, "tobler": 1, "langmuir": 2}


@dataclass(frozen=True)
class Links:
    """Moves beside those of the grid, one way each: a bridge is two of them, a road a chain of them.

    ``from_cell``, ``to_cell``: int64[n], flat cells (row * cols + col); a link from or to an impassable cell is not
    used. ``cost``: float64[n], of the whole link, in the surface's cost, finite and above 0. ``length_m``: float64[n],
    on the ground, horizontal, finite, 0 or more. ValueError otherwise.
    """

    from_cell: NDArray[np.int64]
    to_cell: NDArray[np.int64]
    cost: NDArray[np.float64]
    length_m: NDArray[np.float64]

    def __post_init__(self) -> None:
        arrays = self.from_cell, self.to_cell, self.cost, self.length_m
        if any(array.shape != (len(self.cost),) for array in arrays):
            raise ValueError("links of different lengths")
        if not (np.isfinite(self.cost) & (self.cost > 0)).all():
            raise ValueError("the cost of a link must be finite and above 0")
        if not (np.isfinite(self.length_m) & (self.length_m >= 0)).all():
            raise ValueError("the length of a link must be finite and not negative")


@dataclass(frozen=True)
class Surface:
    """Cost of moving, shape (rows, cols) throughout.

    ``slowness``: cost per metre of level movement (min/m for travel time), above 0; inf where nobody passes, NaN where
    nothing is known, which is impassable too but told apart. A move costs the sum over the cells its straight segment
    passes of (horizontal length in the cell, metres) x slowness, in ``directed`` cells (all of them if None) times the
    pace of the move's slope: time per metre on it over time per metre on the level, by Tobler (1993) or Langmuir.
    ``elevation_m`` is needed unless pace is "none", and finite wherever one can pass, if any cell is directed: moves
    from a directed cell have a slope whatever the other is. A move diagonal between two impassable cells is closed.
    ``closed``: bit k of a cell closes move k (``moves``) out of it and back.

    ValueError for arrays that do not fit the grid or each other.
    """

    grid: Grid
    slowness: NDArray[np.float64]
    pace: Pace = "none"
    directed: NDArray[np.bool_] | None = None
    elevation_m: NDArray[np.float32] | None = None
    closed: NDArray[np.uint16] | None = None
    links: Links | None = None

    def __post_init__(self) -> None:
        for name in ("slowness", "directed", "elevation_m", "closed"):
            array = getattr(self, name)
            if array is not None and array.shape != self.grid.shape:
                raise ValueError(f"{name} {array.shape} does not fit the grid {self.grid.shape}")
            if array is not None and not array.flags.c_contiguous:  # the kernels take rasters row by row
                object.__setattr__(self, name, np.ascontiguousarray(array))
        if self.slowness.size and np.fmin.reduce(self.slowness, axis=None) <= 0:
            raise ValueError("slowness must be above 0")
        if self.pace not in PACE_CODES:
            raise ValueError(f"unknown pace {self.pace}")
        if self.pace != "none":
            if self.elevation_m is None:
                raise ValueError("a pace by slope needs elevation_m")
            lost = ~np.isfinite(self.elevation_m)
            if lost.any() and (self.directed is None or self.directed.any()):
                lost &= np.isfinite(self.slowness)
                if lost.any():
                    raise ValueError("elevation is void where a cell is passable")
        if self.links is not None and len(self.links.cost):
            ends = np.concatenate([self.links.from_cell, self.links.to_cell])
            if ends.min() < 0 or ends.max() >= self.slowness.size:
                raise ValueError("a link ends outside the grid")

    @cached_property
    def passable(self) -> NDArray[np.bool_]:
        """Cells with a finite slowness."""
        return np.isfinite(self.slowness)
