"""OpenDocument spreadsheets in (OpenDocument 1.3 part 3, 9 and 19): values, errors, percentages and merged cells.

Read here and not by calamine, which stops at line breaks between cells (as GDAL writes them) and unfolds repeated
cells before anyone can count them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from itertools import chain, islice, product
from pathlib import Path
from typing import Any
from xml.parsers import expat
from zipfile import ZipFile

from phusong.layers.errors import InputError
from phusong.layers.readers.guard import MOST_NESTING, feed, inflated, prolog
from phusong.layers.readers.sheets import Facts, Sheet, whole

_LINE = "text:p"
_CELLS = ("table:table-cell", "table:covered-table-cell")
_CONTENT, _MANIFEST, _ENCRYPTED = "content.xml", "META-INF/manifest.xml", b":encryption-data"
_ERROR = re.compile(r"#(N/A|DIV/0!|REF!|NAME\?|VALUE!|NUM!|NULL!)|Err:\d{3}")
_PADDED = re.compile(r"-?0\d+")
_NUMBERS = ("float", "percentage", "currency")


def is_ods(path: Path) -> bool:
    """Whether a zip archive, which ``guard`` has let through, is an OpenDocument file, whatever it is called."""
    with ZipFile(path) as package:
        return _CONTENT in package.namelist()


def read_ods(path: Path) -> tuple[list[Sheet], set[str]]:
    """All sheets of an ODS file, which ``guard`` has let through, and the names of the hidden ones.

    Cells are counted as they unfold, before they do. InputError if it holds no sheets, is locked or beyond the limits.
    """
    document = _Document(path.name)
    with ZipFile(path) as package, path.open("rb") as raw:
        parts = {info.filename: info for info in package.infolist()}
        manifest = inflated(raw, parts[_MANIFEST], file=path.name) if _MANIFEST in parts else iter(())
        if _ENCRYPTED in b"".join(islice(manifest, 1)):
            raise InputError("guard.password", file=path.name)
        document.read(inflated(raw, parts[_CONTENT], file=path.name))
    if not document.sheets:
        raise InputError("read.no_workbook", file=path.name)
    return document.sheets, document.hidden


class _Document:
    """The state of reading ``content.xml`` from its first to its last element."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.sheets: list[Sheet] = []
        self.hidden: set[str] = set()
        self.hiding: set[str] = set()  # styles of hidden tables
        self.style = ""
        self.depth = self.aside = self.line = 0  # aside: within a remark or a drawing; line: within a paragraph
        self.row: list[Any] = []
        self.at = self.repeat = self.column = 0
        self.shown = True
        self.cell: dict[str, str] | None = None
        self.words: list[str] = []
        self.text = 0

    def read(self, chunks: Iterator[bytes]) -> None:
        """Feed the whole part."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.data
        first = next(chunks, b"")
        prolog(first, file=self.file)
        feed(parser, chain((first,), chunks), file=self.file)

    def start(self, name: str, at: dict[str, str]) -> None:
        """An element opens."""
        self.depth += 1
        if self.depth > MOST_NESTING:
            raise InputError("guard.nesting", file=self.file, most=MOST_NESTING)
        if name == "style:style":
            self.style = at.get("style:name", "")
        elif name == "style:table-properties" and at.get("table:display") == "false":
            self.hiding.add(self.style)
        elif name == "table:table":
            self.sheets.append(Sheet(at.get("table:name", ""), [], Facts()))
            if at.get("table:style-name") in self.hiding:
                self.hidden.add(self.sheets[-1].name)
            self.at = self.text = 0
        elif name == "table:table-row":
            self.row, self.column = [], 0
            self.repeat = _count(at, "table:number-rows-repeated")
            self.shown = at.get("table:visibility", "visible") == "visible"
        elif name in _CELLS and self.sheets:
            self.cell, self.words = at, []
        elif _is_aside(name):
            self.aside += 1
        elif name == _LINE and not self.aside:
            self.line += 1
            if self.words:
                self.words.append("\n")
        elif name in ("text:s", "text:tab", "text:line-break"):
            self.data({"text:s": " " * min(_count(at, "text:c"), 1000), "text:tab": "\t"}.get(name, "\n"))

    def data(self, words: str) -> None:
        """Text, which counts within a paragraph of a cell."""
        if self.cell is not None and self.line and not self.aside:
            self.words.append(words)

    def end(self, name: str) -> None:
        """An element closes."""
        self.depth -= 1
        if _is_aside(name):
            self.aside -= 1
        elif name == _LINE and not self.aside:
            self.line -= 1
        elif name in _CELLS and self.cell is not None:
            self._cell(self.cell, hidden=name == _CELLS[1])
            self.cell = None
        elif name == "table:table-row" and self.sheets:
            sheet = self.sheets[-1]
            if self.row:
                sheet.rows += [[] for _ in range(self.at - len(sheet.rows))]
                sheet.rows += [list(self.row) for _ in range(self.repeat)]
                if not self.shown:
                    sheet.facts.hidden.update(range(self.at, self.at + self.repeat))
            self.at += self.repeat
        elif name == "table:table":
            sheet = self.sheets[-1]
            sheet.rows = [row + [None] * (sheet.facts.columns - len(row)) for row in sheet.rows]

    def _cell(self, at: dict[str, str], *, hidden: bool) -> None:
        """One cell, as often as it is repeated; empty ones are only counted until another follows."""
        facts, place = self.sheets[-1].facts, (self.at, self.column)
        repeat, words = _count(at, "table:number-columns-repeated"), "".join(self.words).strip()
        kind, formula = at.get("office:value-type", ""), at.get("table:formula", "")
        self.column += repeat
        down, right = _count(at, "table:number-rows-spanned"), _count(at, "table:number-columns-spanned")
        if down > 1 or right > 1:
            facts.merged.append((place, (place[0] + down - 1, place[1] + right - 1)))
        value = None if hidden else _value(at, kind, words)
        if value is None and not formula:
            return
        facts.rows, facts.columns = max(facts.rows, self.at + self.repeat), max(facts.columns, self.column)
        self.text += len(words) * repeat * self.repeat
        error = at.get("calcext:value-type") == "error" or (
            formula != "" and kind == "string" and _ERROR.fullmatch(words) is not None
        )
        padded = kind == "float" and _PADDED.fullmatch(words) is not None and float(words) == value
        odd = repeat * self.repeat if error or padded or kind == "percentage" else 0
        facts.check(file=self.file, sheet=self.sheets[-1].name, text=self.text, more=odd)
        spread = product(range(self.at, self.at + self.repeat), range(place[1], self.column))
        if error:
            facts.errors.update(dict.fromkeys(spread, words))
        elif formula and not kind and facts.uncomputed is None:
            facts.uncomputed = place
        elif kind == "percentage":
            facts.percent.update(spread)
        elif padded:
            facts.padded.update(dict.fromkeys(spread, len(words.removeprefix("-"))))
        self.row += [None] * (place[1] - len(self.row)) + [value] * repeat


def _value(at: dict[str, str], kind: str, words: str) -> Any:
    """A cell's value by its type; what cannot be taken for it stays the text shown."""
    try:
        if kind in _NUMBERS:
            return float(at["office:value"])
        if kind == "boolean":
            return at["office:boolean-value"] == "true"
        if kind == "date":
            day = at["office:date-value"]
            return datetime.fromisoformat(day) if "T" in day else date.fromisoformat(day)
    except (KeyError, ValueError):
        pass
    return at.get("office:string-value", words) or None


def _is_aside(name: str) -> bool:
    """Whether an element's text is not the cell's: a remark, a drawing on the sheet."""
    return name == "office:annotation" or name.startswith(("draw:", "dr3d:"))


def _count(at: dict[str, str], name: str) -> int:
    return max(whole(at.get(name, "")) or 1, 1)
