"""A list of a study as asked for: from its results or judged anew, compared with an older one, written to a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import geopandas as gpd

from phusong.api.lists.anew import judged_anew
from phusong.api.lists.build import Built, build, known_list, with_changes
from phusong.api.lists.changes import Changes, Older, compare, older_of, read_older
from phusong.api.lists.filters import EVERYTHING, Filters, checked
from phusong.api.lists.frames import OF_GAPS, list_frame, reasons_of
from phusong.api.lists.tables import Tables
from phusong.api.pipeline import Inputs, read_study
from phusong.layers.errors import InputError
from phusong.layers.messages import Lang, say
from phusong.layers.study import Study
from phusong.layers.writers.lists import write_office_xlsx
from phusong.layers.writers.tables import write_csv
from phusong.layers.writers.vectors import FORMATS, write_geojson, write_geoparquet, write_gpkg

MADE_FROM = ("units", "villages")
"""The layers whose rows must be those of the run where a list is judged anew."""


@dataclass(frozen=True)
class Asked:
    """A list as asked for: which, narrowed to what, in what order, and since which older study or exported list."""

    which: str
    filters: Filters = EVERYTHING
    by_name: bool = False
    grouped: bool = True
    since: Path | None = None


@dataclass(frozen=True)
class Made:
    """A list, and what changed since the older one if that was asked for."""

    built: Built
    changes: Changes | None = None
    before: date | None = None


def make(study: Study, asked: Asked, lang: Lang) -> Made:
    """The list of a study's last run; InputError and MissingError as ``build``, ``judged_anew`` and ``compare``."""
    tables, filters = _tables(study, asked)
    built = build(tables, asked.which, lang=lang, filters=filters, by_name=asked.by_name, grouped=asked.grouped)
    if asked.since is None:
        return Made(built)
    older = _older(asked.since, asked, lang)
    reasons = reasons_of(tables, asked.which, filters) if asked.which in OF_GAPS else None
    changes = compare(asked.which, built.frame, tables, reasons=reasons, older=older, lang=lang, study=study.root)
    told = with_changes(built, changes, tables, filters=filters, before=older.as_of, lang=lang)
    return Made(told, changes, older.as_of)


def anew(tables: Tables, filters: Filters, inputs: Inputs, *, folder: str) -> Tables:
    """The tables judged anew by checked filters; InputError if the layers are no longer those of the run.

    ``folder``: the study's folder as whoever asks may know it.
    """
    ran = tables.record.get("inputs", {})
    changed = [name for name in MADE_FROM if ran.get(name) != inputs.hashes.get(name)]
    if changed:
        raise InputError("list.error.inputs_changed", layers=", ".join(changed), study=folder)
    return judged_anew(tables, filters, rules=inputs.rules, villages=inputs.layers.get("villages"))


def writable(path: Path) -> str:
    """The format that a file's suffix names; InputError if a list cannot be written so."""
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise InputError("list.error.format", found=path.suffix or path.name, known=", ".join(FORMATS))
    return kind


def write_list(built: Built, path: Path, lang: Lang) -> Path:
    """The list as its suffix says: XLSX with all sheets as printed; CSV under headings in words; GeoJSON, GeoPackage
    and GeoParquet with the columns' ids and codes.

    InputError for another suffix, and for GeoJSON of a list without places.
    """
    kind = writable(path)
    if kind == "xlsx":
        return write_office_xlsx(built.sheets, path)
    if kind == "csv":
        table = built.office.flat()
        for name in ("valid_on", "as_of", "data"):
            if name in built.frame and len(built.frame) == len(table):
                table[say(f"list.column.{name}", lang)] = built.frame[name].to_numpy()
        return write_csv(table, path)
    frame = built.frame
    if kind == "parquet":
        return write_geoparquet(frame, path)
    if isinstance(frame, gpd.GeoDataFrame) and frame.geometry.name in frame:
        return write_geojson(frame, path) if kind == "geojson" else write_gpkg({built.which: frame}, path)
    if kind == "geojson":
        raise InputError("list.error.no_places", which=built.which)
    return write_gpkg({built.which: frame}, path)


def _tables(study: Study, asked: Asked) -> tuple[Tables, Filters]:
    """The results that the list is made from, judged anew if the filters ask for it, and the filters checked."""
    tables = Tables.of(study)
    filters = checked(asked.filters, known_list(asked.which), tables)
    if filters.judges_anew:
        tables = anew(tables, filters, read_study(study), folder=str(study.root))
    return tables, filters


def _older(since: Path, asked: Asked, lang: Lang) -> Older:
    """The older list: of a study's results, filtered alike, or of a file."""
    if not since.is_dir():
        return read_older(since, asked.which)
    study = Study(since)
    tables, filters = _tables(study, asked)
    rows = list_frame(tables, asked.which, filters=filters, lang=lang)
    reasons = reasons_of(tables, asked.which, filters) if asked.which in OF_GAPS else None
    return older_of(tables, rows, reasons)
