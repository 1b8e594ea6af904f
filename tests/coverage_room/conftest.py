"""Builders for tiny layers, rasters and a radio result written by hand."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point

from phusong.layers.grid import Grid, Raster
from phusong.layers.schema import LAYERS

CRS = "EPSG:9212"
DTYPES = {"number": "float64", "integer": "Int64", "yes_no": "boolean", "date": "datetime64[s]"}
ON = date(2012, 12, 31)


def make_layer(name: str, rows: list[dict[str, Any]], geometry: list[Any] | None = None) -> Any:
    """A validated layer: exactly the schema's columns, missing ones without data."""
    table = {}
    for column in LAYERS[name].all_columns:
        common = {"as_of": pd.Timestamp(ON), "source": "test", "valid_on": pd.Timestamp(ON), "synthetic": True}
        values = [row.get(column.name, common.get(column.name)) for row in rows]
        table[column.name] = pd.Series(values, dtype=DTYPES.get(column.kind, "str"))
    frame = pd.DataFrame(table)
    if LAYERS[name].geometry == "none":
        return frame
    return gpd.GeoDataFrame(frame, geometry=gpd.GeoSeries(geometry or [], crs=CRS), crs=CRS)


def make_points(name: str, rows: list[dict[str, Any]]) -> Any:
    """A point layer whose rows carry ``xy``."""
    return make_layer(name, rows, [Point(row["xy"]) for row in rows])


def make_raster(values: Any, *, cell_m: float = 100.0) -> Raster:
    """A raster whose lower left corner is (0, 0)."""
    array = np.asarray(values, dtype=np.float32)
    return Raster(Grid(CRS, 0.0, array.shape[0] * cell_m, cell_m, array.shape), array)


@dataclass(frozen=True)
class HandRadio:
    """What the indicators need of a radio result."""

    grid: Grid
    levels: dict[tuple[str, str], np.ndarray]
    usable_dbm: dict[str, float] = field(default_factory=lambda: {"2G": -95.0, "3G": -105.0, "4G": -110.0})

    def covered(self, technology: str, operator: str) -> np.ndarray:
        """1 from the usable level up, 0 below, NaN no data."""
        level = self.levels[technology, operator]
        reached = (level >= self.usable_dbm[technology]).astype(np.float32)
        return np.where(np.isnan(level), np.float32(np.nan), reached)


def make_radio(grid: Grid, levels: dict[tuple[str, str], Any]) -> HandRadio:
    """A radio result from lists of levels in dBm."""
    return HandRadio(grid, {key: np.asarray(value, dtype=np.float32) for key, value in levels.items()})


@pytest.fixture
def layer() -> Callable[..., Any]:
    return make_layer


@pytest.fixture
def points() -> Callable[..., Any]:
    return make_points


@pytest.fixture
def raster() -> Callable[..., Raster]:
    return make_raster


@pytest.fixture
def radio() -> Callable[..., HandRadio]:
    return make_radio
