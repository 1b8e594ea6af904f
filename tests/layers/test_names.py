"""Names of units: keys that forgive what people write differently, and a gazetteer that does not guess."""

import os
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyogrio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.layers.errors import InputError
from phusong.layers.readers.raw import RawTable
from phusong.layers.schema import LAYERS
from phusong.layers.vietnamese.names import LEAST, Gazetteer, Name, key, matches, resolved, toneless

DATA = Path(os.environ.get("PHUSONG_DATA", "/nowhere"))
REAL = pytest.mark.skipif(not DATA.is_dir(), reason="PHUSONG_DATA is not set")

UNITS = pd.DataFrame(
    [
        ("19333", "Phường 1", "Thành phố Đông Hà", "Quảng Trị"),
        ("19342", "Phường 2", "Thành phố Đông Hà", "Quảng Trị"),
        ("19360", "Phường 1", "Thị xã Quảng Trị", "Quảng Trị"),
        ("19363", "Thị trấn Hồ Xá", "Huyện Vĩnh Linh", "Quảng Trị"),
        ("19400", "Xã Vĩnh Hòa", "Huyện Vĩnh Linh", "Quảng Trị"),
        ("19597", "Thị trấn Cam Lộ", "Huyện Cam Lộ", "Quảng Trị"),
        ("19598", "Xã Cam Lộ", "Huyện Cam Lộ", "Quảng Trị"),
        ("19500", "Xã Tân Hợp", "Huyện Hướng Hóa", "Quảng Trị"),
        ("19501", "Xã Tân Lập", "Huyện Hướng Hóa", "Quảng Trị"),
        ("19502", "Xã Tấn Lập", "Huyện Hướng Hóa", "Quảng Trị"),
        ("24001", "Xã Ea H'Leo", "Huyện Ea H'leo", "Đắk Lắk"),
        ("24002", "Xã Bản Qua", "Huyện Krông Pắk", "Đắk Lắk"),
        ("24003", "Xã Mỹ Quý", "Huyện Krông Pắk", "Đắk Lắk"),
        ("24004", "Phường Hải Châu II", "Huyện Krông Pắk", "Đắk Lắk"),
        ("24005", "Xã Tân Hợp", "Huyện Krông Pắk", "Đắk Lắk"),
    ],
    columns=["code", "name", "district", "province"],
)
GAZETTEER = Gazetteer.of(UNITS)


def table(rows: list[dict[str, Any]]) -> RawTable:
    frame = pd.DataFrame(rows, dtype=object)
    return RawTable(frame, np.arange(2, len(frame) + 2), "list.xlsx", "S1")


# Keys.


def test_without_tones() -> None:
    assert toneless("Hướng Hóa, ĐAKRÔNG") == "huong hoa, dakrong"
    assert toneless(unicodedata.normalize("NFD", "Đắk Lắk")) == "dak lak"


