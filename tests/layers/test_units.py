"""Units know their date: what files of units must hold, and how a join across a change is refused."""

import os
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from phusong.layers.checks.validate import Checked
from phusong.layers.dated.units import (
    check_dates,
    checked_units,
    date_of,
    dates,
    layers_by_code,
    needs_date,
    read_units,
    refuse_other_date,
    same_name,
    table_date,
    units_on,
)
from phusong.layers.errors import InputError, MissingError
from phusong.layers.readers.raw import RawTable
from phusong.layers.schema import LAYERS

OLD, NEW = date(2012, 12, 31), date(2025, 7, 1)
DATA = os.environ.get("PHUSONG_DATA")
real_data = pytest.mark.skipif(not DATA, reason="the folder of real data is not here")


def units(codes: list[str], names: list[str], day: date = OLD) -> gpd.GeoDataFrame:
    shapes = [shapely.box(i * 1000, 0, (i + 1) * 1000, 1000) for i in range(len(codes))]
    frame = {"code": codes, "valid_on": np.datetime64(day, "s"), "name": names}
    return gpd.GeoDataFrame(frame, geometry=shapes, crs="EPSG:9212")


def raw(frame: pd.DataFrame) -> RawTable:
    return RawTable(frame, np.arange(2, len(frame) + 2, dtype=np.int64), "table.csv")


def write(frame: gpd.GeoDataFrame, path: Path) -> Path:
    frame.to_file(path, layer="units", engine="pyogrio")
    return path


def test_a_file_of_several_dates_gives_the_units_of_the_one_asked_for(tmp_path: Path) -> None:
    both = pd.concat([units(["1", "2"], ["A", "B"]), units(["1"], ["C"], NEW)])
    path = write(both, tmp_path / "units.gpkg")
    read = read_units(path, valid_on=NEW)
    assert read["name"].tolist() == ["C"]
    assert date_of(read) == NEW
    with pytest.raises(InputError) as refused:
        read_units(path, valid_on=date(2019, 4, 1))
    assert refused.value.params == {"asked": "2019-04-01", "found": "2012-12-31, 2025-07-01"}


def test_codes_and_names_are_found_under_the_headings_files_have(tmp_path: Path) -> None:
    frame = units(["00001", "00004"], ["A", "B"]).drop(columns="valid_on")
    path = write(frame.rename(columns={"code": "gso_code", "name": "full_name"}), tmp_path / "a.gpkg")
    read = read_units(path, valid_on=OLD)
    assert read["code"].tolist() == ["00001", "00004"]
    assert dates(read) == [OLD]
    odd = write(frame.rename(columns={"code": "ma", "name": "ten"}), tmp_path / "b.gpkg")
    with pytest.raises(MissingError, match="ma, ten"):
        read_units(odd, valid_on=OLD)
    assert read_units(odd, valid_on=OLD, code="MA", name="Ten")["name"].tolist() == ["A", "B"]
    assert read_units(odd, valid_on=OLD, code="ma")["name"].isna().all()


def test_units_that_share_a_code_or_lack_an_outline_are_refused_together(tmp_path: Path) -> None:
    frame = units(["1", "1", "2"], ["A", "B", "C"])
    frame.loc[2, "geometry"] = None
    with pytest.raises(InputError) as refused:
        read_units(write(frame, tmp_path / "a.gpkg"), valid_on=OLD)
    assert [fault.code for fault in refused.value.faults] == ["fault.unit_twice", "fault.unit_without_outline"]
    assert refused.value.faults[0].params == {"count": 2, "found": "1"}


def test_units_of_a_table_need_a_date_from_the_table_or_the_user() -> None:
    bare = raw(pd.DataFrame({"code": ["1"]}))
    with pytest.raises(InputError, match="--valid-on"):
        table_date(bare)
    assert table_date(bare, valid_on=OLD) == OLD
    dated = raw(pd.DataFrame({"code": ["1", "2"], "valid_on": ["31/12/2012", None]}))
    assert table_date(dated) == OLD
    assert table_date(dated, valid_on=OLD) == OLD
    with pytest.raises(InputError, match="2012-12-31, not of 2025-07-01"):
        table_date(dated, valid_on=NEW)
    with pytest.raises(InputError, match="several dates: 2012-12-31, 2025-07-01"):
        table_date(raw(pd.DataFrame({"valid_on": ["2012-12-31", "2025-07-01"]})))
    with pytest.raises(InputError, match="row 2, column valid_on"):
        table_date(raw(pd.DataFrame({"valid_on": ["last year"]})))


def test_a_join_across_a_change_says_what_it_would_do_and_which_command_does_it_right() -> None:
    new = units(["1", "2", "9"], ["Xã Hòa An", "Phường Lý", "Xã Mới"], NEW)
    table = pd.DataFrame({"code": ["1", "2", "3"], "name": ["Xã Hoà An", "Xã Vĩnh Tú", "Xã Cũ"], "people": [1, 2, 3]})
    with pytest.raises(InputError) as refused:
        refuse_other_date(table, new, table_valid_on=OLD, file="in/people of 2012.csv", study="s")
    params = refused.value.params
    assert (params["both"], params["codes"], params["renamed"]) == (2, 3, 1)
    assert params["example"] == "2: Xã Vĩnh Tú / Phường Lý"
    command = "phusong carry 'in/people of 2012.csv' --from 2012-12-31 --to 2025-07-01 --study s"
    for lang in ("en", "vi"):
        assert f"{command} --old UNITS_2012-12-31.gpkg" in refused.value.say(lang)
    old = units(["1", "2"], ["Xã Hoà An", "Phường Lý"])  # of a study that has the units of that date, too
    with pytest.raises(InputError) as refused:
        refuse_other_date(table, new, table_valid_on=OLD, table_units=old, file="t.csv", study="s")
    assert refused.value.params["renamed"] == 0
    assert refused.value.params["command"] == "phusong carry t.csv --from 2012-12-31 --to 2025-07-01 --study s"
    with pytest.raises(InputError) as refused:
        refuse_other_date(table.drop(columns="name"), new, table_valid_on=OLD)
    assert refused.value.code == "units.other_date"


