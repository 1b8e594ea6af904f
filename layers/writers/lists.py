"""Lists as offices use them: title, organisation, date, numbering, totals per group, ready to print on A4 landscape.

``OfficeList`` holds what stands on the paper, values typed; ``write_office_xlsx`` makes a workbook of one or several of
them, ``texts`` says the same cells in words for terminals, documents and pages. The same list gives the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter

from phusong.layers.messages import Lang, has, say
from phusong.layers.messages.format import day, number, plain
from phusong.layers.writers.aside import written_aside
from phusong.layers.writers.tables import neutral, workbook_bytes

Kind = Literal["text", "code", "number", "plain", "date", "yes_no"]
Role = Literal["group", "row", "total"]
NO_DATA = "–"
"""What stands in a cell of figures without data; a note under the list says so."""
LONGEST_CELL = 32_767
MOST_ROWS = 1_000_000
_NUMBER_WIDTH = 6.0


@dataclass(frozen=True)
class ListColumn:
    """A column: its id in files for machines, what stands at its head, and how its cells are written.

    kind       "text"; "code" is text in the middle; "number" with exactly ``decimals`` places;
               "plain" with as few as it needs, at most ``decimals`` (none from 1,000 on); "date"; "yes_no"
    unit       unit of measure in words, under the heading; "" if none
    width      in characters, as spreadsheets measure it
    total      whether its sum stands in the rows of groups and in the last row
    """

    id: str
    heading: str
    unit: str = ""
    kind: Kind = "text"
    decimals: int = 0
    width: float = 12.0
    total: bool = False

    @property
    def figures(self) -> bool:
        """Whether its cells hold figures, so that one without data must say so."""
        return self.kind in ("number", "plain", "yes_no")


class Line(NamedTuple):
    """One printed row: what it is, what stands in the column of numbers, and its values by column (None: empty).

    The first value of a group and of the total is its label.
    """

    role: Role
    number: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class OfficeList:
    """What stands on the paper.

    rows           values as Python has them (str, int, float, bool, date), None for no data, by column
    groups         the group of each row, such as its district, or () for a list without groups; rows of one group
                   stand together
    organisation   whose list it is, above the title; "" leaves it out
    lines          below the title: date, filters
    notes          below the list: sources, what it rests on
    mark           a word above the list and on every printed page, such as that the data are synthetic; "" for none
    sheet          name of its sheet, the title if not given
    group_heading  what its groups are, at the head of their column in tables without rows of groups
    counted        what a row is, for the counts beside groups and total: message ``list.count.<counted>``
    """

    title: str
    columns: tuple[ListColumn, ...]
    rows: tuple[tuple[Any, ...], ...]
    lang: Lang
    groups: tuple[str, ...] = ()
    organisation: str = ""
    lines: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    mark: str = ""
    sheet: str = ""
    counted: str = "rows"
    group_heading: str = ""

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("a row has not as many values as there are columns")
        if self.groups and len(self.groups) != len(self.rows):
            raise ValueError("not every row has a group")
        if len(set(self._runs)) != len(self._runs):
            raise ValueError("rows of one group do not stand together")
        object.__setattr__(self, "rows", tuple(tuple(_plain(value) for value in row) for row in self.rows))

    @property
    def _runs(self) -> list[str]:
        return [group for group, _ in groupby(self.groups)]

    @cached_property
    def printed(self) -> tuple[Line, ...]:
        """Groups with their totals, rows numbered through, and the grand total where a column is summed."""
        found: list[Line] = []
        totalled = any(column.total for column in self.columns)
        at = 0
        for place, group in enumerate(self._runs, start=1):
            size = sum(1 for own in self.groups if own == group)
            named = group or say("list.no_group", self.lang)
            words = say("list.group", self.lang, group=named, count=self._count(size))
            found.append(Line("group", roman(place), self._sums(words, self.rows[at : at + size])))
            found += self._numbered(at, at + size)
            at += size
        found += self._numbered(at, len(self.rows))
        if totalled and len(self.rows) > 1:
            words = say("list.total", self.lang, count=self._count(len(self.rows)))
            found.append(Line("total", "", self._sums(words, self.rows)))
        return tuple(found)

    def _numbered(self, start: int, stop: int) -> Iterator[Line]:
        for at in range(start, stop):
            yield Line("row", str(at + 1), self.rows[at])

    def _sums(self, label: str, rows: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
        """The label, then the sum of what is known in each summed column; None where nothing is known."""
        sums: list[Any] = [None] * len(self.columns)
        for at, column in enumerate(self.columns):
            if column.total:
                known = [row[at] for row in rows if row[at] is not None]
                sums[at] = math.fsum(known) if known else None
        if sums:
            sums[0] = label
        return tuple(sums)

    def _count(self, count: int) -> str:
        """How many rows, in words."""
        code = f"list.count.{self.counted}"
        code = f"{code}_one" if count == 1 and has(f"{code}_one") else code
        return say(code, self.lang, count=number(count, self.lang))

    def texts(self) -> tuple[tuple[Role, tuple[str, ...]], ...]:
        """The printed rows in words, the column of numbers first, beside what each is."""
        said = []
        for line in self.printed:
            cells = [line.values[0]] if line.role != "row" else [self.said(line.values[0], self.columns[0])]
            cells += [
                "" if value is None and line.role != "row" and not column.total else self.said(value, column)
                for value, column in zip(line.values[1:], self.columns[1:], strict=True)
            ]
            said.append((line.role, (line.number, *cells)))
        return tuple(said)

    def headings(self) -> tuple[str, ...]:
        """What stands at the head of each column of ``texts``."""
        own = (f"{column.heading} ({column.unit})" if column.unit else column.heading for column in self.columns)
        return (say("list.number", self.lang), *own)

    def said(self, value: Any, column: ListColumn) -> str:
        """One value as its column writes it."""
        if value is None:
            return NO_DATA if column.figures else ""
        if column.kind == "yes_no":
            return say("format.yes" if value else "format.no", self.lang)
        if column.kind == "number":
            return number(float(value), self.lang, decimals=column.decimals)
        if column.kind == "plain":
            return plain(float(value), self.lang, most=_most(float(value), column))
        return day(value, self.lang) if column.kind == "date" else str(value)

    def remarks(self) -> tuple[str, ...]:
        """The notes, after that nothing is listed, what cells without data mean and which sums leave something out."""
        found = [] if self.rows else [say("list.note.empty", self.lang)]
        missing = {
            column.id: sum(1 for row in self.rows if row[at] is None)
            for at, column in enumerate(self.columns)
            if column.figures
        }
        if any(missing.values()):
            found.append(say("list.note.no_data", self.lang, sign=NO_DATA))
        for column in self.columns:
            if column.total and missing[column.id]:
                count = number(missing[column.id], self.lang)
                found.append(say("list.note.partial_sum", self.lang, column=column.heading, count=count))
        return (*found, *self.notes)

    def flat(self) -> pd.DataFrame:
        """The rows as a table under their headings, the group in a column of its own where no column shows it."""
        table = pd.DataFrame(
            {heading: [row[at] for row in self.rows] for at, heading in enumerate(self.headings()[1:])}, dtype=object
        )
        for at, column in enumerate(self.columns):
            if column.kind == "yes_no":
                table.isetitem(at, [None if row[at] is None else self.said(row[at], column) for row in self.rows])
        if self.groups:
            table.insert(0, self.group_heading or say("list.group_heading", self.lang), list(self.groups))
        return table


def roman(count: int) -> str:
    """A number from 1 on in Roman numerals, as groups of a list are numbered."""
    signs = {1000: "M", 900: "CM", 500: "D", 400: "CD", 100: "C", 90: "XC", 50: "L", 40: "XL", 10: "X", 9: "IX"}
    made = ""
    for value, sign in {**signs, 5: "V", 4: "IV", 1: "I"}.items():
        made, count = made + sign * (count // value), count % value
    return made


def write_office_xlsx(lists: Sequence[OfficeList], path: str | Path) -> Path:
    """The lists as one workbook, a sheet each, ready to print; see ``office_xlsx``."""
    made = office_xlsx(lists)
    with written_aside(path) as aside:
        aside.write_bytes(made)
    return Path(path)


def office_xlsx(lists: Sequence[OfficeList]) -> bytes:
    """The bytes of a workbook: A4 landscape, fit to its width, heads repeated on every page, pages numbered.

    Text cells that begin like a formula are neutralised, figures are numbers with the separators of the list's
    language, characters a workbook cannot hold become U+FFFD. ValueError for more rows than a sheet can hold.
    """
    book = Workbook(write_only=True)
    book.properties.creator = "phusong"
    book.properties.title = ILLEGAL_CHARACTERS_RE.sub("�", lists[0].title)
    names: list[str] = []
    for one in lists:
        if len(one.printed) > MOST_ROWS:
            raise ValueError(f"a sheet holds {MOST_ROWS} rows, not {len(one.printed)}")
        names.append(_sheet_name(one.sheet or one.title, names))
        _Sheet(book.create_sheet(names[-1]), one).write()
    return workbook_bytes(book)


class _Sheet:
    """One list on its way to a sheet of a write-only workbook."""

    def __init__(self, sheet: Any, one: OfficeList) -> None:
        self.sheet = sheet
        self.list = one
        self.widths = (_NUMBER_WIDTH, *(column.width for column in one.columns))
        self.last = get_column_letter(len(self.widths))
        self.at = 0
        self._styles: dict[Any, Any] = {}

    def write(self) -> None:
        one, sheet = self.list, self.sheet
        for place, width in enumerate(self.widths, start=1):
            sheet.column_dimensions[get_column_letter(place)].width = width
        head_row = bool(one.organisation) + 1 + len(one.lines) + bool(one.mark) + 2
        sheet.freeze_panes = f"C{head_row + 1}"
        self._print_setup(head_row)
        if one.organisation:
            self._across(one.organisation.upper(), Font(name=_FONT, size=12, bold=True), "left")
        self._across(one.title.upper(), Font(name=_FONT, size=14, bold=True), "center")
        for line in one.lines:
            self._across(line, Font(name=_FONT, size=12, italic=True), "center")
        if one.mark:
            self._across(one.mark, Font(name=_FONT, size=12, bold=True, color=_WARNING), "center")
        self._across(self._measured(), Font(name=_FONT, size=_SIZE, italic=True), "right")
        heads = (say("list.number", one.lang), *(_head(column) for column in one.columns))
        self.sheet.row_dimensions[self.at + 1].height = _LINE_PT * max(
            _lines_of(head, width) for head, width in zip(heads, self.widths, strict=True)
        )
        self._append([self._cell(head, "head") for head in heads])
        for row in one.printed:
            self._line(row)
        self._append([])
        for note in one.remarks():
            self._across(note, Font(name=_FONT, size=_SIZE, italic=True), "left")
        if not one.groups and one.rows:
            end = f"{self.last}{head_row + len(one.rows)}"
            sheet.auto_filter.ref = f"A{head_row}:{end}"

    def _measured(self) -> str:
        """The line that says in which unit of measure the figures are."""
        units = {column.unit for column in self.list.columns if column.unit}
        if len(units) == 1 and all(column.unit for column in self.list.columns if column.figures):
            return say("list.unit", self.list.lang, unit=units.pop())
        return say("list.units", self.list.lang) if units else ""

    def _print_setup(self, head_row: int) -> None:
        sheet, one = self.sheet, self.list
        sheet.print_title_rows = f"{head_row}:{head_row}"
        sheet.page_setup.orientation = "landscape"
        sheet.page_setup.paperSize = 9  # A4
        sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
        sheet.sheet_properties.pageSetUpPr.fitToPage = True
        sheet.print_options.horizontalCentered = True
        sheet.page_margins.left = sheet.page_margins.right = 0.6  # inches: 15 mm, 20 mm at the edges that are filed
        sheet.page_margins.top = sheet.page_margins.bottom = 0.8
        sheet.oddFooter.left.text = _field(one.title)
        sheet.oddFooter.center.text = say("list.page", one.lang, page="&P", pages="&N")
        sheet.oddFooter.right.text = _field(one.lines[0]) if one.lines else ""
        sheet.oddHeader.right.text = _field(one.mark)
        for part in (sheet.oddFooter.left, sheet.oddFooter.center, sheet.oddFooter.right, sheet.oddHeader.right):
            part.size = 9

    def _across(self, text: str, font: Font, horizontal: str) -> None:
        """A line over the whole width of the list, as high as it needs."""
        cell = WriteOnlyCell(self.sheet, value=_text(text))
        cell.data_type = "s"
        cell.font = font
        cell.alignment = Alignment(horizontal=horizontal, vertical="center", wrap_text=True)
        per_line = 1.35 * (font.sz or 11)
        self.sheet.row_dimensions[self.at + 1].height = per_line * _lines_of(
            text, sum(self.widths) * 11 / (font.sz or 11)
        )
        self._append([cell])
        if len(self.widths) > 1:
            self.sheet.merged_cells.add(f"A{self.at}:{self.last}{self.at}")

    def _line(self, line: Line) -> None:
        one = self.list
        cells = [self._cell(line.number, f"{line.role} number")]
        for at, (value, column) in enumerate(zip(line.values, one.columns, strict=True)):
            if line.role != "row" and (at == 0 or not column.total):
                cells.append(self._cell("" if value is None else value, line.role))
            else:
                cells.append(self._value(value, column, line.role))
        if line.role == "row":
            lines = max(_lines_of(value, (column.width - 2) * _LETTERS) for value, column in self._long(line))
            self.sheet.row_dimensions[self.at + 1].height = min(_LINE_PT * lines, _HIGHEST_PT)
        self._append(cells)
        if line.role != "row":
            free = next((at for at, column in enumerate(one.columns) if column.total), len(one.columns))
            if free > 1:
                self.sheet.merged_cells.add(f"B{self.at}:{get_column_letter(free + 1)}{self.at}")

    def _long(self, line: Line) -> Iterator[tuple[str, ListColumn]]:
        """The texts of a row that may need several lines; office programs do not all find the height themselves."""
        yield "", self.list.columns[0]
        for value, column in zip(line.values, self.list.columns, strict=True):
            if isinstance(value, str) and (len(value) > column.width or "\n" in value):
                yield value, column

    def _value(self, value: Any, column: ListColumn, role: Role) -> Any:
        if value is None or column.kind in ("text", "code", "yes_no"):
            horizontal = "center" if column.kind in ("code", "yes_no", "date") else "right" if column.figures else ""
            return self._cell(self.list.said(value, column), role, horizontal)
        if column.kind == "date":
            return self._cell(value, role, "center", _DAYS[self.list.lang])
        places = column.decimals if column.kind == "number" else _places(float(value), _most(float(value), column))
        shown = round(float(value), places)  # as it reads: a program that rounds 1.25 up would contradict the paper
        return self._cell(int(shown) if shown.is_integer() else shown, role, "right", _grouped(places, self.list.lang))

    def _cell(self, value: Any, role: str, horizontal: str = "", number_format: str = "General") -> Any:
        """A cell in one of the few looks there are; text is neutralised."""
        cell = WriteOnlyCell(self.sheet, value=_text(value) if isinstance(value, str) else value)
        if isinstance(value, str):
            cell.data_type = "s"
        look = (role, horizontal, number_format)
        if look not in self._styles:
            _dress(cell, *look)
            self._styles[look] = cell._style
        cell._style = self._styles[look]
        return cell

    def _append(self, cells: list[Any]) -> None:
        self.sheet.append(cells)
        self.at += 1


_SIZE = 11
_LINE_PT = 14.5
_LETTERS = 1.4  # small letters for each digit that a column is wide; the room of two digits stays free
_HIGHEST_PT = 409.0  # that a row can be
_FONT = "Times New Roman"  # the letter of Vietnam's official papers (Decree 30/2020/ND-CP, annex I)
_DAYS = {"vi": "dd/mm/yyyy", "en": "yyyy-mm-dd"}
_LOCALE = {"vi": "[$-42A]", "en": "[$-409]"}
_FILLS = {"head": "DDE8E4", "group": "F1F5F3", "total": "E4ECE9"}
_WARNING = "B42318"
_EDGE = Side(style="thin", color="7F8C88")


def _dress(cell: Any, role: str, horizontal: str, number_format: str) -> None:
    role, _, part = role.partition(" ")
    cell.font = Font(name=_FONT, size=_SIZE, bold=role != "row")
    cell.border = Border(left=_EDGE, right=_EDGE, top=_EDGE, bottom=_EDGE)
    cell.number_format = number_format
    if role in _FILLS:
        cell.fill = PatternFill("solid", fgColor=_FILLS[role])
    centred = role == "head" or part == "number"
    cell.alignment = Alignment(
        horizontal="center" if centred else horizontal or "left",
        vertical="center" if role == "head" else "top",
        wrap_text=True,
        indent=int(not (centred or horizontal)),
    )


def _grouped(places: int, lang: Lang) -> str:
    """Thousands grouped and as many places as said, with the separators of the language where the program knows it."""
    return f"{_LOCALE[lang]}#,##0{'.' if places else ''}{'0' * places}"


def _most(value: float, column: ListColumn) -> int:
    """The most places of a value written with as few as it needs: none from a thousand on."""
    return 0 if abs(value) >= 1000 else column.decimals


def _places(value: float, most: int) -> int:
    """The fewest places at which the value reads as it does with ``most``."""
    return next((n for n in range(most) if float(f"{value:.{n}f}") == float(f"{value:.{most}f}")), most)


def _head(column: ListColumn) -> str:
    return f"{column.heading}\n({column.unit})" if column.unit else column.heading


def _lines_of(text: str, width: float) -> int:
    """How many lines a text takes in a column, by its characters; words are wrapped whole."""
    lines = 0
    for part in text.split("\n") or [""]:
        room, lines = width, lines + 1
        for word in part.split():
            if len(word) > room and room < width:
                room, lines = width, lines + 1
            room -= len(word) + 1
            while room < -width:
                room, lines = room + width, lines + 1
    return lines


def _field(text: str) -> str:
    """Text for a head or foot of a page, where & begins a code; at most what fits beside the other two parts."""
    cut = text if len(text) <= 80 else f"{text[:79]}…"
    return str(ILLEGAL_CHARACTERS_RE.sub("�", cut)).replace("&", "&&")


def _text(value: str) -> str:
    return neutral(ILLEGAL_CHARACTERS_RE.sub("�", value))[:LONGEST_CELL]


def _sheet_name(wanted: str, taken: Sequence[str]) -> str:
    """A name a workbook takes: at most 31 characters, none of []:*?/\\, none twice."""
    clean = "".join(letter for letter in ILLEGAL_CHARACTERS_RE.sub("", wanted) if letter not in "[]:*?/\\").strip(" '")
    name, number_ = clean[:31] or "-", 1
    while name.casefold() in {other.casefold() for other in taken}:
        number_ += 1
        name = f"{clean[: 31 - len(str(number_)) - 1]} {number_}"
    return name


def _plain(value: Any) -> Any:
    """A value of a frame as Python has it; None for no data, also for what is infinite."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, str | bool | int | float | date) else str(value)
