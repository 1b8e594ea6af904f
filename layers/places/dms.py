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
from functools import lru_cache
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
_BRACKETS = re.compile(r"^(?:SRID=\d+;)?(?:POINT)? *[(\[{]+|[)\]}]+$", re.I)
_BETWEEN = tuple(map(re.compile, (r" *[;|] *", r" +/ +|(?<=\d)/(?=\d)", r" +- +", r", +")))
_DIGIT = re.compile(r"\d")
_NUMERIC = re.compile(r"[+-]?[\d.,]+")
_LETTER = re.compile(r"[^\W\d_]")
_RUN = re.compile(r"[^\W\d_]{2,}(?: +[^\W\d_]{2,})*\.?")
_TONES = re.compile("[\u0300-\u036f]")
_BLANKS, _BEFORE_MARK = re.compile(" {2,}"), re.compile(" +(?=[°'\"])")
_BREAK, _LONGEST = "\x1f", 200
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


_NOTHING = Token()


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
    texts = iter(_plain_texts([value for value in values if isinstance(value, str)]))
    tokens = [_of_text(next(texts)) if isinstance(value, str) else read_token(value) for value in values]
    return _columns(tokens, _blanks(values))


def read_numbers(values: NDArray[np.float64]) -> Cells:
    """Cells that are numbers already, such as the x of points."""
    whole = np.where(np.isfinite(values) & (values == np.round(values)), values, _NAN)
    nothing = np.full(len(values), _NAN)
    zero, no = np.zeros(len(values), dtype=np.int64), np.zeros(len(values), dtype=bool)
    return Cells(nothing, nothing, values, values, whole, zero, zero, no, no, np.isnan(values))


def read_pairs(values: Sequence[Any]) -> tuple[Cells, Cells]:
    """Cells that hold both coordinates, as two columns in the order written; nothing where a cell cannot be cut."""
    texts = _plain_texts([value if isinstance(value, str) else "" for value in values])
    halves = [_cut(text) or ("", "") for text in texts]
    blank = _blanks(values)
    return _columns([_of_text(one) for one, _ in halves], blank), _columns(
        [_of_text(other) for _, other in halves], blank
    )


def read_token(value: Any) -> Token:
    """One cell in every way it can be read; a Token of nothing if there is none."""
    if isinstance(value, bool):
        return _NOTHING
    if isinstance(value, int | float | np.integer | np.floating):
        number = float(value)
        if not math.isfinite(number):
            return _NOTHING
        return Token(point=number, comma=number, digits=number if number.is_integer() else _NAN)
    if isinstance(value, datetime.time):
        return Token(marked=value.hour + value.minute / 60 + (value.second + value.microsecond / 1e6) / 3600)
    if isinstance(value, datetime.timedelta):
        return Token(marked=value.total_seconds() / 3600)
    return _of_text(_plain_texts([value])[0]) if isinstance(value, str) else _NOTHING


def cut(text: str) -> tuple[str, str] | None:
    """The two coordinates of one cell as two texts in the order written; None if it is not clear where to cut."""
    return _cut(_plain_texts([text])[0])


def _cut(text: str) -> tuple[str, str] | None:
    text = _BRACKETS.sub("", text).strip(" @,;")
    for pattern in _BETWEEN:
        halves = pattern.split(text)
        if len(halves) == 2 and _DIGIT.search(halves[0]) and _DIGIT.search(halves[1]):
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
    return halves if _DIGIT.search(halves[0]) and _DIGIT.search(halves[1]) else None


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
    marked, dotted, point, comma, digits, role, zone, vietnamese, letter_n = (
        zip(*tokens, strict=True) if tokens else ((),) * len(_NOTHING)
    )
    return Cells(
        marked=np.array(marked, dtype=np.float64),
        dotted=np.array(dotted, dtype=np.float64),
        point=np.array(point, dtype=np.float64),
        comma=np.array(comma, dtype=np.float64),
        digits=np.array(digits, dtype=np.float64),
        role=np.array(role, dtype=np.int64),
        zone=np.array(zone, dtype=np.int64),
        vietnamese=np.array(vietnamese, dtype=bool),
        letter_n=np.array(letter_n, dtype=bool),
        blank=blank,
    )