def test_tables_of_the_units_own_date_pass_and_cells_that_are_no_codes_do_not_matter() -> None:
    old = units(["1", "2"], ["A", "B"])
    refuse_other_date(pd.DataFrame({"code": ["1"]}), old, table_valid_on=OLD)
    odd = pd.DataFrame({"code": ["#N/A", b"1", 1.0, [1], None], "name": "A"})  # as a workbook may have them
    with pytest.raises(InputError) as refused:
        refuse_other_date(odd, old, table_valid_on=NEW)
    assert (refused.value.params["codes"], refused.value.params["both"]) == (1, 1)
    with pytest.raises(InputError, match="0 of its 0 codes"):
        refuse_other_date(pd.DataFrame({"name": ["A"]}), old, table_valid_on=NEW)
    with pytest.raises(InputError, match="--old or --new"):
        units_on(old, NEW)


def test_the_layers_that_join_by_code_alone_are_those_without_places() -> None:
    assert layers_by_code() == ["broadband"]
    assert needs_date(LAYERS["broadband"]) == "code"
    assert needs_date(LAYERS["villages"]) is None


def test_rows_of_a_study_that_name_units_of_another_date_stop_it() -> None:
    days = pd.Series([OLD, NEW, None]).astype("datetime64[s]")
    frame = pd.DataFrame({"code": ["1", "2", "3"], "valid_on": days})
    table = Checked(frame, np.array([2, 3, 4]), "layers.gpkg", "broadband")
    found = check_dates({"broadband": table}, units_valid_on=OLD)["broadband"]
    assert found.frame["code"].tolist() == ["1", "3"]
    assert [(fault.code, fault.fatal) for fault in found.faults] == [
        ("fault.units_of_other_date", True),
        ("note.units_undated", False),
    ]
    assert "--to 2012-12-31" in found.faults[0].say("vi")
    alike = check_dates({"broadband": table.keep(np.array([True, False, False]), [])}, units_valid_on=OLD)
    assert alike["broadband"].faults == ()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Xã Hòa An", "Phường Hoà An", True),  # tone placement, another kind
        ("Xã Hoa An", "Xã Hòa An", True),  # written without tones
        ("Xã Mỹ Hòa", "Xã Mỹ Hóa", False),
        ("Phường 1", "Phường 2", False),
    ],
)
def test_names_are_one_name_whatever_the_spelling(one: str, other: str, same: bool) -> None:
    assert same_name(one, other) is same


@real_data
def test_codes_of_2012_mean_other_communes_in_2025() -> None:
    """3,316 of the 3,321 codes of 2025 were in use before, 2,180 of them under another name (counted nationally)."""
    assert DATA is not None
    old = read_units(Path(DATA) / "communes_2012_4prov.gpkg", valid_on=OLD)
    new = read_units(Path(DATA) / "communes_2025_4prov.gpkg", valid_on=NEW, name="full_name")
    with pytest.raises(InputError) as refused:
        refuse_other_date(pd.DataFrame({"code": old["code"], "people": 1}), new, table_valid_on=OLD)
    assert refused.value.params["both"] == len(set(old["code"]) & set(new["code"])) > 100
    with pytest.raises(InputError) as refused:
        refuse_other_date(old, new, table_valid_on=OLD, table_units=old)
    assert refused.value.params["renamed"] > 0.5 * refused.value.params["both"]


def test_a_date_that_is_none_and_outlines_without_area_are_refused(tmp_path: Path) -> None:
    frame = units(["1", "2"], ["A", "B"])
    with pytest.raises(InputError) as refused:
        read_units(write(frame.assign(valid_on="last year"), tmp_path / "a.gpkg"), valid_on=OLD)
    assert (refused.value.code, refused.value.faults[0].column) == ("units.date_unreadable", "valid_on")
    with pytest.raises(InputError) as refused:
        checked_units(frame.set_geometry(frame.geometry.centroid))
    assert refused.value.faults[0].params["count"] == 2


def test_outlines_that_lie_nowhere_or_all_over_the_globe_are_refused(tmp_path: Path) -> None:
    """Such as metres whose file says degrees: no overlay could tell, and none must try."""
    good = units(["1", "2"], ["A", "B"])
    everywhere = good.set_crs("EPSG:4326", allow_override=True).set_geometry([shapely.box(-170, -80, 170, 80)] * 2)
    far = good.set_geometry(shapely.transform(good.geometry.array, lambda xy: xy + 1e300))
    for odd in (
        good.set_crs("EPSG:4326", allow_override=True),
        good.set_crs("IAU_2015:30100", allow_override=True),
        everywhere,
        far,
    ):
        with pytest.raises(InputError) as refused:
            read_units(write(odd, tmp_path / "a.gpkg"), valid_on=OLD)
        assert refused.value.code in ("units.not_on_earth", "units.unusable")
        assert refused.value.params["file"] == "a.gpkg"
