"""From a frame as a driver gives it to a raw table: limits, cells that are no plain values, shapes, CRS."""

from __future__ import annotations

import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from phusong.layers.errors import Fault, InputError
from phusong.layers.rasters import crs_text
from phusong.layers.readers.guard import MOST_CELLS, MOST_COLUMNS, MOST_ROWS
from phusong.layers.readers.raw import RawTable


def limits(rows: int, columns: int, *, file: str) -> None:
    """InputError for more rows, columns or cells than are read."""
    if rows > MOST_ROWS:
        raise InputError("read.too_many_rows", file=file, found=rows, most=MOST_ROWS)
    if columns > MOST_COLUMNS:
        raise InputError("read.too_many_columns", file=file, found=columns, most=MOST_COLUMNS)
    if rows * columns > MOST_CELLS:
        raise InputError("read.too_many_cells", file=file, found=rows * columns, most=MOST_CELLS)


def refuse_rounded(frame: pd.DataFrame, whole: Iterable[str], *, file: str) -> None:
    """InputError where long whole numbers were made floating ones, for there are empty cells, and rounded."""
    for column in whole:
        if column in frame and frame[column].dtype == float and frame[column].abs().max() >= 2**53:
            raise InputError("read.long_numbers", file=file, column=column)


def raw_of(
    frame: pd.DataFrame, table: pd.DataFrame, *, file: str, sheet: str = "", faults: Iterable[Fault] = ()
) -> RawTable:
    """``table``, the columns of ``frame``, with the shapes and the CRS of ``frame`` where it has them.

    Lists, objects and shapes among the cells become text. A shape with a coordinate that is no number is a fault.
    """
    table = table.reset_index(drop=True)
    if table.shape[1]:
        table = pd.concat([_plain_cells(table.iloc[:, place]) for place in range(table.shape[1])], axis=1)
    rows = np.arange(1, len(frame) + 1, dtype=np.int64)
    if not isinstance(frame, geopandas.GeoDataFrame):
        return RawTable(table, rows, file, sheet, faults=tuple(faults))
    shapes: NDArray[np.object_] = np.array(frame.geometry.array, dtype=object)
    places, of = shapely.get_coordinates(shapes, return_index=True)
    nowhere = np.unique(of[~np.isfinite(places).all(axis=1)])
    shapes[nowhere] = None
    told = [Fault("fault.shape_nowhere", file, "", sheet, int(at) + 1, "geometry") for at in nowhere]
    # a local frame (such as GeoPackage's undefined one) says nothing
    known = frame.crs is not None and (frame.crs.is_geographic or frame.crs.is_projected)
    return RawTable(table, rows, file, sheet, shapes, crs_text(frame.crs) if known else None, (*faults, *told))


def _plain_cells(cells: pd.Series[Any]) -> pd.Series[Any]:
    if str(cells.dtype) not in ("object", "geometry"):
        return cells
    return pd.Series([_plain(cell) for cell in cells], index=cells.index, name=cells.name, dtype=object)


def _plain(cell: Any) -> Any:
    if isinstance(cell, np.ndarray):
        cell = cell.tolist()
    if isinstance(cell, Decimal):
        return float(cell)
    if isinstance(cell, list | tuple) and not any(isinstance(one, list | tuple | dict) for one in cell):
        return "; ".join(str(one) for one in cell) or None
    if isinstance(cell, list | tuple | dict):
        return json.dumps(cell, ensure_ascii=False, default=str)
    if isinstance(cell, bytes):
        return cell.hex()
    return cell.wkt if isinstance(cell, shapely.Geometry) else cell