@pytest.mark.parametrize(
    "spellings",
    [
        ["Xã Hướng Hoá", "Hướng Hóa", "X. Hướng Hóa", "X.Hướng Hoá", "xa huong hoa", "XÃ HƯỚNG HÓA", "XãHướng Hóa"],
        [
            "Thị trấn Hồ Xá",
            "TT. Hồ Xá",
            "TT.Hồ Xá",
            "TT Hồ Xá",
            "T.T Hồ Xá",
            "Thi tran Ho Xa",
            "Hồ Xá (TT)",
            "T.Trấn Hồ Xá",
        ],
        ["Phường 1", "P.1", "P1", "P. 01", "Phường I", "phuong 1", "F.1", "Phường Số 1", "Số 1"],
        [
            "Thành phố Đông Hà",
            "TP. Đông Hà",
            "TP.Đông Hà",
            "Tp Đông Hà",
            "T.P Đông Hà",
            "TPĐông Hà",
            "Thanh pho Dong Ha",
        ],
        ["Thị xã Quảng Trị", "TX. Quảng Trị", "TX Quảng Trị", "Tỉnh Quảng Trị", "T. Quảng Trị", "Quảng  Trị "],
        ["Huyện Krông Pắk", "H. Krông Pắc", "Krong Pak", "Krông-Pắk", "H.Krông Pak"],
        ["Xã Ea H'Leo", "Ea H’leo", "Ea Hleo", "Ea H' Leo", "Ea H\\'leo"],
        ["Xã Ea Ly", "Ealy", "Ea li"],
        ["Đắk Lắk", "Đăk Lăk", "Dak Lak", "Đắc Lắc", "Đak Lak"],
        ["Mỹ Quý", "Mĩ Quí", "My Quy", "xã Mỹ Quý"],
        ["Hải Châu II", "Hải Châu 2", "P. Hải Châu  II", "HẢI CHÂU II"],
        ["Thuỷ Thượng", "Thủy Thượng", "thuy thuong"],
        ["Khu phố 3", "KP 3", "KP.3", "kp3", "Khóm 3", "Tổ dân phố 3", "TDP 3", "Thôn 03", "Ấp 3"],
        ["Cam Lộ (TT. Cam Lộ)", "TT Cam Lộ", "Cam Lộ (xã)"],
        ["Thị trấn N.T Phong Hải", "TT Nông trường Phong Hải", "TT NT Phong Hải"],
        ["Huyện đảo Cồn Cỏ", "Đặc khu Cồn Cỏ", "Cồn Cỏ"],
    ],
)
def test_spellings_of_one_name_have_one_key(spellings: list[str]) -> None:
    assert len({key(text) for text in spellings}) == 1, {text: key(text) for text in spellings}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Xã Hải An", "Xã Hải Anh"), ("Phường 1", "Phường 11"), ("Thủy", "Thúi"), ("Tây", "Tài"), ("Mỹ Tây", "Mỹ Tài"),
        ("Hải Châu I", "Hải Châu II"), ("Xã Hải", "Hải Xã"), ("Thôn 1 - 2", "Thôn 12"), ("Kim", "Kìm Bôi"),
    ],
)  # fmt: skip
def test_other_names_have_other_keys(one: str, other: str) -> None:
    assert key(one) != key(other)


@pytest.mark.parametrize(
    ("text", "kind", "plain"),
    [
        ("Xã Xá Lượng", "commune", "xaluong"),
        ("Xá Lượng", "", "xaluong"),
        ("Phú Lộc", "", "phuloc"),
        ("Hồ Xá", "", "hoxa"),
        ("Quảng Trị", "", "quangtri"),
        ("Thị trấn", "", "thitran"),
        ("Khuê Ngọc", "", "khuengoc"),
        ("Tổng Cọt", "", "tongcot"),
        ("Đội Bình", "village", "binh"),
        ("P.Vĩnh Trung", "ward", "vinhtrung"),
    ],
)
def test_prefix_words_are_told_from_names(text: str, kind: str, plain: str) -> None:
    assert (Name.of(text).kind, Name.of(text).key) == (kind, plain)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=25))
def test_a_key_is_plain_and_any_text_has_one(text: str) -> None:
    made = key(text)
    assert made == key(text.strip())
    assert " " not in made
    assert key(unicodedata.normalize("NFD", text)) == key(unicodedata.normalize("NFC", text))


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(list(UNITS["name"])), st.sampled_from([str, str.upper, str.lower, toneless]))
def test_units_are_found_in_any_case(name: str, form: Any) -> None:
    row = UNITS[UNITS["name"] == name].iloc[0]
    found = GAZETTEER.find(form(name), within=(form(row["district"]), form(row["province"])))
    if form is toneless and "Lập" in name:
        assert set(found.codes) == {"19501", "19502"}
        assert found.code is None
    else:
        assert found.code == row["code"]


# The gazetteer.


