"""Reports of imports and checks out (HTML, XLSX, JSON), and the rejects: a table to be mended and imported again."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import geopandas
import jinja2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.layers.errors import Fault
from phusong.layers.messages import Lang, say
from phusong.layers.messages.format import number
from phusong.layers.readers.raw import RawTable
from phusong.layers.report import (
    KINDS,
    SCHEMA,
    Group,
    ImportReport,
    Kind,
    basis,
    counts,
    expected,
    faults_json,
    found,
    grouped,
    headings,
    kind_line,
    kind_of,
    ranges,
    report_json,
    tell,
    text,
    title,
)
from phusong.layers.writers.aside import written_aside
from phusong.layers.writers.vectors import write_gpkg
from phusong.layers.writers.workbook import LARGEST_WHOLE, MOST_ROWS, Mark, Page, write_book

FORMATS = ("html", "xlsx", "json")
REASON = "Lý do / Reason"
SOURCE_ROW = "Dòng nguồn / Source row"
MOST_OF_A_KIND = 500
"""Faults of one group that the page lists one by one."""
MOST_ON_PAGE = 5_000
_OWN = frozenset({REASON.casefold(), SOURCE_ROW.casefold()})
_BESIDE = frozenset({"fid", "ogc_fid", "geom", "geometry"})  # a GeoPackage has its own of these
_POLICY_MARK = "phusong-content-security-policy"
_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)


def write_report(
    reports: Sequence[ImportReport],
    path: str | Path,
    *,
    lang: Lang,
    headline: str = "",
    tables: Sequence[RawTable | None] = (),
) -> Path:
    """The reports as one file, by its ending .html, .xlsx or .json; the same reports give the same bytes.

    ``headline`` stands on top ("Import report" where it is empty). ``tables``: for each report the table as its reader
    gave it, whose rows with faults a workbook shows as they stood. ValueError for another ending.
    """
    path = Path(path)
    headline = tell(headline) or say("import_report.title", lang)
    kind = path.suffix.lower().removeprefix(".")
    if kind == "xlsx":
        return _write_xlsx(reports, path, lang=lang, tables=tables)
    if kind == "html":
        content = _page(reports, headline, lang)
    elif kind == "json":
        content = _json_lines(reports)
    else:
        raise ValueError(f"no report is written as {path.suffix}; there are {', '.join(FORMATS)}")
    with written_aside(path) as aside:
        aside.write_bytes(content.encode("utf-8", "replace"))
    return path


def write_rejects(
    raw: RawTable,
    rows: Collection[int],
    faults: Sequence[Fault],
    path: str | Path,
    *,
    lang: Lang,
    used: Mapping[str, str] | None = None,
    name: str = "",
) -> Path:
    """The rows numbered ``rows`` of a table as it was read, with the reason in the last column; returns the path.

    Headings and cells stay as they stood (text stays text, "007" too); the row each had in its source stands before the
    reason. Offending cells are coloured, and the first bear a comment. Once mended, the file is imported like any
    other: ``unmarked`` takes the two columns off again. A row that the reader did not take apart has its reason alone.
    A table with shapes of its own is written as a GeoPackage under the same name, to be mended in a GIS.
    ``used``: heading -> column of the schema, by which faults name their column. ``name``: the sheet's, else the
    source's.
    """
    wanted, used = sorted(set(rows)), used or {}
    own = [fault for fault in faults if kind_of(fault) in ("rejected", "refused")]
    words = [text(fault, lang) for fault in own]
    if raw.geometry is not None:
        reasons = _reasons(own, words, used)
        return _write_shapes(raw, raw.geometry, wanted, reasons, Path(path).with_suffix(".gpkg"), name=name)
    name = name or raw.sheet or Path(raw.file).stem
    return write_book([_rows_page(raw, wanted, own, words, name=name, used=used)], path)


def unmarked(raw: RawTable) -> RawTable:
    """A table without the two columns that ``write_rejects`` adds."""
    keep = [" ".join(str(name).split()).casefold() not in _OWN for name in raw.frame.columns]
    return raw if all(keep) else replace(raw, frame=raw.frame.loc[:, keep])


def _json_lines(reports: Sequence[ImportReport]) -> str:
    """JSON with a line for each report and each fault."""
    told = []
    for report in reports:
        start = json.dumps(report_json(report), ensure_ascii=False, allow_nan=False)
        faults = [json.dumps(fault, ensure_ascii=False, allow_nan=False) for fault in faults_json(report)]
        told.append(f'{start[:-1]}, "faults": [\n' + ",\n".join(faults) + "\n]}")
    return f'{{"schema": "{SCHEMA}", "reports": [\n' + ",\n".join(told) + "\n]}\n"


def _places(raw: RawTable, rows: Sequence[int]) -> list[int]:
    """Where rows stand in the frame, -1 for those the reader left out."""
    known = {int(row): at for at, row in reversed(list(enumerate(raw.rows.tolist())))}
    return [known.get(row, -1) for row in rows]


def _reasons(faults: Sequence[Fault], words: Sequence[str], used: Mapping[str, str]) -> dict[int, str]:
    """What is wrong with each row as one text: the columns concerned, and what is said of them."""
    named = headings(faults, used)
    reasons: dict[int, str] = {}
    for fault, said in zip(faults, words, strict=True):
        if fault.row is None:
            continue
        column = named[fault.column]
        reason, before = f"{column}: {said}" if column else said, reasons.get(fault.row)
        if before is None:
            reasons[fault.row] = reason
        elif reason not in before.split(" | "):
            reasons[fault.row] = f"{before} | {reason}"
    return reasons


def _rows_page(
    raw: RawTable,
    rows: Sequence[int],
    faults: Sequence[Fault],
    words: Sequence[str],
    *,
    name: str,
    used: Mapping[str, str],
) -> Page:
    """Rows as they stood, where each came from and why it is here; offending cells marked."""
    columns = [str(column) for column in raw.frame.columns]
    at = {" ".join(column.split()): i for i, column in reversed(list(enumerate(columns)))}
    at |= {meant: at[" ".join(one.split())] for one, meant in used.items() if " ".join(one.split()) in at}
    cells = [raw.frame.iloc[:, i].astype(object).tolist() for i in range(len(columns))]
    reasons, empty = _reasons(faults, words, used), (None,) * len(columns)
    body = [
        (*((column[place] for column in cells) if place >= 0 else empty), row, reasons.get(row, ""))
        for row, place in zip(rows, _places(raw, rows), strict=True)
    ]
    here = {row: k for k, row in enumerate(rows)}
    marks: dict[tuple[int, int], Mark] = {}
    for fault, said in zip(reversed(faults), reversed(words), strict=True):  # of several the first one stays
        if fault.row in here:
            mark = Mark("red" if kind_of(fault) in ("rejected", "refused") else "yellow", said)
            for column in [fault.column] if fault.column in at else fault.column.split(", "):
                if column in at:
                    marks[here[fault.row], at[column]] = mark
    return Page(name, [*columns, SOURCE_ROW, REASON], body, marks, as_stood=True)


def _write_shapes(
    raw: RawTable,
    shapes: NDArray[np.object_],
    rows: Sequence[int],
    reasons: Mapping[int, str],
    path: Path,
    *,
    name: str,
) -> Path:
    places = _places(raw, rows)
    names = _unlike([str(name) for name in raw.frame.columns])
    table = {name: _at(raw.frame.iloc[:, i], places) for i, name in enumerate(names)}
    table[SOURCE_ROW] = pd.Series(rows, dtype="int64")
    table[REASON] = pd.Series([reasons.get(row, "") for row in rows], dtype="str")
    geometry = [shapes[place] if place >= 0 else None for place in places]
    name = name or raw.sheet or Path(raw.file).stem
    layer = f"_{name}" if name.casefold().startswith("gpkg") else name  # a prefix that the format keeps for itself
    return write_gpkg({layer: geopandas.GeoDataFrame(table, geometry=geometry, crs=raw.crs)}, path)


def _unlike(names: Sequence[str]) -> list[str]:
    """Names that a GeoPackage takes: different without regard to case, and none of its own."""
    taken, made = set(_BESIDE | _OWN), []
    for own in names:
        name = own
        while name.casefold() in taken:
            name += "_"
        taken.add(name.casefold())
        made.append(name)
    return made


def _at(column: pd.Series[Any], places: Sequence[int]) -> pd.Series[Any]:
    """The cells at places of a column, empty at -1; whole numbers stay whole, as text if a reader might round them."""
    there = [k for k, place in enumerate(places) if place >= 0]
    cells = _of_one_type(column.iloc[[places[k] for k in there]])
    if len(there) == len(places):
        return cells
    if isinstance(cells.dtype, np.dtype) and cells.dtype.kind in "iub":
        long = bool((cells.abs() >= LARGEST_WHOLE).any())
        cells = cells.astype("str") if long else pd.Series(pd.array(cells.to_numpy()))
    return cells.set_axis(there).reindex(range(len(places)))


def _of_one_type(column: pd.Series[Any]) -> pd.Series[Any]:
    """A column as a database field holds it: cells of several kinds become text."""
    column = column.reset_index(drop=True).infer_objects()
    if column.dtype != object:
        return column
    return pd.Series([None if cell is None or cell is pd.NA else str(cell) for cell in column], dtype="str")


def _write_xlsx(reports: Sequence[ImportReport], path: Path, *, lang: Lang, tables: Sequence[RawTable | None]) -> Path:
    words = [[text(fault, lang) for fault in report.faults] for report in reports]
    pages = [_summary(reports, lang), _kinds(reports, lang), _faults(reports, words, lang)]
    for report, said, raw in zip(reports, words, tables, strict=False):
        if raw is not None:
            rows = sorted({fault.row for fault in report.faults if fault.row is not None})
            name = f"{say('import_report.sheet.rows', lang)} {raw.sheet or report.layer}"
            pages.append(_rows_page(raw, rows[:MOST_ROWS], report.faults, said, name=name, used=report.used))
    return write_book(pages, path)


@cache
def _done(kind: Kind, lang: Lang) -> str:
    return say(f"import_report.kind.{kind}", lang)


def _names(lang: Lang, *codes: str) -> list[str]:
    return [say(f"import_report.column.{code}", lang) for code in codes]


def _summary(reports: Sequence[ImportReport], lang: Lang) -> Page:
    """One row a table; then, label beside text, what its rows rest on."""
    facts = [dict(basis(report, lang)) for report in reports]
    labels = list(dict.fromkeys(label for each in facts for label in each))
    rows: list[list[Any]] = []
    for report, each in zip(reports, facts, strict=True):
        numbers = [report.read, report.kept, report.rejected, report.already]
        done = _done("refused", lang) if report.refused else ""
        place = [tell(report.file), tell(report.sheet), tell(report.layer), done]
        rows.append([*place, *numbers, *(each.get(label) for label in labels)])
    columns = _names(lang, "file", "sheet", "layer", "done", "read", "kept", "rejected", "already")
    return Page(say("import_report.sheet.summary", lang), [*columns, *labels], rows)


def _kinds(reports: Sequence[ImportReport], lang: Lang) -> Page:
    rows = [list(_group_cells(group, lang)) for report in reports for group in grouped(report)]
    columns = _names(lang, "done", "file", "sheet", "layer", "column", "count", "rows", "code", "text")
    return Page(say("import_report.section.kinds", lang), columns, rows)


def _group_cells(group: Group, lang: Lang) -> tuple[Any, ...]:
    done = _done(group.kind, lang)
    place = (tell(group.file), tell(group.sheet), tell(group.layer), group.column)
    return (done, *place, len(group.faults), ranges(group.rows), group.code, text(group.faults[0], lang))


def _faults(reports: Sequence[ImportReport], words: Sequence[Sequence[str]], lang: Lang) -> Page:
    rows: list[tuple[Any, ...]] = []
    for report, said in zip(reports, words, strict=True):
        named = headings(report.faults, report.used)
        rows += [_cells(fault, named[fault.column], one, lang) for fault, one in zip(report.faults, said, strict=True)]
    if len(rows) > MOST_ROWS:
        left = number(len(rows) - MOST_ROWS + 1, lang)
        rows = [*rows[: MOST_ROWS - 1], (*(None,) * 9, say("import_report.rows_left_out", lang, count=left))]
    columns = ("done", "file", "sheet", "layer", "row", "column", "found", "expected", "code", "text")
    return Page(say("import_report.sheet.faults", lang), _names(lang, *columns), rows)


def _cells(fault: Fault, column: str, words: str, lang: Lang) -> tuple[Any, ...]:
    return (
        _done(kind_of(fault), lang),
        tell(fault.file),
        tell(fault.sheet),
        tell(fault.layer),
        fault.row,
        column,
        found(fault, lang),
        expected(fault, lang),
        fault.code,
        words,
    )


def _page(reports: Sequence[ImportReport], headline: str, lang: Lang) -> str:
    """One page that opens without network; nothing in it is loaded and no script runs but its own."""
    groups = [group for report in reports for group in grouped(report)]
    shown = [(group.column, fault) for group in groups for fault in group.faults[:MOST_OF_A_KIND]][:MOST_ON_PAGE]
    total = sum(len(report.faults) for report in reports)
    faults = [(kind_of(fault), _cells(fault, column, text(fault, lang), lang)) for column, fault in shown]
    columns = ("done", "file", "sheet", "layer", "row", "column", "found", "expected", "text")
    at = [k for k, name in enumerate((*columns[:8], "code", "text")) if name != "code"]
    several = [any(cells[k] for _, cells in faults) for k in at]
    left_out = ""
    if len(shown) < total:
        params = {"shown": number(len(shown), lang), "count": number(total, lang)}
        left_out = say("import_report.section.left_out", lang, most=number(MOST_OF_A_KIND, lang), **params)
    kinds = [{kind_of(fault) for fault in report.faults} for report in reports]
    page = _template().render(
        lang=lang,
        headline=headline,
        policy=_POLICY_MARK,
        reports=[
            {
                "title": title(report, lang),
                "counts": counts(report, lang),
                "state": "refused" if report.refused else "rejected" if report.rejected else "good",
                "basis": basis(report, lang),
                "kinds": {kind: kind_line(report, kind, lang) for kind in KINDS if kind in done},
            }
            for report, done in zip(reports, kinds, strict=True)
        ],
        group_columns=_names(lang, "done", "table", "column", "count", "rows", "text"),
        groups=[
            {
                "kind": group.kind,
                "done": _done(group.kind, lang),
                "table": ", ".join(filter(None, (tell(group.file), tell(group.sheet), tell(group.layer)))),
                "column": group.column,
                "count": len(group.faults),
                "count_text": number(len(group.faults), lang),
                "rows": ranges(group.rows),
                "text": text(group.faults[0], lang),
            }
            for group in groups
        ],
        fault_columns=[name for name, there in zip(_names(lang, *columns), several, strict=True) if there],
        faults=[(kind, [cells[k] for k, there in zip(at, several, strict=True) if there]) for kind, cells in faults],
        left_out=left_out,
        say=lambda code: say(f"import_report.section.{code}", lang),
    )
    return page.replace(_POLICY_MARK, _policy(page), 1)


@cache
def _template() -> jinja2.Template:
    source = files(__package__).joinpath("data", "import_report.html").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source)


def _policy(page: str) -> str:
    """What the page may do: run the script and wear the style that stand in it, by their hashes, and nothing else."""
    hashes = {
        kind: base64.b64encode(hashlib.sha256(inline.encode("utf-8")).digest()).decode("ascii")
        for kind, inline in _INLINE.findall(page)
    }
    sources = "; ".join(f"{kind}-src 'sha256-{digest}'" for kind, digest in sorted(hashes.items()))
    return f"default-src 'none'; img-src data:; {sources}; base-uri 'none'; form-action 'none'"
