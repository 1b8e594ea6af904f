"""Geographic files in: everything pyogrio opens (GeoPackage, Shapefile, GeoJSON, KML, MapInfo TAB/MIF, ...)."""

from __future__ import annotations

import warnings
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from phusong.layers.errors import CrsError, Fault, InputError
from phusong.layers.rasters import crs_text
from phusong.layers.readers.raw import RawTable


def read_vector(path: Path, *, layer: str | None = None, wanted: str = "", crs: str | None = None) -> RawTable:
    """One layer of a geographic file: the named one, else the one named ``wanted``, else the only one.

    ``crs`` is the user's word where the file has none; CrsError if the file says otherwise. A geometry that cannot be
    built (such as a ring of two points) is read as none.
    """
    names = layer_names(path)
    name = layer or (wanted if wanted in names else names[0] if len(names) == 1 else None)
    if not names:
        raise InputError("read.no_layers", file=path.name)
    if name is None:
        raise InputError("read.which_layer", file=path.name, names=", ".join(names))
    if name not in names:
        raise InputError("read.no_such_layer", file=path.name, layer=name, names=", ".join(names))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the driver's remarks on geometry, judged later
            frame = pyogrio.read_dataframe(path, layer=name, encoding=_encoding(path), on_invalid="ignore")
    except UnicodeDecodeError as error:
        raise InputError("read.not_utf8", file=path.name, byte=error.start + 1) from error
    except (DataSourceError, DataLayerError) as error:
        raise InputError("read.unreadable", file=path.name) from error
    faults = _doubtful_zeros(frame, path)
    rows = np.arange(1, len(frame) + 1, dtype=np.int64)
    if not isinstance(frame, geopandas.GeoDataFrame):
        return RawTable(frame, rows, path.name, crs=crs, faults=faults)
    known = frame.crs is not None and (frame.crs.is_geographic or frame.crs.is_projected)
    own = crs_text(frame.crs) if known else None  # a local frame (such as GeoPackage's undefined one) says nothing
    if own is not None and crs is not None and own != crs_text(crs):
        raise CrsError("read.crs_conflict", file=path.name, found=own, asked=crs)
    geometry = np.asarray(frame.geometry.array, dtype=object)
    table = pd.DataFrame(frame.drop(columns=frame.geometry.name))
    return RawTable(table, rows, path.name, geometry=geometry, crs=own or crs, faults=faults)


def layer_names(path: Path) -> list[str]:
    """The layers a geographic file holds; InputError if it cannot be opened."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the driver's remarks on a file that is none of its own
            return [str(name) for name, _ in pyogrio.list_layers(path)]
    except (DataSourceError, DataLayerError) as error:
        raise InputError("read.unreadable", file=path.name) from error


def _doubtful_zeros(frame: pd.DataFrame, path: Path) -> tuple[Fault, ...]:
    """MapInfo tables hold no empty number, so a zero there may mean no data: a note for each such column."""
    if path.suffix.lower() not in (".tab", ".mif", ".dat"):
        return ()
    numbers = frame.select_dtypes("number")
    doubtful = [(str(name), int((cells == 0).sum())) for name, cells in numbers.items()]
    return tuple(
        Fault("note.zero_may_be_empty", file=path.name, column=name, params={"count": count})
        for name, count in doubtful
        if count
    )


def _encoding(path: Path) -> str | None:
    """UTF-8 for a Shapefile that does not say its encoding and can be read so; InputError if it cannot.

    Without a .cpg file the driver would take the text for Latin-1 and garble it in silence.
    """
    table = path.with_suffix(".dbf")
    if path.suffix.lower() != ".shp" or path.with_suffix(".cpg").exists() or not table.is_file():
        return None
    try:
        table.read_bytes()[32:].decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("read.not_utf8", file=table.name, byte=error.start + 33) from error
    return "UTF-8"