def _blanks(values: Sequence[Any]) -> NDArray[np.bool_]:
    return np.fromiter((_empty(value) for value in values), dtype=bool, count=len(values))


def _empty(value: Any) -> bool:
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def _plain_texts(texts: list[str]) -> list[str]:
    """One spelling of marks, words and blanks; tones are left out, Đ stays; nothing of what is far too long."""
    if not texts:
        return []
    one = _BREAK.join(text.replace(_BREAK, " ") if len(text) <= _LONGEST else "" for text in texts)
    one = one.translate(_SIGNS).replace("''", '"')
    if _LETTER.search(one):
        if not one.isascii():
            one = _TONES.sub("", unicodedata.normalize("NFD", one))
        one = _RUN.sub(lambda run: _signs(run[0]), one)
    return [text.strip() for text in _BLANKS.sub(" ", _BEFORE_MARK.sub("", one)).split(_BREAK)]


@lru_cache(maxsize=4096)
def _signs(words: str) -> str:
    """Words that say a mark, an axis or a hemisphere as one sign each; others as they are."""
    for pattern, sign in _WORDS:
        words = pattern.sub(sign, words)
    return words


def _of_text(text: str) -> Token:
    """A cell in one spelling."""
    if match := _PLAIN.fullmatch(text):
        return _number(text, match)
    role = 0
    for axis, says in (("φ", NORTH), ("λ", EAST)):
        if axis in text:
            if role:
                return _NOTHING
            role, text = says, text.replace(axis, " ").strip(" :=,")
    text = _LABEL.sub("", text, count=1) if _LABEL.match(text) else text
    frame = _FRAMED.fullmatch(text)
    token = _body(text) if frame is None or not (frame[1] or frame[3]) or text[-1] in "tD" else _NOTHING
    if frame is None or token is not _NOTHING:  # "582123 met", "106.58D"
        return token._replace(role=role) if role else token
    before, body, after = frame[1] or "", frame[2].strip(), frame[3].upper()
    if before and after:
        return _NOTHING
    token = _body(body)
    letter = before or after
    if after == "S" and re.search(r"[dDmM]", body) and not re.search(r"[\"s]$", body):
        return _NOTHING  # seconds or south
    if not letter:
        return token._replace(role=role)
    says, sign, vietnamese = _LETTERS[letter]
    if role not in (0, says) or body.startswith(("-", "+")):
        return _NOTHING
    marked, dotted, point, comma, digits, _, zone, _, _ = token
    if sign < 0:
        marked, dotted, point, comma, digits = -marked, -dotted, -point, -comma, -digits
    return Token(marked, dotted, point, comma, digits, says, zone, vietnamese, letter == "N")


def _body(text: str) -> Token:
    if match := _PLAIN.fullmatch(text):
        return _number(text, match)
    if _NUMERIC.fullmatch(text):
        match = _DOTTED.fullmatch(text)
        return _grouped(text)._replace(dotted=_degrees(*match.groups())) if match else _grouped(text)
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
        return _NOTHING
    if _GROUPED["blank"].fullmatch(body):
        number = float(sign + re.sub(r"[ ']", "", body).replace(",", "."))
        return Token(point=number, comma=number, digits=number if number.is_integer() else _NAN)
    point = float(sign + body.replace(",", "")) if _GROUPED["point"].fullmatch(body) else _NAN
    comma = float(sign + body.replace(".", "").replace(",", ".")) if _GROUPED["comma"].fullmatch(body) else _NAN
    one_mark = len(set(body) & set(".,")) == 1 and not set(body) & set(" '")
    digits = float(sign + re.sub(r"[.,]", "", body)) if one_mark else _NAN
    return Token(point=point, comma=comma, digits=digits)


def _degrees(sign: str, degrees: str, minutes: str = "0", seconds: str = "0") -> float:
    d, m, s = float(degrees.replace(",", ".")), float(minutes.replace(",", ".")), float(seconds.replace(",", "."))
    if m >= 60 or s > 60 or d > 180:  # 60.0 seconds are what rounding makes of 59.99
        return _NAN
    return (-1 if sign == "-" else 1) * (d + m / 60 + s / 3600)
