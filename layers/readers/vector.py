"""Geographic files in: Shapefile, GeoPackage, GeoJSON, KML, KMZ, MapInfo, GPX, FlatGeobuf, GeoParquet, OSM; zipped too.

What a file is, is told by its first bytes, and only these kinds are opened, each by its own driver: never a recipe
that makes a driver read something else (VRT, GDALG, a web service, a MapInfo view), whatever the file is called.
"""

from __future__ import annotations

import json
import re
import sqlite3
import tempfile
import warnings
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote
from zipfile import ZipFile

import geopandas
import pandas as pd
import pyogrio
import shapely
from pyogrio.errors import CRSError as DriverCrsError
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError, FieldError, GeometryError
from pyproj.exceptions import CRSError as ProjError

from phusong.layers.errors import CrsError, Fault, InputError
from phusong.layers.rasters import crs_text
from phusong.layers.readers import legacy
from phusong.layers.readers.frames import limits, raw_of, refuse_rounded
from phusong.layers.readers.guard import MOST_CELLS, MOST_ROWS, MOST_UNPACKED_BYTES, guard, unpacked
from phusong.layers.readers.kml import read_kml
from phusong.layers.readers.parquet import read_parquet
from phusong.layers.readers.raw import RawTable

Kind = Literal[
    "shapefile",
    "dbf",
    "tab",
    "mif",
    "geopackage",
    "geojson",
    "kml",
    "kmz",
    "gpx",
    "flatgeobuf",
    "parquet",
    "osm",
    "zip",
]
DRIVERS: dict[str, frozenset[str]] = {
    "shapefile": frozenset({"ESRI Shapefile"}),
    "dbf": frozenset({"ESRI Shapefile"}),
    "tab": frozenset({"MapInfo File"}),
    "mif": frozenset({"MapInfo File"}),
    "geopackage": frozenset({"GPKG"}),
    "geojson": frozenset({"GeoJSON"}),
    "gpx": frozenset({"GPX"}),
    "flatgeobuf": frozenset({"FlatGeobuf"}),
    "osm": frozenset({"OSM"}),
}
"""The only drivers that may answer for a kind; the other kinds are read without GDAL."""

_BROKEN = (DataSourceError, DataLayerError, FeatureError, FieldError, GeometryError, shapely.errors.GEOSException)
_HEAD_BYTES = 4096
_ENDINGS = {
    "geopackage": (".gpkg", ".gpkx"),
    "flatgeobuf": (".fgb",),
    "gpx": (".gpx",),
    "osm": (".pbf", ".osm"),
    "tab": (".tab",),
}
"""GDAL also goes by these, and another ending would call another driver."""
_GEOPACKAGE = (b"GPKG", b"GP10", b"GP11")  # application id of the SQLite file
_DBF_MARKS = (0x03, 0x30, 0x31, 0x83, 0x8B, 0xF5)
_ELSEWHERE = re.compile(rb"<\s*(OGR\w*DataSource|VRT\w+|GDAL_\w+|WCS_GDAL|WFS\w*)\b|gdal_streamed_alg", re.IGNORECASE)
_VIEW = re.compile(
    rb"open\s+table|create\s+view|IsSeamless\"?\s*=\s*\"?TRUE|^\s*File\s+\"", re.IGNORECASE | re.MULTILINE
)
_TABLE_TYPE = re.compile(rb"\bType\s+\"?(\w+)", re.IGNORECASE)
_NEEDED = {"shapefile": (".shx", ".dbf")}
_DATA = {"tab": {".dat", ".dbf"}, "mif": {".mid"}}
_LEGACY = ("shapefile", "dbf", "tab", "mif")
_OF_DRIVER = ("gpx", "osm")
"""Kinds whose columns are the driver's, not the file's: those that hold nothing are left out."""
_OSM_LAYERS = ("points", "lines")
_OSM_AREAS = "multipolygons"
_GPX_LAYERS = ("waypoints", "routes", "tracks")
_MOST_TAGS = 200
_TAG = re.compile(r'"((?:[^"\\]|\\.)*)"=>"((?:[^"\\]|\\.)*)"')


