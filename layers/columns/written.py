"""Numbers, days, yes and no as offices write them: what one cell may mean before its column decides between meanings.

Two ways of writing numbers are known by their decimal mark: ``"."`` (1,234.5) and ``","`` (1.234,5). Blanks and
apostrophes between thousands go with either. Everything else that can stand for two values is left to the caller.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Literal

from phusong.layers.columns import cells
from phusong.layers.schema import Column

Mark = Literal[".", ","]

NO_DATA = frozenset({
    *("-", "--", "---", "–", "—", "−", "...", "..", "…", ". . .", "?", "??", "/", "//"),
    *("n/a", "na", "n.a", "n.a.", "null", "none", "nil", "nan", "no data", "not available", "unknown", "not known"),
    *("không có số liệu", "chưa có số liệu", "không có dữ liệu", "chưa có dữ liệu", "không có thông tin"),
    *("chưa có thông tin", "không rõ", "chưa rõ", "không biết", "chưa biết", "không xác định", "chưa xác định"),
    *("chưa thống kê", "không thống kê", "chưa cập nhật", "đang cập nhật", "chưa báo cáo", "không báo cáo", "kxđ"),
})  # fmt: skip
"""What stands for "no data" in columns of numbers, days, words and yes or no; compared without case."""
NONE_AT_ALL = frozenset({"không", "khong", "không có", "khong co", "ko", "no", "chưa", "chua", "chưa có", "chua co"})
"""In a column of numbers these may be 0 or no data."""
CROSS = frozenset({"x", "×"})
YES = (cells.YES - CROSS) | {"đã có", "da co", "có rồi", "✓", "✔", "√", "☑"}
NO = cells.NO | NONE_AT_ALL
OMNI = frozenset({
    *("omni", "omnidirectional", "omni-directional", "360 omni", "omni 360", "vô hướng", "vo huong"),
    *("đẳng hướng", "dang huong", "toàn hướng", "toan huong", "mọi hướng", "moi huong"),
})  # fmt: skip

_SPACES = " \u00a0\u202f\u2009\u2007'’"
_SCALES = {
    **dict.fromkeys(("nghìn", "nghin", "ngàn", "ngan", "k", "thousand"), Decimal(1000)),
    **dict.fromkeys(("tr", "triệu", "trieu", "million"), Decimal(10**6)),
    **dict.fromkeys(("tỷ", "tỉ", "ty", "billion"), Decimal(10**9)),
}
_METRES = {
    **dict.fromkeys(("m", "mét", "met", "metre", "metres", "meter", "meters"), Decimal(1)),
    **{"km": Decimal(1000), "dm": Decimal("0.1"), "cm": Decimal("0.01"), "mm": Decimal("0.001")},
    **dict.fromkeys(("ft", "feet", "foot"), Decimal("0.3048")),
}
_AREAS = {
    **dict.fromkeys(("km2", "km²", "km^2", "ki-lô-mét vuông", "kilômét vuông"), Decimal(1)),
    **dict.fromkeys(("ha", "hecta", "héc-ta", "hectare", "hectares"), Decimal("0.01")),
    **dict.fromkeys(("m2", "m²", "m^2"), Decimal("1e-6")),
}
_PERCENT = dict.fromkeys(("%", "percent", "phần trăm", "phan tram", "pct"), Decimal(1))
_PEOPLE = ("người", "nguoi", "nhân khẩu", "nhan khau", "khẩu", "khau", "persons", "people")
_PLACES = (
    *("chỗ", "cho", "chỗ ngồi", "quầy", "quay", "giường", "giuong", "giường bệnh", "học sinh", "hoc sinh", "hs"),
    *("máy tính", "máy điện thoại", "places", "seats", "counters", "beds", "pupils", "computers"),
)
UNITS: dict[str, dict[str, Decimal]] = {
    "m": _METRES,
    "km2": _AREAS,
    "MHz": {"mhz": Decimal(1), "ghz": Decimal(1000), "khz": Decimal("0.001")},
    "dBm": {"dbm": Decimal(1)},
    "dB": {"db": Decimal(1)},
    "dBi": {"dbi": Decimal(1)},
    "deg": dict.fromkeys(("°", "º", "˚", "⁰", "độ", "do", "deg", "degree", "degrees"), Decimal(1)),
    "%": _PERCENT,
    "persons": dict.fromkeys(_PEOPLE, Decimal(1)),
    "households": dict.fromkeys(("hộ", "ho", "hộ gia đình", "households", "household"), Decimal(1)),
    "fibres": dict.fromkeys(("fibres", "fibre", "fibers", "fiber", "sợi", "soi", "sợi quang"), Decimal(1)),
    "Gbit/s": {
        **dict.fromkeys(("gbit/s", "gbps"), Decimal(1)),
        **dict.fromkeys(("mbit/s", "mbps"), Decimal("0.001")),
    },
    "subscribers": dict.fromkeys(("thuê bao", "thue bao", "tb", "subscribers"), Decimal(1)),
    "places": dict.fromkeys(_PLACES, Decimal(1)),
    "min": {
        **dict.fromkeys(("phút", "phut", "min", "mins", "minute", "minutes"), Decimal(1)),
        **dict.fromkeys(("giờ", "gio", "h", "hour", "hours"), Decimal(60)),
    },
    "": _PERCENT,
}
"""What may stand behind a number of each unit of the schema, and how many of the schema's unit it is (exact)."""
SHIFTS: dict[str, dict[str, Callable[[float], float]]] = {
    "dBm": {
        **dict.fromkeys(("w", "watt", "watts", "oát"), lambda w: 30.0 + 10.0 * math.log10(w)),
        **dict.fromkeys(("mw", "milliwatt"), lambda mw: 10.0 * math.log10(mw)),
        "kw": lambda kw: 60.0 + 10.0 * math.log10(kw),
        "dbw": lambda dbw: dbw + 30.0,
    },
    "dBi": {"dbd": lambda dbd: dbd + 2.15},  # a half-wave dipole has 2.15 dBi
}
"""Units that another scale is needed for: dBm = 10 log10(P / 1 mW)."""
_LONGEST = 60

