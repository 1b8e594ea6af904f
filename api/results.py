"""The results folder as the API reads it: one consistent snapshot a run, loaded on demand and kept until the next run.

``results/run.json`` is the commit point: a run swaps the whole folder by renames, so a snapshot whose run.json is no
longer the one it started from is thrown away, and what was read half before and half after is never answered.
Nothing here writes, and nothing here repairs a swap that was cut.
"""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from threading import Lock, RLock
from typing import Any, cast

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
from pyproj import Geod, Transformer

from phusong.api.errors import NoResultsError, OutsideError, ResultsChangedError
from phusong.api.layer_info import LayerBook
from phusong.layers.errors import MissingError
from phusong.layers.places.projection import transformer
from phusong.layers.store import RECORD, content_hash, delivered

Row = dict[str, Any]
Key = tuple[int, int, int]

WGS84 = "EPSG:4326"
UNIT_IDENTITY = ("code", "valid_on", "name", "district")
VILLAGE_IDENTITY = ("code", "name", "unit_code", "population")
_NOT_FIGURES = {"geometry", "as_of", "data", "source", "synthetic", "unit_name", "valid_on"}
_GEOD = Geod(ellps="WGS84")


class ResultsReader:
    """Gives the snapshot of the results as last completed; thread-safe."""

    def __init__(self, study_root: Path) -> None:
        self._root = study_root
        self._lock = Lock()
        self._snapshot: Snapshot | None = None

    def snapshot(self) -> Snapshot:
        """The last completed results; NoResultsError before the first run."""
        with self._lock:
            key = _key(self._root)
            if self._snapshot is None or self._snapshot.key != key:
                self._snapshot = Snapshot(self._root, key)
            return self._snapshot


