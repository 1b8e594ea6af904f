"""Coordinates as offices write them: what one cell may mean, before a column decides which of it is meant.

A cell is read in every way it can be read: as its own degree marks say (16°42'12.3"N, 16 độ 42 phút 12 giây Bắc,
16-42-12), as a number with decimal point or decimal comma, as groups set off by points (16.42.12) and as bare digits
whose point was lost. Nothing is decided here; a cell that fits no way has none.
"""

from __future__ import annotations

import datetime
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

NORTH, EAST = 1, 2
"""What a cell says itself to be: along the meridian, along the parallel; 0 where it says nothing."""

_NAN = math.nan
_SIGNS = str.maketrans(
    dict.fromkeys("º˚∘⁰", "°")
    | dict.fromkeys("′’‘´`ʹ‵", "'")
    | dict.fromkeys("″”“„ʺ‟", '"')
    | dict.fromkeys("−–—‐‑", "-")
    | dict.fromkeys("\xa0\u202f\u2009\u2007\u3000\t\n\r", " ")
    | dict.fromkeys("\u200b\ufeff\u200e\u200f", "")
)
_WORDS = (
    (re.compile(r"(?<![a-zđ])(vi *[dđ]o|[dđ]o *vi|vi *tuyen|latitude|lat|v[dđ])(?![a-zđ])", re.I), "φ"),
    (re.compile(r"(?<![a-zđ])(kinh *[dđ]o|[dđ]o *kinh|kinh *tuyen|longitude|long|lon|lng|k[dđ])(?![a-zđ])", re.I), "λ"),
    (re.compile(r"(?<![a-zđ])(bac|north)(?![a-zđ])", re.I), "↑"),
    (re.compile(r"(?<![a-zđ])(nam|south)(?![a-zđ])", re.I), "↓"),
    (re.compile(r"(?<![a-zđ])([dđ]ong|east)(?![a-zđ])", re.I), "→"),
    (re.compile(r"(?<![a-zđ])(tay|west)(?![a-zđ])", re.I), "←"),
    (re.compile(r"(?<![a-zđ])([dđ]o|degrees?|deg)(?![a-zđ])\.?", re.I), "°"),
    (re.compile(r"(?<![a-zđ])(phut|minutes?|min)(?![a-zđ])\.?", re.I), "'"),
    (re.compile(r"(?<![a-zđ])(giay|seconds?|sec)(?![a-zđ])\.?", re.I), '"'),
)
_LETTERS = {  # letter -> (role, sign, whether only Vietnamese writes it so)
    "N": (NORTH, 1, False),
    "S": (NORTH, -1, False),
    "E": (EAST, 1, False),
    "W": (EAST, -1, False),
    "B": (NORTH, 1, True),
    "Đ": (EAST, 1, True),
    "D": (EAST, 1, True),
    "T": (EAST, -1, True),
    "↑": (NORTH, 1, False),
    "↓": (NORTH, -1, False),
    "→": (EAST, 1, False),
    "←": (EAST, -1, False),
}
_PLAIN = re.compile(r"([+-]?)(\d+)(?:([.,])(\d+))?")
_LABEL = re.compile(r"[xy] *[:=] *", re.I)
_FRAMED = re.compile(r"(?:([NSEWBTĐD↑↓→←])[ .:=]*)?([+-]?\d.*?) *([NSEWBTĐDnewbtđ↑↓→←]?)\.?")
_FIRST, _SECOND = r"(?: *[°dD] *-?| *[-:_]| ) *", r"(?: *['mM] *-?| *[-:_]| ) *"
_D_M_S = re.compile(rf"([+-]?)(\d{{1,3}}){_FIRST}(\d{{1,2}}){_SECOND}(\d{{1,2}}(?:[.,]\d+)?) *[\"s]?")
_D_M = re.compile(rf"([+-]?)(\d{{1,3}}){_FIRST}(\d{{1,2}}(?:[.,]\d+)?) *['mM]?")
_D = re.compile(r"([+-]?)(\d{1,3}(?:[.,]\d+)?) *[°dD]")
_POINT_D_M_S = re.compile(r"([+-]?)(\d{1,3})[.,](\d{1,2}) *' *(\d{1,2}(?:[.,]\d+)?) *\"?")
_DOTTED = re.compile(r"([+-]?)(\d{1,3})\.(\d{1,2})\.(\d{1,2}(?:[.,]\d+)?) *[\"']?")
_ZONED = re.compile(r"(\d{2,3})[A-Z]? +([\d.,]+)")
_LENGTH = re.compile(r"([+-]?\d[\d., ]*) *(?:m|km|met)")
_POWER = re.compile(r"([+-]?\d+(?:\.\d+)?)[eE]\+?(\d{1,2})")
_HEMISPHERES = re.compile(r"(?:[NEWBTĐ↑↓→←φλ]|S(?![a-z]))(?: *[NSEWBTĐ↑↓→←φλ])*")
_GROUPED = {
    "point": re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?"),
    "comma": re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?"),
    "blank": re.compile(r"[1-9]\d{0,2}(?:[ ']\d{3})+(?:[.,]\d+)?"),
}
_LEADING = re.compile(r"[1-9]\d{0,2}")
_LEAST_ZONED = 1e5  # after a zone's number follow metres


