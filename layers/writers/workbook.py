"""Large workbooks out, quickly: a million cells in a few seconds, with colours and comments (XLSX, ECMA-376 part 1).

For lists of faults and for rows that must come back as they stood. Text cells have the format "text" there, so that
neither reading nor editing makes a number or a formula of them. The same input gives the same bytes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pandas as pd
from openpyxl.utils import get_column_letter

from phusong.layers.writers.aside import written_aside
from phusong.layers.writers.tables import FORMULA_STARTS, neutral

MOST_ROWS = 1_048_575
"""Rows below the header that a sheet can hold."""
MOST_COMMENTS = 500
"""Comments of one sheet; each is a drawing, and office programs open thousands of them slowly."""
LONGEST_CELL = 32_767
"""Characters that a cell can hold, counted as UTF-16 does; the rest is cut."""
LONGEST_COMMENT = 1_000
_WIDEST = 60.0
_LOOKED_AT = 200  # rows, for the widths
_ROWS_AT_ONCE = 2_000
_LEVEL = 1  # of compression: half the time of the usual 6 for a fifth more bytes
_DAY_0 = datetime(1899, 12, 30)
_FIRST_DAY = datetime(1900, 3, 1)  # before it, spreadsheets disagree about 1900-02-29
LARGEST_WHOLE = 2**53
"""Beyond it, whole numbers are rounded where floating ones stand for them, as in workbooks."""
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_LIKE_AN_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_NO_SHEET_NAME = re.compile(r"[\[\]:*?/\\\x00-\x1f\ufffe\uffff\ud800-\udfff]")

Colour = Literal["red", "yellow"]


class Mark(NamedTuple):
    """How one cell is marked: its colour, and a comment beside it."""

    colour: Colour
    comment: str = ""


@dataclass(frozen=True)
class Page:
    """One sheet: headings, rows, and marked cells by (row, column), both from 0, the header not counted.

    ``as_stood``: text and headings are written letter for letter, with the format "text"; otherwise those that begin
    like a formula are neutralised as in ``writers.tables``, and the list can be filtered.
    """

    name: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Any]]
    marks: Mapping[tuple[int, int], Mark] = field(default_factory=dict)
    as_stood: bool = False


_PLAIN, _DATE, _TIME, _TEXT, _QUOTED = range(5)
_LOOKS = 5
_COLOURS: dict[Colour | None, int] = {None: 0, "red": 1, "yellow": 2}
_HEADER, _QUOTED_HEADER = _LOOKS * len(_COLOURS), _LOOKS * len(_COLOURS) + 1


def write_book(pages: Sequence[Page], path: str | Path) -> Path:
    """The pages as one workbook; characters a workbook cannot hold become U+FFFD. ValueError for too many rows."""
    names: list[str] = []
    for page in pages:
        if len(page.rows) > MOST_ROWS:
            raise ValueError(f"a sheet holds {MOST_ROWS} rows, not {len(page.rows)}")
        names.append(_sheet_name(page.name, names))
    texts: dict[str, int] = {}
    with written_aside(path) as aside, ZipFile(aside, "w", ZIP_DEFLATED, compresslevel=_LEVEL) as package:
        for k, page in enumerate(pages, start=1):
            comments = _comments(page)
            with package.open(f"xl/worksheets/sheet{k}.xml", "w", force_zip64=True) as part:
                for chunk in _sheet(page, texts, first=k == 1, with_comments=bool(comments)):
                    part.write(chunk.encode("utf-8"))
            if comments:
                _put(package, f"xl/worksheets/_rels/sheet{k}.xml.rels", _sheet_relations(k))
                _put(package, f"xl/comments{k}.xml", _comments_part(comments))
                _put(package, f"xl/drawings/vmlDrawing{k}.vml", _drawing(comments, sheet=k))
        with package.open("xl/sharedStrings.xml", "w", force_zip64=True) as part:
            part.write(f'{_XML}<sst xmlns="{_MAIN}">'.encode())
            items = list(texts)
            for at in range(0, len(items), _ROWS_AT_ONCE):
                part.write("".join(map(_shared, items[at : at + _ROWS_AT_ONCE])).encode("utf-8"))
            part.write(b"</sst>")
        _put(package, "xl/styles.xml", _styles())
        _put(package, "xl/workbook.xml", _book(names))
        _put(package, "xl/_rels/workbook.xml.rels", _book_relations(len(pages)))
        _put(package, "_rels/.rels", _RELATIONS)
        _put(package, "[Content_Types].xml", _content_types(pages))
    return Path(path)


def _sheet(page: Page, texts: dict[str, int], *, first: bool, with_comments: bool) -> Iterator[str]:
    letters = [get_column_letter(i + 1) for i in range(len(page.headings))]
    last = f"{letters[-1] if letters else 'A'}{len(page.rows) + 1}"
    yield f'{_XML}<worksheet xmlns="{_MAIN}" xmlns:r="{_REL}"><dimension ref="A1:{last}"/><sheetViews>'
    yield f'<sheetView workbookViewId="0" tabSelected="{int(first)}">'
    yield '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
    if letters:
        yield "<cols>"
        for i, width in enumerate(_widths(page), start=1):
            yield f'<col min="{i}" max="{i}" width="{width:g}" customWidth="1"/>'
        yield "</cols>"
    yield "<sheetData>"
    starts, look = [f'<c r="{letter}' for letter in letters], _Look(texts, page.as_stood)
    heads = "".join(f"{start}1{look.heading(str(name))}" for start, name in zip(starts, page.headings, strict=True))
    yield f'<row r="1">{heads}</row>'
    marked = {row for row, _ in page.marks}
    for start in range(0, len(page.rows), _ROWS_AT_ONCE):
        out = []
        for k, row in enumerate(page.rows[start : start + _ROWS_AT_ONCE], start=start):
            out.append(_row(row, k, starts, look, page.marks if k in marked else {}))
        yield "".join(out)
    yield "</sheetData>"
    if not page.as_stood and letters and page.rows:
        yield f'<autoFilter ref="A1:{last}"/>'
    if with_comments:
        yield '<legacyDrawing r:id="rId1"/>'
    yield "</worksheet>"


def _row(row: Sequence[Any], k: int, starts: list[str], look: _Look, marks: Mapping[tuple[int, int], Mark]) -> str:
    """One row; what follows the place of an unmarked text is made once, for most texts come again and again."""
    number, cells, known = str(k + 2), [], look.known
    for i, (start, value) in enumerate(zip(starts, row, strict=True)):
        mark = marks.get((k, i)) if marks else None
        if type(value) is str and mark is None:
            end = known.get(value)
            if end is None:
                end = known[value] = look.text(value, 0)
            cells.append(start + number + end)
            continue
        base = 0 if mark is None else _LOOKS * _COLOURS[mark.colour]
        kind, own, words = ("s", _PLAIN, value) if type(value) is str else _cell(value)
        if kind == "s":
            cells.append(start + number + look.text(words, base))
        elif kind:
            cells.append(f'{start}{number}" s="{base + own}"{kind}><v>{words}</v></c>')
        elif base:
            cells.append(f'{start}{number}" s="{base}"/>')
    return f'<row r="{number}">{"".join(cells)}</row>'


@dataclass
class _Look:
    """How the texts of one sheet are written, and all texts of the book with their numbers."""

    texts: dict[str, int]
    as_stood: bool
    known: dict[str, str] = field(default_factory=dict)

    def text(self, words: str, base: int) -> str:
        """What follows the place of a cell that holds a text."""
        if self.as_stood:
            return self._cell(words, base + (_QUOTED if words.startswith(FORMULA_STARTS) else _TEXT))
        return self._cell(neutral(words), base)

    def heading(self, words: str) -> str:
        """The same of a heading."""
        if self.as_stood:
            return self._cell(words, _QUOTED_HEADER if words.startswith(FORMULA_STARTS) else _HEADER)
        return self._cell(neutral(words), _HEADER)

    def _cell(self, words: str, style: int) -> str:
        return f'" s="{style}" t="s"><v>{self.texts.setdefault(words, len(self.texts))}</v></c>'


def _cell(value: Any) -> tuple[str, int, str]:
    """Kind ("s": text; "": empty; else the type attribute), look and content of a cell that is no str."""
    if value is None or value is pd.NaT or value is pd.NA:
        return "", _PLAIN, ""
    if type(value) is int and -LARGEST_WHOLE <= value <= LARGEST_WHOLE:
        return ' t="n"', _PLAIN, str(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return ' t="b"', _PLAIN, str(int(value))
    if isinstance(value, int):
        return (' t="n"', _PLAIN, str(value)) if abs(value) <= LARGEST_WHOLE else ("s", _PLAIN, str(value))
    if isinstance(value, float):
        if math.isnan(value):
            return "", _PLAIN, ""
        return (' t="n"', _PLAIN, repr(value)) if math.isfinite(value) else ("s", _PLAIN, str(value))
    if isinstance(value, date):
        return _day(value)
    return "s", _PLAIN, str(value)


@lru_cache(maxsize=4096)
def _day(value: date) -> tuple[str, int, str]:
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day)
    if moment.tzinfo is not None or moment < _FIRST_DAY:
        return "s", _PLAIN, value.isoformat()
    days = (moment - _DAY_0) / timedelta(days=1)
    return (' t="n"', _DATE, str(int(days))) if days == int(days) else (' t="n"', _TIME, repr(days))


def _shared(text: str) -> str:
    return f'<si><t xml:space="preserve">{_xml(_cut(text, LONGEST_CELL))}</t></si>'


def _cut(text: str, most: int) -> str:
    """The text, cut to ``most`` characters as UTF-16 counts them."""
    if len(text) <= most // 2:
        return text
    return text.encode("utf-16-le", "replace")[: 2 * most].decode("utf-16-le", "ignore")


def _xml(text: str) -> str:
    """Text as a workbook holds it: "_x0041_" would be read as "A" if its first sign were not escaped, and a carriage
    return as a line feed if it were not written as a reference."""
    return escape(_LIKE_AN_ESCAPE.sub("_x005F_", _NOT_XML.sub("\ufffd", text)), {"\r": "&#13;"})


def _sheet_name(name: str, others: Sequence[str]) -> str:
    plain = _cut(_NO_SHEET_NAME.sub(" ", name).strip().strip("'"), 31).strip().strip("'") or "data"
    taken = {other.casefold() for other in others} | {"history"}
    made, k = plain, 1
    while made.casefold() in taken:
        k += 1
        made = f"{_cut(plain, 30 - len(str(k)))} {k}"
    return made


def _widths(page: Page) -> list[float]:
    widths = []
    for i, name in enumerate(page.headings):
        cells = (row[i] for row in page.rows[:_LOOKED_AT])
        longest = max([len(str(name)), *(len(str(cell)) for cell in cells if cell is not None)])
        widths.append(min(_WIDEST, max(8.0, longest + 2.0)))
    return widths


def _comments(page: Page) -> list[tuple[int, int, str]]:
    """The first comments in reading order: row (from 1, the header counted), column from 0, text."""
    there = sorted(place for place, mark in page.marks.items() if mark.comment)
    return [(row + 2, column, page.marks[row, column].comment) for row, column in there[:MOST_COMMENTS]]


def _comments_part(comments: Sequence[tuple[int, int, str]]) -> str:
    items = "".join(
        f'<comment ref="{get_column_letter(column + 1)}{row}" authorId="0"><text><r>'
        f'<t xml:space="preserve">{_xml(text[:LONGEST_COMMENT])}</t></r></text></comment>'
        for row, column, text in comments
    )
    return (
        f'{_XML}<comments xmlns="{_MAIN}"><authors><author>phusong</author></authors>'
        f"<commentList>{items}</commentList></comments>"
    )


def _drawing(comments: Sequence[tuple[int, int, str]], *, sheet: int) -> str:
    """The boxes of comments in the drawing language that office programs still want for them (ECMA-376 part 4, 19)."""
    shapes = "".join(
        f'<v:shape id="_x0000_s{1024 * sheet + n}" type="#_x0000_t202" fillcolor="#ffffe1" o:insetmode="auto" '
        'style="position:absolute;width:260pt;height:90pt;z-index:1;visibility:hidden"><v:fill color2="#ffffe1"/>'
        '<v:shadow color="black" obscured="t"/><v:path o:connecttype="none"/><v:textbox/>'
        '<x:ClientData ObjectType="Note"><x:MoveWithCells/><x:SizeWithCells/><x:AutoFill>False</x:AutoFill>'
        f"<x:Row>{row - 1}</x:Row><x:Column>{column}</x:Column></x:ClientData></v:shape>"
        for n, (row, column, _) in enumerate(comments, start=1)
    )
    return (
        '<xml xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office" '
        'xmlns:x="urn:schemas-microsoft-com:office:excel"><o:shapelayout v:ext="edit">'
        f'<o:idmap v:ext="edit" data="{sheet}"/></o:shapelayout><v:shapetype id="_x0000_t202" coordsize="21600,21600" '
        'o:spt="202" path="m,l,21600r21600,l21600,xe"><v:stroke joinstyle="miter"/>'
        f'<v:path gradientshapeok="t" o:connecttype="rect"/></v:shapetype>{shapes}</xml>'
    )


def _styles() -> str:
    fills = ("DDE8E4", "F8C9C9", "FFF0B3")
    filled = "".join(
        f'<fill><patternFill patternType="solid"><fgColor rgb="FF{rgb}"/></patternFill></fill>' for rgb in fills
    )
    cells = []
    for fill in (0, 3, 4):
        at = f'fontId="0" fillId="{fill}" borderId="0" xfId="0" applyFill="{int(fill > 0)}"'
        cells += [
            f'<xf numFmtId="0" {at}/>',
            f'<xf numFmtId="164" {at} applyNumberFormat="1"/>',
            f'<xf numFmtId="165" {at} applyNumberFormat="1"/>',
            f'<xf numFmtId="49" {at} applyNumberFormat="1"/>',
            f'<xf numFmtId="49" {at} applyNumberFormat="1" quotePrefix="1"/>',
        ]
    cells += [
        f'<xf numFmtId="{number_format}" fontId="1" fillId="2" borderId="0" xfId="0" applyFont="1" applyFill="1" '
        f'applyNumberFormat="1" applyAlignment="1"{quoted}><alignment vertical="top" wrapText="1"/></xf>'
        for number_format, quoted in ((0, ""), (49, ' quotePrefix="1"'))
    ]
    font = '<sz val="11"/><name val="Calibri"/><family val="2"/>'
    return (
        f'{_XML}<styleSheet xmlns="{_MAIN}"><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
        '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts>'
        f'<fonts count="2"><font>{font}</font><font><b/>{font}</font></fonts>'
        '<fills count="5"><fill><patternFill patternType="none"/></fill>'
        f'<fill><patternFill patternType="gray125"/></fill>{filled}</fills>'
        '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
        '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="{len(cells)}">{"".join(cells)}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )


def _book(names: Sequence[str]) -> str:
    sheets = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{k}" r:id="rId{k}"/>' for k, name in enumerate(names, start=1)
    )
    return (
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_REL}"><bookViews><workbookView activeTab="0"/></bookViews>'
        f"<sheets>{sheets}</sheets></workbook>"
    )


def _book_relations(count: int) -> str:
    kinds = [("worksheet", f"worksheets/sheet{k}.xml") for k in range(1, count + 1)]
    kinds += [("styles", "styles.xml"), ("sharedStrings", "sharedStrings.xml")]
    items = "".join(
        f'<Relationship Id="rId{k}" Type="{_REL}/{kind}" Target="{target}"/>'
        for k, (kind, target) in enumerate(kinds, start=1)
    )
    return f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">{items}</Relationships>'


def _sheet_relations(k: int) -> str:
    return (
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_REL}/vmlDrawing" Target="../drawings/vmlDrawing{k}.vml"/>'
        f'<Relationship Id="rId2" Type="{_REL}/comments" Target="../comments{k}.xml"/></Relationships>'
    )


def _content_types(pages: Sequence[Page]) -> str:
    office = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    parts = {"/xl/workbook.xml": "sheet.main", "/xl/styles.xml": "styles", "/xl/sharedStrings.xml": "sharedStrings"}
    for k, page in enumerate(pages, start=1):
        parts[f"/xl/worksheets/sheet{k}.xml"] = "worksheet"
        if _comments(page):
            parts[f"/xl/comments{k}.xml"] = "comments"
    items = "".join(f'<Override PartName="{name}" ContentType="{office}.{kind}+xml"/>' for name, kind in parts.items())
    return (
        f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="vml" ContentType="application/vnd.openxmlformats-officedocument.vmlDrawing"/>'
        f"{items}</Types>"
    )


def _put(package: ZipFile, name: str, text: str) -> None:
    with package.open(name, "w") as part:  # dated 1980-01-01, as ZipFile dates a name it opens
        part.write(text.encode("utf-8"))


_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_RELATIONS = (
    f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{_REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
)
