"""One layer at the door: what is taken, what is refused, and that nothing is changed on the way."""

from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.layers.checks.validate import Checked, is_note, validate
from phusong.layers.columns.cells import CellError, read_cell, read_cells
from phusong.layers.messages import LANGS, say
from phusong.layers.readers import RawTable
from phusong.layers.schema import LAYERS, Column, Layer

CRS = "EPSG:9212"
NUMBER = Column("value", "number")
PEOPLE = Column("population", "number", "persons", minimum=0)


def raw(columns: dict[str, list[Any]], geometry: list[Any] | None = None, crs: str | None = None) -> RawTable:
    frame = pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})
    shapes = None if geometry is None else np.array([*geometry, None], dtype=object)[:-1]
    return RawTable(frame, np.arange(2, len(frame) + 2), "list.csv", geometry=shapes, crs=crs)


def broadband(**columns: list[Any]) -> Checked:
    return validate(raw({"code": ["1"], "as_of": ["2012-12-31"], **columns}), LAYERS["broadband"], crs=CRS)


def postal(lon: Any, lat: Any, *, names: tuple[str, str] = ("lon", "lat"), crs: str | None = None) -> Checked:
    columns = {"point_id": ["1"], "kind": ["agency"], "as_of": ["2012-12-31"], names[0]: [lon], names[1]: [lat]}
    return validate(raw(columns, crs=crs), LAYERS["postal_points"], crs=CRS)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_as_text_or_as_number_is_that_number(number: float) -> None:
    assert read_cell(repr(number), NUMBER) == number
    assert read_cell(number, NUMBER) == number
    assert read_cell(f" {number!r} ", NUMBER) == number


@given(st.text(max_size=12))
def test_no_text_is_silently_taken_for_another_number(text: str) -> None:
    """What passes is what Python reads as that number, written plainly; digits are never dropped or joined."""
    try:
        number = read_cell(text, NUMBER)
    except CellError:
        return
    assert number is None if not text.strip() else number == float(text)


@given(st.integers(1000, 10**9), st.sampled_from([" ", ".", ",", "\u00a0"]))
def test_thousands_marks_in_counts_are_refused_with_the_number_meant(count: int, mark: str) -> None:
    with pytest.raises(CellError) as caught:
        read_cell(f"{count:,}".replace(",", mark), PEOPLE)
    assert (caught.value.code, caught.value.params["mended"]) == ("fault.grouped_number", str(count))


@pytest.mark.parametrize(
    ("text", "code"),
    [("1,5", "fault.decimal_comma"), ("16,812", "fault.decimal_comma"), ("inf", "fault.not_a_number")]
    + [(text, "fault.not_a_number") for text in ("nan", "NA", "1_000", "0x1F", "٣", "1.5 km", "=1", "1.234,5")],
)
def test_numbers_written_otherwise_are_refused(text: str, code: str) -> None:
    with pytest.raises(CellError) as caught:
        read_cell(text, NUMBER)
    assert caught.value.code == code


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)))
def test_dates_are_read_in_both_ways_of_writing(day: date) -> None:
    column = Column("as_of", "date")
    written = (day.isoformat(), f"{day:%d/%m/%Y}", f"{day.day}/{day.month}/{day.year}", f"{day}T00:00:00", day)
    assert {read_cell(cell, column) for cell in (*written, pd.Timestamp(day))} == {np.datetime64(day, "s")}


@pytest.mark.parametrize(
    "cell", ["31/12/12", "12/31/2012", "2012", "2012-02-30", 41274, "31-12-2012", "0001-01-01", True]
)
def test_doubtful_dates_are_refused(cell: Any) -> None:
    with pytest.raises(CellError) as caught:
        read_cell(cell, Column("as_of", "date"))
    assert caught.value.code == "fault.not_a_date"


def test_yes_and_no_in_the_users_words() -> None:
    column = Column("lan", "yes_no")
    assert all(read_cell(cell, column) is True for cell in ("yes", "CÓ", "co\u0301", "x", "TRUE", "1", 1, 1.0, True))
    assert all(read_cell(cell, column) is False for cell in ("no", "Không", "false", "0", 0, 0.0, False))
    assert read_cell("", column) is None
    with pytest.raises(CellError):
        read_cell(2, column)


def test_closed_words_name_the_nearest() -> None:
    kind = LAYERS["postal_points"].column("kind")
    assert read_cell("AGENCY", kind) == "agency"
    with pytest.raises(CellError) as caught:
        read_cell("post ofice", kind)
    assert caught.value.params["nearest"] == "post_office"


@pytest.mark.parametrize(("cell", "text"), [(7, "7"), (7.0, "7"), ("007", "007"), (" a b ", "a b"), (1.5, "1.5")])
def test_codes_typed_as_numbers(cell: Any, text: str) -> None:
    assert read_cell(cell, Column("code", "text")) == text