@pytest.mark.parametrize(
    ("name", "within", "codes", "taken"),
    [
        ("Xã Vĩnh Hoà", ("Huyện Vĩnh Linh", "Tỉnh Quảng Trị"), ["19400"], True),
        ("vinh hoa", ("Vĩnh Linh", None), ["19400"], True),
        ("Phường 1", None, ["19333", "19360"], False),
        ("P.1", "TP Đông Hà", ["19333"], True),
        ("Phường 1", ("Thị xã Quảng Trị", "Quảng Trị"), ["19360"], True),
        ("Cam Lộ", "Cam Lộ", ["19597", "19598"], False),
        ("TT Cam Lộ", "Cam Lộ", ["19597"], True),
        ("Cam Lộ (TT)", None, ["19597"], True),
        ("Xã Hồ Xá", "Vĩnh Linh", ["19363"], True),
        ("Tân Hợp", None, ["19500", "24005"], False),
        ("Tân Hợp", "Đắk Lắk", ["24005"], True),
        ("Tân Hợp", (None, "Đăk Lăk"), ["24005"], True),
        ("Tan Lap", "Hướng Hóa", ["19501", "19502"], False),
        ("Tân Lập", "Hướng Hoá", ["19501"], True),
        ("Tàn Hợp", "Hướng Hoá", ["19500"], True),
        ("Bản Qua", "Krông Pắk", ["24002"], True),
        ("Hải Châu 2", None, ["24004"], True),
        ("Xã Mĩ Quí", None, ["24003"], True),
        ("Mý Quỳ", None, ["24003"], False),  # other tones, and no district that narrows them
        ("Xã Vĩnh Hòa", "Huyện Vĩnh Long", ["19400"], True),  # a district not known, one unit of the name
        ("Phường 2", "Thị xã Giá Rai", ["19342"], False),  # the same, but numbers are names everywhere
        ("Phường 2", "Thị xã Quảng Trị", ["19342"], False),  # a district known that has none: proposed only
        ("Phường 1, thị xã Quảng Trị, tỉnh Quảng Trị", None, ["19360"], True),
        ("P.1, TP. Đông Hà", (None, None), ["19333"], True),
        ("Xã Tân Lập, Xã Vĩnh Hòa", None, ["19501"], False),  # two units: the first is proposed only
        ("Xã Tân Lập, huyện Vĩnh Hòa", None, ["19501"], True),
        ("Xã Không Có", "Vĩnh Linh", [], False),
        ("", None, [], False),
        ("?", None, [], False),
    ],
)
def test_find(name: str, within: Any, codes: list[str], taken: bool) -> None:
    found = GAZETTEER.find(name, within=within)
    assert sorted(found.codes) == codes
    assert (found.code is not None) == taken
    assert (found.score >= LEAST and len(codes) == 1) == taken


def test_an_endless_name_is_cut() -> None:
    assert GAZETTEER.find("Xã " + "Hòa" * 10**6, within="Vĩnh Linh").codes == ()
    assert GAZETTEER.find("Xã," * 10**6).codes == ()
    assert key("a" * 10**6) == "a" * 200


def test_a_miss_names_the_nearest() -> None:
    assert "Xã Vĩnh Hòa" in GAZETTEER.find("Xã Vĩnh Hoàn", within="Vĩnh Linh").near
    assert "Thành phố Đông Hà" in GAZETTEER.find("Phường 2", within=("Thị xã Quảng Trị", "Quảng Trị")).near


def test_former_names_lead_to_the_units_that_hold_the_land() -> None:
    units = pd.DataFrame({"code": ["1", "2", "3"], "name": ["Phường Nam Đông Hà", "Xã Cam Lộ", "Xã Hải Lăng"]})
    former = pd.DataFrame(
        {
            "code": ["1", "1;2", "2", "1"],
            "name": ["Phường 2", "Xã Cam Hiếu", "Thị trấn Cam Lộ", "Xã Hải Lăng"],
            "district": ["Thành phố Đông Hà", "Huyện Cam Lộ", "Huyện Cam Lộ", "Huyện Cũ"],
        }
    )
    gazetteer = Gazetteer.of(units, former=former)
    assert gazetteer.find("P.2", within="Đông Hà").code == "1"
    assert "former" in gazetteer.find("Phường 2").how
    split = gazetteer.find("Xã Cam Hiếu", within="Cam Lộ")
    assert (split.codes, split.code) == (("1", "2"), None)
    assert gazetteer.find("Xã Cam Lộ").code == "2"
    both = gazetteer.find("Xã Hải Lăng")  # a unit of today, and another that bore the name
    assert (both.codes, both.code) == (("1", "3"), None)
    assert gazetteer.text("1") == "Phường Nam Đông Hà"


