"""Forms and the page on layers follow from the schemas: what is filled into a form comes back as it was typed."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pyogrio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from phusong.layers.checks.validate import Checked, validate
from phusong.layers.columns.cells import COUNTED
from phusong.layers.columns.headings import chosen, worded
from phusong.layers.columns.values import plain
from phusong.layers.errors import CrsError, InputError
from phusong.layers.importing import import_files
from phusong.layers.messages import LANGS, Lang, catalogue, say
from phusong.layers.readers import read_any
from phusong.layers.readers.table import read_tables
from phusong.layers.schema import LAYERS, RASTERS, Column, Layer
from phusong.layers.templates import (
    EXAMPLES,
    column_about,
    drawn,
    layers_markdown,
    write_template,
    write_templates,
)

TABLES = [layer for layer in LAYERS.values() if not drawn(layer)]
DEGREES = "EPSG:4326"


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("templates")
    write_templates(directory, "vi")
    return directory


def imported(path: Path, layer: Layer, *, crs: str = DEGREES) -> Checked:
    """A filled form through the steps of an import that need no study."""
    match = chosen(read_tables(path), layer)
    assert match.unmatched == ()
    return validate(plain(worded(match.raw, layer), layer), layer, crs=crs)


def faults(checked: Checked) -> list[str]:
    return [fault.say("en") for fault in checked.faults if not fault.code.startswith(("note.", "changed."))]


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("layer", TABLES, ids=lambda layer: layer.name)
def test_the_example_is_good_but_not_imported(tmp_path: Path, layer: Layer, lang: Lang) -> None:
    path = write_template(layer, tmp_path / "form.xlsx", lang)
    empty = imported(path, layer)
    assert [fault.code for fault in empty.faults] == ["note.example_row", "fault.empty_layer"]
    assert empty.faults[0].params["rows"] == "2"
    book = openpyxl.load_workbook(path)
    sheet = book[layer.name]
    first = sheet.cell(2, 1)
    first.value = first.value.removeprefix(say("form.example_mark", lang)).strip()
    book.save(path)
    checked = imported(path, layer)
    assert faults(checked) == []
    assert len(checked.frame) == 1
    row = checked.frame.iloc[0]
    for column in layer.all_columns:
        expected = EXAMPLES.get(column.name)
        if isinstance(expected, int | float) and column.kind == "number":
            assert row[column.name] == expected
        else:
            assert not pd.isna(row[column.name])


TEXT = st.text("abcxyz0123456789ăâđêôơưạảấầếềốồờởựừỷỹABCXYZĐ _-./", min_size=1, max_size=12).map(
    lambda t: f"N{t}".strip()
)


def cell(layer: Layer, column: Column, lang: Lang) -> st.SearchStrategy[tuple[Any, Any]]:
    """What an office may type into a column, and what it must come back as."""
    if column.words:
        pairs = [(say(f"word.{layer.name}.{column.name}.{word}", lang), word) for word in column.words]
        found: st.SearchStrategy[tuple[Any, Any]] = st.sampled_from(pairs)
    elif column.kind == "yes_no":
        found = st.sampled_from([(say("form.yes", lang), True), (say("form.no", lang), False)])
    elif column.kind == "date":
        found = st.dates(date(1950, 1, 1), date(2099, 12, 31)).map(lambda day: (day, pd.Timestamp(day)))
    elif column.kind == "text":
        found = TEXT.map(lambda text: (text, text))
    else:
        low = column.minimum if column.minimum is not None else -1e6
        high = column.maximum if column.maximum is not None else 1e6
        low = (
            max(low, 2.0) if column.unit == "%" else low
        )  # a column of nothing above 1 may be shares: values refuses it
        numbers = st.floats(low, high).map(lambda value: round(value, 3)).filter(lambda value: low <= value <= high)
        if column.unit in COUNTED:
            numbers = st.integers(0, 10**6).map(float)
        found = numbers.map(lambda value: (value, value))
    return found if not column.nullable else st.one_of(st.just((None, None)), found)


@pytest.mark.parametrize("layer", TABLES, ids=lambda layer: layer.name)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(draw=st.data())
def test_what_is_filled_in_comes_back(tmp_path: Path, layer: Layer, draw: st.DataObject) -> None:
    lang = draw.draw(st.sampled_from(LANGS))
    path = tmp_path / "form.xlsx"
    path.unlink(missing_ok=True)
    write_template(layer, path, lang)
    book = openpyxl.load_workbook(path)
    sheet = book[layer.name]
    count = draw.draw(st.integers(1, 4))
    wanted: list[dict[str, Any]] = []
    for r in range(count):
        row = {c.name: draw.draw(cell(layer, c, lang)) for c in layer.all_columns}
        key = layer.key[0]
        row[key] = (f"{row[key][0]}-{r}",) * 2
        if layer.name == "sectors":
            row["bandwidth_mhz"] = (
                None,
                None,
            )  # which go together with technology and band is told by validate's tests
        if layer.name == "signal_reports":
            row["village_code"] = ("19429-01",) * 2
        if "point" in layer.shapes:
            row["lon"] = (draw.draw(st.integers(1021000, 1094000)) / 1e4,) * 2
            row["lat"] = (draw.draw(st.integers(85000, 233000)) / 1e4,) * 2
        headings = (
            [c.name for c in layer.columns]
            + (["lon", "lat"] if "lon" in row else [])
            + ["as_of", "source", "synthetic"]
        )
        for i, name in enumerate(headings, start=1):
            sheet.cell(3 + r, i).value = row[name][0]
        wanted.append({name: value for name, (_, value) in row.items()})
    book.save(path)
    checked = imported(path, layer)
    assert faults(checked) == []
    assert checked.rows.tolist() == list(range(3, 3 + count))
    for at, row in enumerate(wanted):
        for column in layer.all_columns:
            value, expected = checked.frame[column.name].iloc[at], row[column.name]
            assert (pd.isna(value) and expected is None) or value == expected, (column.name, value, expected)
        if "lon" in row:
            assert (checked.frame.geometry.iloc[at].x, checked.frame.geometry.iloc[at].y) == (row["lon"], row["lat"])


def test_a_form_in_metres_says_its_coordinate_system(tmp_path: Path) -> None:
    path = write_template(LAYERS["sites"], tmp_path / "form.xlsx", "vi", crs="EPSG:9212")
    book = openpyxl.load_workbook(path)
    sheet = book["sites"]
    headings = [cell.value for cell in sheet[1]]
    assert headings[-5:-3] == ["Toạ độ đông (m, EPSG:9212) *", "Toạ độ bắc (m, EPSG:9212) *"]
    sheet.cell(2, 1).value = "QT1"
    book.save(path)
    checked = imported(path, LAYERS["sites"], crs="EPSG:9212")
    assert faults(checked) == []
    x, y = checked.frame.geometry.iloc[0].coords[0]
    lon, lat = Transformer.from_crs("EPSG:9212", DEGREES, always_xy=True).transform(x, y)
    assert (lon, lat) == pytest.approx((EXAMPLES["lon"], EXAMPLES["lat"]), abs=1e-5)


def test_cells_offer_words_and_refuse_what_cannot_stand(tmp_path: Path) -> None:
    path = write_template(LAYERS["sectors"], tmp_path / "form.xlsx", "vi")
    book = openpyxl.load_workbook(path)
    sheet = book["sectors"]
    assert sheet.freeze_panes == "B2"
    headings = {cell.value: cell.column_letter for cell in sheet[1]}
    assert "Công suất sóng mang (dBm)" in headings
    checks = {str(check.sqref).split("2:")[0]: check for check in sheet.data_validations.dataValidation}
    height = checks[headings["Độ cao anten (m) *"]]
    assert (height.type, height.operator, height.formula1, height.formula2) == ("decimal", "between", "1", "350")
    assert "từ 1 đến 350" in height.error
    technology = checks[headings["Công nghệ *"]]
    assert technology.type == "list"
    notes, cells = technology.formula1.split("!")
    assert [row[0].value for row in book[notes.strip("'")][cells.replace("$", "")]] == ["2G", "3G", "4G", "5G"]
    assert sheet.column_dimensions["A"].number_format == "@"
    days = checks[headings["Ngày số liệu *"]]
    assert (days.type, days.formula1, days.formula2) == ("date", "1", "73415")
    assert all(len(check.prompt or "") <= 255 and len(check.error or "") <= 225 for check in checks.values())
    assert "Ví dụ:" in book["huong_dan"]["A2"].value


@pytest.mark.parametrize("lang", LANGS)
def test_the_notes_speak_of_every_column(tmp_path: Path, lang: Lang) -> None:
    for layer in TABLES:
        book = openpyxl.load_workbook(write_template(layer, tmp_path / f"{layer.name}.xlsx", lang))
        notes = book[say("form.notes_sheet", lang)]
        cells = [str(cell.value) for row in notes.iter_rows() for cell in row if cell.value is not None]
        for heading in (cell.value for cell in book[layer.name][1]):
            assert heading in cells
        for column in layer.all_columns:
            assert column_about(layer.name, column.name, lang) in cells
            for word in column.words:
                assert any(say(f"word.{layer.name}.{column.name}.{word}", lang) in text for text in cells)


def test_the_same_form_has_the_same_bytes(tmp_path: Path) -> None:
    one, other = (write_template(LAYERS["sites"], tmp_path / name, "vi").read_bytes() for name in ("a.xlsx", "b.xlsx"))
    assert one == other


def test_codes_keep_their_zeros_and_days_their_date(tmp_path: Path) -> None:
    path = write_template(LAYERS["broadband"], tmp_path / "form.xlsx", "vi")
    book = openpyxl.load_workbook(path)
    sheet = book["broadband"]
    day = next(cell.column for cell in sheet[1] if str(cell.value).startswith("Ngày số liệu"))
    sheet.cell(3, 1).value, sheet.cell(3, day).value = "00461", datetime(2012, 12, 31)
    book.save(path)
    frame = imported(path, LAYERS["broadband"]).frame
    assert frame["code"].tolist() == ["00461"]
    assert frame["as_of"].tolist() == [pd.Timestamp(2012, 12, 31)]


def test_outlines_get_a_geopackage_and_other_wishes_are_refused(tmp_path: Path) -> None:
    path = write_template(LAYERS["units"], tmp_path / "units.gpkg", "vi", crs="EPSG:9212")
    assert pyogrio.read_info(path)["crs"] == "EPSG:9212"
    assert pyogrio.read_info(path)["geometry_type"] == "MultiPolygon"  # a GIS draws into it without a question
    for layer, name, code in (
        ("units", "u.xlsx", "form.no_outlines"),
        ("fibre_spans", "f.xlsx", "form.no_lines"),
        ("roads", "r.xlsx", "form.no_lines"),
        ("rivers", "r.xlsx", "form.no_lines"),
        ("broadband", "b.gpkg", "form.no_shapes"),
        ("sites", "s.csv", "form.which_suffix"),
    ):
        with pytest.raises(InputError) as error:
            write_template(LAYERS[layer], tmp_path / name, "vi")
        assert error.value.code == code
    for crs, code in (
        ("EPSG:1", "read.unknown_crs"),
        ("EPSG:2277", "form.crs"),  # feet
        ("EPSG:4978", "form.crs"),  # from the middle of the earth
        ("EPSG:4807", "form.crs"),  # grads
        ("+proj=tmerc +lon_0=106.25 +k=0.9999 +x_0=500000 +ellps=GRS80", "form.crs"),
    ):
        with pytest.raises(CrsError) as wrong:
            write_template(LAYERS["sites"], tmp_path / "s.xlsx", "vi", crs=crs)
        assert wrong.value.code == code
        assert not (tmp_path / "s.xlsx").exists()


def test_a_filled_form_is_not_written_over(tmp_path: Path) -> None:
    path = write_template(LAYERS["sites"], tmp_path / "sites.xlsx", "vi")
    before = path.read_bytes()
    with pytest.raises(InputError) as error:
        write_template(LAYERS["sites"], path, "en")
    assert error.value.code == "form.there"
    assert path.read_bytes() == before


@pytest.mark.parametrize("lang", LANGS)
def test_the_example_of_a_sector_agrees_with_itself(tmp_path: Path, lang: Lang) -> None:
    sheet = openpyxl.load_workbook(write_template(LAYERS["sectors"], tmp_path / "form.xlsx", lang))["sectors"]
    assert [sheet.cell(2, column).value for column in (4, 5, 6)] == ["3G", 2100, 5]


@pytest.mark.parametrize("crs", ["EPSG:9212", "EPSG:3857", "EPSG:32648", "EPSG:4756"])
def test_the_form_takes_its_own_example(tmp_path: Path, crs: str) -> None:
    sheet = openpyxl.load_workbook(write_template(LAYERS["sites"], tmp_path / "form.xlsx", "en", crs=crs))["sites"]
    for column in ("J", "K"):
        (check,) = [one for one in sheet.data_validations.dataValidation if str(one.sqref).startswith(f"{column}2:")]
        assert float(check.formula1) <= sheet[f"{column}2"].value <= float(check.formula2)


def test_a_form_prints_as_wide_as_a_page(tmp_path: Path) -> None:
    for sheet in openpyxl.load_workbook(write_template(LAYERS["sectors"], tmp_path / "form.xlsx", "vi")):
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert (sheet.page_setup.orientation, sheet.page_setup.fitToHeight) == ("landscape", 0)


def test_every_layer_has_a_form_that_is_empty(templates: Path) -> None:
    assert {path.stem for path in templates.iterdir()} == set(LAYERS)
    units = read_any(templates / "units.gpkg", wanted="units")
    assert [f.code for f in validate(units, LAYERS["units"], crs="EPSG:9212").faults] == ["fault.empty_layer"]


@pytest.mark.parametrize("lang", LANGS)
def test_the_page_speaks_of_every_layer_and_column(lang: Lang) -> None:
    page = layers_markdown(lang)
    for layer in LAYERS.values():
        section = page.split(f"\n## {layer.name}: ")[1].split("\n## ")[0]
        for column in layer.all_columns:
            assert f"\n| {column.name} | {column_about(layer.name, column.name, lang)} |" in section
            assert all(word in section for word in column.words)
    assert all(f"`{name}.tif`" in page for name in RASTERS)


def test_no_text_is_left_over() -> None:
    """Each text of a layer, column or word belongs to something declared."""
    declared = {f"column.common.{name}" for name in ("as_of", "source", "synthetic")}
    headings: set[str] = set()
    for layer in LAYERS.values():
        declared |= {f"column.{layer.name}.{c.name}" for c in layer.columns}
        declared |= {f"word.{layer.name}.{c.name}.{word}" for c in layer.columns for word in c.words}
        headings |= {f"heading.{layer.name}.{c.name}" for c in layer.columns}
    for name in (*LAYERS, *RASTERS):
        declared |= {f"layer.{name}.title", f"layer.{name}.about"}
    texts = {code for code in catalogue() if code.split(".")[0] in ("layer", "column", "word")}
    assert texts == declared
    assert all(entry["en"] and entry["vi"] for code, entry in catalogue().items() if code in declared)
    own = {code for code in catalogue() if code.startswith("heading.") and not code.startswith("heading.any.")}
    assert own <= headings


@pytest.mark.parametrize("lang", LANGS)
def test_a_form_with_its_example_goes_through_the_whole_door(tiny_study: Path, tmp_path: Path, lang: Lang) -> None:
    """The example in row 2 is no row of the list: it counts neither as kept nor as rejected."""
    path = write_template(LAYERS["published_figures"], tmp_path / "form.xlsx", lang)
    with pytest.raises(InputError) as refused:
        import_files(tiny_study, "published_figures", [path])
    assert [fault.code for fault in refused.value.faults] == ["note.example_row", "fault.empty_layer"]
    assert refused.value.params["read"] == 0
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    for row, value in ((3, 12), (4, "mười hai")):
        for column in range(1, sheet.max_column + 1):
            sheet.cell(row, column, sheet.cell(2, column).value)
        sheet.cell(row, 1, f"figure {row}")
        sheet.cell(row, [cell.value for cell in sheet[2]].index(EXAMPLES["value"]) + 1, value)
    book.save(path)
    report = import_files(tiny_study, "published_figures", [path]).report
    assert (report.read, report.kept, report.rejected) == (2, 1, 1)