@pytest.mark.parametrize("layer", LAYERS.values(), ids=lambda layer: layer.name)
def test_frames_have_the_schemas_columns_and_dtypes_even_when_empty(layer: Layer) -> None:
    frame = validate(raw({}), layer, crs=CRS).frame
    names = [c.name for c in layer.all_columns]
    assert frame.columns.tolist() == names + ([] if layer.geometry == "none" else ["geometry"])
    dtypes = {
        "number": "float64",
        "integer": "Int64",
        "yes_no": "boolean",
        "date": "datetime64[s]",
        "text": "str",
        "word": "str",
    }
    assert [str(frame[c.name].dtype) for c in layer.all_columns] == [dtypes[c.kind] for c in layer.all_columns]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.none(), st.integers(0, 10**6), st.sampled_from(["abc", "1,5", "-1", "12 345"])), max_size=8)
)
def test_good_rows_stay_as_they_are_and_every_other_row_is_listed(cells: list[Any]) -> None:
    columns = {"code": [f"c{i}" for i in range(len(cells))], "as_of": ["2012-12-31"] * len(cells)}
    checked = validate(raw({**columns, "fixed_telephones": cells}), LAYERS["broadband"], crs=CRS)
    good = [i for i, cell in enumerate(cells) if not isinstance(cell, str)]
    assert checked.frame["code"].tolist() == [f"c{i}" for i in good]
    assert checked.rows.tolist() == [i + 2 for i in good]
    kept = checked.frame["fixed_telephones"]
    assert [None if pd.isna(v) else v for v in kept] == [cells[i] for i in good]
    assert {fault.row for fault in checked.faults if fault.row} == {i + 2 for i in range(len(cells))} - {
        i + 2 for i in good
    }


def test_all_faults_of_a_row_are_reported_together() -> None:
    checked = broadband(fixed_telephones=["x"], telephone_subscribers=["y"], fibre_to_commune=["maybe"])
    assert {fault.column for fault in checked.faults} == {
        "fixed_telephones",
        "telephone_subscribers",
        "fibre_to_commune",
    }
    assert len(checked.frame) == 0


def test_lists_and_long_cells_are_refused_in_one_short_line() -> None:
    for cell in (["a", "b"], np.array([1, 2]), b"x", {"a": 1}, "long\ntext " * 500):
        (fault,) = broadband(fixed_telephones=[cell]).faults
        assert fault.row == 2
        assert len(fault.say("vi").splitlines()) == 1
        assert len(fault.say("en")) < 300


def test_headings_are_matched_without_case_and_blanks() -> None:
    checked = broadband(**{" Fixed\nTelephones ": [5]})
    assert checked.faults == ()
    assert checked.frame["fixed_telephones"].tolist() == [5]


def test_one_column_twice_under_two_spellings_is_fatal() -> None:
    assert [f.code for f in broadband(**{"Fixed Telephones": [5], "fixed_telephones": [6]}).faults if f.fatal] == [
        "fault.heading_twice"
    ]


def test_defaults_fill_what_is_missing_and_nothing_else() -> None:
    table = raw({"code": ["1", "2"], "source": ["own", None]})
    checked = validate(table, LAYERS["broadband"], crs=CRS, defaults={"as_of": date(2011, 12, 31), "source": "list"})
    assert checked.faults == ()
    assert checked.frame["source"].tolist() == ["own", "list"]
    assert checked.frame["as_of"].dt.year.tolist() == [2011, 2011]


def test_without_the_date_the_layer_is_refused() -> None:
    checked = validate(raw({"code": ["1"]}), LAYERS["broadband"], crs=CRS)
    assert [(fault.code, fault.column) for fault in checked.faults] == [("fault.missing_as_of", "as_of")]
    assert checked.fatal


def test_degrees_become_points_in_the_studys_crs() -> None:
    """The central meridian of TM-3 106-15 is x = 500 km on VN-2000; the datum shift to WGS 84 moves it about 190 m."""
    on_vn2000 = postal(106.25, 16.5, crs="EPSG:4756")
    assert on_vn2000.frame.geometry.x[0] == pytest.approx(500_000, abs=1e-3)
    on_wgs84 = postal("106.25", "16.5")
    assert on_wgs84.faults == ()
    assert 150 < shapely.distance(on_wgs84.frame.geometry[0], on_vn2000.frame.geometry[0]) < 250


def test_metres_need_a_stated_crs() -> None:
    assert [fault.code for fault in postal(500_000, 1_825_000, names=("x_m", "y_m")).faults] == ["fault.no_crs"]
    stated = postal(500_000, 1_825_000, names=("X", "Y"), crs=CRS)
    assert stated.faults == ()
    assert stated.frame.geometry[0].equals(shapely.Point(500_000, 1_825_000))


