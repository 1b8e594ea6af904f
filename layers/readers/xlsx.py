"""What the cells of an XLSX file are beside their values: errors, formulas without value, number formats, extent.

The reader of values (calamine) gives an error and an uncomputed formula as an empty cell, a percentage as a bare
number, and lays a sheet out as a full rectangle in memory, however far apart its cells stand. So the sheets are looked
through first, in chunks (ECMA-376 part 1, 18.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any
from xml.parsers import expat
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from phusong.layers.errors import InputError
from phusong.layers.readers.guard import MOST_CELLS, MOST_COLUMNS, MOST_ROWS, MOST_SHEET_TEXT, feed, inflated, prolog
from phusong.layers.readers.sheets import PERCENT_FORMATS, Cell, Facts, limits, shown, whole

_KEEP = 2**16
_REF = rb"([A-Z]{1,3}[0-9]{1,7})"
_CELL = re.compile(rb'<c r="' + _REF + rb'"')
_ANY_CELL, _PREFIXED = re.compile(rb"<c[\s/>]"), re.compile(rb":c[\s/>]")
_FILLED = re.compile(rb'<c r="' + _REF + rb'"(?:[^<>]*[^/>])?>')
_UNUSUAL = tuple(
    sign.replace("t", name).encode() for name in "ts" for sign in (" t='", " t =", 't= "', "\nt=", "\rt=", "\tt=")
)
"""Ways of writing a cell's type and style that the patterns here do not know; each has one of ``_UNUSUAL_SIGNS``."""
_UNUSUAL_SIGNS = (b"'", b"\n", b"\r", b"\t", b" =", b"= ")
_HIDDEN = re.compile(rb'<row\b(?=[^<>]*\shidden="(?:1|true)")[^<>]*\sr="([0-9]{1,7})"')
_FORMULA = rb"<f[^<>]*?(?:/>|>[^<]*</f>)"
_ERROR = re.compile(
    rb'<c r="' + _REF + rb'"[^<>]*? t="e"[^<>]*?>\s*(?:' + _FORMULA + rb")?\s*<v[^<>]*>([^<]*)</v>",
)
_EMPTY_FORMULA = re.compile(
    rb'<c r="' + _REF + rb'"([^<>]*)>\s*' + _FORMULA + rb"\s*(<v\s*/>|<v[^<>]*>\s*</v>|<v[^<>]*>0</v>)?\s*</c>"
)
_SHARED = re.compile(rb' t="s"[^<>]*>\s*<v[^<>]*>([0-9]{1,9})</v>')
_CLAIM = re.compile(rb"ount\s{0,20}=\s{0,20}[\"'](\d{6,30})")
_LONGEST_CLAIM = 100
_DIMENSION = re.compile(rb'<(?:\w+:)?dimension[^<>]* ref="[A-Z]+[0-9]+:([A-Z]{1,4})[0-9]+"')


def xlsx_facts(path: Path) -> dict[str, Facts]:
    """The facts of every sheet of an XLSX or XLSM file, which ``guard`` has let through, by name; no merges.

    Every part of the package is inflated and counted once. InputError if it is none, or beyond the limits.
    """
    with ZipFile(path) as package:
        names = {info.filename.replace("\\", "/").lower(): info for info in package.infolist()}  # as calamine does
        with path.open("rb") as raw:

            def part(name: str) -> Iterator[bytes]:
                tail = b""
                for chunk in inflated(raw, names[name], file=path.name):
                    if not tail and name.endswith((".xml", ".rels")):
                        prolog(chunk, file=path.name)
                    text = tail + chunk
                    for claim in _CLAIM.finditer(text):  # readers make room for what is claimed
                        unique = text[max(claim.start() - 7, 0) : claim.start()].lower() == b"uniquec"
                        if int(claim[1]) > (names[name].file_size if unique else MOST_CELLS):
                            raise InputError("guard.cut_off", file=path.name)
                    tail = chunk[-_LONGEST_CLAIM:]
                    yield chunk

            if "xl/workbook.xml" not in names:
                binary = "xl/workbook.bin" in names
                raise InputError("read.binary_workbook" if binary else "read.no_workbook", file=path.name)
            found, done = _spreadsheet(names, part, file=path.name)
            for name in names.keys() - done:
                for _ in part(name):
                    pass
    return found