def kind_of(path: Path) -> Kind | None:
    """What kind of geographic file it is by its first bytes (a zip may hold some), None if it is none."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    suffix = path.suffix.lower()
    if head.startswith(b"PK\x03\x04"):
        return "kmz" if _is_kmz(path) else "zip"
    if head.startswith(b"SQLite format 3\0"):
        return "geopackage" if head[68:72] in _GEOPACKAGE else None
    if head.startswith(b"\x00\x00\x27\x0a"):
        return "shapefile" if suffix == ".shp" else None
    for mark, kind in ((b"fgb", "flatgeobuf"), (b"PAR1", "parquet"), (b"{", "geojson")):
        if (text if mark == b"{" else head).startswith(mark):
            return kind  # type: ignore[return-value]
    if head[4:15] == b"\x0a\x09OSMHeader":
        return "osm"
    if text.startswith(b"<"):
        root = re.search(rb"<(?:\w+:)?(kml|gpx|osm)\b", text)
        return root[1].decode() if root else None  # type: ignore[return-value]
    if text[:6].lower() == b"!table":
        return "tab"
    if text[:7].lower() == b"version" and suffix == ".mif":
        return "mif"
    return "dbf" if suffix == ".dbf" and head[:1] and head[0] in _DBF_MARKS else None


def read_vectors(path: str | Path, *, encoding: str | None = None) -> list[RawTable]:
    """Every layer of a geographic file, or of all of them in a zip archive, as read; no cell is judged yet.

    ``sheet`` is the layer's name where the file has several (a KML's folders); of an archive's members ``file`` is
    ``archive.zip/member``, and ``sheet`` begins with the member where there are several. Text of Shapefiles and MapInfo
    tables in an encoding not stated is left in cell form for ``vietnamese.text.decoded``; ``encoding`` is the user's
    word. Of OSM points and lines are read, tags as columns. A geometry that cannot be built (such as a ring of two
    points) is read as none. InputError for what ``guard`` refuses, is of no known kind, lacks a companion file, or
    cannot be read.
    """
    path = Path(path)
    guard(path)
    size, most = path.stat().st_size, MOST_UNPACKED_BYTES  # it is read whole
    if size > most:
        raise InputError("guard.too_large", file=path.name, found_mb=size // 10**6, most_mb=most // 10**6)
    tables = _tables(path, file=path.name, encoding=encoding)
    if not tables:  # such as a KML of links to others
        raise InputError("read.no_layers", file=path.name)
    return tables


def read_vector(path: Path, *, layer: str | None = None, wanted: str = "", crs: str | None = None) -> RawTable:
    """One layer of a geographic file: the named one, else the one named ``wanted``, else the only one.

    ``crs`` is the user's word where the file has none; CrsError if the file says otherwise. Text must be UTF-8 or what
    the file states, InputError if it is not. A geometry that cannot be built is read as none.
    """
    names = layer_names(path)
    name = layer or (wanted if wanted in names else names[0] if len(names) == 1 else None)
    if not names:
        raise InputError("read.no_layers", file=path.name)
    if name is None:
        raise InputError("read.which_layer", file=path.name, names=", ".join(names))
    if name not in names:
        raise InputError("read.no_such_layer", file=path.name, layer=name, names=", ".join(names))
    kind = _known(path)
    if kind in DRIVERS:
        if kind == "shapefile":
            _refuse_unsaid(path)
        raw = _layer(path, kind, name, file=path.name, sheet="", encoding=None)
    else:
        raw = _tables(path, file=path.name, encoding=None)[names.index(name)]
    if crs is not None and raw.crs is not None and raw.crs != crs_text(crs):
        raise CrsError("read.crs_conflict", file=path.name, found=raw.crs, asked=crs)
    return RawTable(raw.frame, raw.rows, path.name, "", raw.geometry, raw.crs or crs, raw.faults)


def layer_names(path: Path) -> list[str]:
    """The layers a geographic file holds; InputError if it is none or cannot be opened."""
    kind = _known(path)
    if kind in DRIVERS:
        return [name for name, _ in _listed(path, kind, file=path.name)]
    tables = _tables(path, file=path.name, encoding=None)
    return [raw.sheet or Path(raw.file).stem for raw in tables]


def _refuse_unsaid(path: Path) -> None:
    """InputError for a Shapefile that neither states its encoding nor is UTF-8: here nobody tells what it is."""
    there = legacy.beside(path)
    table = next(one for one in there if one.suffix.lower() == ".dbf")
    if any(one.suffix.lower() == ".cpg" for one in there):
        return
    try:
        table.read_bytes()[32:].decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("read.not_utf8", file=table.name, byte=error.start + 33) from error


def _tables(path: Path, *, file: str, encoding: str | None) -> list[RawTable]:
    """All layers of a file that the guard has let through."""
    kind = _known(path, file=file)
    if kind == "kml":
        return read_kml(path, file=file)
    if kind == "parquet":
        return [read_parquet(path, file=file)]
    if kind in ("zip", "kmz"):
        return _archive(path, kind, file=file, encoding=encoding)
    names = [name for name, shape in _listed(path, kind, file=file)]
    if kind in ("osm", "gpx"):
        names = [name for name in names if name in (_OSM_LAYERS if kind == "osm" else _GPX_LAYERS)]
    several = len(names) > 1
    tables = [_layer(path, kind, name, file=file, sheet=name if several else "", encoding=encoding) for name in names]
    if kind in ("osm", "gpx"):
        tables = [raw for raw in tables if len(raw.frame)] or tables[:1]
    areas = _count(path, _OSM_AREAS) if kind == "osm" else 0
    if areas:
        fault = Fault("note.osm_areas", file=file, params={"count": areas})
        tables = [replace(raw, faults=(*raw.faults, fault)) for raw in tables]
    return tables


def _count(path: Path, layer: str) -> int:
    """How many features a layer holds, 0 where there is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the driver's remarks on areas that do not close
            return int(pyogrio.read_info(path, layer=layer, force_feature_count=True)["features"])
    except _BROKEN:
        return 0


