"""Brings files into a study: read with distrust, judged, put beside or in place of what is there, and reported.

A study's folder ``imports/`` keeps the report (.html, .xlsx, .json) of the last import of each layer, and of each list
its rows that were rejected (to be mended and imported again with ``add``) and columns that are none of the schema's.
"""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import date
from hashlib import file_digest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np
import pandas as pd

from phusong.layers.checks.check import LAST_CLASS, check_values
from phusong.layers.checks.outlines import mended
from phusong.layers.checks.validate import Checked, validate
from phusong.layers.columns.mappings import recall, remember
from phusong.layers.columns.synonyms import UNIT_NAMES
from phusong.layers.dated.units import needs_date, refuse_other_date, table_date
from phusong.layers.errors import Fault, InputError
from phusong.layers.grid import Grid, Raster
from phusong.layers.merge import (
    alike,
    among,
    beside,
    concerned,
    gone,
    in_place,
    keys_of,
    other_dates,
    standing,
    staying,
    units_of,
)
from phusong.layers.office import Asked, Understood, understood
from phusong.layers.places.projection import operation, operation_text
from phusong.layers.rasters import write_cog
from phusong.layers.readers.pattern import pattern_files, read_pattern
from phusong.layers.readers.raw import RawTable
from phusong.layers.readers.vector import layer_names
from phusong.layers.report import ImportReport, refusal, rejected_rows, report_of
from phusong.layers.schema import LAYERS, PATTERNS, RASTERS, Layer
from phusong.layers.study import Study
from phusong.layers.tiles import raster_files, tiles_bounds, tiles_of, warp_tiles
from phusong.layers.vietnamese.text import preview
from phusong.layers.writers.aside import written_aside
from phusong.layers.writers.report import FORMATS, write_rejects, write_report
from phusong.layers.writers.tables import write_csv
from phusong.layers.writers.vectors import put_layer

NO_CLASS = LAST_CLASS + 1  # mark for no data in the file
LONGEST_NAME = 31
"""Characters of a list's name in the names of its files: as many as a sheet's name may have."""
_UNSAFE = re.compile(r"[^\w .()+,&@-]")
_OF_RASTERS = frozenset({"as_of", "source", "height_unit"})
_OF_TABLES = frozenset(field.name for field in fields(Asked)) - {"height_unit", "height_m"}