def _parse(chunks: Iterator[bytes], start: Any, end: Any = None, text: Any = None, *, file: str) -> None:
    """Feed XML in chunks to handlers of elements and text."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = start
    if end is not None:
        parser.EndElementHandler = end
    if text is not None:
        parser.CharacterDataHandler = text
    feed(parser, chunks, file=file)


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _spreadsheet(names: dict[str, Any], part: Any, *, file: str) -> tuple[dict[str, Facts], set[str]]:
    """Facts of every worksheet by name, and the parts that were read for it."""
    sheets: dict[str, str] = {}  # relation -> sheet
    targets: dict[str, str] = {}  # relation -> part
    recompute = []

    def book(name: str, at: dict[str, str]) -> None:
        if _local(name) == "sheet":
            sheets[next((value for key, value in at.items() if _local(key) == "id"), "")] = at.get("name", "")
        elif _local(name) == "calcPr" and at.get("fullCalcOnLoad") in ("1", "true"):
            recompute.append(True)

    def relation(_: str, at: dict[str, str]) -> None:
        target = at.get("Target", "")
        path = target.lstrip("/") if target.startswith(("/", "xl/")) else f"xl/{target}"
        targets[at.get("Id", "")] = path.lower()

    done = {"xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml", "xl/sharedstrings.xml"} & set(names)
    _parse(part("xl/workbook.xml"), book, file=file)
    if "xl/_rels/workbook.xml.rels" in done:
        _parse(part("xl/_rels/workbook.xml.rels"), relation, file=file)
    percent, padded = _styles(part("xl/styles.xml"), file=file) if "xl/styles.xml" in done else (set(), {})
    lengths = _lengths(part("xl/sharedstrings.xml")) if "xl/sharedstrings.xml" in done else np.zeros(0, dtype=np.int64)
    found = {}
    for key, sheet in sheets.items():
        target = targets.get(key, "")
        if target in names and target not in done and "chartsheets/" not in target:
            scan = _Scan(percent, padded, bool(recompute), lengths, file, sheet)
            if not scan.fast(part(target)):
                scan = _Scan(percent, padded, bool(recompute), lengths, file, sheet)
                scan.slow(part(target))
            found[sheet] = scan.facts
            done.add(target)
    return found, done


def _styles(chunks: Iterator[bytes], *, file: str) -> tuple[set[str], dict[str, int]]:
    """Cell styles (by number) that show percent, and those that show zeros in front with how many digits."""
    codes: dict[int, str] = {}
    formats: list[int] = []
    inside = []

    def start(name: str, at: dict[str, str]) -> None:
        tag, number = _local(name), whole(at.get("numFmtId", ""))
        if tag == "cellXfs":
            inside.append(True)
        elif tag == "numFmt" and number is not None:
            codes[number] = at.get("formatCode", "")
        elif tag == "xf" and inside:
            formats.append(number or 0)

    def end(name: str) -> None:
        if _local(name) == "cellXfs":
            inside.clear()

    _parse(chunks, start, end, file=file)
    how = {str(k): -1 if n in PERCENT_FORMATS else shown(codes.get(n, "")) for k, n in enumerate(formats)}
    return {style for style, kind in how.items() if kind == -1}, {style: n for style, n in how.items() if n > 1}


def _lengths(chunks: Iterator[bytes]) -> NDArray[np.int64]:
    """Bytes that each shared text takes in its part, at least its characters."""
    starts: list[NDArray[np.int64]] = []
    done, tail = 0, b""
    for chunk in chunks:
        text = tail + chunk
        found = [match.start() + done for match in re.finditer(rb"<(?:\w+:)?si[\s/>]", text[:-1])]
        starts.append(np.array(found, dtype=np.int64))
        keep = text.rfind(b"<")  # a tag that was cut
        keep = max(keep, len(text) - 200) if keep >= 0 else len(text)
        tail, done = text[keep:], done + keep
    edges = np.concatenate([*starts, np.array([done + len(tail)], dtype=np.int64)])
    lengths: NDArray[np.int64] = np.diff(edges)
    return lengths[lengths > 0]  # a tag at the end of a piece is found again at the start of the next


def _ref(ref: bytes) -> Cell:
    """Row and column from 0 of a reference such as C7."""
    letters = ref.rstrip(b"0123456789")
    column = 0
    for letter in letters:
        column = column * 26 + letter - 64
    return int(ref[len(letters) :]) - 1, column - 1


@dataclass
class _Scan:
    """One worksheet looked through: fast where its cells are written as all office programs write them, else slowly."""

    percent: set[str]
    padded: dict[str, int]
    recompute: bool
    lengths: NDArray[np.int64]
    file: str
    sheet: str
    facts: Facts = field(default_factory=Facts)
    cells: int = 0
    text: int = 0

    def _grow(self, refs: list[bytes]) -> None:
        joined = b",".join(refs)
        letters = set(joined.translate(None, b"0123456789").split(b","))
        rows = np.array(joined.translate(None, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ").split(b","), dtype=np.int64)
        self.facts.rows = max(self.facts.rows, int(rows.max()))
        self.facts.columns = max(self.facts.columns, *(_ref(each + b"1")[1] + 1 for each in letters))

    def _check(self) -> None:
        self.facts.check(file=self.file, sheet=self.sheet, text=self.text)

    def fast(self, chunks: Iterator[bytes]) -> bool:
        """Look for cells in the text itself; False if some cell is written in another way."""
        if "0" in self.percent or "0" in self.padded:  # also the style of cells that name none
            return False
        styles = b"|".join(style.encode() for style in (*self.percent, *self.padded))
        styled = re.compile(rb'<c r="' + _REF + rb'"[^<>]*? s="(' + styles + rb')"') if styles else None
        longest = int(self.lengths.max()) if self.lengths.size else 0
        tail, first = b"", True
        for chunk in chain(chunks, (b"",)):
            text = tail + chunk
            cut = text.rfind(b"<c ") if chunk else len(text)
            if cut < 0:
                cut = max(len(text) - _KEEP, 0)
            if first:
                self._claim(text)
                first = False
            text, tail = text[:cut], text[cut:]
            refs = _CELL.findall(text)
            if len(refs) != text.count(b"<c") and len(refs) != len(_ANY_CELL.findall(text)):
                return False
            if _PREFIXED.search(text):
                return False
            if any(sign in text for sign in _UNUSUAL_SIGNS) and any(sign in text for sign in _UNUSUAL):
                return False
            if b' hidden="' in text:
                self._hide(map(int, _HIDDEN.findall(text)))
            if refs:
                known = self.facts.rows, self.facts.columns
                self._grow(refs)
                if self.facts.columns > MOST_COLUMNS or self.facts.rows * self.facts.columns > MOST_CELLS:
                    self.facts.rows, self.facts.columns = known  # cells that only bear a style do not count
                    filled = _FILLED.findall(text)
                    if filled:
                        self._grow(filled)
                self.cells += len(refs)
                self._odd(text, styled)
                if longest * self.cells > MOST_SHEET_TEXT:
                    which = np.array(_SHARED.findall(text), dtype=np.int64)
                    self.text += int(self.lengths[which[which < self.lengths.size]].sum())
            self._check()
        return True

    def _claim(self, start: bytes) -> None:
        """Refuse a sheet that says it is wider than any table."""
        claim = _DIMENSION.search(start[:_KEEP])
        if claim:
            limits(1, _ref(claim[1] + b"1")[1] + 1, file=self.file, sheet=self.sheet)

    def _odd(self, text: bytes, styled: re.Pattern[bytes] | None) -> None:
        facts = self.facts
        if b't="e"' in text:
            facts.errors.update((_ref(ref), told.decode("utf-8", "replace")) for ref, told in _ERROR.findall(text))
        if b"<f" in text and facts.uncomputed is None:
            for ref, attributes, value in _EMPTY_FORMULA.findall(text):
                if (b"0" in value and self.recompute) or (b"0" not in value and b't="str"' not in attributes):
                    facts.uncomputed = _ref(ref)
                    break
        for ref, style in styled.findall(text) if styled is not None else ():
            self._style(_ref(ref), style.decode())

    def _style(self, cell: Cell, style: str) -> None:
        if style in self.percent:
            self.facts.percent.add(cell)
        elif style in self.padded:
            self.facts.padded[cell] = self.padded[style]

    def _hide(self, rows: Iterable[int]) -> None:
        """Remember hidden rows, counted from 1; those beyond the limit hold nothing that is read."""
        self.facts.hidden.update(row - 1 for row in rows if row <= MOST_ROWS)

    def slow(self, chunks: Iterator[bytes]) -> None:
        """The same by a parser, for cells with a prefix, without reference or with other attributes in front."""
        facts, at = self.facts, [0, -1]
        cell: dict[str, Any] = {}
        value: list[str] = []

        def start(name: str, attributes: dict[str, str]) -> None:
            tag = _local(name)
            if tag == "dimension":
                ref = attributes.get("ref", "").rpartition(":")[2].encode()
                if re.fullmatch(rb"[A-Z]{1,4}[0-9]+", ref):
                    limits(1, _ref(ref)[1] + 1, file=self.file, sheet=self.sheet)
            elif tag == "row":
                at[:] = [whole(attributes.get("r", "")) or at[0] + 1, -1]
                if attributes.get("hidden") in ("1", "true"):
                    self._hide(at[:1])
            elif tag == "c":
                ref = attributes.get("r", "").upper().encode()
                at[1] += 1
                if re.fullmatch(rb"[A-Z]{1,7}[0-9]{1,10}", ref):
                    row, at[1] = _ref(ref)
                    at[0] = row + 1
                cell.clear()
                cell.update(at=(max(at[0], 1) - 1, at[1]), filled=False, formula=False, attributes=attributes)
                value.clear()
            elif tag in ("v", "is", "f") and cell:
                cell["filled"] = True
                cell["formula"] |= tag == "f"
                value.clear()

        def text(data: str) -> None:
            value.append(data)

        def end(name: str) -> None:
            tag = _local(name)
            if tag == "f":
                value.clear()
            if tag != "c" or not cell:
                return
            told, attributes, place = "".join(value), cell["attributes"], cell["at"]
            if cell["filled"]:
                facts.rows, facts.columns = max(facts.rows, place[0] + 1), max(facts.columns, place[1] + 1)
            kind = attributes.get("t", "n")
            if kind == "e":
                facts.errors[place] = told
            if kind == "s" and (number := whole(told)) is not None and number < self.lengths.size:
                self.text += int(self.lengths[number])
            empty = (told == "" and kind != "str") or (told == "0" and self.recompute)
            if cell["formula"] and empty and facts.uncomputed is None:
                facts.uncomputed = place
            self._style(place, attributes.get("s", "0"))
            self._check()
            cell.clear()

        _parse(chunks, start, end, text, file=self.file)