def _archive(path: Path, kind: Kind, *, file: str, encoding: str | None) -> list[RawTable]:
    """The geographic files of a zip archive; of a KMZ its first KML file, which is the document."""
    with tempfile.TemporaryDirectory() as room:
        members = unpacked(path, into=room)
        inner = {one: one.relative_to(room).as_posix() for one in members}
        if kind == "kmz":
            documents = [one for one in members if one.suffix.lower() == ".kml"]
            if not documents:
                raise InputError("read.no_layers", file=file)
            documents.sort(key=lambda one: (one.name.lower() != "doc.kml", len(one.relative_to(room).parts)))
            guard(documents[0])
            tables = read_kml(documents[0], file=file)
            return _with_left(tables, [inner[one] for one in documents[1:]], code="note.kmz_passed_over", file=file)
        tables = []
        taken: set[Path] = set()
        for one in members:
            found = kind_of(one)
            part = found == "dbf" and any(other.suffix.lower() in (".shp", ".tab") for other in legacy.beside(one))
            if found is None or found == "zip" or part:
                continue
            taken |= {one, *legacy.beside(one)}
            guard(one)
            tables += _tables(one, file=f"{file}/{inner[one]}", encoding=encoding)
        if len(tables) > 1:
            tables = [_as_sheet(raw, raw.file.removeprefix(f"{file}/")) for raw in tables]
        left = [name for one, name in inner.items() if one not in taken]
        if not tables:
            raise InputError("read.zip_nothing", file=file, names=", ".join(left)[:200])
        return _with_left(tables, left, code="note.zip_passed_over", file=file)


def _with_left(tables: list[RawTable], names: list[str], *, code: str, file: str) -> list[RawTable]:
    """The tables of an archive, the first with a note on the members that were not read."""
    if not names or not tables:
        return tables
    fault = Fault(code, file=file, params={"names": ", ".join(names)[:200]})
    return [replace(tables[0], faults=(*tables[0].faults, fault)), *tables[1:]]


def _as_sheet(raw: RawTable, member: str) -> RawTable:
    """The table of an archive's member, told from those of others by its sheet."""
    sheet = f"{member}/{raw.sheet}" if raw.sheet else member
    return replace(raw, sheet=sheet, faults=tuple(replace(fault, sheet=sheet) for fault in raw.faults))


