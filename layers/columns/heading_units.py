"""Units that stand in headings: whether a text is a unit, and a column's cells brought to the unit of the schema."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from phusong.layers.columns import written
from phusong.layers.columns.synonyms import data
from phusong.layers.schema import Column

_SAID = re.compile(r"^(đơn vị( tính)?|đvt|dvt|tính bằng|unit|in)(\s*:\s*|\s+)", re.IGNORECASE)
_THOUSANDS = re.compile(r"^(?:x\s*)?(?:1[.,\s]?000|['’]?000s?|thousands?)(?![\d.,]*\d)\s*", re.IGNORECASE)
_SCALE = re.compile(r"^(?:x\s*)?(?:[\d.,]+\s*|(?:nghìn|ngàn|triệu|tỷ|million)\s+)")
_BARE = re.compile(r"[+\-−]?[\d.,\s\u00a0\u202f\u2009'’]*\d(?:[eE][+-]?\d{1,3})?")
_LONGEST = 40
_DECIMALS = 4  # so many digits behind the point can be no group of thousands


class Changed(NamedTuple):
    """Cells brought to another unit: how many, and one of them before and after."""

    cells: list[Any]
    number: int
    found: str
    made: str


@lru_cache(maxsize=1 << 12)
def is_unit(text: str) -> bool:
    """Whether a text is a unit, of any column or of none of the schema, or so many of one ("10 ha", "triệu m2")."""
    plain = _plain(text)
    if not plain or len(plain) > _LONGEST:
        return False
    if {written.folded(text), plain} & set(data()["units"]["other"]):
        return True
    either = {plain, _SCALE.sub("", plain)}
    return any(_one(text, Column("", "number", unit)) is not None for unit in written.UNITS for text in either)


def takes_unit(column: Column, unit: str) -> bool:
    """Whether numbers in ``unit`` can stand in a column: as they are, or brought to its unit. Numbers without a unit of
    their own take any."""
    if column.kind not in ("number", "integer"):
        return False
    return not column.unit or _one(_plain(unit), column) is not None


def same_unit(column: Column, unit: str) -> bool:
    """Whether ``unit`` is the column's own, or the column has none."""
    plain = _plain(unit)
    return not column.unit or (_one(plain, column) == 1.0 and _one(plain, column, of="2") == 2.0)


def in_column_unit(cells: Sequence[Any], column: Column, unit: str) -> Changed:
    """Cells whose heading says ``unit``: numbers brought to the column's unit; texts that are bare numbers get the unit
    beside them, for ``values.plain`` to read with their marks. Cells that bear a unit of their own stay.

    The factors are exact (1 km = 1000 m, 1 ft = 0.3048 m, 1 ha = 0.01 km2), and dBm = 10 log10(P / 1 mW).
    """
    free, plain = replace(column, minimum=None, maximum=None), _plain(unit)
    made: list[Any] = []
    count, found, example = 0, "", ""
    for cell in cells:
        number = isinstance(cell, int | float | np.number) and not isinstance(cell, bool) and _is_finite(cell)
        value: Any = cell
        if number:
            text = f"{Decimal(repr(float(cell))):f}"
            places = len(text.partition(".")[2])
            text += "0" * (_DECIMALS - places) if places else ""
            read = written.number(f"{text} {plain}", free)
            value = read.one if isinstance(read, written.Number) else None
            value = f"{cell} {unit}" if value is None else value  # no level of 0 W: for validate to refuse
        elif isinstance(cell, str) and _BARE.fullmatch(cell.strip()):
            value = f"{cell.strip()} {plain}"
        if value is not cell:
            count += 1
            if not example:
                read = written.number(str(value), free) if isinstance(value, str) else None
                one = read.one if isinstance(read, written.Number) else value if not isinstance(value, str) else None
                if one is not None:
                    found, example = f"{cell} {unit}".strip(), f"{one:.15g} {column.unit}"
        made.append(value)
    return Changed(made, count, found or unit, example or column.unit)


def _is_finite(number: int | float | np.number[Any]) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        return False  # an integer beyond all floats


def _plain(unit: str) -> str:
    text = _SAID.sub("", unicodedata.normalize("NFC", unit).strip())
    plain = written.folded(_THOUSANDS.sub("nghìn ", text))
    return next((name for name, texts in data()["units"].items() if plain in texts and name != "other"), plain)


def _one(unit: str, column: Column, *, of: str = "1") -> float | None:
    """One (or ``of``) such unit in the column's unit, None if it is no unit of it ("100 km" is none: 1 100 km)."""
    if not unit or unit[0].isdecimal():
        return None
    read = written.number(f"{of} {unit}", replace(column, minimum=None, maximum=None))
    return read.one if isinstance(read, written.Number) else None
