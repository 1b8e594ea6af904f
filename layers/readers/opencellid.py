"""OpenCelliD in: cells that telephones reported, gathered into sites by network, technology and distance.

A cell's position there is the centroid of the places where it was heard, mostly on roads: it lies towards where its
antenna looks, not on the mast. Cells of one network and technology are one site if a chain of steps of at most
``within_m`` joins them (single linkage); the site stands at the mean of its cells weighted by their samples. Heights,
azimuths and bands are not known. The data are under CC BY-SA 4.0.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
import re
import tomllib
import zlib
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from phusong.layers.errors import Fault, InputError
from phusong.layers.readers.guard import LARGEST_TEXT_BYTES, guard
from phusong.layers.readers.raw import RawTable

COLUMNS = (
    *("radio", "mcc", "net", "area", "cell", "unit", "lon", "lat", "range", "samples", "changeable", "created"),
    *("updated", "averageSignal"),
)
"""Of an export, in this order; the first line may name them."""
TECHNOLOGIES = {"GSM": "2G", "UMTS": "3G", "LTE": "4G", "NR": "5G"}
WITHIN_M = 300.0
EARTH_M = 6_371_008.8  # mean radius, IUGG
SOURCE = "OpenCelliD, CC BY-SA 4.0"
VIET_NAM = 452
MOST_LINES = 500_000  # held at once, 0.6 GB; those outside ``bounds`` do not count
LONGEST_CELL = 1000
MOST_SAMPLES = 1e9  # that a cell's weight may be
MOST_PAIRS = 50_000_000
"""Pairs of cells within reach of each other that are held at once (0.8 GB); a province has some thousands."""
_WHOLE = re.compile(r"[0-9]{1,15}", re.ASCII)
_LAST_SECOND = 4_102_444_800  # 2100-01-01


class Cells(NamedTuple):
    """Sites and their sectors (one a cell); a sector's ``site_id`` is found among the sites."""

    sites: RawTable
    sectors: RawTable


def is_opencellid(path: str | Path) -> bool:
    """Whether a CSV file (.gz too) looks like an export: its first line names the columns or begins as a cell does."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path) if packed else path.open("rb") as file:
            first = file.readline(1000).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        return False
    cells = first.strip().split(",")
    return tuple(cells[:8]) == COLUMNS[:8] or (len(cells) == len(COLUMNS) and cells[0] in (*TECHNOLOGIES, "CDMA"))


def read_opencellid(
    path: str | Path,
    *,
    within_m: float = WITHIN_M,
    bounds: tuple[float, float, float, float] | None = None,
    height_m: float | None = None,
) -> Cells:
    """The cells of an export as tables of ``sites`` and ``sectors``, in EPSG:4326; the order of its lines is no matter.

    ``bounds`` (left, bottom, right, top), degrees: cells outside are passed over (exports of a country are large).
    ``height_m``: what the user assumes of every antenna; without it the sectors have no height, which they need. A line
    that is no cell, of a technology not known here (CDMA) or without a place stays in the sectors with its fault.
    InputError if the file is no export or too large.
    """
    path = Path(path)
    guard(path)
    table, rows, passed = _lines(path, bounds=bounds)
    faults = _faults(table, rows, file=path.name)
    notes = [Fault("note.cells_centroids", file=path.name, params={"source": SOURCE})]
    params: dict[str, Any]
    good = np.ones(len(table), dtype=bool)
    good[[place for place, _ in faults]] = False
    told = [fault for _, fault in faults]
    if not good.any():
        if passed and not told:
            raise InputError("cells.elsewhere", file=path.name, count=passed)
        raise InputError("cells.none", faults=tuple(told[:20]), file=path.name)
    cells = table[good].astype({"lon": float, "lat": float, "mcc": int, "net": int, "area": int, "cell": int})
    cells = cells.assign(row=rows[good], weight=_weights(cells), technology=cells["radio"].map(TECHNOLOGIES))
    twice = cells.duplicated(["technology", "mcc", "net", "area", "cell"], keep=False)
    if twice.any():  # kept as they are: validation names each by its sector_id
        told.append(Fault("note.cells_twice", file=path.name, params={"count": int(twice.sum())}))
        notes.append(told[-1])
    if faults:
        first = faults[0][1]
        params = {"count": len(faults), "row": first.row, "found": first.params["found"], "column": first.column}
        notes.append(Fault("note.cells_bad", file=path.name, params=params))
    site, count = _sites_of(cells, within_m=within_m, file=path.name)
    sites, ids = _site_table(cells, site, count, file=path.name)
    params = {
        "cells": len(cells),
        "sites": count,
        "networks": len(cells.groupby(["mcc", "net", "technology"])),
    }
    notes.append(Fault("note.cells_gathered", file=path.name, params={**params, "within_m": f"{within_m:g}"}))
    if passed:
        notes.append(Fault("note.cells_outside", file=path.name, params={"count": passed}))
    unnamed = sorted({_network(*key) for key in zip(cells["mcc"], cells["net"], strict=True) if not _named(*key)})
    if unnamed:
        params = {"count": len(unnamed), "found": ", ".join(unnamed[:10])}
        notes.append(Fault("note.operator_code", file=path.name, column="operator", params=params))
    sectors = _sector_table(table, rows, cells, good, ids[site], height_m=height_m)
    code = "note.no_heights" if height_m is None else "note.height_assumed"
    params = {} if height_m is None else {"height_m": f"{height_m:g}"}
    told.append(Fault(code, file=path.name, column="height_m", params=params))
    return Cells(
        RawTable(
            sites.drop(columns="row"),
            sites["row"].to_numpy(np.int64),
            path.name,
            "sites",
            None,
            "EPSG:4326",
            tuple(notes),
        ),
        RawTable(sectors, rows, path.name, "sectors", None, None, tuple(told)),
    )


@cache
def operators() -> dict[str, str]:
    """Operators of Viet Nam by mobile network code, two digits."""
    text = files("phusong.layers").joinpath("data", "operators_vietnam.toml").read_text(encoding="utf-8")
    return dict(tomllib.loads(text)["operators"])


def operator_of(mcc: int, mnc: int) -> str:
    """The operator's name, or the code (such as 740-01) where it is not known."""
    return _named(mcc, mnc) or _network(mcc, mnc)