def _known(path: Path, *, file: str = "") -> Kind:
    """The kind of a file, its companions there and harmless; InputError if not."""
    file = file or path.name
    kind = kind_of(path) if path.is_file() else None
    if kind is None:
        raise InputError("read.unreadable", file=file)
    if "!" in str(path.resolve()):  # pyogrio would look for an archive before it
        raise InputError("read.odd_name", file=file)
    endings = _ENDINGS.get(kind, (path.suffix.lower(),))
    if path.suffix.lower() not in endings:
        raise InputError("read.wrong_ending", file=file, found=kind, expected=endings[0])
    if kind in DRIVERS and _ELSEWHERE.search(_start(path)):
        raise InputError("read.points_elsewhere", file=file)
    if kind == "tab":
        head = _start(path)
        types = [found.decode().lower() for found in _TABLE_TYPE.findall(head)]
        if _VIEW.search(head) or any(found not in ("native", "dbf") for found in types):
            raise InputError("read.points_elsewhere", file=file)
    if kind == "geopackage":
        _no_virtual_tables(path, file=file)
    if kind in _LEGACY:
        _companions(path, kind, file=file)
    return kind


def _companions(path: Path, kind: Kind, *, file: str) -> None:
    there = legacy.beside(path)
    for one in there:
        if one.is_symlink() or (one.suffix.lower() in (".shx", ".dbf") and one != path):
            guard(one)
    endings = {one.suffix.lower() for one in there}
    missing = [ending for ending in _NEEDED.get(kind, ()) if ending not in endings]
    if kind in _DATA and not endings & _DATA[kind]:
        missing = sorted(_DATA[kind])[:1]
    if missing:
        raise InputError("read.companion_missing", file=file, missing=" ".join(missing))


def _no_virtual_tables(path: Path, *, file: str) -> None:
    """A GeoPackage's virtual tables may read other files; those of its own indexes do not."""
    query = "SELECT sql FROM sqlite_master WHERE type = 'table' AND (rootpage IS NULL OR rootpage = 0 OR sql LIKE ?)"
    made: list[str] | None = None
    for mode in ("mode=ro", "immutable=1"):  # the second where a journal cannot be opened
        try:
            with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?{mode}", uri=True)) as base:
                base.text_factory = bytes
                made = [(sql or b"").decode("latin-1") for (sql,) in base.execute(query, ("%virtual%using%",))]
            break
        except (sqlite3.Error, UnicodeDecodeError):  # the last where a broken name stands in the error
            continue
    if made is None:
        raise InputError("read.unreadable", file=file)
    if any(not re.search(r"\bUSING\s+(rtree|fts[345])\b", sql, re.IGNORECASE) for sql in made):
        raise InputError("read.points_elsewhere", file=file)