def test_kinds_of_the_schema_tell_units_of_one_name_apart() -> None:
    units = pd.DataFrame({"code": ["1", "2"], "name": ["Cam Lộ", "Cam Lộ"], "kind": ["township", "commune"]})
    assert Gazetteer.of(units).find("TT Cam Lộ").code == "1"
    assert Gazetteer.of(units).find("Cam Lộ").code is None


# Tables.


def test_codes_are_filled_from_names() -> None:
    raw = table(
        [
            {"code": None, "unit_name": "TT Hồ Xá", "district_name": "Vĩnh Linh", "broadband_subscribers": 5},
            {"code": None, "unit_name": "Xã Vĩnh Hoà", "district_name": "Vĩnh Linh", "broadband_subscribers": 6},
            {"code": "19333", "unit_name": "Phường 1", "district_name": "Đông Hà", "broadband_subscribers": 7},
            {"code": None, "unit_name": "Cam Lộ", "district_name": "Cam Lộ", "broadband_subscribers": 8},
            {"code": None, "unit_name": "Xã Vĩnh Hoàn", "district_name": "Vĩnh Linh", "broadband_subscribers": 9},
            {"code": None, "unit_name": "Phường 2", "district_name": "Thị xã Quảng Trị", "broadband_subscribers": 1},
            {"code": None, "unit_name": "tan hop", "district_name": "Hướng Hoá", "broadband_subscribers": 1},
        ]
    )
    done = resolved(raw, LAYERS["broadband"], units=UNITS)
    assert list(done.frame["code"]) == ["19363", "19400", "19333", None, None, None, "19500"]
    told = {fault.row: fault.code for fault in done.faults if fault.row}
    assert told == {5: "fault.unit_ambiguous", 6: "fault.unit_near", 7: "fault.unit_elsewhere"}
    rate = next(fault for fault in done.faults if fault.code == "note.unit_names")
    assert (rate.params["count"], rate.params["total"], rate.params["share_pct"]) == (3, 6, "50.00")
    assert next(f for f in done.faults if f.code == "changed.unit_spelling").params["count"] == 1
    assert all(fault.say(lang) for fault in done.faults for lang in ("vi", "en"))
    assert list(raw.frame["code"]) == [None, None, "19333", None, None, None, None]


def test_a_column_of_codes_is_made_where_there_is_none() -> None:
    raw = table([{"unit_name": "TT Hồ Xá"}, {"unit_name": "Xã Nào"}])
    done = resolved(raw, LAYERS["villages"], units=UNITS)
    assert list(done.frame["unit_code"]) == ["19363", None]
    assert [fault.code for fault in done.faults if fault.row] == ["fault.unit_unknown"]
    loose = resolved(raw, LAYERS["postal_points"], units=UNITS)  # the unit of a postal point may stay empty
    assert [fault.code for fault in loose.faults if fault.row] == ["note.unit_unknown"]


def test_a_code_that_is_another_unit_than_the_name_says_is_a_fault() -> None:
    raw = table(
        [
            {"code": "19342", "unit_name": "Xã Vĩnh Hòa"},
            {"code": 19400.0, "unit_name": "vinh hoa"},
            {"code": "19400", "unit_name": "Xã Vĩnh Hoàa"},
            {"code": "77777", "unit_name": "Xã Vĩnh Hòa"},
            {"code": "19502", "unit_name": "Xã Tân Lập"},  # that of Tấn Lập: alike, but another unit of its own
            {"code": "19502", "unit_name": "tan lap"},
        ]
    )
    done = resolved(raw, LAYERS["broadband"], units=UNITS)
    assert [(fault.row, fault.code) for fault in done.faults] == [(row, "fault.unit_code_name") for row in (2, 6)]
    assert "Phường 2" in done.faults[0].say("vi")