def _named(mcc: int, mnc: int) -> str | None:
    return operators().get(f"{mnc:02d}") if mcc == VIET_NAM else None


def _network(mcc: int, mnc: int) -> str:
    return f"{mcc}-{mnc:02d}"


def _lines(
    path: Path, *, bounds: tuple[float, float, float, float] | None
) -> tuple[pd.DataFrame, NDArray[np.int64], int]:
    """The lines as text by column, their numbers, and how many lie outside ``bounds``; memory is bounded."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    held: list[list[str]] = []
    numbers: list[int] = []
    passed = 0
    try:
        with gzip.open(path) if packed else path.open("rb") as file:
            text = io.TextIOWrapper(io.BufferedReader(_Counted(file, path.name)), encoding="utf-8-sig", newline="")
            reader = csv.reader(text)
            for number, cells in enumerate(reader, start=1):
                if number == 1 and cells and cells[0].strip().lower() == COLUMNS[0]:
                    if tuple(cell.strip() for cell in cells) != COLUMNS:
                        raise InputError("cells.no_export", file=path.name, columns=", ".join(COLUMNS))
                    continue
                if not cells:
                    continue
                if number <= 2 and len(cells) != len(COLUMNS):
                    raise InputError("cells.no_export", file=path.name, columns=", ".join(COLUMNS))
                whole = len(cells) == len(COLUMNS)
                if whole and bounds is not None and _outside(cells, bounds):
                    passed += 1
                    continue
                # a line of another length stands in its first column, which is no technology then
                line = [",".join(cells)[:LONGEST_CELL], *[""] * (len(COLUMNS) - 1)]
                held.append(cells if whole else line)
                numbers.append(number)
                if len(held) > MOST_LINES:
                    raise InputError("cells.too_many", file=path.name, most=MOST_LINES)
    except (OSError, EOFError, zlib.error, csv.Error, UnicodeDecodeError) as error:
        raise InputError("cells.no_export", file=path.name, columns=", ".join(COLUMNS)) from error
    return pd.DataFrame(held, columns=list(COLUMNS), dtype=object), np.array(numbers, dtype=np.int64), passed


class _Counted(io.RawIOBase):
    """A stream that gives up when it has given more than the limit: a small archive may unpack without end."""

    def __init__(self, inner: Any, file: str) -> None:
        self.inner, self.file, self.done = inner, file, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.inner.read(len(buffer))
        buffer[: len(data)] = data
        self.done += len(data)
        if self.done > LARGEST_TEXT_BYTES:
            raise InputError("cells.too_large", file=self.file, most_mb=LARGEST_TEXT_BYTES // 10**6)
        return len(data)


def _outside(cells: list[str], bounds: tuple[float, float, float, float]) -> bool:
    """Whether a line has a place, and that lies outside; one without is judged later."""
    try:
        lon, lat = float(cells[6]), float(cells[7])
    except (ValueError, IndexError):
        return False
    left, bottom, right, top = bounds
    return math.isfinite(lon + lat) and not (left <= lon <= right and bottom <= lat <= top)


def _faults(table: pd.DataFrame, rows: NDArray[np.int64], *, file: str) -> list[tuple[int, Fault]]:
    """The first fault of each line that is no cell, with its place in the table."""
    found: dict[int, tuple[str, str]] = {}

    def mark(bad: pd.Series[bool], column: str, code: str) -> None:
        for place in np.flatnonzero(bad):
            found.setdefault(int(place), (column, code))

    mark(table["radio"].str.contains(",", regex=False), "radio", "fault.cell_line")  # of another length
    mark(~table["radio"].isin(TECHNOLOGIES), "radio", "fault.cell_radio")
    for column in ("mcc", "net", "area", "cell"):
        mark(~table[column].map(lambda cell: bool(_WHOLE.fullmatch(cell))), column, "fault.cell_number")
    for column, most in (("lon", 180.0), ("lat", 90.0)):
        numbers = pd.to_numeric(table[column], errors="coerce")
        mark(~(numbers.abs() <= most), column, "fault.cell_place")
    nowhere = (pd.to_numeric(table["lon"], errors="coerce") == 0) & (pd.to_numeric(table["lat"], errors="coerce") == 0)
    mark(nowhere, "lon", "fault.cell_place")
    return [
        (place, Fault(code, file, "", "sectors", int(rows[place]), column, params={"found": table[column].iloc[place]}))
        for place, (column, code) in sorted(found.items())
    ]


def _weights(cells: pd.DataFrame) -> NDArray[np.float64]:
    """Samples of each cell, at least 1; 1 where they are no number that can be."""
    samples = pd.to_numeric(cells["samples"], errors="coerce")
    return np.asarray(samples.where(samples.between(1.0, MOST_SAMPLES), 1.0), dtype=np.float64)


def _sites_of(cells: pd.DataFrame, *, within_m: float, file: str) -> tuple[NDArray[np.int64], int]:
    """The number of each cell's site, from 0, and how many there are."""
    lon, lat = np.radians(cells["lon"].to_numpy(float)), np.radians(cells["lat"].to_numpy(float))
    at = EARTH_M * np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    chord_m = 2 * EARTH_M * np.sin(min(within_m / EARTH_M, np.pi) / 2)
    site = np.empty(len(cells), dtype=np.int64)
    count = 0
    for places in cells.groupby(["mcc", "net", "technology"], sort=True).indices.values():
        tree = cKDTree(at[places])
        if (tree.count_neighbors(tree, chord_m) - len(places)) / 2 > MOST_PAIRS:
            raise InputError("cells.too_dense", file=file, within_m=f"{within_m:g}")
        pairs = tree.query_pairs(chord_m, output_type="ndarray")
        links = coo_array((np.ones(len(pairs), dtype=np.int8), pairs.T), shape=(len(places), len(places)))
        number, label = connected_components(links, directed=False)
        site[places] = count + label
        count += int(number)
    return site, count


