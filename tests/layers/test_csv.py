"""CSV of any separator: rows and cells as they stand, and what makes a row doubtful."""

import csv
import io
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phusong.layers.checks.validate import validate
from phusong.layers.errors import InputError
from phusong.layers.readers import RawTable
from phusong.layers.readers.table import read_tables, separator
from phusong.layers.schema import LAYERS
from phusong.layers.vietnamese.encodings import encode_bytes

SLOW = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture]}


def _cells(raw: RawTable) -> list[list[Any]]:
    return raw.frame.to_numpy().tolist()


@settings(max_examples=60, **SLOW)
@given(
    st.lists(
        st.tuples(
            st.text(st.sampled_from('abcđ ,;"|.5\n'), min_size=1, max_size=8),
            st.decimals(0, 999, places=2),
            st.booleans(),
        ),
        min_size=2,
        max_size=8,
    ),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from([".", ","]),
)
def test_csv_of_any_separator_and_decimal_sign(
    tmp_path: Path, rows: list[tuple[str, Any, bool]], mark: str, decimal: str
) -> None:
    path = tmp_path / "a.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=mark)
        writer.writerow(["mã trạm", "tên", "kinh độ", "vĩ độ"])
        for i, (name, number, more) in enumerate(rows):
            writer.writerow(
                [f"k{i}", name, str(number).replace(".", decimal), str(number).replace(".", decimal) if more else ""]
            )
    (raw,) = read_tables(path)
    assert raw.frame["mã trạm"].tolist() == [f"k{i}" for i in range(len(rows))]
    assert raw.frame["tên"].tolist() == [name if name.strip() else None for name, _, _ in rows]
    assert raw.frame["kinh độ"].tolist() == [str(number).replace(".", decimal) for _, number, _ in rows]


def test_the_separator_is_not_a_comma_of_the_title_or_of_the_numbers() -> None:
    text = "Danh sách, tỉnh Quảng Trị, năm 2012\nmã;tên;kinh độ;vĩ độ\n1;Khe Sanh;106,73;16,62\n2;Lao Bảo;106,6;16,6\n"
    assert separator(text) == ";"
    assert separator("code|name\n1|a, b, c\n2|d, e, f\n") == "|"
    assert separator('a\n"x;y;z"\n') == ","


def test_csv_may_say_its_separator_and_its_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sep=|\nmã|tên\n1|a;b;c\n", encoding="utf-16")
    (raw,) = read_tables(path)
    assert _cells(raw) == [["1", "a;b;c"]]
    assert raw.rows.tolist() == [3]
    text = "mã xã,tên xã\n1,Hướng Phùng\n2,Đakrông\n3,Triệu Nguyên\n4,Vĩnh Ô\n5,Hải Lăng\n6,Cửa Việt\n"
    path.write_bytes(encode_bytes(text, "tcvn3"))
    (raw,) = read_tables(path)
    assert raw.frame["tên xã"].tolist() == [line.split(",")[1] for line in text.splitlines()[1:]]
    assert "changed.text_bytes" in [fault.code for fault in raw.faults]


def test_rows_with_more_cells_than_headings_are_faults_in_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("code,name,n\n1,a,2\n2,b,c,3,,4\n4,d,5\n", encoding="utf-8")
    (raw,) = read_tables(path)
    assert raw.rows.tolist() == [2, 3, 4]  # the row stays, so that it can be mended
    assert list(raw.frame.iloc[1]) == ["2", "b", "c | 3 | 4"]  # with all its cells
    (fault,) = raw.faults
    assert (fault.code, fault.row, fault.params) == ("fault.too_many_cells", 3, {"found": 6, "expected": 3})
    checked = validate(raw, LAYERS["published_figures"], crs="EPSG:9212", defaults={"as_of": date(2012, 12, 31)})
    assert [fault.row for fault in checked.faults if fault.row is not None] == [3]


@pytest.mark.parametrize("said", ["sep=\r\n", "sep=\n", 'sep="\n', "sep=a\n", "sep= \n"])
def test_a_separator_that_can_be_none_is_not_taken(tmp_path: Path, said: str) -> None:
    (tmp_path / "a.csv").write_bytes((said + "code;name\r\n1;Lao\r\n2;Ba\r\n").encode())
    (raw,) = read_tables(tmp_path / "a.csv")
    assert _cells(raw) == [["1", "Lao"], ["2", "Ba"]]
    assert raw.rows.tolist() == [3, 4]


@pytest.mark.skipif("PHUSONG_DATA" not in os.environ, reason="the folder of real data is not here")
@pytest.mark.parametrize(
    ("name", "count"), [("census2019_communes_vietnam.csv", 11_165), ("post_offices_vnpost_4prov.csv", 142)]
)
def test_real_lists_come_in_whole(name: str, count: int) -> None:
    path = Path(os.environ["PHUSONG_DATA"]) / name
    (raw,) = read_tables(path)
    whole = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
    assert len(raw.frame) == count
    assert raw.frame.columns.tolist() == whole[0]
    assert raw.frame.iloc[:, 0].fillna("").tolist() == [row[0] for row in whole[1:]]
    assert raw.faults == ()


def test_rows_with_fewer_cells_than_headings_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("list of 2012\ncode,name,lon,lat\n1,Khe 106.7,16.6\n2,Lao,106,16\n3,Ba\n", encoding="utf-8")
    (raw,) = read_tables(path)
    (note,) = [fault for fault in raw.faults if fault.code == "note.too_few_cells"]
    assert note.params == {"rows": "3, 5", "count": 2, "expected": 4}
    assert all("3, 5" in note.say(lang) for lang in ("en", "vi"))
    path.write_text("code,name,,\n1,Lao\n2,Ba,,\n", encoding="utf-8")  # nothing is missing under a heading
    assert read_tables(path)[0].faults == ()


@pytest.mark.parametrize("head", ["", "sep=,\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_quotation_that_is_not_closed_does_not_swallow_rows(tmp_path: Path, head: str, end: str) -> None:
    path = tmp_path / "a.csv"
    lines = [
        "code,name,n",
        '1,"Lao,5',
        "2,Ba,6",
        '3,Khe",7',
        "4,d,8",
        '5,"two',
        'lines, one comma",9',
        "6,f,1",
        "7,g,1",
    ]
    path.write_text(head + end.join(lines) + end, encoding="utf-8", newline="")
    (raw,) = read_tables(path)
    assert raw.frame["code"].tolist() == ["1", "4", "5", "6", "7"]
    (fault,) = [fault for fault in raw.faults if fault.code == "fault.rows_in_a_cell"]
    assert (fault.row, fault.params) == (2 + bool(head), {"count": 2})
    assert all("2" in fault.say(lang) for lang in ("en", "vi"))


@pytest.mark.parametrize("text", [b"\xef\xbb\xbf", b"\xfe\xff", b"\r\n", b"sep=;\n"])
def test_a_text_without_a_cell_has_no_headings(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(text)
    with pytest.raises(InputError) as caught:
        read_tables(tmp_path / "a.csv")
    assert caught.value.code == "read.no_header"


def test_an_address_of_two_lines_is_one_cell(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('ma,ten,dia chi\n1,A,"Số 12\nđường 9, xã Hải An, huyện Hải Lăng"\n2,B,x\n', encoding="utf-8")
    (raw,) = read_tables(path)
    assert not raw.faults
    assert raw.frame["ma"].tolist() == ["1", "2"]
