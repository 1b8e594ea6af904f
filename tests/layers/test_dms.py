"""One cell of coordinates: every spelling gives the degrees meant, and what can be read in two ways says both."""

import datetime
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phusong.layers.places.coordinates import Places, placed
from phusong.layers.places.dms import EAST, NORTH, cut, read_cells, read_pairs, read_token
from phusong.layers.readers import RawTable
from phusong.layers.schema import LAYERS

LAT = 16 + 42 / 60 + 12.3 / 3600
LON = 106 + 34 / 60 + 55.1 / 3600

MARKED = [
    ("16°42'12.3\"N", LAT, NORTH),
    ("N16°42'12.3\"", LAT, NORTH),
    ("N 16° 42' 12.3\"", LAT, NORTH),
    ("16°42′12,3″ N", LAT, NORTH),
    ("16º42'12.3''", LAT, 0),
    ("16˚42’12.3”N", LAT, NORTH),
    ("16 42 12.3", LAT, 0),
    ("16  42  12,3 N", LAT, NORTH),
    ("16-42-12.3", LAT, 0),
    ("16:42:12.3", LAT, 0),
    ("16°42'12.3", LAT, 0),
    ("16° 42 12.3", LAT, 0),
    ("16d42m12.3s", LAT, 0),
    ("16D42'12.3\"", LAT, 0),
    ("16d42m12.3sN", LAT, NORTH),
    ("16 độ 42 phút 12,3 giây", LAT, 0),
    ("16 độ 42 phút 12,3 giây Bắc", LAT, NORTH),
    ("16độ42phút12,3giây vĩ độ Bắc", LAT, NORTH),
    ("vĩ độ Bắc 16°42'12.3\"", LAT, NORTH),
    ("Vĩ độ: 16°42'12.3\"", LAT, NORTH),
    ("16 do 42 phut 12.3 giay", LAT, 0),
    ("16 deg 42 min 12.3 sec", LAT, 0),
    ("16°42'12.3\"B", LAT, NORTH),
    ("B 16°42'12.3\"", LAT, NORTH),
    ("106°34'55.1\"Đ", LON, EAST),
    ("106°34'55.1\"D", LON, EAST),
    ("Đ106°34'55.1\"", LON, EAST),
    ("106°34'55.1\" kinh độ Đông", LON, EAST),
    ("KĐ 106°34'55.1\"", LON, EAST),
    ("106°34'55.1\"E", LON, EAST),
    ("106 34 55.1 E", LON, EAST),
    ("16°42.205'", 16 + 42.205 / 60, 0),
    ("16 42.205 N", 16 + 42.205 / 60, NORTH),
    ("16°42'", 16.7, 0),
    ("16.7034°", 16.7034, 0),
    ("16,7034° N", 16.7034, NORTH),
    ("106.58213 độ", 106.58213, 0),
    ("1°30'0\"S", -1.5, NORTH),
    ("1°30'0\" Nam", -1.5, NORTH),
    ("78°30'W", -78.5, EAST),
    ("78°30'T", -78.5, EAST),
    ("-78°30'", -78.5, 0),
    ("\u221278°30'", -78.5, 0),
    ("16°41'60.0\"", 16.7, 0),
    ("16.42'12.3\"", LAT, 0),
    (datetime.time(16, 42, 12, 300_000), LAT, 0),
    (datetime.timedelta(hours=106, minutes=34, seconds=55.1), LON, 0),
]


@pytest.mark.parametrize(("cell", "degrees", "role"), MARKED, ids=str)
def test_marks_say_the_degrees_whatever_the_spelling(cell: Any, degrees: float, role: int) -> None:
    token = read_token(cell)
    assert token.marked == pytest.approx(degrees, abs=1e-9)
    assert token.role == role
    assert [math.isnan(value) for value in (token.point, token.comma, token.dotted)] == [True] * 3


NUMBERS = [  # cell, with a decimal point, with a decimal comma, digits
    ("16.7034", 16.7034, None, None),
    ("16,7034", None, 16.7034, None),
    ("106.582", 106.582, 106582, None),
    ("582,123", 582123, 582.123, None),
    ("1843210", 1843210, 1843210, 1843210),
    ("1.843.210", None, 1843210, 1843210),
    ("1.843.210,55", None, 1843210.55, None),
    ("1,843,210.55", 1843210.55, None, None),
    ("1 843 210", 1843210, 1843210, 1843210),
    ("1 843 210,55", 1843210.55, 1843210.55, None),
    ("1'843'210.5", 1843210.5, 1843210.5, None),
    ("16.703.41", None, None, 1670341),
    ("106.582.13", None, None, 10658213),
    ("-78,5", None, -78.5, None),
    ("0,123", None, 0.123, None),
    ("582123 m", 582123, 582123, 582123),
    ("582.123 km", 582.123, 582123, None),
    ("1.06582E+02", 106.582, 106.582, None),
    ("582123.4 E", 582123.4, None, None),
    ("X = 1843210", 1843210, 1843210, 1843210),
    (10658213, 10658213, 10658213, 10658213),
    (106.58213, 106.58213, 106.58213, None),
]


