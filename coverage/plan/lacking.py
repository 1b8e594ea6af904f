"""Who has the signal today: the model, and where villages were reported on, the reports; whose village a cell is."""

from __future__ import annotations

from typing import Protocol

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.evidence import OBSERVED, village_signal
from phusong.coverage.population import People, footprints
from phusong.layers.grid import Raster


class Covers(Protocol):
    """What is needed of a radio result: its technologies, operators, and where one is usable."""

    @property
    def technologies(self) -> tuple[str, ...]: ...
    @property
    def operators(self) -> tuple[str, ...]: ...
    def covered(self, technology: str, operator: str | None = None) -> NDArray[np.float32]: ...


def home_villages(
    people: People,
    units: gpd.GeoDataFrame,
    villages: gpd.GeoDataFrame,
    *,
    elevation: Raster,
    village_radius_m: float,
    max_slope_pct: float,
) -> NDArray[np.int64]:
    """Row of the village that each cell belongs to, int64[rows * cols], -1 none.

    A cell belongs to the village with the nearest centre among those whose footprint (``population.footprints``) holds
    it; of two at one distance to the first.
    """
    home = footprints(
        people.zones,
        units,
        villages,
        elevation=elevation,
        village_radius_m=village_radius_m,
        max_slope_pct=max_slope_pct,
    )
    x_m, y_m = people.zones.centres_m()
    far_m = np.hypot(
        x_m[home.pair] - villages.geometry.x.to_numpy()[home.village],
        y_m[home.pair] - villages.geometry.y.to_numpy()[home.village],
    )
    cell = people.zones.cell[home.pair]
    order = np.lexsort((-home.village, -far_m, cell))  # of each cell the nearest is written last
    rows, cols = people.zones.grid.shape
    of_cell = np.full(rows * cols, -1, dtype=np.int64)
    of_cell[cell[order]] = home.village[order]
    return of_cell


def covered_now(
    shape: tuple[int, int],
    *,
    radio: Covers | None,
    technology: str,
    operator: str | None,
    village_table: pd.DataFrame,
    home: NDArray[np.int64] | None,
) -> NDArray[np.float32]:
    """1 where the technology (of the operator, or of any) is there, 0 where not, NaN not known; float32 (rows, cols).

    Without a radio result nothing is known but what was reported. A technology or operator that has no site on air
    covers nothing. For any operator, reports decide over the model: the cells of a village (``home_villages``; None
    without villages) become 0 where no signal was reported at its centre, and 1 where signal was reported and none of
    its clusters is known to lack it. ``village_table``: a row a village.
    """
    if radio is None:
        covered = np.full(shape, np.nan, dtype=np.float32)
    elif technology not in radio.technologies or operator not in (None, *radio.operators):
        covered = np.zeros(shape, dtype=np.float32)
    else:
        covered = _model(radio, technology, operator, shape)
    if home is None or operator is not None or not len(village_table):
        return covered
    signal, basis = village_signal(village_table)
    centre, clusters = f"centre_covered_{technology.lower()}", f"clusters_uncovered_{technology.lower()}"
    reported = (basis[centre] == OBSERVED).to_numpy()
    has = signal[centre].to_numpy(dtype=np.float64)
    whole = ~(signal[clusters].to_numpy(dtype=np.float64) > 0)
    says = np.where(reported & (has == 0), 0.0, np.where(reported & (has == 1) & whole, 1.0, np.nan))
    said = np.where(home >= 0, says[home], np.nan)
    return np.where(np.isnan(said), covered.reshape(-1), said).astype(np.float32).reshape(shape)


def _model(radio: Covers, technology: str, operator: str | None, shape: tuple[int, int]) -> NDArray[np.float32]:
    try:
        return radio.covered(technology, operator)
    except LookupError:  # the operator is on air, but not with this technology
        return np.zeros(shape, dtype=np.float32)
