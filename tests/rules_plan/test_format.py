"""Numbers, money and dates as each language writes them."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phusong.layers.messages.format import day, distinct, number, percent, plain, quantity, vnd


@pytest.mark.parametrize(
    ("value", "en", "vi"),
    [
        (0.83e9, "VND 0.83 bn", "0,83 tỷ đồng"),
        (2.5e12, "VND 2,500.00 bn", "2.500,00 tỷ đồng"),
        (1500.0, "VND 1,500", "1.500 đồng"),
        (0.0, "VND 0", "0 đồng"),
        (float("nan"), "no data", "không có số liệu"),
        (None, "no data", "không có số liệu"),
    ],
)
def test_money_is_written_in_each_language(value: float | None, en: str, vi: str) -> None:
    assert vnd(value, "en") == en
    assert vnd(value, "vi") == vi


def test_numbers_swap_comma_and_dot() -> None:
    assert number(1234567.891, "en", decimals=2) == "1,234,567.89"
    assert number(1234567.891, "vi", decimals=2) == "1.234.567,89"
    assert number(-0.001, "en", decimals=2) == "0.00"
    assert plain(3.0, "vi") == "3"
    assert percent(72.46, "vi") == "72,5 %"


def test_units_have_words_and_singulars() -> None:
    assert quantity(3.11, "km", "vi") == "3,11 km"
    assert quantity(1, "clusters", "en") == "1 cluster of houses"
    assert quantity(2, "clusters", "en") == "2 clusters of houses"
    assert quantity(94, "communes", "vi") == "94 xã"
    assert quantity(3, "", "en") == "3"
    assert quantity(1.0, "yes_no", "vi") == "có"
    assert quantity(0.83e9, "VND", "en") == "VND 0.83 bn"
    assert quantity(float("nan"), "%", "en") == "no data"


def test_dates() -> None:
    assert day(date(2012, 12, 31), "vi") == "31/12/2012"
    assert day(pd.Timestamp("2012-12-31"), "en") == "2012-12-31"
    assert day(None, "en") == "no data"
    assert day(pd.NaT, "en") == "no data"


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_different_numbers_read_differently_where_six_places_allow(a: float, b: float) -> None:
    places = distinct(a, b)
    if abs(a - b) > 1e-6:
        assert f"{a:.{places}f}" != f"{b:.{places}f}"
