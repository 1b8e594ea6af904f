"""A form out: a workbook that an office fills in, whose cells know what may stand in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from phusong.layers.writers.aside import written_aside
from phusong.layers.writers.tables import neutral, workbook_bytes

TEXT_FORMAT = "@"
"""Cells that keep what is typed: codes such as 00461 keep their zeros."""
_LAST_ROW = 1_048_576
_TITLE, _PROMPT, _ERROR = 32, 255, 225  # the longest texts a validation may hold
_HEAD = PatternFill("solid", fgColor="DDE8E4")
_GREY = Font(italic=True, color="7F7F7F")


@dataclass(frozen=True)
class FormColumn:
    """One column of a form: its heading, what its cells show and accept, and an example.

    ``words`` are offered in a list; else ``check`` is the kind of an Excel validation (``decimal``, ``whole`` or
    ``date``) with the formulas of its bounds, None for an open end. ``prompt`` is shown beside a cell, ``error`` when
    it is refused.
    """

    heading: str
    example: object
    number_format: str = "General"
    words: tuple[str, ...] = ()
    check: str = ""
    bounds: tuple[str | None, str | None] = (None, None)
    prompt: str = ""
    error: str = ""


def write_form(
    columns: Sequence[FormColumn],
    path: str | Path,
    *,
    sheet: str,
    notes_sheet: str,
    how: Sequence[str],
    notes: pd.DataFrame,
) -> Path:
    """Write a form: the sheet to fill in with its headings in row 1 (kept in sight) and an example in row 2, and a
    sheet of notes: ``how``, then the table ``notes``, and beside it the words that the lists offer. Printed, each is
    as wide as a page. The same input gives the same bytes.
    """
    book = Workbook()
    data, about = book.active, book.create_sheet(notes_sheet)
    data.title = sheet
    data.freeze_panes = "B2"
    data.row_dimensions[1].height = 45
    place = (len(how) + 2, notes.shape[1] + 2)  # where the words begin
    for i, column in enumerate(columns, start=1):
        letter = get_column_letter(i)
        head, example = data.cell(1, i, neutral(column.heading)), data.cell(2, i)
        head.font, head.fill = Font(bold=True), _HEAD
        head.alignment = Alignment(wrap_text=True, vertical="center")
        example.value, example.number_format, example.font = column.example, column.number_format, _GREY
        longest = max(len(str(column.example)), *(len(word) for word in (*column.words, column.heading[:22])))
        data.column_dimensions[letter].width = float(min(max(longest + 3, 11), 40))
        data.column_dimensions[letter].number_format = column.number_format
        check = _check(column, about, place=place)
        place = (place[0], place[1] + bool(column.words))
        if check is not None:
            check.add(f"{letter}2:{letter}{_LAST_ROW}")
            data.add_data_validation(check)
    _notes(about, how, notes)
    data.print_title_rows = "1:1"
    for each in (data, about):
        each.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
        each.page_setup.orientation, each.page_setup.fitToHeight = "landscape", 0
    with written_aside(path) as aside:
        aside.write_bytes(workbook_bytes(book))
    return Path(path)


def _check(column: FormColumn, about: Worksheet, *, place: tuple[int, int]) -> DataValidation | None:
    """The validation of a column's cells; a list's words are put into the notes from ``place`` (row, column) down."""
    low, high = column.bounds
    if column.words:
        top, letter = place[0], get_column_letter(place[1])
        for row, word in enumerate((column.heading, *column.words), start=top):
            about.cell(row, place[1], neutral(word)).font = Font(bold=row == top)
        source = f"'{about.title}'!${letter}${top + 1}:${letter}${top + len(column.words)}"
        check = DataValidation(type="list", formula1=source, allow_blank=True)
    elif column.check and low is not None and high is not None:
        check = DataValidation(type=column.check, operator="between", formula1=low, formula2=high, allow_blank=True)
    elif column.check and low is not None:
        check = DataValidation(type=column.check, operator="greaterThanOrEqual", formula1=low, allow_blank=True)
    elif column.prompt:
        check = DataValidation(allow_blank=True)
    else:
        return None
    check.promptTitle, check.errorTitle = column.heading[:_TITLE], column.heading[:_TITLE]
    check.prompt, check.error = column.prompt[:_PROMPT] or None, column.error[:_ERROR] or None
    check.showInputMessage, check.showErrorMessage = bool(column.prompt), bool(column.error)
    check.errorStyle = "stop"
    return check


def _notes(about: Worksheet, how: Sequence[str], notes: pd.DataFrame) -> None:
    for row, line in enumerate(how, start=1):
        about.cell(row, 1, neutral(line))
    top = len(how) + 2
    for i, name in enumerate(notes.columns, start=1):
        head = about.cell(top, i, neutral(str(name)))
        head.font, head.fill = Font(bold=True), _HEAD
        longest = max([len(str(name)), *(len(str(cell)) for cell in notes.iloc[:, i - 1])])
        about.column_dimensions[get_column_letter(i)].width = float(min(longest + 2, 50))
    for r, cells in enumerate(notes.itertuples(index=False), start=top + 1):
        for i, cell in enumerate(cells, start=1):
            here = about.cell(r, i, neutral(cell) if isinstance(cell, str) else cell)
            here.alignment = Alignment(wrap_text=True, vertical="top")