def _listed(path: Path, kind: Kind, *, file: str) -> list[tuple[str, str]]:
    """The layers with their kind of geometry."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the driver's remarks on a file that is none of its own
            return [(str(name), str(shape)) for name, shape in pyogrio.list_layers(_source(path, kind))]
    except (UnicodeDecodeError, *_BROKEN) as error:
        code = "read.no_geojson" if kind == "geojson" and _is_json(path) else "read.unreadable"
        raise InputError(code, file=file) from error


def _is_json(path: Path) -> bool:
    """Whether a file begins with a whole object of JSON, whatever follows."""
    try:
        json.JSONDecoder().raw_decode(path.read_text(encoding="utf-8-sig").lstrip())
    except (ValueError, RecursionError):
        return False
    return True


def _source(path: Path, kind: Kind) -> str:
    """What the driver is given: an absolute path; GeoJSON by its prefix, for JSON may be many things."""
    whole = str(path.resolve())
    return f"GeoJSON:{whole}" if kind == "geojson" else whole


def _layer(path: Path, kind: Kind, name: str, *, file: str, sheet: str, encoding: str | None) -> RawTable:
    """One layer as read by the driver of its kind and no other."""
    source = _source(path, kind)
    given: dict[str, Any] = {"encoding": "ISO-8859-1"} if kind in _LEGACY else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the driver's remarks on geometry, judged later, and on lists
            about = pyogrio.read_info(source, layer=name, **given)
            if about["driver"] not in DRIVERS[kind]:
                raise InputError("read.unreadable", file=file)
            limits(int(about["features"]), len(about["fields"]), file=file)
            given |= {"fid_as_index": kind == "geojson", "max_features": MOST_ROWS + 1}
            frame = pyogrio.read_dataframe(source, layer=name, on_invalid="ignore", mixed_offsets_as_utc=False, **given)
    except UnicodeDecodeError as error:
        raise InputError("read.not_utf8", file=file, byte=error.start + 1) from error
    except (DriverCrsError, ProjError, UnboundLocalError) as error:  # the last where a .prj file is no text
        raise InputError("read.broken_crs", file=file) from error
    except _BROKEN as error:
        raise InputError("read.unreadable", file=file) from error
    limits(len(frame), frame.shape[1], file=file)
    whole = [column for column, stored in zip(about["fields"], about["dtypes"], strict=True) if stored == "int64"]
    refuse_rounded(frame, whole, file=file)
    faults: list[Fault] = []
    shapes = frame.geometry.name if isinstance(frame, geopandas.GeoDataFrame) else None
    table = pd.DataFrame(frame.drop(columns=shapes)) if shapes else pd.DataFrame(frame)
    if kind == "geojson" and "id" not in table and table.index.tolist() != list(range(len(table))):
        table.insert(0, "id", _ids(path, len(table)))
    if kind in _LEGACY:
        table, faults = legacy.plain(table, path=path, encoding=encoding)
    if kind == "osm":
        table, faults = _tags(table, file=file, sheet=sheet)
    if kind in _OF_DRIVER:
        table = table.dropna(axis="columns", how="all")
    faults += _doubtful_zeros(table, kind, file=file)
    if shapes and shapes in about["fields"]:  # the shapes take its place
        faults.append(Fault("note.geometry_property", file=file, sheet=sheet, column=shapes))
    return raw_of(frame, table, file=file, sheet=sheet, faults=faults)


def _ids(path: Path, count: int) -> list[Any]:
    """The numbers beside the properties of GeoJSON's features, which the driver alters where they are not unique."""
    try:
        content = json.loads(path.read_bytes())
        ids = [feature.get("id") for feature in content.get("features", [content])]
    except (ValueError, AttributeError, TypeError):  # the driver forgives more
        ids = []
    return ids if len(ids) == count else [None] * count


def _tags(table: pd.DataFrame, *, file: str, sheet: str) -> tuple[pd.DataFrame, list[Fault]]:
    """OSM's ``other_tags`` as columns, the most frequent ones; a tag whose name is a column already keeps that."""
    if "other_tags" not in table:
        return table, []
    parsed = [
        {_plain(key): _plain(value) for key, value in _TAG.findall(cell)} if isinstance(cell, str) else {}
        for cell in table["other_tags"]
    ]
    counts: dict[str, int] = {}
    for tags in parsed:
        for key in tags:
            counts[key] = counts.get(key, 0) + 1
    most = min(_MOST_TAGS, MOST_CELLS // max(len(table), 1) - table.shape[1])
    keys = sorted((key for key in counts if key not in table), key=lambda key: (-counts[key], key))
    made = {key: pd.Series([tags.get(key) for tags in parsed], dtype=object) for key in keys[: max(most, 0)]}
    faults = []
    if len(keys) > len(made):
        params = {"kept": len(made), "left": len(keys) - len(made)}
        faults.append(Fault("note.tags_left", file=file, sheet=sheet, params=params))
        return pd.concat([table, pd.DataFrame(made)], axis=1), faults
    return pd.concat([table.drop(columns="other_tags"), pd.DataFrame(made, index=table.index)], axis=1), faults


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _doubtful_zeros(table: pd.DataFrame, kind: Kind, *, file: str) -> list[Fault]:
    """MapInfo tables hold no empty number, so a zero there may mean no data: a note for each such column."""
    if kind not in ("tab", "mif"):
        return []
    counts = {str(name): int((cells == 0).sum()) for name, cells in table.select_dtypes("number").items()}
    return [
        Fault("note.zero_may_be_empty", file=file, column=name, params={"count": count})
        for name, count in counts.items()
        if count
    ]


def _is_kmz(path: Path) -> bool:
    """Whether an archive is a KMZ; the guard has looked at its directory."""
    if path.suffix.lower() != ".kmz":
        return False
    with ZipFile(path) as archive:
        return any(name.lower().endswith(".kml") for name in archive.namelist())


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(1 << 16)