@pytest.mark.parametrize(("cell", "point", "comma", "digits"), NUMBERS, ids=str)
def test_a_number_is_read_by_either_mark_and_never_by_a_third_way(
    cell: Any, point: float | None, comma: float | None, digits: float | None
) -> None:
    token = read_token(cell)
    read = [None if math.isnan(value) else value for value in (token.point, token.comma, token.digits)]
    assert read == [point, comma, digits]
    assert math.isnan(token.marked)


def test_groups_set_off_by_points_may_be_minutes_or_lost_points() -> None:
    token = read_token("N16.42.12")
    assert token.dotted == pytest.approx(16 + 42 / 60 + 12 / 3600)
    assert (token.digits, token.role) == (164212, NORTH)
    assert read_token("16.42.12.3").dotted == pytest.approx(LAT)


@pytest.mark.parametrize(("cell", "zone"), [("48 1843210", 48), ("48Q 582123.5", 48), ("482 582.123,5", 482)])
def test_a_zone_before_metres_is_told_from_the_number(cell: str, zone: int) -> None:
    token = read_token(cell)
    assert token.zone == zone
    assert max(value for value in (token.point, token.comma) if not math.isnan(value)) in (1843210, 582123.5)


NOTHING = ("", "không có", "16°72'12\"", "16°42'75\"", "N16°42'S", "-16°42'S", "16d42m12S", "190°10'", "Bắc")
NEITHER = ("1.2.3.4x", "vĩ độ Đông 16°42'", "16°42'12.3\"N 5", "N", "°", "16 42 12 5", ".1", True, math.inf, "nan")


@pytest.mark.parametrize("cell", [*NOTHING, *NEITHER, math.nan])
def test_what_is_no_coordinate_or_contradicts_itself_is_nothing(cell: Any) -> None:
    assert [math.isnan(value) for value in read_token(cell)[:5]] == [True] * 5


def test_the_letter_n_is_told_from_words_that_say_north() -> None:
    assert read_token("16.5N").letter_n
    assert not read_token("16.5 Bắc").letter_n
    assert read_token("106.5Đ").vietnamese


PAIRS = [
    ("16.7034, 106.582", ("16.7034", "106.582")),
    ("16.7034,106.582", ("16.7034", "106.582")),
    ("16.7034 106.582", ("16.7034", "106.582")),
    ("16,7034; 106,582", ("16,7034", "106,582")),
    ("16,7034 106,582", ("16,7034", "106,582")),
    ("16,7034, 106,582", ("16,7034", "106,582")),
    ("16,7034,106,582", ("16,7034", "106,582")),
    ("(16.7034, 106.582)", ("16.7034", "106.582")),
    ("POINT (106.582 16.7034)", ("106.582", "16.7034")),
    ("16.7034/106.582", ("16.7034", "106.582")),
    ("16.7034 - 106.582", ("16.7034", "106.582")),
    ("16°42'12.3\"N, 106°34'55.1\"E", ("16°42'12.3\"N", "106°34'55.1\"E")),
    ("16°42'12.3\"N 106°34'55.1\"E", ("16°42'12.3\"N", "106°34'55.1\"E")),
    ("N16°42'12.3\" E106°34'55.1\"", ("N16°42'12.3\"", "E106°34'55.1\"")),
    ("N 16 42 12.3 E 106 34 55.1", ("N 16 42 12.3", "E 106 34 55.1")),
    ("16°42'12.3\" 106°34'55.1\"", ("16°42'12.3\"", "106°34'55.1\"")),
    ("16 42 12.3 106 34 55.1", ("16 42 12.3", "106 34 55.1")),
    ("582123 1843210", ("582123", "1843210")),
    ("582123,1843210", ("582123", "1843210")),
    ("582.123,5; 1.843.210,5", ("582.123,5", "1.843.210,5")),
    ("X=1843210; Y=582123", ("X=1843210", "Y=582123")),
    ("X=1843210 Y=582123", ("1843210", "582123")),
    ("48Q 582123 1843210", ("48Q 582123", "48Q 1843210")),
]


@pytest.mark.parametrize(("cell", "halves"), PAIRS, ids=str)
def test_both_in_one_cell_are_cut_where_they_meet(cell: str, halves: tuple[str, str]) -> None:
    assert cut(cell) == halves
    first, second = read_pairs([cell])
    for column, half in ((first, halves[0]), (second, halves[1])):
        expected = read_token(half)
        for name in ("marked", "point", "comma", "role", "zone"):
            assert np.array_equal(getattr(column, name), [getattr(expected, name)], equal_nan=True)


@pytest.mark.parametrize(
    ("cell", "lat", "lon"),
    [
        ("vĩ độ Bắc 16°42'12.3\" kinh độ Đông 106°34'55.1\"", LAT, LON),
        ("16°42'12.3\"B 106°34'55.1\"Đ", LAT, LON),
        ("16 độ 42 phút 12,3 giây Bắc; 106 độ 34 phút 55,1 giây Đông", LAT, LON),
    ],
)
def test_vietnamese_words_in_one_cell(cell: str, lat: float, lon: float) -> None:
    first, second = read_pairs([cell])
    assert (first.marked[0], second.marked[0]) == pytest.approx((lat, lon), abs=1e-9)
    assert (first.role[0], second.role[0]) == (NORTH, EAST)