class Token(NamedTuple):
    """One cell in every way it can be read; NaN where a way does not fit."""

    marked: float = _NAN  # degrees, as the cell's own marks say
    dotted: float = _NAN  # degrees, groups set off by points taken for minutes and seconds
    point: float = _NAN  # the number with a decimal point, commas grouping thousands
    comma: float = _NAN  # the number with a decimal comma, points grouping thousands
    digits: float = _NAN  # all digits joined, of a cell without a regular decimal mark
    role: int = 0  # NORTH or EAST where the cell says it
    zone: int = 0  # the zone's number before it
    vietnamese: bool = False  # a letter only Vietnamese writes so (B, Đ, T)
    letter_n: bool = False  # north, or Nam: south


@dataclass(frozen=True)
class Cells:
    """A column of coordinates in every way it can be read: arrays (count,), as in :class:`Token`."""

    marked: NDArray[np.float64]
    dotted: NDArray[np.float64]
    point: NDArray[np.float64]
    comma: NDArray[np.float64]
    digits: NDArray[np.float64]
    role: NDArray[np.int64]
    zone: NDArray[np.int64]
    vietnamese: NDArray[np.bool_]
    letter_n: NDArray[np.bool_]
    blank: NDArray[np.bool_]

    def take(self, rows: NDArray[Any]) -> Cells:
        """The cells at these positions."""
        return Cells(*(getattr(self, f.name)[rows] for f in fields(self)))


def read_cells(values: Sequence[Any]) -> Cells:
    """Every cell of a column: text, numbers, and times (a spreadsheet makes a time of 16:42:12)."""
    none = Token()
    tokens = [none if _empty(value) else read_token(value) for value in values]
    blank = np.fromiter((_empty(value) for value in values), dtype=bool, count=len(values))
    return _columns(tokens, blank)


def read_numbers(values: NDArray[np.float64]) -> Cells:
    """Cells that are numbers already, such as the x of points."""
    whole = np.where(np.isfinite(values) & (values == np.round(values)), values, _NAN)
    nothing = np.full(len(values), _NAN)
    zero, no = np.zeros(len(values), dtype=np.int64), np.zeros(len(values), dtype=bool)
    return Cells(nothing, nothing, values, values, whole, zero, zero, no, no, np.isnan(values))


def read_pairs(values: Sequence[Any]) -> tuple[Cells, Cells]:
    """Cells that hold both coordinates, as two columns in the order written; both blank where a cell cannot be cut."""
    none = Token()
    first, second = [none] * len(values), [none] * len(values)
    blank = np.zeros(len(values), dtype=bool)
    for i, value in enumerate(values):
        blank[i] = _empty(value)
        halves = None if blank[i] else cut(str(value))
        if halves is not None:
            first[i], second[i] = read_token(halves[0]), read_token(halves[1])
    return _columns(first, blank), _columns(second, blank)


def read_token(value: Any) -> Token:
    """One cell in every way it can be read; a Token of nothing if there is none."""
    if isinstance(value, bool):
        return Token()
    if isinstance(value, int | float | np.integer | np.floating):
        number = float(value)
        if not math.isfinite(number):
            return Token()
        return Token(point=number, comma=number, digits=number if number.is_integer() else _NAN)
    if isinstance(value, datetime.time):
        return Token(marked=value.hour + value.minute / 60 + (value.second + value.microsecond / 1e6) / 3600)
    if isinstance(value, datetime.timedelta):
        return Token(marked=value.total_seconds() / 3600)
    text = str(value).strip()
    if match := _PLAIN.fullmatch(text):
        return _number(text, match)
    return _written(_plain_text(text))


