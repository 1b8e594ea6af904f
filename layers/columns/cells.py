"""One cell at a time: what a number, a date, a yes or a closed word may look like, and what is said otherwise."""

from __future__ import annotations

import difflib
import math
import re
import unicodedata
from collections.abc import Hashable, Iterable
from contextlib import suppress
from datetime import date, datetime
from types import NoneType
from typing import Any

import numpy as np
import pandas as pd

from phusong.layers.schema import Column

YES = frozenset({"yes", "y", "true", "1", "có", "co", "x"})
NO = frozenset({"no", "n", "false", "0", "không", "khong"})
SHEET_ERRORS = frozenset(
    {"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!", "#GETTING_DATA"}
)
"""What a cell of a spreadsheet shows whose formula failed."""
COUNTED = ("persons", "households", "subscribers", "places")
"""Units of columns that count whole things."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_GROUPED = re.compile(r"[+-]?\d{1,3}([ .,\u00a0\u202f])\d{3}(\1\d{3})*")
_YEAR_FIRST = re.compile(r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})([T ][0-9:.]+Z?)?")
_DAY_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_YEARS = (1900, 2100)
_LINE = 80
_DIGITS_LOST = 1e15  # a spreadsheet keeps 15 digits of a number
_SHORTENED = re.compile(r"\d(?:[.,]\d+)?E\+\d{2,3}", re.ASCII)  # and shows long ones so
_MOST_WHOLE = 2**53  # beyond it not every whole number is one of its own
_HALVES = re.compile(r"[\ud800-\udfff]")  # of a sign beyond U+FFFF: no text that can be written
_NO_DAY = np.datetime64("NaT", "s")

DTYPES = {
    "text": "str",
    "word": "str",
    "number": "float64",
    "integer": "Int64",
    "yes_no": "boolean",
    "date": "datetime64[s]",
}


class CellError(ValueError):
    """A cell that cannot be taken: the message code and what fills it; what was found is cut to one short line."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        if "found" in params:
            line = " ".join(_HALVES.sub("\ufffd", params["found"].replace("\0", "\ufffd")).splitlines())
            params["found"] = line if len(line) <= _LINE else f"{line[:_LINE]}…"
        self.params = params


def read_cell(value: Any, column: Column) -> Any:
    """The cell as ``column`` wants it, None for no data; CellError if it is anything else.

    Text loses blanks at its ends and has its tones composed (NFC), so that equal words are equal. A whole number in a
    text column is written without a decimal point (a code typed as a number); one whose digits a spreadsheet did not
    keep is refused, and so is a day where a text must be (a code such as 3-5). Nothing else is changed, guessed or
    repaired.
    """
    if not isinstance(value, Hashable) or isinstance(value, bytes):
        raise CellError("fault.not_one_value", found=str(value))
    value = _no_data(value)
    if value is None:
        if not column.nullable:
            raise CellError("fault.empty_cell")
        return None
    if value.__class__ is str and value in SHEET_ERRORS:
        raise CellError("fault.error_cell", found=value)
    return _READERS[column.kind](value, column)


def read_cells(cells: list[Any], column: Column) -> tuple[list[Any], dict[int, CellError]]:
    """Each cell by ``read_cell``, None where it cannot be taken, and the errors of those by position.

    Numbers are judged all at once and a text is judged once however often it stands there; the outcome is the same.
    """
    kinds = set(map(type, cells))
    if column.kind == "number" and kinds <= {float, int, NoneType}:
        with suppress(OverflowError):  # of a whole number beyond all floats, which is judged by itself
            return _read_numbers(cells, column)
    values: list[Any] = []
    errors: dict[int, CellError] = {}
    known: dict[Any, Any] = {}
    alike = kinds <= {str, NoneType}  # else 1, 1.0 and True would be one
    if alike and column.kind == "text" and not column.reserved:  # plain ASCII is as it stands
        plain = (cell for cell in cells if cell and cell.isascii() and cell[0] > "#" and cell[-1] > " ")
        known = {cell: cell for cell in plain if not _cut(cell)}
    for i, cell in enumerate(cells):
        key = cell if alike else (type(cell), cell) if isinstance(cell, Hashable) else None
        if key is not None and key in known:
            values.append(known[key])
            continue
        try:
            values.append(read_cell(cell, column))
            if key is not None:
                known[key] = values[-1]
        except CellError as error:
            errors[i] = error
            values.append(None)
    return values, errors


def _read_numbers(cells: list[Any], column: Column) -> tuple[list[Any], dict[int, CellError]]:
    numbers = np.array([math.nan if cell is None else cell for cell in cells], dtype=np.float64)
    empty = np.isnan(numbers)
    odd = np.isinf(numbers) if column.nullable else np.isinf(numbers) | empty
    if column.minimum is not None:
        odd |= numbers < column.minimum
    if column.maximum is not None:
        odd |= numbers > column.maximum
    values: list[Any] = numbers.tolist()
    for i in np.flatnonzero(empty | odd).tolist():
        values[i] = None
    errors = {}
    for i in np.flatnonzero(odd).tolist():
        try:
            values[i] = read_cell(cells[i], column)
        except CellError as error:
            errors[i] = error
    return values, errors


def column_of(values: Iterable[Any], column: Column) -> pd.Series[Any]:
    """Read cells as a pandas column of the kind's dtype."""
    cells: list[Any] = list(values)
    if column.kind == "number":
        return pd.Series(np.array([math.nan if cell is None else cell for cell in cells], dtype=np.float64))
    if column.kind == "date":
        days = np.array([_NO_DAY if cell is None else cell for cell in cells], dtype="datetime64[s]")
        return pd.Series(days, dtype=DTYPES["date"])
    return pd.Series(cells, dtype=DTYPES[column.kind])