@pytest.mark.parametrize("cell", ["16.7034", "16,7034", "Khe Sanh", "16,106", "1,2,3", "16.7 106.5 30.2", ""])
def test_one_coordinate_or_three_are_not_cut(cell: str) -> None:
    assert cut(cell) is None


def spelled(degrees: float) -> list[str]:
    """The degrees in marks of many kinds, to a thousandth of a second."""
    total = round(degrees * 3_600_000)
    d, m, s = total // 3_600_000, total // 60_000 % 60, total % 60_000 / 1000
    minutes = total % 3_600_000 / 60_000
    return [
        f"{d}°{m:02d}'{s:06.3f}\"",
        f"{d}° {m}' {s:.3f}''",
        f"{d} {m:02d} {s:06.3f}",
        f"{d}-{m:02d}-{s:06.3f}".replace(".", ","),
        f"{d}d{m}m{s:.3f}s",
        f"{d}º{m}′{s:.3f}″",
        f"{d} độ {m} phút {s:.3f} giây ",
        f"{d}°{minutes:.5f}'",
        f"{d} {minutes:.5f}",
        f"{d + minutes / 60:.8f}°",
    ]


@given(st.floats(0.01, 179.99), st.sampled_from(["", "N", "E", " B", " Đ", " Bắc", " kinh độ Đông"]), st.booleans())
def test_any_degrees_in_any_spelling_come_back(degrees: float, hemisphere: str, front: bool) -> None:
    for text in spelled(degrees):
        cell = f"{hemisphere.strip()} {text}" if front else f"{text}{hemisphere}"
        assert read_token(cell).marked == pytest.approx(degrees, abs=2e-7), cell


@given(st.text(alphabet="0123456789.,-+ °'\"NSEWBĐTdms", max_size=14))
def test_no_number_comes_out_that_is_not_written(text: str) -> None:
    """A plain number is that number; marked degrees hold the first digits written as whole degrees."""
    token = read_token(text)
    try:
        number = float(text)
    except ValueError:
        pass
    else:
        assert math.isnan(token.point) or token.point in (number, float(text.replace(",", "")))
    if not math.isnan(token.marked):
        digits = "".join(c if c.isdigit() else " " for c in text).split()
        whole = math.floor(abs(token.marked) + 1e-9)
        assert whole in (int(digits[0]), int(digits[0]) + 1)  # 60 seconds carry


@given(st.lists(st.text(max_size=40) | st.text(alphabet="0123456789.,-;/°'\"NEBĐ \x1f", max_size=30), max_size=4))
def test_a_cell_is_read_alike_alone_and_in_its_column(texts: list[str]) -> None:
    """Nothing of one cell passes over into another, whatever signs it holds."""
    together, alone = read_cells(texts), [read_cells([text]) for text in texts]
    halves = read_pairs(texts)[0], [read_pairs([text])[0] for text in texts]
    for column, cells in ((together, alone), halves):
        for name in ("marked", "dotted", "point", "comma", "digits", "role", "zone", "blank"):
            one = [getattr(cell, name)[0] for cell in cells]
            assert np.array_equal(getattr(column, name), one, equal_nan=name not in ("role", "zone", "blank")), name


def test_a_column_keeps_its_order_and_knows_its_blanks() -> None:
    cells = read_cells(["16.5", None, "  ", pd.NA, math.nan, "16°30'"])
    assert cells.blank.tolist() == [False, True, True, True, True, False]
    assert cells.point[0] == cells.marked[5] == 16.5
    assert len(read_cells([]).point) == 0


def table(columns: dict[str, list[Any]]) -> RawTable:
    frame = pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})
    return RawTable(frame, np.arange(2, len(frame) + 2), "list.xlsx", "S1")


def test_a_row_that_cannot_be_read_says_what_stands_there_without_units_too() -> None:
    columns = {
        "lon": ["106.7", "abc", None, "106.8", "", *["106.9"] * 12],
        "lat": ["16.7", "16.6", "16.5", "x1", "", *["16.4"] * 12],
    }
    result = placed(table(columns), LAYERS["sites"], places=Places())
    told = {fault.row: (fault.code, fault.params["found"]) for fault in result.faults if fault.row is not None}
    unread, half = "fault.place_unreadable", "fault.place_half"
    assert told == {3: (unread, "abc; 16.6"), 4: (half, "-; 16.5"), 5: (unread, "106.8; x1")}
    assert result.geometry is not None
    assert [shape is None for shape in result.geometry] == [False, True, True, True, True, *[False] * 12]


def test_coordinates_that_were_not_looked_at_are_named() -> None:
    columns = {"lon": [106.7, 106.8], "lat": [16.7, 16.6], "x_m": [1.0, None], "y_m": [2.0, 3.0]}
    result = placed(table(columns), LAYERS["sites"], places=Places())
    assert [fault.params["found"] for fault in result.faults if fault.code == "note.coordinates_unused"] == ["x_m, y_m"]
