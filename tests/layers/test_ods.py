"""OpenDocument sheets, and one sheet as LibreOffice writes it in three formats (tests/data/libreoffice)."""

import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pyogrio
import pytest

from phusong.layers.errors import InputError
from phusong.layers.readers import RawTable
from phusong.layers.readers.table import read_tables

LISTS = Path(__file__).parents[1] / "data" / "libreoffice"


def _cells(raw: RawTable) -> list[list[Any]]:
    return raw.frame.to_numpy().tolist()


def test_an_open_document_as_gdal_writes_it(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {"mã": ["00461", "2", None], "n": [1.5, None, 3], "ngày": pd.to_datetime(["2012-12-31", None, "2013-01-01"])}
    )
    pyogrio.write_dataframe(table, tmp_path / "a.ods", driver="ODS")
    (raw,) = read_tables(tmp_path / "a.ods")
    assert raw.frame.columns.tolist() == ["mã", "n", "ngày"]
    assert raw.frame["mã"].tolist() == ["00461", "2", None]
    assert raw.frame["n"].tolist() == [1.5, None, 3]
    assert [str(day)[:10] for day in raw.frame["ngày"]] == ["2012-12-31", "None", "2013-01-01"]


def test_an_open_document_with_drawings_remarks_and_no_numbers(tmp_path: Path) -> None:
    shape = "<draw:custom-shape><text:p>drawn</text:p></draw:custom-shape>"
    remark = "<office:annotation><text:p>said</text:p></office:annotation>"

    def cell(words: str, aside: str = "") -> str:
        told = f"<text:p>{words}</text:p>"
        return f'<table:table-cell office:value-type="string">{told}{aside}</table:table-cell>'

    odd = '<table:table-cell office:value-type="percentage" office:value="INF"/>'
    rows = [
        cell("code") + cell("name") + cell("share"),
        odd * 3,
        cell("1", shape) + cell("Lao", remark) + odd,
        cell("2") + cell("Ba") + odd,
    ]
    spaces = " ".join(f'xmlns:{name}="urn:{name}"' for name in ("office", "table", "text", "draw"))
    inner = "".join(f"<table:table-row>{row}</table:table-row>" for row in rows)
    content = (
        f'<office:document-content {spaces}><table:table table:name="a">{inner}</table:table></office:document-content>'
    )
    with zipfile.ZipFile(tmp_path / "a.ods", "w") as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        package.writestr("content.xml", content)
    (raw,) = read_tables(tmp_path / "a.ods")
    assert _cells(raw)[-2:] == [["1", "Lao", float("inf")], ["2", "Ba", float("inf")]]


def _as_written(path: Path) -> None:
    raw, other = read_tables(path)
    assert (raw.sheet, other.sheet) == ("Trạm BTS", "A & B")
    assert _cells(other) == [["007", "Lao <Bảo>"]]
    assert raw.rows.tolist() == [6, 7, 8, 9, 10]
    names = ["Đakrông", "Khe Sanh\nhai dòng", "Lao Bảo", "A Dơi", "Cộng Hòa"]
    district = ["Hướng Hóa"] * 3 + ["Cam Lộ"] * 2
    twice = [2, "#DIV/0!", "#N/A", 8, 10]
    expected: dict[str, list[Any]] = {
        "STT": [1, 2, 3, 4, 5],
        "Mã xã": ["00461", "00462", "00463", "00464", "00465"],
        "Tên trạm": names,
        "Huyện": district,
        "Toạ độ / Kinh độ": [106.70, 106.71, 106.72, 106.73, 106.74],
        "Toạ độ / Vĩ độ": [16.6] * 5,
        "Ngày": [date(2012, 12, day) for day in range(1, 6)],
        "Tỷ lệ": ["85 %"] * 3 + ["7 %"] * 2,
        "Cao": [36] * 5,
        "Điện": [True, False, True, False, True],
        "Hai lần": twice,
    }
    assert {name: raw.frame[name].tolist() for name in raw.frame} == expected
    told = {fault.code: fault for fault in raw.faults}
    assert told["note.hidden_sheet"].sheet == "ẩn"
    assert told["note.hidden_rows"].params == {"count": 1, "rows": "9"}
    assert told["note.error_cells"].params["cells"] == "K7 (#DIV/0!), K8 (#N/A)"
    assert told["changed.zeros_in_front"].params["count"] == told["changed.percent_format"].params["count"] == 5
    passed = [fault.params["rows"] for fault in raw.faults if fault.code == "note.rows_passed_over"]
    assert passed == ["1-2", "11", "13"]
    (hidden,) = read_tables(path, sheet="ẩn")
    assert _cells(hidden) == [["1", "a"]]
    assert hidden.faults == ()


@pytest.mark.parametrize("name", ["list.ods", "list.xls", "list.xlsx"])
def test_a_list_that_libreoffice_wrote(name: str) -> None:
    _as_written(LISTS / name)


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not here")
def test_a_list_that_the_libreoffice_here_writes(tmp_path: Path) -> None:
    user = f"-env:UserInstallation=file://{tmp_path}/user"
    arguments = ["soffice", user, "--headless", "--convert-to", "ods", "--outdir", str(tmp_path)]
    subprocess.run([*arguments, str(LISTS / "list.fods")], check=True, capture_output=True, timeout=120)
    _as_written(tmp_path / "list.ods")


def _changed(path: Path, part: str, change: Callable[[bytes], bytes]) -> Path:
    """The list with one part changed, under another name."""
    with zipfile.ZipFile(LISTS / "list.ods") as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(old.read(name)) if name == part else old.read(name))
    return path


def test_an_open_document_is_known_by_its_content_and_however_it_is_indented(tmp_path: Path) -> None:
    _as_written(_changed(tmp_path / "a.xlsx", "content.xml", lambda text: text))
    _as_written(_changed(tmp_path / "a.ods", "content.xml", lambda text: re.sub(rb"><(?!/?text:)", rb">\n  <", text)))


def test_an_open_document_that_is_locked_or_holds_no_sheet(tmp_path: Path) -> None:
    lock = b"<manifest:encryption-data/></manifest:manifest>"
    for part, old, new, code in (
        ("META-INF/manifest.xml", b"</manifest:manifest>", lock, "guard.password"),
        ("content.xml", rb"table:table(?=[ >])", b"table:other", "read.no_workbook"),
    ):
        path = _changed(tmp_path / "a.ods", part, lambda text, a=old, b=new: re.sub(a, b, text))  # type: ignore[misc]
        with pytest.raises(InputError) as caught:
            read_tables(path)
        assert caught.value.code == code
        assert "a.ods" in caught.value.say("vi")