_TAIL = re.compile(
    rf"(?P<body>[+\-−]?(?:[0-9]|[.,](?=[0-9]))(?:[0-9.,]|[{_SPACES}](?=[0-9]))*(?:[eE][+-]?[0-9]{{1,3}}(?!\w))?)"
    rf"[{_SPACES}]*(?P<tail>(?:[^\W\d_]|[%°º˚⁰]).*)?"
)
_SEVERAL = re.compile(
    r"[~≈<>≤≥]?\s*[\d.,]+(?:\s*(?:-|–|÷|/|;|\+|đến|to|~)\s*[\d.,]+)+.*|[~≈<>≤≥]\s*[\d.,]+.*", re.ASCII
)
_PLAIN = re.compile(r"[+-]?(\d+(\.\d+)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def _way(decimal: str, thousands: str) -> re.Pattern[str]:
    grouped = rf"[1-9]\d{{0,2}}(?:(?P<mark>{thousands}|[{_SPACES}])\d{{3}})(?:(?P=mark)\d{{3}})*"
    return re.compile(rf"(?:(?:{grouped}|\d+)(?:{decimal}\d+)?|{decimal}\d+)(?:[eE][+-]?\d{{1,3}})?", re.ASCII)


_WAYS: dict[Mark, re.Pattern[str]] = {".": _way(r"\.", ","), ",": _way(",", r"\.")}


@dataclass(frozen=True)
class Number:
    """What a text is as a number in the schema's unit, by decimal mark; a mark is missing where it gives no number.

    ``inside``: the marks with which it lies in the column's range. ``how``: ``plain`` (digits with a point at most),
    ``marks``, ``unit`` or ``scale``: what had to be understood. ``unit``: what stands behind the number, if it does.
    """

    values: dict[Mark, float]
    inside: tuple[Mark, ...]
    how: str
    unit: str = ""

    @property
    def one(self) -> float | None:
        """The number, if every way of reading gives the same one."""
        found = set(self.values.values())
        return found.pop() if len(found) == 1 else None


@dataclass(frozen=True)
class Odd:
    """A text that is refused: the message code, and what fills it beside the text."""

    code: str
    params: dict[str, Any]


def folded(text: str) -> str:
    """A text for comparing: composed, without case, single blanks."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def number(text: str, column: Column) -> Number | Odd | None:
    """What a text may mean in a column of numbers; Odd if it is refused for a reason, None if it is no number."""
    text = unicodedata.normalize("NFC", text).strip()
    if len(text) > _LONGEST:
        return None
    if _SEVERAL.fullmatch(text):
        return Odd("fault.not_one_number", {})
    match = _TAIL.fullmatch(text)
    if match is None:
        return None
    body, tail = match["body"].rstrip(_SPACES), folded(match["tail"] or "").rstrip(".")
    values: dict[Mark, Decimal] = {}
    signless = body.lstrip("+-−")
    for mark, way in _WAYS.items():
        if way.fullmatch(signless):
            other = "," if mark == "." else "."
            digits = re.sub(rf"[{re.escape(other)}{_SPACES}]", "", signless).replace(mark, ".")
            values[mark] = Decimal(digits) * (-1 if body[0] in "-−" else 1)
    if not values:
        return None
    found: dict[Mark, float] = {}
    for mark, value in values.items():
        taken = _measured(value, tail, column)
        if isinstance(taken, Odd):
            return taken
        found[mark] = taken
    if not all(map(math.isfinite, found.values())):
        return None
    how = "plain" if _PLAIN.fullmatch(body) else "marks"
    if tail:
        how = "scale" if tail.split(" ")[0] in _SCALES else "unit"
    return Number(found, tuple(mark for mark, value in found.items() if _inside(value, column)), how, tail)


def otherwise(value: float, unit: str, column: Column) -> float | None:
    """A number of the column taken for one of another unit (such as 20 for 20 W: 43 dBm), None if it can be none: the
    unit is the column's own, the number is then outside its range, or it is larger than the thousands, millions of
    other cells (8.500 is not meant as 8.500 thousand)."""
    if not unit or UNITS.get(column.unit, {}).get(unit) == 1 or not math.isfinite(value):
        return None
    if abs(value) >= _SCALES.get(unit.split(" ", maxsplit=1)[0], math.inf):
        return None
    taken = _measured(Decimal(repr(float(value))), unit, column)
    return None if isinstance(taken, Odd) or not _inside(taken, column) else taken


def _inside(value: float, column: Column) -> bool:
    return (column.minimum is None or value >= column.minimum) and (column.maximum is None or value <= column.maximum)


def _measured(value: Decimal, tail: str, column: Column) -> float | Odd:
    """The number in the column's unit."""
    known, shifts = UNITS.get(column.unit, {}), SHIFTS.get(column.unit, {})
    unit = tail
    if column.unit in cells.COUNTED:
        word, _, rest = tail.partition(" ")
        if word in _SCALES:
            value, unit = value * _SCALES[word], rest
    if not unit:
        return float(value)
    if unit in known:
        return float(value * known[unit])
    if unit in shifts:
        power = column.unit == "dBm" and unit != "dbw"  # of 0 W there is no level
        amount = float(value)
        return shifts[unit](amount) if amount > 0 or not power else math.nan
    names = [name for name in (*known, *shifts) if name != column.unit.lower()]
    return Odd(
        "fault.other_unit", {"unit": tail, "expected": ", ".join([column.unit, *names] if column.unit else names)}
    )


@dataclass(frozen=True)
class Day:
    """The day a text may mean: read day first, month first; both alike where only one order is possible.

    ``how``: ``plain`` if it stands in one of the forms of a study's own files, else ``form``.
    """

    day_first: date | None
    month_first: date | None
    how: str

    @property
    def one(self) -> date | None:
        """The day, if both orders agree or only one gives a day."""
        orders = {day for day in (self.day_first, self.month_first) if day is not None}
        return orders.pop() if len(orders) == 1 else None


_CLOCK = r"(?:[t ](?P<hour>\d{1,2}):\d{2}(?::\d{2}(?:\.\d+)?)?(?P<utc>z)?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/. ])(\d{{1,2}})\2(\d{{1,2}}){_CLOCK}", re.ASCII)
_YEAR_LAST = re.compile(rf"(ngày )?(\d{{1,2}})\s?([-/. ])\s?(\d{{1,2}})\s?\3\s?(\d{{4}}){_CLOCK}", re.ASCII)
_IN_WORDS = re.compile(r"(?:ngày )?(\d{1,2}) tháng (\d{1,2}),? năm (\d{4})", re.ASCII)
_PACKED = re.compile(r"\d{8}", re.ASCII)
_SHORT_YEAR = re.compile(r"(?:ngày )?\d{1,2}\s?[-/. ]\s?\d{1,2}\s?[-/. ]\s?\d{2}", re.ASCII)
_NO_DAY = re.compile(
    r"(?:(?:tháng|thang|th|t)\.?\s?)?\d{1,2}\s?(?:[-/. ]|năm)\s?\d{4}|\d{4}\s?[-/.]\s?\d{1,2}"
    r"|(?:năm |nam |year )?(?:19|20)\d{2}"
    r"|(?:quý|quy|q)\s?(?:[1-4]|i{1,3}|iv)\s?[-/. ]?\s?(?:năm |nam )?\d{4}|tháng \d{1,2} năm \d{4}"
    r"|(?:cuối |đầu )(?:năm |tháng )?.*\d{4}",
    re.ASCII,
)
_FIRST_SERIAL = date(1899, 12, 30)
SERIALS = (18264, 73415)
"""1950-01-01 and 2100-12-31 as days since 1899-12-30, in the spreadsheets' system that counts from 1900."""
_YEARS = (1900, 2100)
HOURS_BEFORE_UTC = 7
"""Viet Nam's days begin so much earlier than those of UTC, in which programs write a time down."""


