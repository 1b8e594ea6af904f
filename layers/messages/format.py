"""Numbers, shares, money and dates as each language writes them: 1,234.5 in English, 1.234,5 in Vietnamese."""

from __future__ import annotations

import math
from datetime import date

import pandas as pd

from phusong.layers.messages import Lang, has, say

NO_DATA = "format.no_data"
_SWAP = str.maketrans(",.", ".,")


def number(value: float | None, lang: Lang, *, decimals: int = 0) -> str:
    """``value`` with ``decimals`` places, thousands grouped; "no data" in words for None or NaN, never 0."""
    if value is None or math.isnan(value):
        return say(NO_DATA, lang)
    text = f"{value:,.{decimals}f}"
    if not text.strip("-0.,"):
        text = text.lstrip("-")  # no "-0"
    return text.translate(_SWAP) if lang == "vi" else text


def plain(value: float | None, lang: Lang, *, most: int = 2) -> str:
    """``value`` with as few places as it needs, at most ``most``: 95, 2.3, 3.16."""
    if value is None or math.isnan(value):
        return say(NO_DATA, lang)
    return number(value, lang, decimals=_places(value, most))


def percent(value: float | None, lang: Lang, *, most: int = 1) -> str:
    """A percentage on the scale 0-100: "72.5 %", "72,5 %"."""
    return quantity(value, "%", lang, most=most)


def quantity(value: float | None, unit: str, lang: Lang, *, most: int = 2) -> str:
    """``value`` with its unit of measure in words of ``lang``; unit "yes_no" gives yes or no, "VND" gives money.

    The words are ``quantity.<unit>`` of the catalogue (a phrase around the number; ``quantity.<unit>_one`` for 1), else
    ``measure.<unit>`` behind the number; other units (m, km, dBm, MHz) are written as they are.
    """
    if value is None or math.isnan(value):
        return say(NO_DATA, lang)
    if unit == "yes_no":
        return say("format.yes" if value else "format.no", lang)
    if unit == "VND":
        return vnd(value, lang)
    text = plain(value, lang, most=most)
    code = f"quantity.{unit}_one" if text == "1" and has(f"quantity.{unit}_one") else f"quantity.{unit}"
    if has(code):
        return say(code, lang, value=text)
    word = say(f"measure.{unit}", lang) if has(f"measure.{unit}") else unit
    return f"{text} {word}".strip()


def vnd(value_vnd: float | None, lang: Lang) -> str:
    """Money in VND: billions from 10 million up ("VND 0.83 bn", "0,83 tỷ đồng"), else to the dong."""
    if value_vnd is None or math.isnan(value_vnd):
        return say(NO_DATA, lang)
    if abs(value_vnd) >= 1e7:
        return say("format.vnd_bn", lang, value=number(value_vnd / 1e9, lang, decimals=2))
    return say("format.vnd", lang, value=number(value_vnd, lang))


def day(value: date | None, lang: Lang) -> str:
    """A date: 2012-12-31 in English, 31/12/2012 in Vietnamese."""
    if value is None or pd.isna(value):
        return say(NO_DATA, lang)
    if lang == "vi":
        return f"{value.day:02d}/{value.month:02d}/{value.year}"
    return f"{value.year:04d}-{value.month:02d}-{value.day:02d}"


def distinct(value: float, other: float, *, most: int = 1, limit: int = 6) -> int:
    """Decimal places at which two different numbers also read differently (94.96 and 95, not 95 and 95)."""
    places = max(_places(value, most), _places(other, most))
    while value != other and places < limit and f"{value:.{places}f}" == f"{other:.{places}f}":
        places += 1
    return places


def _places(value: float, most: int) -> int:
    return next((n for n in range(most) if float(f"{value:.{n}f}") == float(f"{value:.{most}f}")), most)