class Snapshot:
    """The results of one run. Every loader raises ResultsChangedError if a new run took the folder meanwhile."""

    def __init__(self, study_root: Path, key: Key) -> None:
        self.key = key
        self._root = study_root
        self.directory = study_root / "results"
        self._lock = RLock()
        self._kept: dict[str, Any] = {}
        raw = self._read(self.directory / RECORD, Path.read_bytes)
        self.hash = content_hash(raw)
        self.record: dict[str, Any] = json.loads(raw)

    def keep(self, name: str, make: Callable[[], Any]) -> Any:
        """The value under ``name``, made once a snapshot."""
        with self._lock:
            if name not in self._kept:
                self._kept[name] = make()
            return self._kept[name]

    def _read(self, path: Path, reader: Callable[[Path], Any]) -> Any:
        try:
            value = reader(path)
        except FileNotFoundError as error:
            if _key(self._root) != self.key:
                raise ResultsChangedError("api.results_changed") from error
            raise MissingError("api.no_such_result", name=path.name) from error
        if _key(self._root) != self.key:
            raise ResultsChangedError("api.results_changed")
        return value

    def has(self, name: str) -> bool:
        """Whether this run made the file."""
        return (self.directory / name).is_file()

    def file(self, name: str, reader: Callable[[Path], Any]) -> Any:
        """What a reader makes of a file of this run, read once; None where the run made no such file."""
        return self.keep(f"file {name}", lambda: self._read(self.directory / name, reader)) if self.has(name) else None

    # tables

    @property
    def units(self) -> gpd.GeoDataFrame:
        """Communes with polygons and indicators, in the study's CRS."""
        return self.keep("units", lambda: self._read(self.directory / "units.parquet", gpd.read_parquet))

    @property
    def communes(self) -> list[Row]:
        """One row a commune: identity, ``is_gap``, ``indicators``."""
        return cast("list[Row]", self.keep("communes", self._make_communes))

    def _make_communes(self) -> list[Row]:
        in_gap = {gap["code"] for gap in self.gaps}
        return [
            {
                **_only(row, UNIT_IDENTITY),
                "population": row.get("people"),
                "is_gap": row["code"] in in_gap,
                "indicators": _figures(row, UNIT_IDENTITY),
            }
            for row in rows_of(self.units)
        ]

    @property
    def people_methods(self) -> list[str]:
        """How people were placed inside the communes, each method once."""
        return sorted({row["indicators"]["people_method"] for row in self.communes} - {None})

    @property
    def communes_by_code(self) -> dict[str, Row]:
        """Communes by code (one date a study)."""
        return cast("dict[str, Row]", self.keep("by_code", lambda: {c["code"]: c for c in self.communes}))

    @property
    def villages(self) -> list[Row]:
        """One row a village: identity, position, ``is_gap``, ``indicators``; empty if the study has none."""
        return cast("list[Row]", self.keep("villages", self._make_villages))

    def _make_villages(self) -> list[Row]:
        if not self.has("villages.parquet"):
            return []
        frame = self._read(self.directory / "villages.parquet", gpd.read_parquet)
        if frame.empty:
            return []
        centres = frame.geometry.to_crs(WGS84)
        in_gap = {gap["code"] for gap in self.gap_villages}
        return [
            {
                **_only(row, VILLAGE_IDENTITY),
                "lon": _degrees(lon),
                "lat": _degrees(lat),
                "is_gap": row["code"] in in_gap,
                "indicators": _figures(row, VILLAGE_IDENTITY),
            }
            for row, lon, lat in zip(rows_of(frame), centres.x, centres.y, strict=True)
        ]

    @property
    def villages_by_unit(self) -> dict[str, list[Row]]:
        """Villages by the code of their commune."""
        return cast("dict[str, list[Row]]", self.keep("by_unit", lambda: _grouped(self.villages, "unit_code")))

    @property
    def gaps(self) -> list[Row]:
        """The gap list in order of rank, ``classes`` and ``basis`` as lists."""
        return cast("list[Row]", self.keep("gaps", lambda: [_classed(row) for row in self._table("gaps.parquet")]))

    @property
    def gap_villages(self) -> list[Row]:
        """Villages with gaps; empty if the study has no villages."""
        name = "gap_villages.parquet"
        return cast("list[Row]", self.keep(name, lambda: self._table(name) if self.has(name) else []))

    @property
    def gap_totals(self) -> list[Row]:
        """Gaps and people affected, a row a district and service ("" all); empty if an older run left none."""
        name = "gap_totals.parquet"
        return cast("list[Row]", self.keep(name, lambda: self._table(name) if self.has(name) else []))

    @property
    def village_places(self) -> dict[str, tuple[float | None, float | None]]:
        """Longitude and latitude of each village's centre, by code."""
        make = lambda: {row["code"]: (row["lon"], row["lat"]) for row in self.villages}  # noqa: E731
        return cast("dict[str, tuple[float | None, float | None]]", self.keep("village_places", make))

    @property
    def reasons(self) -> dict[tuple[str, str], list[Row]]:
        """Reasons by (level, code)."""
        return cast("dict[tuple[str, str], list[Row]]", self.keep("reasons", self._make_reasons))

    def _make_reasons(self) -> dict[tuple[str, str], list[Row]]:
        found: dict[tuple[str, str], list[Row]] = {}
        for row in self._table("reasons.parquet"):
            found.setdefault((row["level"], row["code"]), []).append(row)
        return found

    @property
    def not_judged(self) -> list[Row]:
        """Rules that could not be judged, a row each."""
        return cast("list[Row]", self.keep("not_judged", lambda: self._table("not_judged.parquet")))

    @property
    def comparison(self) -> list[Row]:
        """Reports of signal against the model, a row a village and technology."""
        return cast("list[Row]", self.keep("comparison", lambda: self._table("comparison.parquet")))

    @property
    def targets(self) -> list[Row]:
        """Targets of the province and its districts."""
        return cast("list[Row]", self.keep("targets", lambda: self._table("targets.parquet")))

    @property
    def districts(self) -> list[Row]:
        """One row a district: its name and its indicators."""
        make = lambda: [  # noqa: E731
            {"district": row["district"], "indicators": _figures(row, ("district",))}
            for row in self._table("districts.parquet")
        ]
        return cast("list[Row]", self.keep("districts", make))

    @property
    def progress(self) -> list[Row]:
        """Dated values of indicators, a row a day and basis."""
        return cast("list[Row]", self.keep("progress", lambda: self._table("progress.parquet")))

    @property
    def pace(self) -> list[Row]:
        """The pace of indicators to their targets, and its outlook."""
        return cast("list[Row]", self.keep("pace", lambda: self._table("pace.parquet")))

    @property
    def plan(self) -> list[Row]:
        """The investment list in order of rank."""
        return cast("list[Row]", self.keep("plan", lambda: self._table("plan.parquet")))

    @property
    def plan_sites(self) -> gpd.GeoDataFrame | None:
        """The proposed sites with their points; None if the run left no such table."""
        name = "plan.parquet"
        read = lambda: self._read(self.directory / name, gpd.read_parquet) if self.has(name) else None  # noqa: E731
        return self.keep("plan sites", read)

    def rows(self, name: str) -> list[Row]:
        """The rows of a table by its file's name; none if the run left no such table."""
        return cast("list[Row]", self.keep(f"rows {name}", lambda: self._table(name) if self.has(name) else []))

    def facts(self, name: str) -> Row:
        """A JSON object by its file's name; empty if the run left no such file."""

        def read() -> Row:
            return json.loads(self._read(self.directory / name, Path.read_bytes)) if self.has(name) else {}

        return cast("Row", self.keep(f"facts {name}", read))

    def _table(self, name: str) -> list[Row]:
        rows = rows_of(self._read(self.directory / name, _read_table))
        if not (rows and "rank" in rows[0]):
            return rows
        return sorted(rows, key=lambda row: (row["rank"] is None, row["rank"] or 0))  # what has no rank comes last

    # rasters

    def unit_at(self, lon: float, lat: float) -> Row:
        """The commune that holds a point; OutsideError if none does."""
        tree, to_study = self.keep("places", self._make_places)
        point = shapely.Point(to_study.transform(lon, lat))
        found = tree.query(point, predicate="intersects")
        if len(found) == 0:
            raise OutsideError("api.outside_study", lon=f"{lon:.5f}", lat=f"{lat:.5f}")
        return self.communes[int(found.min())]

    def _make_places(self) -> tuple[shapely.STRtree, Transformer]:
        units = self.units
        return shapely.STRtree(units.geometry.values), transformer(WGS84, units.crs)

    @property
    def provinces(self) -> dict[str, float | None]:
        """Provincial indicators by id."""
        read = lambda: json.loads(self._read(self.directory / "provinces.json", Path.read_bytes))  # noqa: E731
        return cast("dict[str, float | None]", self.keep("provinces", read))

    @property
    def services(self) -> dict[str, Row]:
        """What the run says of each service it computed travel to, by id."""
        read = lambda: json.loads(self._read(self.directory / "access.json", Path.read_bytes))  # noqa: E731
        return cast("dict[str, Row]", self.keep("services", read))

    @property
    def access_points(self) -> dict[str, list[Row]]:
        """The points of each service, in the order its raster of nearest points counts them."""
        name = "access_points.parquet"
        return cast("dict[str, list[Row]]", self.keep(name, lambda: _grouped(self._table(name), "service")))

    @property
    def operators(self) -> list[str]:
        """Operators with a band in a coverage raster."""
        return cast("list[str]", self.keep("operators", self._make_operators))

    def _make_operators(self) -> list[str]:
        bands = [self._open(self.raster("coverage", name)).descriptions[1:] for name in self.technologies]
        return sorted({name for names in bands for name in names if name})

    @property
    def technologies(self) -> list[str]:
        """Technologies with a coverage raster, such as 2G."""
        return sorted(path.stem.removeprefix("coverage_").upper() for path in self.directory.glob("coverage_*.tif"))

    def raster(self, kind: str, technology: str) -> Path:
        """Where the raster ``coverage`` or ``servers`` of a technology lies."""
        return self.directory / f"{kind}_{technology.lower()}.tif"

    def sample(self, path: Path, lon: float, lat: float) -> dict[str, float | None]:
        """Band name -> value of the cell that holds a point; None where there is no data or no cell.

        The file stays open with this snapshot, so that GDAL keeps the tiles it has unpacked.
        """
        with self._lock:
            source = self._open(path)
            to_raster = self.keep(f"to {source.crs}", lambda: transformer(WGS84, source.crs.to_wkt()))
            row, col = source.index(*to_raster.transform(lon, lat))
            names = [name or f"band_{i}" for i, name in enumerate(source.descriptions, start=1)]
            if not (0 <= row < source.height and 0 <= col < source.width):
                return dict.fromkeys(names)
            cell = source.read(window=((row, row + 1), (col, col + 1)), masked=True)[:, 0, 0]
            return {name: _number(value) for name, value in zip(names, cell, strict=True)}

    def tags(self, path: Path) -> dict[str, str]:
        """Tags of a raster."""
        with self._lock:
            return cast("dict[str, str]", self.keep(f"tags {path}", self._open(path).tags))

    def _open(self, path: Path) -> Any:
        return self.keep(f"raster {path}", lambda: self._read(path, _open_raster))

    @property
    def sectors(self) -> list[Row]:
        """The sectors the server rasters point to, by row; empty if the run left no such table."""
        name = "sectors.parquet"
        return cast("list[Row]", self.keep(name, lambda: self._table(name) if self.has(name) else []))

    def sites(self, book: LayerBook) -> dict[str, Row]:
        """Name, ``lon`` and ``lat`` of each site by its id; empty if the study has no sites."""
        return cast("dict[str, Row]", self.keep("sites", lambda: book.positions("sites", "site_id", ("name",))))

    # files

    @property
    def exports(self) -> dict[str, str]:
        """Name -> SHA-256 of the files that people are given; no other file leaves the folder."""
        return cast("dict[str, str]", self.keep("exports", self._make_exports))

    def _make_exports(self) -> dict[str, str]:
        noted = {name: sha for step in self.record.get("steps", {}).values() for name, sha in step["files"].items()}
        files = self._read(self.directory, delivered)
        return {path.name: noted.get(path.name) or self._read(path, content_hash) for path in files}

    def export(self, name: str) -> Path:
        """The path of a file that may be handed out; MissingError for any other name."""
        if name not in self.exports:
            raise MissingError("api.no_export", name=name)
        return self.directory / name

    def page(self, name: str) -> tuple[bytes, bytes]:
        """A text file as bytes, plain and gzipped."""

        def make() -> tuple[bytes, bytes]:
            raw = self._read(self.directory / name, Path.read_bytes)
            return raw, gzip.compress(raw, 6, mtime=0)

        return cast("tuple[bytes, bytes]", self.keep(f"page {name}", make))