def _site_table(
    cells: pd.DataFrame, site: NDArray[np.int64], count: int, *, file: str
) -> tuple[pd.DataFrame, NDArray[np.object_]]:
    """A row a site in the order of their names, with the line of its first cell; and the name of each number of site.

    A site is named after its cell of the lowest area and number, so that it keeps its name when cells elsewhere are
    added. Positions are means on the sphere.
    """
    lon, lat = np.radians(cells["lon"].to_numpy(float)), np.radians(cells["lat"].to_numpy(float))
    weight = cells["weight"].to_numpy(float)
    order = np.lexsort((cells["row"], weight, lat, lon))  # sums do not depend on the order of the lines
    parts = [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]
    x, y, z = (np.bincount(site[order], (weight * part)[order], minlength=count) for part in parts)
    mean_lon, mean_lat = np.arctan2(y, x), np.arctan2(z, np.hypot(x, y))
    half = (
        np.sin((lat - mean_lat[site]) / 2) ** 2
        + np.cos(lat) * np.cos(mean_lat[site]) * np.sin((lon - mean_lon[site]) / 2) ** 2
    )
    away_m = 2 * EARTH_M * np.arcsin(np.sqrt(half))
    spread_m = np.zeros(count)
    np.maximum.at(spread_m, site, away_m)
    first = cells.assign(site=site).sort_values(["site", "area", "cell", "row"]).drop_duplicates("site")
    ids = np.empty(count, dtype=object)
    ids[first["site"]] = [
        f"ocid-{_network(mcc, net)}-{technology}-{area}-{cell}"
        for mcc, net, technology, area, cell in zip(
            *(first[name] for name in ("mcc", "net", "technology", "area", "cell")), strict=True
        )
    ]
    table = pd.DataFrame(
        {
            "site_id": ids,
            "owner": [operator_of(int(m), int(n)) for m, n in zip(first["mcc"], first["net"], strict=True)],
            "lon": np.round(np.degrees(mean_lon), 6),
            "lat": np.round(np.degrees(mean_lat), 6),
            "as_of": _days(cells, site, count),
            "source": SOURCE,
            "technology": first["technology"].to_numpy(),
            "cells": np.bincount(site, minlength=count),
            "samples": np.bincount(site, weight, minlength=count),
            "spread_m": np.round(spread_m),
            "row": cells["row"].groupby(site).min().to_numpy(),
        }
    )
    return table.sort_values("site_id", ignore_index=True), ids


