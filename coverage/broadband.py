"""Fixed broadband per 100 people and per 100 households, for every day that the layer speaks of."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd

from phusong.coverage.means import ratio
from phusong.coverage.population import rows_of

RATES: dict[str, tuple[str, str]] = {
    "broadband_per_100": ("broadband_subscribers", "people"),
    "adsl_per_100": ("adsl_subscribers", "people"),
    "fttx_per_100": ("fttx_subscribers", "people"),
    "broadband_per_100_households": ("broadband_subscribers", "households"),
    "adsl_per_100_households": ("adsl_subscribers", "households"),
    "fttx_per_100_households": ("fttx_subscribers", "households"),
    "telephones_per_100": ("telephone_subscribers", "people"),
    "fixed_per_100": ("fixed_telephones", "people"),
}
"""Indicators by id: the layer's column, and of whom they are told."""
DATED_COLUMNS = ("code", "as_of", "indicator", "value", "unit", "source")


def broadband_dated(layers: Mapping[str, pd.DataFrame], units: gpd.GeoDataFrame) -> pd.DataFrame:
    """One row a unit, day and indicator of ``RATES`` that is known: ``DATED_COLUMNS``, sorted by the first three.

    The people and households are those of the units layer, whatever the day: it knows one day only. Rows of units that
    the layer units does not have are left out; so are values without data, which are not 0. ``source``: of the row.
    """
    layer = layers.get("broadband")
    parts = []
    if layer is not None and len(layer):
        row = rows_of(layer["code"], units["code"])
        table, row = layer[row >= 0], row[row >= 0]
        base = {
            "people": np.asarray(units["population"], dtype=np.float64)[row],
            "households": np.asarray(units["households"].astype("float64"), dtype=np.float64)[row],
        }
        for name, (column, of) in RATES.items():
            number = np.asarray(table[column].astype("float64"), dtype=np.float64)
            value = ratio(number, base[of], scale=100.0)
            unit = "per_100" if of == "people" else "per_100_households"
            made = table[["code", "as_of", "source"]].assign(indicator=name, value=value, unit=unit)
            parts.append(pd.DataFrame(made))
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype="float64" if name == "value" else "str") for name in DATED_COLUMNS})
    whole = pd.concat(parts, ignore_index=True)
    known = whole[whole["value"].notna()]
    return known.sort_values(["code", "as_of", "indicator"], kind="stable", ignore_index=True)[list(DATED_COLUMNS)]
