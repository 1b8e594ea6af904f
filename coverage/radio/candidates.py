"""What a default site would bring at a place where none stands: the seam for the investment plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.radio.antenna import grid_convergence_deg
from phusong.coverage.radio.defaults import complete_sectors, radio_defaults
from phusong.coverage.radio.link_budget import LinkTerms
from phusong.coverage.radio.models import Propagation
from phusong.coverage.radio.network import Mast, pattern_table, sector_table
from phusong.coverage.radio.quantity import pilot_power_dbm
from phusong.coverage.radio.required import deficits_db, required_levels
from phusong.coverage.radio.servers import Store, Surroundings, mast_level
from phusong.coverage.radio.terrain import Terrain, check_grid
from phusong.layers.errors import InputError
from phusong.layers.grid import Grid, Raster
from phusong.layers.patterns import Patterns

Reached = tuple[int, tuple[int, int, int, int], NDArray[np.float32]]
"""Number of the position, window (row0, row1, col0, col1) of the grid, level in dBm on the window."""


def default_site(technology: str, *, band_mhz: float | None, height_m: float | None) -> pd.DataFrame:
    """The sectors of the site the plan proposes: three at the table's azimuths, every value its default."""
    azimuths = radio_defaults()["site"]["azimuths_deg"]
    frame = pd.DataFrame(
        {
            "sector_id": [str(i) for i in range(len(azimuths))],
            "technology": technology,
            "band_mhz": np.nan if band_mhz is None else float(band_mhz),
            "height_m": float(radio_defaults()["site"]["height_m"] if height_m is None else height_m),
            "azimuth_deg": np.array(azimuths, dtype=np.float64),
        }
    )
    frame = complete_sectors(frame)[0].assign(required_dbm=0.0)
    first = frame.iloc[0]
    frame["pilot_power_dbm"] = pilot_power_dbm(
        technology,
        carrier_power_dbm=float(first["carrier_power_dbm"]),
        band_mhz=float(first["band_mhz"]),
        bandwidth_mhz=float(first["bandwidth_mhz"]),
        pilot_share_pct=float(first["pilot_share_pct"]),
    )
    return frame


def site_required_dbm(
    technology: str,
    *,
    band_mhz: float | None,
    height_m: float | None,
    usable_dbm: Mapping[str, float],
    terms: LinkTerms,
) -> float:
    """Level from which a default site covers a place that is asked to have ``terms``; ``usable_dbm``: by technology."""
    site = default_site(technology, band_mhz=band_mhz, height_m=height_m)
    required = required_levels(usable_dbm, terms=terms, sectors=site)
    lacking = deficits_db(site, required_dbm=required, usable_dbm=usable_dbm, terms=terms)
    return required[technology] + float(lacking.max())


def reach(
    positions: NDArray[np.float64] | Sequence[tuple[float, float]],
    *,
    elevation: Raster,
    grid: Grid,
    technology: str,
    band_mhz: float | None = None,
    height_m: float | None = None,
    where: NDArray[np.bool_] | None = None,
    clutter: Raster | None = None,
    max_range_m: float = 20_000.0,
    propagation: Propagation | None = None,
    store: Store | None = None,
) -> Iterator[Reached]:
    """Level of a default three-sector site of ``technology`` at each of ``positions`` (n, 2) x_m, y_m, one by one.

    Yields (index, window, level): float32 dBm in the technology's quantity on the window of cells within range; NaN
    where ``where`` does not ask for the cell, the terrain is void or the path crosses a void, ``NO_SERVER_DBM`` beyond
    range. The same arithmetic as ``compute``. CrsError if a raster lies on another grid; InputError if a position has
    no elevation.
    """
    check_grid(elevation, grid)
    places = np.asarray(positions, dtype=np.float64).reshape(-1, 2)
    terrain = Terrain.of(elevation, clutter)
    around = Surroundings(terrain, propagation or Propagation(), pattern_table(Patterns()), store)
    sectors = default_site(technology, band_mhz=band_mhz, height_m=height_m)
    convergence = grid_convergence_deg(places[:, 0], places[:, 1], crs=grid.crs)
    height = float(sectors["height_m"].iloc[0])
    numbers = np.arange(len(sectors), dtype=np.int64)
    none = np.zeros(len(sectors), dtype=np.int64)
    for index, (x_m, y_m) in enumerate(places):
        ground = terrain.ground_m(x_m, y_m)
        if np.isnan(ground):
            raise InputError("radio.error.point", x_m=f"{x_m:.0f}", y_m=f"{y_m:.0f}")
        turned = np.full(len(sectors), convergence[index])
        table = sector_table(sectors, convergence_deg=turned, max_range_m=max_range_m, patterns=Patterns())
        place = (*terrain.position(x_m, y_m), ground + height, ground)
        mast = Mast(place, (float(sectors["band_mhz"].iloc[0]),), table, none, none, numbers)
        window, level = mast_level(mast, around=around)
        if where is not None:
            level = np.where(where[window[0] : window[1], window[2] : window[3]], level, np.float32(np.nan))
        yield index, window, level