def day(text: str) -> Day | Odd | None:
    """What a text may mean as a day; Odd if it is refused for a reason, None if it is no date at all."""
    text = folded(text)
    if match := _YEAR_FIRST.fullmatch(text):
        found = _date(match[1], match[3], match[4])
        if found and match["utc"] and int(match["hour"]) >= 24 - HOURS_BEFORE_UTC:
            return Odd("fault.day_of_utc", {"other": str(found + timedelta(days=1))})
        return Day(found, found, "plain" if match[2] in "-/" else "form") if found else None
    if match := _IN_WORDS.fullmatch(text):
        found = _date(match[3], match[2], match[1])
        return Day(found, found, "form") if found else None
    if match := _YEAR_LAST.fullmatch(text):
        first, second = _date(match[5], match[4], match[2]), _date(match[5], match[2], match[4])
        if match[1]:  # with the Vietnamese word for day the order is the Vietnamese one
            second = first
        plain = re.fullmatch(r"\d{1,2}/\d{1,2}/\d{4}", text, re.ASCII) is not None
        return Day(first, second, "plain" if plain else "form") if first or second else None
    if _SHORT_YEAR.fullmatch(text):
        return Odd("fault.short_year", {})
    if _PACKED.fullmatch(text):
        return _packed(text)
    return Odd("fault.not_a_day", {}) if _NO_DAY.fullmatch(text) else None


def _packed(text: str) -> Day | Odd | None:
    """Eight digits: year, month, day; refused where day, month, year would be a day too, or alone is one."""
    found = _date(text[:4], text[4:6], text[6:])
    others = _date(text[4:], text[2:4], text[:2]) or _date(text[4:], text[:2], text[2:4])
    if found and not others:
        return Day(found, found, "form")
    return Odd("fault.packed_day", {}) if found or others else None


def _date(year: str, month: str, of_month: str) -> date | None:
    try:
        found = date(int(year), int(month), int(of_month))
    except ValueError:
        return None
    return found if _YEARS[0] <= found.year <= _YEARS[1] else None


def serial(value: float) -> date | None:
    """The day a spreadsheet's number stands for (days since 1899-12-30), None if it can be none of 1950 to 2100."""
    if not SERIALS[0] <= value <= SERIALS[1] or value != int(value):
        return None
    return _FIRST_SERIAL + timedelta(days=int(value))
