"""What a file from an office means: read, its text and headings understood, its values made plain, its places found.

Each step takes a table and gives one in which less is in doubt; what it did stands in the table's faults. A step that
cannot decide refuses the file and names the option by which the user decides. What comes out is judged by ``validate``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, NamedTuple

import geopandas
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.layers.checks.nearness import folded
from phusong.layers.columns.headings import Match, chosen, matched, worded
from phusong.layers.columns.mappings import recall
from phusong.layers.columns.values import plain
from phusong.layers.dated.units import date_of, texts_of
from phusong.layers.errors import Fault, InputError
from phusong.layers.messages import LANGS, say
from phusong.layers.places.coordinates import Places, placed
from phusong.layers.readers import read_any
from phusong.layers.readers.guard import unpacked
from phusong.layers.readers.open_fibre import is_open_fibre, read_open_fibre
from phusong.layers.readers.opencellid import is_opencellid, read_opencellid
from phusong.layers.readers.osm import is_osm, of_osm
from phusong.layers.readers.raw import RawTable
from phusong.layers.readers.table import TEXT_FILES, WORKBOOKS, read_tables
from phusong.layers.readers.vector import read_vectors
from phusong.layers.schema import LAYERS, Layer
from phusong.layers.vietnamese.names import Gazetteer, matches, resolved
from phusong.layers.vietnamese.text import decoded
from phusong.layers.writers.report import unmarked

CELLS_BEYOND_DEG = 0.3
MOST_NAMED = 12
"""Other tables of a file that are named."""
_FIBRE = ("fibre_nodes", "fibre_spans")
_MOVED_OVER = ("roads", "rivers", "crossings")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The user's word on what a file may leave open; what is None is told from the file, or the file is refused.

    ``sheet``: of a workbook, or the layer of a geographic file. ``mapping``: heading -> column, "-" for none.
    ``decimal``: the mark before decimals; ``day_first``: whether 5/6/2012 is the 5th of June. ``height_m``: what is
    assumed of every antenna of an export without heights. ``as_of``, ``source``: of rows that do not say them.
    ``valid_on``: the day of the units that the file's codes are of. ``height_unit``: of an elevation.
    ``add``: beside the rows the study has, not in their place. ``clean``: mend broken, overlapping and gaping outlines.
    ``lineage``: a table of descent, by whose old names units are found, too.
    """

    sheet: str | None = None
    crs: str | None = None
    encoding: str | None = None
    mapping: Mapping[str, str] | None = None
    decimal: Literal[",", "."] | None = None
    day_first: bool | None = None
    height_m: float | None = None
    height_unit: str | None = None
    as_of: date | None = None
    valid_on: date | None = None
    source: str = ""
    add: bool = False
    clean: bool = False
    lineage: Path | None = None


class Understood(NamedTuple):
    """A file's table as its reader gave it, the same with its text made Unicode, and in the schema's terms.

    ``folded``: rows that stand for a sector of a mast, and the row that is the mast's own. ``rejects``: whether these
    are rows that an import rejected, by the columns it added.
    """

    given: RawTable
    legible: RawTable
    raw: RawTable
    match: Match
    folded: tuple[tuple[int, int], ...] = ()
    rejects: bool = False


def tables_of(path: Path, layer: Layer, *, asked: Asked, units: geopandas.GeoDataFrame | None = None) -> list[RawTable]:
    """The tables of a file, whatever its kind, with their cells as they stand.

    Of an export of cells, which may hold a country, those within ``CELLS_BEYOND_DEG`` of the units.
    """
    suffix = path.suffix.lower()
    named = path.name.lower()
    if layer.name in ("sites", "sectors") and named.endswith((".csv", ".csv.gz")) and is_opencellid(path):
        bounds = None
        if units is not None and len(units):
            left, bottom, right, top = units.to_crs("EPSG:4326").total_bounds.tolist()
            away = CELLS_BEYOND_DEG
            bounds = (left - away, bottom - away, right + away, top + away)
        cells = read_opencellid(path, bounds=bounds, height_m=asked.height_m)
        return [cells.sites if layer.name == "sites" else cells.sectors]
    if layer.name in _FIBRE and suffix in (".json", ".geojson") and is_open_fibre(path):
        fibre = read_open_fibre(path)
        return [fibre.nodes if layer.name == "fibre_nodes" else fibre.spans]
    if suffix in (*TEXT_FILES, *WORKBOOKS):
        return read_tables(path, encoding=asked.encoding, sheet=asked.sheet)
    try:
        tables = read_vectors(path, encoding=asked.encoding)
    except InputError as error:
        if error.code != "read.zip_nothing":
            raise
        return _zipped_tables(path, asked=asked)
    if layer.name in _MOVED_OVER and is_osm(path.name):
        tables = [raw for raw in (of_osm(one, layer.name) for one in tables) if len(raw.frame)]
        if not tables:
            raise InputError("read.osm_nothing", file=path.name, layer=layer.name)
    if asked.sheet is None:
        return tables
    wanted = [raw for raw in tables if raw.sheet == asked.sheet]
    if not wanted and any(raw.sheet for raw in tables):
        raise InputError(
            "read.no_such_sheet", file=path.name, sheet=asked.sheet, names=", ".join(raw.sheet for raw in tables)
        )
    return wanted or tables


def _zipped_tables(path: Path, *, asked: Asked) -> list[RawTable]:
    with TemporaryDirectory() as folder:
        members = [
            member for member in unpacked(path, into=folder) if member.suffix.lower() in (*TEXT_FILES, *WORKBOOKS)
        ]
        tables: list[RawTable] = []
        missing: InputError | None = None
        for member in members:
            inner = f"{path.name}/{member.relative_to(folder).as_posix()}"
            try:
                read = read_tables(member, encoding=asked.encoding, sheet=asked.sheet)
            except InputError as error:
                if error.code != "read.no_such_sheet":
                    raise
                missing = error
                continue
            for raw in read:
                faults = tuple(replace(fault, file=inner) for fault in raw.faults)
                tables.append(replace(raw, file=inner, faults=faults))
    if not tables:
        raise missing or InputError("read.zip_nothing", file=path.name, names="-")
    return tables