@pytest.mark.parametrize(
    ("lon", "lat", "code"),
    [
        (16.5, 106.25, "fault.axes_swapped"),
        (500_000, 1_825_000, "fault.not_degrees"),
        ("106,25", "16.5", "fault.decimal_comma"),
        (106.25, None, "fault.empty_cell"),
    ],
)
def test_coordinates_that_cannot_be(lon: Any, lat: Any, code: str) -> None:
    checked = postal(lon, lat)
    assert code in [fault.code for fault in checked.faults]
    assert all(fault.row == 2 for fault in checked.faults)
    assert len(checked.frame) == 0


def test_a_single_point_in_a_multipoint_is_a_point_and_height_is_left_out() -> None:
    shapes = [shapely.MultiPoint([(5, 6)]), shapely.Point(1, 2, 3), shapely.MultiPoint([(0, 0), (1, 1)]), None]
    columns = {"point_id": list("abcd"), "kind": ["agency"] * 4, "as_of": ["2012-12-31"] * 4}
    checked = validate(raw(columns, shapes, CRS), LAYERS["postal_points"], crs=CRS)
    assert checked.frame.geometry.to_wkt().tolist() == ["POINT (5 6)", "POINT (1 2)"]
    assert [(fault.code, fault.row) for fault in checked.faults] == [
        ("fault.wrong_geometry", 4),
        ("fault.no_geometry", 5),
    ]


def test_a_signal_report_needs_a_place() -> None:
    columns = {"report_id": ["a", "b", "c"], "village_code": ["V1", None, None], "as_of": ["2012-12-31"] * 3}
    area = shapely.box(0, 0, 1, 1)
    checked = validate(raw(columns, [None, area, None], CRS), LAYERS["signal_reports"], crs=CRS)
    assert [(fault.code, fault.row) for fault in checked.faults] == [("fault.no_place", 4)]
    assert checked.frame.geometry.isna().tolist() == [True, False]
    table = validate(raw(columns), LAYERS["signal_reports"], crs=CRS)
    assert table.frame["report_id"].tolist() == ["a"]
    assert table.frame.geometry.isna().tolist() == [True]


def test_polygons_do_not_come_from_tables() -> None:
    columns = {"code": ["V1"], "as_of": ["2012-12-31"]}
    checked = validate(raw(columns), LAYERS["village_areas"], crs=CRS)
    assert [(fault.code, fault.fatal) for fault in checked.faults] == [("fault.table_without_polygons", True)]


def test_unknown_columns_are_noted_and_change_nothing() -> None:
    checked = broadband(fixed_telephone=[3], colour=["red"])
    assert [(fault.code, fault.column) for fault in checked.faults] == [
        ("note.unknown_column_near", "fixed_telephone"),
        ("note.unknown_column", "colour"),
    ]
    assert all(is_note(fault) for fault in checked.faults)
    assert len(checked.frame) == 1
    assert checked.frame["fixed_telephones"].isna().all()


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("4.52E+14", "fault.digits_lost"),  # what a CSV file gets from a spreadsheet
        ("4,52E+14", "fault.digits_lost"),
        (4.52e17, "fault.digits_lost"),
        (-1e15, "fault.digits_lost"),
        (datetime(2012, 5, 3), "fault.text_became_day"),
        (date(2012, 5, 3), "fault.text_became_day"),
        ("452\x0001", "fault.not_one_value"),
    ],
)
def test_codes_that_a_spreadsheet_spoilt_are_refused(cell: Any, code: str) -> None:
    column = LAYERS["sectors"].column("site_id")
    for cells in ([cell], [cell, "452-04-1", "12E34", 452.0]):
        values, errors = read_cells(cells, column)
        assert [error.code for error in errors.values()] == [code]
        assert values[1:] == ["452-04-1", "12E34", "452"][: len(cells) - 1]
    assert all(say(code, lang, **errors[0].params).isprintable() for lang in LANGS)


def test_a_day_in_a_column_that_may_be_empty_is_its_text() -> None:
    assert read_cell(datetime(2012, 5, 3), LAYERS["sites"].column("source")) == "2012-05-03"
    assert read_cell(datetime(2012, 5, 3, 7), LAYERS["sites"].column("source")) == "2012-05-03T07:00:00"


@pytest.mark.parametrize("cell", [1e300, 2**70, "1e40"])
def test_whole_numbers_too_large_to_be_kept_are_refused(cell: Any) -> None:
    with pytest.raises(CellError) as caught:
        read_cell(cell, Column("fibre_count", "integer"))
    assert caught.value.code == "fault.too_large"
