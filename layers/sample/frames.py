"""Generated layers as frames: exactly the schema's columns and dtypes, marked synthetic."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from phusong.layers.columns.cells import DTYPES
from phusong.layers.schema import LAYERS

AS_OF: Final = date(2012, 12, 31)


def source_text(seed: int) -> str:
    """What stands in ``source`` of every generated row."""
    return f"synthetic sample, seed {seed}"


def elevation_tags(source: str) -> dict[str, str]:
    """What a generated elevation says of itself."""
    return {"as_of": AS_OF.isoformat(), "source": source, "synthetic": "yes", "unit": "m"}


def layer_frame(
    layer: str,
    columns: dict[str, Any],
    *,
    rows: int,
    source: str,
    synthetic: bool = True,
    as_of: Any = AS_OF,
    xy_m: NDArray[np.float64] | None = None,
    shapes: Sequence[shapely.Geometry] | None = None,
    crs: Any = None,
) -> pd.DataFrame:
    """A frame of ``layer`` with ``rows`` rows: the schema's columns in order (absent ones empty), typed, then geometry.

    ``xy_m`` (rows, 2) are the points in ``crs`` (metres) for a layer with geometry, or ``shapes`` its shapes; KeyError
    for a column the schema does not have.
    """
    declared = LAYERS[layer]
    given = {"as_of": as_of, "source": source, "synthetic": synthetic} | columns
    unknown = set(given) - {c.name for c in declared.all_columns}
    if unknown:
        raise KeyError(f"{layer} has no column {sorted(unknown)}")
    index = pd.RangeIndex(rows)
    data: dict[str, Any] = {}
    for column in declared.all_columns:
        values = given.get(column.name)
        if column.kind == "date":
            data[column.name] = pd.Series(pd.to_datetime(pd.Series(values, index=index)), dtype="datetime64[s]")
        else:
            data[column.name] = pd.Series(values, index=index, dtype=DTYPES[column.kind])
    frame = pd.DataFrame(data, index=index)
    if declared.geometry == "none":
        return frame
    points = shapely.points(np.zeros((0, 2)) if xy_m is None else xy_m)
    return gpd.GeoDataFrame(frame, geometry=points if shapes is None else list(shapes), crs=crs)  # type: ignore[no-any-return]


def points_xy(frame: pd.DataFrame) -> NDArray[np.float64]:
    """Coordinates (n, 2) of a layer's points in metres; of other shapes a point inside."""
    shapes = np.asarray(frame.geometry.array)
    return np.asarray(shapely.get_coordinates(shapely.point_on_surface(shapes)), dtype=np.float64)


def add_source(sources: pd.Series[str], text: str) -> pd.Series[str]:
    """The sources with ``text`` after them, for rows of which one column was filled in."""
    return sources.where(sources.isna(), sources + "; ").fillna("") + text