def _days(cells: pd.DataFrame, site: NDArray[np.int64], count: int) -> list[str | None]:
    """The day (UTC) on which a cell of the site was heard last, None where no line says."""
    seconds = np.array(pd.to_numeric(cells["updated"], errors="coerce"), dtype=np.float64)
    seconds[~((seconds > 0) & (seconds < _LAST_SECOND))] = -1.0
    last = np.full(count, -1.0)
    np.maximum.at(last, site, seconds)
    days = last.astype("datetime64[s]").astype("datetime64[D]").astype(str)
    return [str(day) if second > 0 else None for day, second in zip(days, last, strict=True)]


def _sector_table(
    table: pd.DataFrame,
    rows: NDArray[np.int64],
    cells: pd.DataFrame,
    good: NDArray[np.bool_],
    site_ids: NDArray[np.object_],
    *,
    height_m: float | None,
) -> pd.DataFrame:
    """A row a line of the file; of lines that are no cell only what stands there."""
    numbers = np.arange(int(good.sum()))
    made = pd.DataFrame(
        {
            "sector_id": [
                f"{_network(mcc, net)}-{technology}-{area}-{cell}"
                for mcc, net, technology, area, cell in zip(
                    *(cells[name] for name in ("mcc", "net", "technology", "area", "cell")), strict=True
                )
            ],
            "site_id": site_ids,
            "operator": [operator_of(int(m), int(n)) for m, n in zip(cells["mcc"], cells["net"], strict=True)],
            "technology": cells["technology"].to_numpy(),
            "as_of": _days(cells, numbers, len(cells)),
            "source": SOURCE,
        },
        index=np.flatnonzero(good),
        dtype=object,
    ).reindex(np.arange(len(table)))
    made = made.astype(object).where(made.notna(), None)
    if height_m is not None:
        made["height_m"] = float(height_m)
    beside = [name for name in COLUMNS if name not in made]
    return pd.concat([made, table[beside]], axis=1)