def plain_heading(heading: str) -> str:
    """A heading as a name of the schema is written: composed, without case, with lines between its words."""
    return "_".join(unicodedata.normalize("NFC", heading).casefold().replace("-", " ").split())


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like this one, None if none is near."""
    found = difflib.get_close_matches(word.casefold(), list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def _no_data(value: Any) -> Any:
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, str):
        value = value.strip()
        return value or None
    return value


def _cut(text: str) -> str:
    """The fault of a text that is not all that was written, "" if it may be: its last digits are lost, or it holds a
    zero byte, at which a GeoPackage ends it."""
    if "\0" in text:
        return "fault.not_one_value"
    return "fault.digits_lost" if "E+" in text and _SHORTENED.fullmatch(text) else ""


def _name(value: Any, column: Column) -> str:
    """A text as a code or a name."""
    if isinstance(value, str) and (code := _cut(value)):
        raise CellError(code, found=value)
    if isinstance(value, float) and abs(value) >= _DIGITS_LOST:
        raise CellError("fault.digits_lost", found=f"{value:.15G}")
    text = _text(value, column)
    if isinstance(value, date) and not column.nullable:
        raise CellError("fault.text_became_day", found=text)
    return text


def _text(value: Any, column: Column) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, date):
        return value.isoformat().removesuffix("T00:00:00")
    try:
        text = str(value)
    except ValueError as error:  # a whole number of thousands of digits
        raise CellError("fault.not_one_value", found=hex(value)) from error
    if not text.isascii():
        text = unicodedata.normalize("NFC", _HALVES.sub("\ufffd", text))
    if column.reserved and text.casefold() in column.reserved:
        raise CellError("fault.reserved", found=text)
    return text


def _number(value: Any, column: Column) -> float:
    if isinstance(value, str):
        number = _number_text(value, column)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
    else:
        raise CellError("fault.not_a_number", found=_text(value, column))
    if not math.isfinite(number):
        raise CellError("fault.not_a_number", found=_text(value, column))
    low, high = column.minimum, column.maximum
    if (low is not None and number < low) or (high is not None and number > high):
        unit = f" {column.unit}" if column.unit else ""
        if low is not None and high is not None:
            raise CellError(
                "fault.out_of_range", found=f"{number:g}", minimum=f"{low:g}", maximum=f"{high:g}", unit=unit
            )
        if low is not None:
            raise CellError("fault.too_small", found=f"{number:g}", minimum=f"{low:g}", unit=unit)
        raise CellError("fault.too_large", found=f"{number:g}", maximum=f"{high:g}", unit=unit)
    return number


def _number_text(text: str, column: Column) -> float:
    grouped = _GROUPED.fullmatch(text)
    if grouped is not None:
        # "16,812" and "16.812" are thousands only where people, households or subscribers are counted
        decimal = grouped.group(1) in ".," and grouped.group(2) is None and column.unit not in COUNTED
        if not decimal:
            raise CellError("fault.grouped_number", found=text, mended=re.sub(r"[^\d+-]", "", text))
    if _NUMBER.fullmatch(text) and text.isascii():
        return float(text)
    if _DECIMAL_COMMA.fullmatch(text):
        raise CellError("fault.decimal_comma", found=text, mended=text.replace(",", "."))
    raise CellError("fault.not_a_number", found=text)


def _integer(value: Any, column: Column) -> int:
    number = _number(value, column)
    if not number.is_integer():
        raise CellError("fault.not_whole", found=f"{number:g}")
    if abs(number) > _MOST_WHOLE:
        raise CellError("fault.too_large", found=f"{number:g}", maximum=str(_MOST_WHOLE), unit="")
    return int(number)


def _yes_no(value: Any, column: Column) -> bool:
    if isinstance(value, bool):
        return value
    word = unicodedata.normalize("NFC", _text(value, column)).casefold()
    if word in YES:
        return True
    if word in NO:
        return False
    raise CellError("fault.not_yes_no", found=_text(value, column))


def _date(value: Any, column: Column) -> np.datetime64:
    day: date | None = None
    if isinstance(value, datetime):
        day = value.date()
    elif isinstance(value, date):
        day = value
    elif isinstance(value, str):
        day = _date_text(value)
    if day is None or not _YEARS[0] <= day.year <= _YEARS[1]:
        raise CellError("fault.not_a_date", found=_text(value, column))
    return np.datetime64(day, "s")


def _date_text(text: str) -> date | None:
    if match := _YEAR_FIRST.fullmatch(text):
        year, month, day = match.group(1, 3, 4)
    elif match := _DAY_FIRST.fullmatch(text):
        day, month, year = match.group(1, 2, 3)
    else:
        return None
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _word(value: Any, column: Column) -> str:
    text = _text(value, column)
    exact = {word.casefold(): word for word in column.words}
    if text.casefold() in exact:
        return exact[text.casefold()]
    near = nearest(text, exact)
    words = ", ".join(column.words)
    if near is None:
        raise CellError("fault.not_a_word", found=text, words=words)
    raise CellError("fault.not_a_word_near", found=text, words=words, nearest=exact[near])


_READERS = {"text": _name, "word": _word, "number": _number, "integer": _integer, "yes_no": _yes_no, "date": _date}