class Imported(NamedTuple):
    """The report of an import, the files that tell it (none of a raster or a pattern), and texts that were converted.

    ``texts``: as they stood and as they were read, of an import that was only looked at. ``lost``: what became of rows
    that the layer had; of the study and not of the file, whose report is the same whenever it is imported.
    """

    report: ImportReport
    told: tuple[Path, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    lost: tuple[Fault, ...] = ()


def import_files(
    root: Path, name: str, files: Sequence[Path], *, asked: Asked | None = None, write: bool = True
) -> Imported:
    """Bring files into the layer or raster ``name`` of a study: one for a layer, any number of tiles for a raster.

    Good rows go in, in place of the layer's or (``asked.add``) beside them; bad ones are written to be mended. A row
    that is there already, cell for cell, changes nothing; another row with its key is rejected. Antenna patterns
    (``name`` "patterns") are kept as they are under the files' names; a file may be a folder of them. InputError if the
    name is unknown, the file leaves a doubt that only the user can settle, or nothing of it can be used: the study is
    then as before. Without ``write`` nothing is written.
    """
    study, asked = Study(root), asked or Asked()
    if not files:
        raise InputError("import.one_file", layer=name, count=0)
    if name in RASTERS:
        _refuse_idle(asked, name, heeded=_OF_RASTERS)
        return Imported(_import_raster(study, name, files, asked=asked, write=write))
    if name == PATTERNS:
        _refuse_idle(asked, name, heeded=frozenset())
        return Imported(_import_patterns(study, files, write=write))
    if name not in LAYERS:
        near = difflib.get_close_matches(name, (*LAYERS, *RASTERS, PATTERNS), n=1, cutoff=0.0)
        raise InputError("import.unknown_layer", found=name, nearest=near[0])
    if len(files) != 1:
        raise InputError("import.one_file", layer=name, count=len(files))
    _refuse_idle(asked, name, heeded=_OF_TABLES | ({"height_m"} if name in ("sites", "sectors") else set()))
    return _import_table(study, LAYERS[name], Path(files[0]), asked=asked, write=write)


def _import_table(study: Study, layer: Layer, file: Path, *, asked: Asked, write: bool) -> Imported:
    everything, settings = standing(study, concerned(layer)), study.settings
    there = {name: one for name, one in everything.items() if not one.fatal and len(one.frame)}
    known = there.get(layer.name)
    if asked.mapping is not None:
        recall(study.mappings_path, layer, ())  # a broken file is told before anything is written
    if asked.add:
        _refuse_losses(everything.get(layer.name), layer)  # rows that stay are written again
    units = units_of(there, study)
    outlines = None if units is None else units.frame
    try:
        read = understood(file, layer, asked=asked, units=outlines, mappings=study.mappings_path)
        if read.rejects and known is not None and not asked.add:
            raise InputError("import.rejects_alone", file=file.name, layer=layer.name)
        raw = _without(read.raw, read.match.unmatched)
        day = _day(raw, read, layer, asked=asked, study=study, units=there.get("units"), file=file)
        if asked.clean:
            raw = _cleaned(raw, layer, crs=settings.crs)
    except InputError as error:
        if write:
            _write_reports(study, refusal(error, file=file.name, layer=layer.name), None)
        raise
    of_list = "" if not read.rejects else _list_of_rejects(file, read)
    defaults: dict[str, Any] = {
        "valid_on": day or settings.units_valid_on,
        "source": asked.source or of_list or file.name,
    }
    if asked.as_of is not None:
        defaults["as_of"] = asked.as_of
    of = _safe(of_list or " ".join(filter(None, (defaults["source"], asked.sheet))))
    checked = validate(raw, layer, crs=settings.crs, defaults=defaults)
    already, whole, lost = 0, checked.frame, tuple[Fault, ...]()
    if not checked.fatal:
        checked = among(checked, there, units=units)
        if asked.add and known is not None:
            sectors = there.get("sectors")
            operated = None if sectors is None else sectors.frame
            checked, already, whole = beside(checked, known.frame, layer, sectors=operated)
        else:
            whole = in_place(checked, None if known is None else known.frame)
            if layer.name == "units":
                _refuse_losses(staying(study, checked.frame), layer)
            if known is not None:
                lost = gone(checked, known.frame, whole)
        if known is not None and not read.rejects:
            stays = known.frame if asked.add else other_dates(known.frame, checked.frame, layer)
            _refuse_namesake(study, layer, checked.frame, stays, of=of, source=defaults["source"])
    judged = checked if not read.folded or checked.fatal else _with_folded(checked, read)
    report = report_of(
        read.given,
        judged,
        sha256=_digest(file),
        already=already,
        used=read.match.used,
        unmatched=read.match.unmatched,
        operation=operation_text() if read.raw.crs is not None and operation(read.raw.crs, settings.crs) else "",
    )
    if not write:
        return Imported(report, (), tuple(preview(read.given, encoding=asked.encoding)), lost)
    good = not checked.fatal and len(checked.frame) > 0
    if good and (known is None or rejected_rows(known.faults) or not alike(whole, known.frame)):
        put_layer(whole, study.layers_path, layer=layer.name)
    told = _write_reports(study, report, read.legible)
    if not checked.fatal:
        told += _put_apart(study, report, read, judged, layer, of=of)
    if not good:
        params = {"file": file.name, "layer": layer.name, "read": report.read}
        raise InputError("import.refused", faults=judged.faults, **params)
    if asked.mapping is not None:
        remember(study.mappings_path, layer, [*read.match.used, *read.match.unmatched], asked.mapping)
    return Imported(report, tuple(told), lost=lost)


def _day(
    raw: RawTable, read: Understood, layer: Layer, *, asked: Asked, study: Study, units: Checked | None, file: Path
) -> date | None:
    """The day of the units that the table is of or names, None where neither it nor the user says it; InputError where
    the study's units are of another."""
    day, here = asked.valid_on, study.settings.units_valid_on
    if codes := needs_date(layer):
        day = table_date(raw, valid_on=asked.valid_on)
        if units is not None:
            of_here, of_then = (units.frame[units.frame["valid_on"] == np.datetime64(one, "s")] for one in (here, day))
            if len(of_here):
                frame, root = raw.frame, study.root
                refuse_other_date(
                    frame, of_here, table_valid_on=day, code=codes, table_units=of_then, file=file, study=root
                )
        return day
    coded = [column for column, (target, _) in layer.refers.items() if target == "units"]
    if day not in (None, here) and not set(coded).isdisjoint(read.match.used.values()):
        raise InputError("import.other_units", file=file.name, found=f"{day}", expected=f"{here}")
    return day


def _refuse_idle(asked: Asked, layer: str, *, heeded: frozenset[str]) -> None:
    """InputError if the user said something that nobody would heed."""
    for field in fields(Asked):
        if field.name not in heeded and getattr(asked, field.name) != field.default:
            option = {"mapping": "map"}.get(field.name, field.name.replace("_", "-"))
            raise InputError("import.option_idle", option=f"--{option}", layer=layer)


def _safe(name: str) -> str:
    """A list's name as part of a file's name and as a sheet's; where it had to be changed a checksum tells it apart."""
    plain = _UNSAFE.sub("_", unicodedata.normalize("NFC", name)).strip(" .")
    if plain.casefold().startswith("gpkg") or plain.casefold() == "history":  # names the formats keep for themselves
        plain = f"_{plain}"
    if plain == name and 0 < len(plain) <= LONGEST_NAME:
        return plain
    return f"{plain[: LONGEST_NAME - 9].rstrip(' .')}-{crc32(name.encode()):08x}"


def _list_of_rejects(file: Path, read: Understood) -> str:
    """The list whose rejected rows these are: its name is their sheet's, or the one layer's of a GeoPackage."""
    return read.given.sheet or (layer_names(file)[0] if file.suffix.lower() == ".gpkg" else "")


def _refuse_namesake(
    study: Study, layer: Layer, new: pd.DataFrame, stays: pd.DataFrame, *, of: str, source: str
) -> None:
    """InputError where files of the list ``of`` are there and the rows that stay under its name are all others than the
    new ones: another list's, whose rejected rows and other columns would be lost."""
    kinds = ("rejects.xlsx", "rejects.gpkg", "unmatched.csv")
    if not any((study.imports_dir / f"{layer.name}.{of}.{kind}").exists() for kind in kinds):
        return
    mine, named = (keys_of(frame, layer) for frame in (new, stays[stays["source"] == source]))
    if len(mine) and len(named) and not named.isin(mine).any():
        raise InputError("import.namesake", layer=layer.name, name=source, count=len(named))


def _refuse_losses(known: Checked | None, layer: Layer) -> None:
    """InputError where the study's layer holds what writing it again would lose: faulty rows, columns of its own."""
    if known is None:
        return
    if known.fatal or rejected_rows(known.faults):
        raise InputError("import.there_faulty", faults=known.faults, layer=layer.name)
    extra = [fault.column for fault in known.faults if fault.code.startswith("note.unknown_column")]
    if extra:
        raise InputError("import.there_columns", layer=layer.name, names=", ".join(extra))


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return file_digest(content, "sha256").hexdigest()


def _cleaned(raw: RawTable, layer: Layer, *, crs: str) -> RawTable:
    """The table with the outlines of its units mended, as the user asked; each change is told."""
    if layer.name != "units":
        raise InputError("import.clean_units", layer=layer.name)
    return mended(raw, crs=crs)[0]


def _without(raw: RawTable, unmatched: Sequence[str]) -> RawTable:
    """The table without what the schema does not know: columns kept apart, and names that only told the unit."""
    return replace(raw, frame=raw.frame.drop(columns=[*unmatched, *UNIT_NAMES], errors="ignore"))


def _with_folded(checked: Checked, read: Understood) -> Checked:
    """With the rows that stand for sectors of a mast: kept where the mast's own row is, rejected where it is not."""
    there = set(checked.rows.tolist())
    kept = [row for row, mast in read.folded if mast in there]
    lost = [
        checked.fault("fault.mast_rejected", row=row, column="site_id", first_row=mast)
        for row, mast in read.folded
        if mast not in there
    ]
    rows = np.sort(np.concatenate([checked.rows, np.array(kept, dtype=np.int64)]))
    return replace(checked, rows=rows, faults=(*checked.faults, *lost))


def _write_reports(study: Study, report: ImportReport, legible: RawTable | None) -> list[Path]:
    folder, lang = study.imports_dir, study.settings.language
    folder.mkdir(exist_ok=True)
    return [write_report([report], folder / f"{report.layer}.{kind}", lang=lang, tables=[legible]) for kind in FORMATS]


def _put_apart(
    study: Study, report: ImportReport, read: Understood, judged: Checked, layer: Layer, *, of: str
) -> list[Path]:
    """Write the rejected rows of the list named ``of`` and its columns that are none of the schema's, in place of those
    of its last import; what its mended rows have of such columns stands beside them."""
    stem, lang, told = study.imports_dir / f"{layer.name}.{of}", study.settings.language, list[Path]()
    if rows := rejected_rows(report.faults):
        path = Path(f"{stem}.rejects.xlsx")
        told.append(write_rejects(read.legible, rows, report.faults, path, lang=lang, used=read.match.used, name=of))
    for kind in ("xlsx", "gpkg"):
        if (old := Path(f"{stem}.rejects.{kind}")) not in told:
            old.unlink(missing_ok=True)
    path = Path(f"{stem}.{report.sha256[:8]}.unmatched.csv" if read.rejects else f"{stem}.unmatched.csv")
    path.unlink(missing_ok=True)
    if read.match.unmatched and len(judged.rows):
        told.append(write_csv(_unmatched(read, judged, layer), path))
    return told


def _unmatched(read: Understood, judged: Checked, layer: Layer) -> pd.DataFrame:
    """The kept rows' cells under headings that are no column of the schema, beside the layer's key."""
    raw, masts = read.match.raw, dict(read.folded)
    cells = raw.frame.iloc[pd.Index(raw.rows).get_indexer(pd.Index(judged.rows))][list(read.match.unmatched)]
    own = np.flatnonzero(~np.isin(judged.rows, list(masts)))  # frames hold no row for sectors that stand for a mast
    place = pd.Index(judged.rows[own]).get_indexer(pd.Index([masts.get(row, row) for row in judged.rows.tolist()]))
    keys = pd.DataFrame(judged.frame[list(layer.key)]).iloc[place]
    return pd.concat([keys.reset_index(drop=True), cells.reset_index(drop=True)], axis=1)


def _import_patterns(study: Study, given: Sequence[Path], *, write: bool) -> ImportReport:
    """Put pattern files, or all files of folders, into the study; nothing if one is broken."""
    files = [file for path in given for file in (pattern_files(path).values() if path.is_dir() else [path])]
    faults: list[Fault] = []
    broken = not files
    for each in files:
        try:
            faults += read_pattern(each).notes
        except InputError as error:
            faults += error.faults or [Fault(error.code, file=each.name, params=error.params)]
            broken = True
    named: dict[str, Path] = {}
    for each in [] if broken else files:
        other = named.setdefault(each.name.casefold(), each)
        if other.read_bytes() != each.read_bytes():
            faults.append(Fault("fault.pattern_twice", file=each.name, fatal=True))
            broken = True
    if broken:
        raise InputError("import.refused", faults=tuple(faults), file=given[0].name, layer=PATTERNS, read=len(files))
    if write:
        study.patterns_dir.mkdir(exist_ok=True)
    for each in files if write else []:
        with written_aside(study.patterns_dir / each.name) as aside:
            aside.write_bytes(each.read_bytes())
    return ImportReport(
        file=given[0].name, layer=PATTERNS, read=len(files), kept=len(files), rejected=0, faults=tuple(faults)
    )


def _import_raster(study: Study, name: str, files: Sequence[Path], *, asked: Asked, write: bool) -> ImportReport:
    """Warp tiles onto the study's grid: their extent, cut to the communes' with a margin if there are any."""
    settings = study.settings
    with TemporaryDirectory() as folder:
        tiles = tiles_of(raster_files(files, into=folder))
        bounds = tiles_bounds(tiles, crs=settings.crs)
        there = {key: one for key, one in standing(study, ("units",)).items() if not one.fatal and len(one.frame)}
        units = units_of(there, study)
        if units is not None:
            margin_m = settings.radio.max_range_km * 1000
            left, bottom, right, top = units.frame.total_bounds
            wanted = (left - margin_m, bottom - margin_m, right + margin_m, top + margin_m)
            bounds = (*map(max, bounds[:2], wanted[:2]), *map(min, bounds[2:], wanted[2:]))
        if bounds[0] >= bounds[2] or bounds[1] >= bounds[3]:
            raise InputError("import.raster_elsewhere", file=tiles.name)
        if not all(map(math.isfinite, bounds)):
            raise InputError("import.raster_unbounded", file=tiles.name)
        grid = Grid.covering(bounds, crs=settings.crs, cell_m=settings.cell_m)
        raster, noticed = warp_tiles(tiles, grid, layer=name, unit=asked.height_unit)
    faults = [*noticed, *check_values(raster, layer=name, file=tiles.name)]
    if any(fault.fatal for fault in faults):
        read = int(np.isfinite(raster.values).sum())
        raise InputError("import.refused", faults=tuple(faults), file=tiles.name, layer=name, read=read)
    known = np.isfinite(raster.values)
    if not known.any():
        raise InputError("import.raster_elsewhere", file=tiles.name)
    count = int(known.sum())
    report = ImportReport(file=tiles.name, layer=name, read=count, kept=count, rejected=0, faults=tuple(faults))
    if not write:
        return report
    tags = {"source": asked.source or tiles.name, **({"as_of": asked.as_of.isoformat()} if asked.as_of else {})}
    study.rasters_dir.mkdir(exist_ok=True)
    path = study.rasters_dir / f"{name}.tif"
    if name == "land_cover":
        codes = np.where(known, raster.values, NO_CLASS).astype(np.uint16)
        tags = {"classes": "esa_worldcover"} | raster.tags | tags
        write_cog({name: codes}, path, grid=grid, nodata=NO_CLASS, tags=tags)
    else:
        write_cog(Raster(grid, raster.values, raster.tags | tags), path)
    return report