def rows_of(frame: pd.DataFrame) -> list[Row]:
    """Rows as plain Python values without the geometry; what is missing, empty, not a number or infinite is None."""
    columns = [name for name in frame.columns if name != "geometry"]
    values = [[_plain(value) for value in frame[name].astype(object)] for name in columns]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)] if columns else []


def distance_km(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Geodesic distance on the WGS 84 ellipsoid (Karney 2013, by PROJ), km."""
    return float(_GEOD.inv(lon, lat, other_lon, other_lat)[2]) / 1000.0


def geometries(frame: gpd.GeoDataFrame) -> list[str]:
    """GeoJSON geometry texts in longitude and latitude, WGS 84, to 6 decimals (0.1 m)."""
    shapes = shapely.transform(frame.geometry.to_crs(WGS84).values, lambda xy: np.round(xy, 6))
    return [str(text) for text in shapely.to_geojson(shapes)]


def _key(study_root: Path) -> Key:
    try:
        stat = (study_root / "results" / RECORD).stat()
    except FileNotFoundError as error:
        if (study_root / "results.old").exists():  # between the two renames of a swap
            raise ResultsChangedError("api.results_changed") from error
        raise NoResultsError("api.no_results") from error
    return stat.st_mtime_ns, stat.st_ino, stat.st_size


def _read_table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise FileNotFoundError(path)
    return pd.read_parquet(path)


def _open_raster(path: Path) -> Any:
    if not path.is_file():
        raise FileNotFoundError(path)
    return rasterio.open(path)


def _plain(value: Any) -> Any:
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, str) and not value):
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime | date):
        return value.date() if isinstance(value, datetime) else value
    return value


def _number(value: Any) -> float | None:
    return None if np.ma.is_masked(value) or not math.isfinite(float(value)) else float(value)


def _degrees(value: float) -> float | None:
    return round(float(value), 6) if math.isfinite(value) else None


def _only(row: Row, names: tuple[str, ...]) -> Row:
    return {name: row.get(name) for name in names}


def _figures(row: Row, identity: tuple[str, ...]) -> Row:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in row.items()
        if name not in identity and name not in _NOT_FIGURES
    }


def _classed(row: Row) -> Row:
    lists = {name: [word for word in (row.get(name) or "").split(";") if word] for name in ("classes", "basis")}
    return {**row, **lists}


def _grouped(rows: list[Row], name: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row[name], []).append(row)
    return found