def test_a_table_with_districts_is_not_joined_to_units_that_have_none() -> None:
    units = pd.DataFrame({"code": ["1"], "name": ["Xã Hải Lăng"], "valid_on": pd.to_datetime(["2025-07-01"])})
    raw = table([{"unit_name": "Xã Hải Lăng", "district_name": "Huyện Hải Lăng"}])
    with pytest.raises(InputError, match="phusong carry"):
        resolved(raw, LAYERS["broadband"], units=units)
    assert resolved(table([{"unit_name": "Xã Hải Lăng"}]), LAYERS["broadband"], units=units).frame["code"].item() == "1"


def test_tables_without_names_and_layers_without_units_pass_unchanged() -> None:
    raw = table([{"code": "1"}])
    assert resolved(raw, LAYERS["broadband"], units=UNITS) is raw
    named = table([{"unit_name": "Phường 1"}])
    assert resolved(named, LAYERS["sites"], units=UNITS) is named


# Real names.


@REAL
def test_every_commune_is_found_by_its_own_names_and_by_them_without_tones() -> None:
    units = pyogrio.read_dataframe(DATA / "communes_2012_4prov.gpkg", read_geometry=False)
    units = units.rename(columns={"gso_code": "code"})
    gazetteer = Gazetteer.of(units)
    for form, least in ((str, 1.0), (toneless, 0.99)):
        rows = units.rename(columns={"name": "unit_name", "district": "district_name", "province": "province_name"})
        rows = rows[["unit_name", "district_name", "province_name"]].map(form)
        found = matches(rows, gazetteer)["code"]
        assert (found == units["code"]).mean() >= least
        assert ((found == units["code"]) | found.isna()).all()


@REAL
def test_post_counters_with_former_names_are_joined_to_the_communes_of_2012() -> None:
    """Each counter's commune code in the data is the truth; its ward and district are written without kinds."""
    units = pyogrio.read_dataframe(DATA / "communes_2012_4prov.gpkg", read_geometry=False)
    posts = pd.read_csv(DATA / "post_offices_vnpost_4prov.csv", dtype=str)
    rows = posts.rename(columns={"ward": "unit_name", "district": "district_name", "prov": "province_name"})
    found = matches(rows, Gazetteer.of(units.rename(columns={"gso_code": "code"})))
    wrong = posts[found["code"].notna() & (found["code"] != posts["gso_code"])]
    assert wrong[["ward", "district", "gso_code"]].to_numpy().tolist() == []
    assert found["code"].notna().mean() >= 0.95


@REAL
def test_old_names_lead_to_the_units_of_2025() -> None:
    new = pyogrio.read_dataframe(DATA / "communes_2025_4prov.gpkg", read_geometry=False)
    old = pd.read_csv(DATA / "lineage_2012_2024_2025.csv", dtype=str)
    units = new.rename(columns={"full_name": "name", "name": "short"})[["code", "name"]]
    gazetteer = Gazetteer.of(units, former=old.assign(code=old["code_2025"]))
    rows = old.rename(columns={"name": "unit_name", "district": "district_name", "province": "province_name"})
    found = matches(rows, gazetteer)
    expected = ["" if ";" in codes else codes for codes in old["code_2025"]]
    assert [code or "" for code in found["code"]] == expected
    assert (found["codes"] == [";".join(sorted(codes.split(";"))) for codes in old["code_2025"]]).all()


def test_blanks_around_joined_codes_are_no_part_of_them() -> None:
    gazetteer = Gazetteer.of(pd.DataFrame({"code": ["1; 2;", " ; "], "name": ["Xã Cam Hiếu", "Xã Hải Lăng"]}))
    assert gazetteer.find("Xã Cam Hiếu").codes == ("1", "2")
    assert gazetteer.find("Xã Hải Lăng").codes == ()
