"""Cells of office files: what is read, what is told of it, and what is refused because it could mean two things."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.layers.checks.validate import is_note, validate
from phusong.layers.columns import written
from phusong.layers.columns.values import MANY_COUNTS, plain
from phusong.layers.messages import LANGS
from phusong.layers.readers import RawTable
from phusong.layers.schema import LAYERS, Column

UNIT_KEYS = {"code", "valid_on", "name", "population", "as_of"}


def raw(columns: dict[str, list[Any]]) -> RawTable:
    frame = pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})
    return RawTable(frame, np.arange(2, len(frame) + 2), "list.csv")


def read(layer: str, column: str, cells: list[Any], **options: Any) -> tuple[list[Any], list[str], RawTable]:
    """The column after ``plain``: its cells (refused ones are ...), the codes of all faults, the table."""
    done = plain(raw({column: cells}), LAYERS[layer], **options)
    refused = {fault.row for fault in done.faults if not is_note(fault)}
    values = [... if row in refused else cell for row, cell in zip(done.rows, done.frame[column], strict=True)]
    return values, [fault.code for fault in done.faults], done


# Numbers.


@pytest.mark.parametrize(
    ("layer", "column", "text", "value"),
    [
        ("units", "population", "1.234.567", 1_234_567),
        ("units", "population", "1,234,567", 1_234_567),
        ("units", "population", "1 234", 1234),
        ("units", "population", "1\u00a0234\u00a0567", 1_234_567),
        ("units", "population", "12'345", 12_345),
        ("units", "population", "1,5 tr", 1_500_000),
        ("units", "population", "1,5 triệu người", 1_500_000),
        ("units", "population", "12 nghìn", 12_000),
        ("units", "population", "4105 người", 4105),
        ("units", "households", "980 hộ", 980),
        ("units", "area_km2", "1.234,5", 1234.5),
        ("units", "area_km2", "1,234.5", 1234.5),
        ("units", "area_km2", "12,5", 12.5),
        ("units", "area_km2", "12,5 km²", 12.5),
        ("units", "area_km2", "1250 ha", 12.5),
        ("broadband", "fixed_telephones", "210 thuê bao", 210),
        ("sectors", "height_m", "36 m", 36),
        ("sectors", "height_m", "36,5m", 36.5),
        ("sectors", "height_m", "3600 cm", 36),
        ("sectors", "height_m", "100 ft", 30.48),
        ("sectors", "band_mhz", "1.800", 1800),
        ("sectors", "band_mhz", "2,1 GHz", 2100),
        ("sectors", "carrier_power_dbm", "43 dBm", 43),
        ("sectors", "carrier_power_dbm", "100 W", 50),
        ("sectors", "carrier_power_dbm", "1000mW", 30),
        ("sectors", "carrier_power_dbm", "16 dBW", 46),
        ("sectors", "antenna_gain_dbi", "15 dBd", 17.15),
        ("sectors", "pilot_share_pct", "10 %", 10),
        ("sectors", "mechanical_tilt_deg", "−2°", -2),
        ("published_figures", "value", "72,5 %", 72.5),
    ],
)
def test_numbers_as_offices_write_them(layer: str, column: str, text: str, value: float) -> None:
    values, codes, done = read(layer, column, [text])
    assert values == [pytest.approx(value, rel=1e-15)]
    (code,) = codes
    assert code.startswith("changed.")
    (fault,) = done.faults
    assert (fault.params["found"], fault.params["count"]) == (" ".join(text.split()), 1)
    assert all(fault.params["found"] in fault.say(lang) for lang in LANGS)


def test_watts_become_dbm() -> None:
    values, _, _ = read("sectors", "carrier_power_dbm", ["20 W", "20W"])
    assert values == [pytest.approx(43.0103, abs=1e-4)] * 2  # 10 log10 20,000


@pytest.mark.parametrize(
    ("layer", "column", "text", "code"),
    [
        ("units", "area_km2", "1.234", "fault.number_either"),
        ("units", "area_km2", "1,234", "fault.number_either"),
        ("units", "population", "1.234", "fault.number_either"),
        ("sectors", "height_m", "36 dBm", "fault.other_unit"),
        ("sectors", "height_m", "3G", "fault.other_unit"),
        ("sectors", "height_m", "0x1F", "fault.other_unit"),
        ("sectors", "carrier_power_dbm", "43 dB", "fault.other_unit"),
        ("sectors", "antenna_gain_dbi", "17 dB", "fault.other_unit"),
        ("sectors", "height_m", "36-42", "fault.not_one_number"),
        ("sectors", "height_m", "36/42", "fault.not_one_number"),
        ("sectors", "height_m", "~36", "fault.not_one_number"),
        ("sectors", "azimuth_deg", "0/120/240", "fault.not_one_number"),
        ("sectors", "azimuth_deg", "-1", "fault.azimuth"),
        ("sectors", "azimuth_deg", -1, "fault.azimuth"),
        ("sectors", "azimuth_deg", 480.0, "fault.azimuth"),
        ("sectors", "azimuth_deg", "-", "fault.azimuth"),
        ("broadband", "fixed_telephones", "không", "fault.none_or_zero"),
        ("units", "population", datetime(2012, 5, 3), "fault.number_became_day"),
        ("units", "population", 16.812, "fault.part_of_a_count"),
        ("sectors", "pilot_share_pct", 0.1, "fault.share_or_percent"),
    ],
)
def test_what_could_be_another_number_is_refused(layer: str, column: str, text: Any, code: str) -> None:
    values, codes, done = read(layer, column, [text])
    assert (values, codes) == ([...], [code])
    (fault,) = done.faults
    assert (fault.row, fault.column) == (2, column)
    assert all(str(fault.params["found"]) in fault.say(lang) for lang in LANGS)


@pytest.mark.parametrize("text", ["1.234.56", "12,34,567", "1.234 567", "(12)", "1_000", "abc", "1e999", "٣"])
def test_what_is_no_number_stays_for_the_door_to_refuse(text: str) -> None:
    values, codes, done = read("units", "area_km2", [text])
    assert (values, codes) == ([text], [])
    assert not len(validate(done, LAYERS["units"], crs="EPSG:9212").frame)


def test_the_rest_of_the_column_decides() -> None:
    assert read("units", "area_km2", ["1.234", "12,5"])[0] == [1234, 12.5]
    assert read("units", "area_km2", ["1,234", "12.5"])[0] == [1234, "12.5"]
    assert read("units", "area_km2", ["1.234", "12.5"])[0] == ["1.234", "12.5"]  # as it stands
    values, codes, _ = read("units", "area_km2", ["1.234", "12,5", "12.5"])
    assert values == [..., 12.5, "12.5"]
    assert sorted(codes) == ["changed.number_marks", "fault.number_either"]


def test_the_range_decides_only_what_no_cell_contradicts() -> None:
    """In a column with decimal commas 1.234 m is 1,234 m, which no antenna has, not 1.234 m, which one might."""
    assert read("sectors", "height_m", ["1.234", "36,5"])[0] == [1234, 36.5]
    table = raw({"height_m": ["1.234", "36,5"]})
    faults = validate(plain(table, LAYERS["sectors"]), LAYERS["sectors"], crs="EPSG:9212").faults
    assert ("fault.out_of_range", 2) in [(fault.code, fault.row) for fault in faults]
    assert read("sectors", "height_m", ["36.125", "36.5"])[0] == ["36.125", "36.5"]
    assert read("sectors", "height_m", ["36.125"], decimal=",")[0] == [36125]
    assert read("sectors", "height_m", ["36.125", "36,125"])[0] == [..., ...]
    assert read("sectors", "height_m", ["36.5", *["36.125"] * 100])[0] == ["36.5", *["36.125"] * 100]
    assert read("sectors", "height_m", ["36,5", *["36.125"] * 100])[0] == [36.5, *[...] * 100]


def test_a_few_cells_do_not_decide_for_many() -> None:
    many = [f"{i}.{100 + i}" for i in range(1, 41)]
    assert set(read("units", "area_km2", [*many, "12,5"])[0]) == {..., 12.5}
    assert read("units", "area_km2", [*many, "12,5", "1,5"])[0][:2] == [1101, 2102]


def test_counts_are_whole() -> None:
    values, _codes, done = read("units", "population", ["16.812", "4.105", "12.000", "9.500", "7.431", "2.002", "812"])
    assert values == [16812, 4105, 12000, 9500, 7431, 2002, "812"]
    (fault,) = done.faults
    assert (fault.code, fault.params["count"]) == ("changed.number_decided", 6)
    few = ["16.812", "4.105", "7.431", "2.002"]
    assert len(few) < MANY_COUNTS
    assert set(read("units", "population", few)[0]) == {...}


def test_the_users_word_decides_what_the_column_leaves_open_and_nothing_else() -> None:
    assert read("units", "area_km2", ["1.234"], decimal=",")[0] == [1234]
    assert read("units", "area_km2", ["1.234"], decimal=".")[0] == ["1.234"]
    assert read("units", "area_km2", ["1,234"], decimal=".")[0] == [1234]
    assert read("units", "area_km2", ["1.234", "12.5"], decimal=",")[0] == [..., "12.5"]


def test_counts_whose_thousands_point_a_spreadsheet_took_for_a_decimal_point() -> None:
    values, _codes, done = read("units", "population", [16.812, 4.105, 812, 4, 12_000])
    assert values == [..., ..., ..., ..., 12_000]
    assert done.faults[0].params["other"] == "16812"
    assert read("units", "population", [16.812, 4123.27, 812])[1] == []  # parts of people, as a carried table has them
    assert read("units", "area_km2", [16.812])[1] == []


def test_omni_is_an_empty_azimuth() -> None:
    values, codes, _ = read("sectors", "azimuth_deg", ["Omni", "vô hướng", "120", 360, None])
    assert (values, codes) == ([None, None, "120", 360, None], ["changed.omni"])


@pytest.mark.parametrize("mark", sorted(written.NO_DATA))
def test_marks_of_no_data_are_no_data_and_never_0(mark: str) -> None:
    values, codes, _ = read("units", "population", [mark.upper(), "12"])
    assert (values, codes) == ([None, "12"], ["changed.no_data"])
    assert read("postal_points", "same_day_mail", [mark])[0] == [None]
    assert read("sites", "in_service_from", [mark])[0] == [None]
    assert read("sectors", "height_m", [mark])[0][0] is not None  # this column must be filled


def test_a_word_of_the_schema_is_no_mark_of_no_data() -> None:
    assert read("sites", "backhaul", ["none", "-"])[0] == ["none", None]


def test_text_and_coordinates_stay_as_they_are() -> None:
    table = raw({"name": ["-"], "lon": ["106,5"], "lat": ["16.703.41"], "site_id": ["1.234"]})
    done = plain(table, LAYERS["sites"])
    assert done.frame.equals(table.frame)
    assert done.faults == ()


LOCALES = {"en": (",", "."), "vi": (".", ","), "si": ("\u00a0", ","), "ch": ("’", "."), "plain": ("", ".")}
AREAS = st.decimals(min_value=0, max_value=10**7, allow_nan=False, places=4).map(lambda value: value.normalize())


def printed(value: Decimal, *, locale: str, places: int | None = None) -> str:
    group, decimal = LOCALES[locale]
    text = f"{value:,f}" if places is None else f"{value:,.{places}f}"
    return text.replace(",", "g").replace(".", decimal).replace("g", group)


@settings(max_examples=300, deadline=None)
@given(st.lists(AREAS, min_size=1, max_size=8), st.sampled_from(sorted(LOCALES)), st.sampled_from(["", " km2", " km²"]))
def test_a_column_printed_anywhere_is_that_column_or_refused(numbers: list[Decimal], locale: str, unit: str) -> None:
    values, _, done = read("units", "area_km2", [printed(number, locale=locale) + unit for number in numbers])
    for number, value in zip(numbers, values, strict=True):
        assert value is ... or float(value) == float(number)
    told = [fault for fault in done.faults if fault.code.startswith("changed.")]
    altered = sum(isinstance(value, float) for value in values)
    assert sum(fault.params["count"] for fault in told) == altered


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 10**8), min_size=1, max_size=12), st.sampled_from(sorted(LOCALES)))
def test_counts_printed_anywhere_are_those_counts_or_refused(numbers: list[int], locale: str) -> None:
    values, _, _ = read("units", "population", [printed(Decimal(number), locale=locale) for number in numbers])
    assert all(value is ... or float(value) == number for number, value in zip(numbers, values, strict=True))
    if any(number >= 10**6 for number in numbers):
        assert ... not in values


BOUNDED = [
    (name, column)
    for name, layer in LAYERS.items()
    for column in layer.columns
    if column.kind == "number" and column.maximum is not None
]


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from(BOUNDED), st.sampled_from(sorted(LOCALES)), st.integers(0, 3))
def test_values_in_range_are_never_another_value_in_any_column(
    data: st.DataObject, named: tuple[str, Column], locale: str, places: int
) -> None:
    layer, column = named
    low, high = (int(np.ceil(column.minimum or 0)), int(np.floor(column.maximum or 0)))
    number = Decimal(data.draw(st.integers(low * 1000, high * 1000))) / 1000
    number = round(number, places)
    values, _, _ = read(layer, column.name, [printed(number, locale=locale, places=places)])
    assert values[0] is ... or float(values[0]) == float(number)


@given(st.text(max_size=12))
def test_no_text_becomes_a_number_that_its_digits_do_not_spell(text: str) -> None:
    values, _, _ = read("units", "area_km2", [text])
    if isinstance(values[0], float):
        digits = "".join(sign for sign in text if sign.isascii() and sign.isdigit()).strip("0")
        assert (
            f"{Decimal(repr(values[0])):f}".replace(".", "").replace("-", "").strip("0") == digits
            or "e" in text.lower()
        )


def test_a_bare_number_beside_others_in_another_unit_may_be_in_that_unit() -> None:
    values, _, done = read("sectors", "carrier_power_dbm", ["100 W", "20", 40, "46 dBm", "-"])
    assert values == [50, ..., ..., 46, None]
    refused = [fault for fault in done.faults if fault.code == "fault.unit_unsaid"]
    assert [(fault.params["found"], fault.params["made"]) for fault in refused] == [("20", "43.01"), ("40", "46.02")]
    assert all(fault.say(lang) for fault in refused for lang in LANGS)
    assert read("sectors", "height_m", ["3600 cm", "36"])[0] == [36, "36"]  # 36 cm is no antenna's height
    assert read("sectors", "height_m", ["36 m", "42", 42])[0] == [36, "42", 42]
    assert read("sectors", "band_mhz", ["2,1 GHz", "900", 1800.0])[0] == [2100, "900", 1800.0]


# Days.


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("31-12-2012", date(2012, 12, 31)),
        ("31.12.2012", date(2012, 12, 31)),
        ("12/31/2012", date(2012, 12, 31)),
        ("ngày 31/12/2012", date(2012, 12, 31)),
        ("ngày 5/6/2012", date(2012, 6, 5)),
        ("Ngày 31 tháng 12 năm 2012", date(2012, 12, 31)),
        ("2012.12.31", date(2012, 12, 31)),
        ("20121231", date(2012, 12, 31)),
        ("31/12/2012 00:00", date(2012, 12, 31)),
    ],
)
def test_days_as_offices_write_them(text: str, day: date) -> None:
    values, codes, _ = read("units", "as_of", [text])
    assert (values, codes) == ([day], ["changed.day"])


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("12/2012", "fault.not_a_day"),
        ("tháng 12/2012", "fault.not_a_day"),
        ("năm 2012", "fault.not_a_day"),
        ("2012", "fault.not_a_day"),
        (2012, "fault.not_a_day"),
        ("Quý IV/2012", "fault.not_a_day"),
        ("31/12/12", "fault.short_year"),
        ("31-12-12", "fault.short_year"),
        ("20012012", "fault.packed_day"),
        ("5/6/2012", "fault.day_or_month"),
        (41274, "fault.day_number"),
    ],
)
def test_what_is_no_certain_day_is_refused(cell: Any, code: str) -> None:
    values, codes, done = read("units", "as_of", [cell])
    assert (values, codes) == ([...], [code])
    assert all(str(cell) in fault.say(lang) for fault in done.faults for lang in LANGS)


def test_the_column_says_whether_the_day_or_the_month_comes_first() -> None:
    assert read("units", "as_of", ["5/6/2012", "31/12/2012"])[:2] == ([date(2012, 6, 5), date(2012, 12, 31)], [])
    values, codes, _ = read("units", "as_of", ["5/6/2012", "12/31/2012"])
    assert (values, codes) == ([date(2012, 5, 6), date(2012, 12, 31)], ["changed.day"])
    assert read("units", "as_of", ["5/6/2012", "12/31/2012", "31/12/2012"])[0][0] is ...
    assert read("units", "as_of", ["5/6/2012"], day_first=True)[0] == [date(2012, 6, 5)]
    assert read("units", "as_of", ["5/6/2012"], day_first=False)[0] == [date(2012, 5, 6)]
    assert read("units", "as_of", ["6/6/2012"])[:2] == ([date(2012, 6, 6)], [])


def test_another_column_of_the_table_says_it_too() -> None:
    done = plain(raw({"in_service_from": ["5/6/2012"], "as_of": ["31/12/2012"]}), LAYERS["sites"])
    assert done.frame["in_service_from"].tolist() == [date(2012, 6, 5)]


def test_a_spreadsheets_number_of_days_needs_days_around_it() -> None:
    values, codes, _ = read("sites", "in_service_from", [41274, date(2010, 1, 1), date(2013, 1, 1)])
    assert (values[0], codes) == (date(2012, 12, 31), ["changed.day_number"])
    assert read("sites", "in_service_from", [41274, date(2013, 1, 1)])[1] == ["fault.day_number"]


def test_days_that_a_spreadsheet_may_have_exchanged_are_refused() -> None:
    """Typed as 6/5/2012 (6 May) where the month comes first, with 31/12/2012 left as text."""
    values, _codes, done = read("sites", "in_service_from", [datetime(2012, 6, 5), "31/12/2012", datetime(2012, 7, 7)])
    assert values == [..., date(2012, 12, 31), datetime(2012, 7, 7)]
    assert done.faults[0].params["other"] == "2012-05-06"
    assert read("sites", "in_service_from", [datetime(2012, 6, 5), "31/12/2012", datetime(2012, 7, 17)])[1] == []


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.dates(date(1950, 1, 1), date(2099, 12, 31)), min_size=1, max_size=6),
    st.sampled_from(
        ["%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d", "%d-%m-%Y", "%d.%m.%Y", "%Y%m%d", "%d%m%Y", "%d/%m/%y", "%m/%Y"]
    ),
)
def test_days_written_in_any_form_are_those_days_or_refused(days: list[date], form: str) -> None:
    done = plain(raw({"as_of": [f"{day:{form}}" for day in days]}), LAYERS["broadband"])
    checked = validate(done, LAYERS["broadband"], crs="EPSG:9212", defaults={"code": "x"})
    assert {fault.row for fault in checked.faults if fault.row} | set(checked.rows) == set(done.rows.tolist())
    for row, day in zip(checked.rows, checked.frame["as_of"], strict=True):
        assert day.date() == days[row - 2]


# Yes and no.


def test_yes_and_no_as_offices_write_them() -> None:
    values, _, _ = read("facilities", "lan", ["Đã có", "chưa", "Không có", "√", "không có số liệu", None])
    assert values == [True, False, False, True, None, None]


def test_crosses_alone_are_yes_and_empty_is_no_data() -> None:
    values, codes, done = read("facilities", "lan", ["x", "X", None, ""])
    assert values == [True, True, None, ""]
    assert codes == ["note.only_yes"]
    assert done.faults[0].params["count"] == 2


def test_a_cross_beside_another_yes_may_be_no() -> None:
    assert read("facilities", "lan", ["x", "✓"])[0] == [..., True]
    assert read("facilities", "lan", ["x", "không"])[0] == [True, False]


# The door after it.


def test_the_door_leaves_out_what_was_refused_and_says_it_once() -> None:
    table = raw({"code": ["1", "2"], "as_of": ["năm 2012", "2012-12-31"], "fixed_telephones": ["210-220", "1.234.567"]})
    checked = validate(plain(table, LAYERS["broadband"]), LAYERS["broadband"], crs="EPSG:9212")
    assert checked.frame["fixed_telephones"].tolist() == [1_234_567]
    told = {(fault.row, fault.column, fault.code) for fault in checked.faults}
    assert told == {
        (2, "as_of", "fault.not_a_day"),
        (2, "fixed_telephones", "fault.not_one_number"),
        (None, "fixed_telephones", "changed.number_marks"),
    }
    assert len(checked.faults) == 3


CELLS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.datetimes(),
    st.dates(),
    st.sampled_from(
        [pd.NA, pd.NaT, np.float64(2.5), np.float32(2.5), np.int32(7), np.bool_(True), 10**400, b"x", ["a"], {"a": 1}]
    ),
    st.sampled_from(["1.234", "12,5", "-", "x", "20 W", "5/6/2012", "31/12/2012", "√", "1.234.567 m", "năm 2012"]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(CELLS, max_size=6), st.sampled_from(sorted(LAYERS)))
def test_any_cell_is_read_or_left_and_no_row_is_lost(cells: list[Any], name: str) -> None:
    layer = LAYERS[name]
    table = raw({column.name: cells for column in layer.all_columns})
    done = plain(table, layer)
    assert done.frame.shape == table.frame.shape
    assert all(fault.row is None or fault.row in table.rows for fault in done.faults)
    assert all(is_note(fault) == (fault.row is None) for fault in done.faults)
    for column in layer.all_columns:
        if column.kind == "text":
            assert all(
                one is other for one, other in zip(done.frame[column.name], table.frame[column.name], strict=True)
            )


def test_rows_keep_their_numbers_and_everything_else() -> None:
    table = raw({"code": ["1", "2"], "population": ["1.234.567", "abc"], "other": ["1.234", "x"]})
    done = plain(table, LAYERS["units"])
    assert done.rows.tolist() == [2, 3]
    assert done.frame["other"].tolist() == ["1.234", "x"]
    assert table.frame["population"].tolist() == ["1.234.567", "abc"]


@pytest.mark.parametrize("text", ["1e-400 W", "1e-400 kW", "1e-400 mW", "0 W"])
def test_of_no_power_there_is_no_level(text: str) -> None:
    assert written.number(text, Column("power_dbm", "number", unit="dBm")) is None


# What spreadsheets and programs do in silence.


def test_days_beside_texts_that_can_only_be_month_first_may_be_exchanged_too() -> None:
    """A spreadsheet set to day first leaves 12/31/2012 as text and makes the 6th of May of 06/05/2012."""
    values, codes, done = read("broadband", "as_of", ["12/31/2012", datetime(2012, 6, 5), datetime(2012, 7, 7)])
    assert values == [date(2012, 12, 31), ..., datetime(2012, 7, 7)]
    assert sorted(codes) == ["changed.day", "fault.day_exchanged"]
    (fault,) = [fault for fault in done.faults if not is_note(fault)]
    assert (fault.params["found"], fault.params["other"]) == ("2012-06-05", "2012-05-06")


@pytest.mark.parametrize("cells", [["0.1", "0.15", "1"], ["0,1", "0,15", ""], ["0.1", 0.15, None], ["0", "0.2", "n/a"]])
def test_shares_of_1_in_a_column_of_percent_are_refused_as_texts_too(cells: list[Any]) -> None:
    values, codes, done = read("sectors", "pilot_share_pct", cells)
    assert codes.count("fault.share_or_percent") == sum(cell not in ("", None, "0", "n/a") for cell in cells)
    assert {fault.params["made"] for fault in done.faults if not is_note(fault)} <= {"10", "15", "20", "100"}
    assert all(value is ... or value in ("", None, "0") for value in values)


@pytest.mark.parametrize("cells", [["0.5", "10"], ["0.5 %", "0.5 %"], ["0.5", "10 %", "20"]])
def test_percent_that_are_no_shares_are_taken(cells: list[str]) -> None:
    assert "fault.share_or_percent" not in read("sectors", "pilot_share_pct", cells)[1]


def test_a_small_number_beside_thousands_by_word_is_refused() -> None:
    values, codes, _ = read("units", "population", ["12 nghìn", "8", "8500", 7, 9000, "1,5 triệu"])
    assert values == [12_000, ..., ..., ..., ..., 1_500_000]
    assert read("units", "population", ["12 nghìn", "8500", 9000])[0] == [12_000, "8500", 9000]
    assert codes.count("fault.unit_unsaid") == 4


def test_a_time_of_utc_that_is_the_next_day_in_viet_nam_is_refused() -> None:
    cells = ["2012-12-30T17:00:00Z", "2012-12-30T16:59:00Z", "2012-12-30T17:00:00"]
    cells += [pd.Timestamp("2012-12-30T17:00Z"), pd.Timestamp("2012-12-30T16:59Z"), pd.Timestamp("2012-12-30T17:00")]
    values, codes, done = read("broadband", "as_of", cells)
    assert [value is ... for value in values] == [True, False, False, True, False, False]
    assert codes == ["fault.day_of_utc"] * 2
    assert {fault.params["other"] for fault in done.faults} == {"2012-12-31"}
    checked = validate(done, LAYERS["broadband"], crs="EPSG:9212", defaults={"code": "1"})
    assert all(fault.say(lang) for fault in checked.faults for lang in LANGS)


def test_yes_said_by_a_number_counts_as_a_word_for_yes() -> None:
    values, codes, _ = read("broadband", "fibre_to_commune", [1.0, "x", 0.0])
    assert (values, codes) == ([1.0, ..., 0.0], ["fault.cross_or_yes"])
    assert read("broadband", "fibre_to_commune", [1.0, None])[1] == ["note.only_yes"]


@pytest.mark.parametrize("sign", "°º˚⁰")
def test_signs_taken_for_degrees(sign: str) -> None:
    assert read("sectors", "azimuth_deg", [f"120{sign}", f"240 {sign}"])[0] == [120, 240]