def cut(text: str) -> tuple[str, str] | None:
    """The two coordinates of one cell as two texts in the order written; None if it is not clear where to cut."""
    text = _plain_text(text)
    text = re.sub(r"^(?:POINT|SRID=\d+;POINT)? *[(\[{]+|[)\]}]+$", "", text, flags=re.I).strip(" @")
    for pattern in (r" *[;|] *", r" +/ +|(?<=\d)/(?=\d)", r" +- +", r", +"):
        halves = re.split(pattern, text.strip(" ,;"))
        if len(halves) == 2 and all(any(c.isdigit() for c in half) for half in halves):
            return halves[0], halves[1]
    return _cut_by_letters(text) or _cut_by_marks(text) or _cut_by_blanks(text) or _cut_by_commas(text)


def _cut_by_letters(text: str) -> tuple[str, str] | None:
    """Before the second hemisphere where the first stands in front, behind the first where the second stands last."""
    signs = list(_HEMISPHERES.finditer(text))
    if len(signs) != 2:
        return None
    if signs[0].start() == 0:
        where = signs[1].start()
    elif signs[1].end() == len(text):
        where = signs[0].end()
    else:
        return None
    halves = text[:where].strip(" ,"), text[where:].strip(" ,")
    return halves if all(any(c.isdigit() for c in half) for half in halves) else None


def _cut_by_marks(text: str) -> tuple[str, str] | None:
    match = re.fullmatch(r"([^°]*°[^°]*?)[ ,]* ?(?<![\d.,])([+-]?\d{1,3} *°[^°]*)", text)
    return (match[1].strip(" ,"), match[2]) if match else None


def _cut_by_blanks(text: str) -> tuple[str, str] | None:
    parts = text.split()
    if re.search(r"[xy] *[:=]", text, re.I):
        parts = [part for part in re.split(r" *[xy] *[:=] *", text, flags=re.I) if part]
    if len(parts) == 3 and re.fullmatch(r"\d{2,3}[A-Z]?", parts[0]) and all(len(p) >= 6 for p in parts[1:]):
        return f"{parts[0]} {parts[1]}", f"{parts[0]} {parts[2]}"
    numbers = r".*\d.*" if len(parts) == 2 else r"[\d.,°'\"]+"
    if len(parts) not in (2, 4, 6) or not all(re.fullmatch(numbers, part) for part in parts):
        return None
    half = len(parts) // 2
    return " ".join(parts[:half]).strip(","), " ".join(parts[half:])


def _cut_by_commas(text: str) -> tuple[str, str] | None:
    parts = text.split(",")
    if " " in text.strip():
        return None
    if len(parts) == 2 and (all("." in part or "°" in part for part in parts) or all(len(p) >= 6 for p in parts)):
        return parts[0], parts[1]
    if len(parts) == 4 and "." not in text and "°" not in text:
        return f"{parts[0]},{parts[1]}", f"{parts[2]},{parts[3]}"
    return None


def _columns(tokens: list[Token], blank: NDArray[np.bool_]) -> Cells:
    kinds: dict[str, Any] = {"role": np.int64, "zone": np.int64, "vietnamese": bool, "letter_n": bool}
    columns = list(zip(*tokens, strict=True)) if tokens else [()] * len(Token._fields)
    arrays = (
        np.array(column, dtype=kinds.get(name, np.float64)) for name, column in zip(Token._fields, columns, strict=True)
    )
    return Cells(*arrays, blank)


def _empty(value: Any) -> bool:
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    if isinstance(value, str):
        return not value or value.isspace()
    return isinstance(value, float) and math.isnan(value)


def _plain_text(text: str) -> str:
    """One spelling of marks, words and blanks; tones are left out, Đ stays."""
    text = text.translate(_SIGNS).replace("''", '"')
    if any(c.isalpha() for c in text):
        text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
        for pattern, sign in _WORDS:
            text = pattern.sub(sign, text)
    return " ".join(text.split())


