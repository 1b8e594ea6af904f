"""Geographic files out: GeoPackage, GeoJSON and GeoParquet. The same input gives the same bytes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import geopandas
import pandas as pd
import pyarrow as pa
import pyogrio

from phusong.layers.places.projection import in_degrees
from phusong.layers.writers.aside import written_aside
from phusong.layers.writers.tables import write_csv, write_xlsx

FORMATS = ("csv", "xlsx", "geojson", "gpkg", "parquet")
_FIXED_TIME = "2000-01-01T00:00:00.000Z"


def write_gpkg(
    layers: Mapping[str, pd.DataFrame], path: str | Path, *, shapes: Mapping[str, str] | None = None
) -> Path:
    """Frames by layer name as one new GeoPackage; without geometry a plain table. Dates are DATE fields.

    ``shapes``: by layer name, what a layer may hold ("MultiPolygon") where its rows do not say it.
    """
    with written_aside(path) as aside, _fixed_time():
        for name, frame in layers.items():
            _write_layer(frame, aside, name=name, shape=(shapes or {}).get(name))
    return Path(path)


def put_layer(frame: pd.DataFrame, path: str | Path, *, layer: str) -> Path:
    """Put one layer into a GeoPackage in place of the layer of that name; every other table in the file is kept.

    A layer whose name differs by case only is the same to the file, and keeps its spelling.

    The file is copied aside by SQLite's own backup (changes still in its journal come along) and renamed.
    """
    with written_aside(path) as aside, _fixed_time():
        if Path(path).is_file():
            with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(aside)) as target:
                source.backup(target)
            there = {str(name).lower(): str(name) for name, _ in pyogrio.list_layers(aside)}
            layer = there.get(layer.lower(), layer)
        _write_layer(frame, aside, name=layer)
    return Path(path)


def write_geojson(frame: geopandas.GeoDataFrame, path: str | Path) -> Path:
    """The frame as GeoJSON by RFC 7946: EPSG:4326, longitude first, 6 decimals (0.1 m), dates as ISO text."""
    plain = _dates_as_text(frame)
    plain = plain.set_geometry(in_degrees(plain.geometry))
    options = {"RFC7946": "YES", "COORDINATE_PRECISION": "6", "WRITE_NAME": "NO"}
    with written_aside(path) as aside:
        pyogrio.write_dataframe(plain, aside, driver="GeoJSON", layer=Path(path).stem, layer_options=options)
    return Path(path)


def write_geoparquet(frame: pd.DataFrame, path: str | Path) -> Path:
    """The frame as GeoParquet in its own CRS (plain Parquet without geometry)."""
    with written_aside(path) as aside:
        frame.to_parquet(aside, index=False)
    return Path(path)


def export(
    frame: pd.DataFrame, directory: str | Path, stem: str, *, formats: Iterable[str] = FORMATS
) -> dict[str, Path]:
    """The frame in several formats as ``directory/stem.<format>``; returns the paths by format.

    CSV and XLSX leave geometry out (points get lon and lat); GeoJSON is left out for a frame without geometry.
    """
    spatial = isinstance(frame, geopandas.GeoDataFrame)
    paths: dict[str, Path] = {}
    for name in formats:
        path = Path(directory) / f"{stem}.{name}"
        if name == "csv":
            paths[name] = write_csv(frame, path)
        elif name == "xlsx":
            paths[name] = write_xlsx({stem[:31]: frame}, path)
        elif name == "geojson" and spatial:
            paths[name] = write_geojson(frame, path)
        elif name == "gpkg":
            paths[name] = write_gpkg({stem: frame}, path)
        elif name == "parquet":
            paths[name] = write_geoparquet(frame, path)
        elif name not in FORMATS:
            raise ValueError(f"no format {name}; there are {', '.join(FORMATS)}")
    return paths


def _write_layer(frame: pd.DataFrame, path: Path, *, name: str, shape: str | None = None) -> None:
    table = frame.copy()
    for column in table.columns:
        if pd.api.types.is_datetime64_dtype(table[column].dtype):
            dates = table[column].astype("datetime64[ms]").dt.date
            table[column] = dates.astype(pd.ArrowDtype(pa.date32()))
    if shape is None and isinstance(frame, geopandas.GeoDataFrame):
        shape = _geometry_type(frame)
    pyogrio.write_dataframe(table, path, layer=name, driver="GPKG", use_arrow=True, geometry_type=shape)


def _geometry_type(frame: geopandas.GeoDataFrame) -> str:
    kinds = set(frame.geometry.dropna().geom_type)
    return str(kinds.pop()) if len(kinds) == 1 else "Unknown"


def _dates_as_text(frame: geopandas.GeoDataFrame) -> geopandas.GeoDataFrame:
    out = frame.copy()
    for column in out.columns:
        if pd.api.types.is_datetime64_dtype(out[column].dtype):
            out[column] = out[column].dt.strftime("%Y-%m-%d")
    return out


@contextmanager
def _fixed_time() -> Iterator[None]:
    """GDAL writes this time, not now, as a layer's last change."""
    option: dict[str, Any] = {"OGR_CURRENT_DATE": _FIXED_TIME}
    pyogrio.set_gdal_config_options(option)
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