def understood(
    path: Path,
    layer: Layer,
    *,
    asked: Asked,
    units: geopandas.GeoDataFrame | None = None,
    mappings: Path | None = None,
) -> Understood:
    """The table of ``path`` that holds ``layer``, in the schema's terms.

    ``units``: those of the day the file's codes are of, any CRS, where they are known: names of units become codes, and
    coordinates are read so that rows fall into the units they name. ``mappings``: where what the user said of such
    headings before is kept. InputError where something stays in doubt.
    """
    tables = tables_of(path, layer, asked=asked, units=units)
    given = [unmarked(raw) for raw in tables]
    plainer = [decoded(raw, encoding=asked.encoding) for raw in given]
    mapping: Mapping[str, str] | None = asked.mapping
    notes: tuple[Fault, ...] = ()
    if mapping is None and mappings is not None:
        known = [recall(mappings, layer, list(map(str, raw.frame.columns)), file=raw.file) for raw in plainer]
        mapping, notes = max(known, key=lambda one: len(one.mapping))
    match = chosen(plainer, layer, mapping=mapping)
    at = next(k for k, one in enumerate(plainer) if _same_table(one, match.raw))
    notes = (*notes, *_others([raw for k, raw in enumerate(given) if k != at], layer, of=given[at].sheet))
    raw = replace(match.raw, faults=(*match.raw.faults, *notes))
    raw = plain(worded(raw, layer), layer, decimal=asked.decimal, day_first=asked.day_first)
    if units is not None and len(units):
        former = None if asked.lineage is None else _former(asked.lineage, units)
        raw = resolved(raw, layer, units=units, former=former)
    raw = placed(raw, layer, places=_places(raw, layer, units), crs=asked.crs)
    gone: tuple[tuple[int, int], ...] = ()
    if layer.name == "sites" and raw.geometry is not None:
        raw = replace(raw, faults=(*raw.faults, *_sectors_too(plainer[at], layer)))
        raw, gone = folded(raw)
    stood, legible = (_of_rows(one, match.raw.rows) for one in (given[at], plainer[at]))
    return Understood(stood, legible, raw, match, gone, given[at] is not tables[at])


def _others(tables: Sequence[RawTable], layer: Layer, *, of: str) -> list[Fault]:
    """A note that names the other tables of the file: what they hold is not imported. ``of``: the sheet that is."""
    notes = {say("form.notes_sheet", lang) for lang in LANGS} if of == layer.name else set[str]()  # of a form
    names = [f"{raw.sheet or raw.file} ({len(raw.rows)})" for raw in tables if len(raw.rows) and raw.sheet not in notes]
    if not names:
        return []
    more = ", …" if len(names) > MOST_NAMED else ""
    params = {"names": ", ".join(names[:MOST_NAMED]) + more}
    return [Fault("note.other_tables", tables[0].file, layer.name, params=params)]


def _sectors_too(raw: RawTable, layer: Layer) -> list[Fault]:
    """A note that a list of masts says of their sectors, too, with the columns it lacks for these.

    An export of cells lacks none: its reader makes the sectors.
    """
    if any(fault.code == "note.cells_gathered" for fault in raw.faults):
        return []
    try:
        used = set(matched(raw, LAYERS["sectors"]).used.values())
    except InputError:
        return []
    if "technology" not in used:
        return []
    needed = [column.name for column in LAYERS["sectors"].columns if column.required and column.name not in used]
    code = "note.sectors_lack" if needed else "note.sectors_too"
    return [Fault(code, raw.file, layer.name, raw.sheet, params={"names": ", ".join(needed)})]


def _places(raw: RawTable, layer: Layer, units: geopandas.GeoDataFrame | None) -> Places:
    """Where rows should lie: in the units, and each in the one it names even if the layer has no column for it."""
    if units is None or not len(units) or layer.name == "units":
        return Places()
    refers = any(target == "units" for target, _ in layer.refers.values())
    if refers or "unit_name" not in raw.frame:
        return Places(units=units)
    codes = matches(raw.frame, Gazetteer.of(units))["code"]
    return Places(units=units, named=codes.where(codes.notna(), None).to_numpy(dtype=object))


def _former(path: Path, units: geopandas.GeoDataFrame) -> pd.DataFrame:
    """Names that units bore before: rows of a table of descent with ``name`` (``district``, ``province``), and in
    ``code_<year of the units>`` the codes of the units that hold the land now, several joined by ";"."""
    table = read_any(path).frame
    column = f"code_{date_of(units).year}"
    for wanted in ("name", column):
        if wanted not in table:
            raise InputError("units.no_column", file=path.name, wanted=wanted, names=", ".join(map(str, table.columns)))
    there = [name for name in ("name", "district", "province") if name in table]
    former: pd.DataFrame = table[there].assign(code=texts_of(table[column]))
    return former


def _of_rows(raw: RawTable, rows: NDArray[np.int64]) -> RawTable:
    """The table without rows that are none of the list's: the example of a form."""
    own = np.isin(raw.rows, rows)
    if own.all():
        return raw
    shapes = None if raw.geometry is None else raw.geometry[own]
    return replace(raw, frame=raw.frame[own].reset_index(drop=True), rows=raw.rows[own], geometry=shapes)


def _same_table(one: RawTable, other: RawTable) -> bool:
    return (one.file, one.sheet) == (other.file, other.sheet)