def _written(text: str) -> Token:
    role = 0
    for sign, says in (("φ", NORTH), ("λ", EAST)):
        if sign in text:
            if role:
                return Token()
            role, text = says, text.replace(sign, " ").strip(" :=,")
    text = _LABEL.sub("", text, count=1) if _LABEL.match(text) else text
    token = _body(text)
    if not all(math.isnan(value) for value in token[:5]):
        return token._replace(role=role)
    frame = _FRAMED.fullmatch(text)
    if frame is None:
        return Token()
    before, body, after = frame[1] or "", frame[2].strip(), frame[3].upper()
    if before and after:
        return Token()
    token = _body(body)
    letter = before or after
    if after == "S" and re.search(r"[dDmM]", body) and not re.search(r"[\"s]$", body):
        return Token()  # seconds or south
    if not letter:
        return token._replace(role=role)
    says, sign, vietnamese = _LETTERS[letter]
    if role not in (0, says) or body.startswith(("-", "+")):
        return Token()
    values = {name: sign * getattr(token, name) for name in ("marked", "dotted", "point", "comma", "digits")}
    return token._replace(**values, role=says, vietnamese=vietnamese, letter_n=letter == "N")


def _body(text: str) -> Token:
    if match := _PLAIN.fullmatch(text):
        return _number(text, match)
    if match := _D_M_S.fullmatch(text) or _POINT_D_M_S.fullmatch(text):
        return Token(marked=_degrees(*match.groups()))
    if match := _D_M.fullmatch(text):
        return Token(marked=_degrees(*match.groups()))
    if match := _D.fullmatch(text):
        return Token(marked=_degrees(*match.groups()))
    if match := _ZONED.fullmatch(text):
        token = _body(match[2])
        far = max((abs(v) for v in (token.point, token.comma) if not math.isnan(v)), default=0.0)
        if far >= _LEAST_ZONED:
            return token._replace(zone=int(match[1]), digits=_NAN)
    if match := _DOTTED.fullmatch(text):
        return _grouped(text)._replace(dotted=_degrees(*match.groups()))
    if match := _LENGTH.fullmatch(text):
        return _body(match[1].strip())
    if match := _POWER.fullmatch(text):
        number = float(f"{match[1]}e{match[2]}")
        return Token(point=number, comma=number)
    return _grouped(text)


def _number(text: str, match: re.Match[str]) -> Token:
    """A number with at most one mark: "16.7034", "582,123", "1843210"."""
    sign, whole, mark, fraction = match.groups()
    if mark is None:
        number = float(text)
        return Token(point=number, comma=number, digits=number)
    decimal = float(f"{sign}{whole}.{fraction}")
    grouped = float(f"{sign}{whole}{fraction}") if len(fraction) == 3 and _LEADING.fullmatch(whole) else _NAN
    return Token(point=decimal, comma=grouped) if mark == "." else Token(point=grouped, comma=decimal)


def _grouped(text: str) -> Token:
    """A number with several marks: "1.843.210,5", "1 843 210", or points where none belong: "16.703.41"."""
    sign, body = (text[0], text[1:]) if text.startswith(("+", "-")) else ("", text)
    if not re.fullmatch(r"\d[\d., ']*\d", body):
        return Token()
    if _GROUPED["blank"].fullmatch(body):
        number = float(sign + re.sub(r"[ ']", "", body).replace(",", "."))
        return Token(point=number, comma=number, digits=number if number.is_integer() else _NAN)
    point = float(sign + body.replace(",", "")) if _GROUPED["point"].fullmatch(body) else _NAN
    comma = float(sign + body.replace(".", "").replace(",", ".")) if _GROUPED["comma"].fullmatch(body) else _NAN
    one_mark = len(set(body) & set(".,")) == 1 and not set(body) & set(" '")
    digits = float(sign + re.sub(r"[.,]", "", body)) if one_mark else _NAN
    return Token(point=point, comma=comma, digits=digits)


def _degrees(sign: str, degrees: str, minutes: str = "0", seconds: str = "0") -> float:
    d, m, s = (float(part.replace(",", ".")) for part in (degrees, minutes, seconds))
    if m >= 60 or s > 60 or d > 180:  # 60.0 seconds are what rounding makes of 59.99
        return _NAN
    return (-1 if sign == "-" else 1) * (d + m / 60 + s / 3600)
