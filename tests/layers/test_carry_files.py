"""Files carried to other units: read as an import reads them, written beside what was listed and how it was done."""

import math
import os
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.warp import Resampling, reproject, transform_bounds

from phusong.layers.dated.carry import Carried, carry
from phusong.layers.dated.carrying import carry_file, crosswalk_between, read_table, read_weight
from phusong.layers.dated.lineage import from_lineage, read_lineage
from phusong.layers.dated.units import read_units
from phusong.layers.errors import InputError
from phusong.layers.grid import Grid, Raster
from phusong.layers.rasters import write_cog
from phusong.layers.readers import RawTable

OLD, NEW = date(2012, 12, 31), date(2025, 7, 1)
CRS = "EPSG:9212"
DATA = os.environ.get("PHUSONG_DATA")
real_data = pytest.mark.skipif(not DATA, reason="the folder of real data is not here")


def row(carried: Carried, code: str) -> dict[str, Any]:
    found: dict[str, Any] = carried.frame.set_index("code").loc[code].to_dict()
    return found


def reasons(carried: Carried, column: str) -> set[tuple[str, str, str]]:
    rows = carried.listed[carried.listed["column"] == column]
    return set(zip(rows["from_code"], rows["to_code"], rows["reason"], strict=True))


def drawn(labels: str, day: date) -> gpd.GeoDataFrame:
    """One square of 2 km a letter."""
    parts: dict[str, list[shapely.Polygon]] = {}
    for i, label in enumerate(labels):
        parts.setdefault(label, []).append(shapely.box(5e5 + 2000 * i, 18e5, 5e5 + 2000 * (i + 1), 18e5 + 2000))
    codes = sorted(parts)
    frame = {"code": codes, "valid_on": np.datetime64(day, "s"), "name": [f"Xã {code}" for code in codes]}
    return gpd.GeoDataFrame(frame, geometry=[shapely.union_all(parts[code]) for code in codes], crs=CRS)


def test_a_workbook_is_carried_with_what_was_listed_and_how(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("code,people,sites_count,note\na,1000,3,=1+1\nb,50,1,x\n", encoding="utf-8")
    out = tmp_path / "carried.xlsx"
    carried = carry_file(path, old=drawn("aaab", OLD), new=drawn("xyyb", NEW), out=out, lang="en")
    assert carried.frame["people"].tolist() == pytest.approx([50, 1000 / 3, 2000 / 3])
    book = openpyxl.load_workbook(out)
    assert book.sheetnames == ["carried", "listed", "columns", "shares", "how"]
    shares = [cells[:5] for cells in book["shares"].iter_rows(min_row=2, values_only=True)]
    assert [(cells[0], cells[2]) for cells in shares] == [("a", "x"), ("a", "y")]
    assert [cells[4] for cells in shares] == pytest.approx([1 / 3, 2 / 3], abs=1e-6)
    listed = list(book["listed"].iter_rows(min_row=2, values_only=True))
    assert listed[0][:5] == ("sites_count", "a", "x;y", 3, 3)
    assert "count them again from their positions" in listed[0][5]
    how = {what: value for what, value in book["how"].iter_rows(min_row=2, values_only=True) if what}
    assert how["units of the table, valid on"] == "2012-12-31"
    assert how["divided units are shared out by"] == "area"
    text = "\n".join(str(value) for _, value in book["how"].iter_rows(min_row=2, values_only=True))
    assert "column note" in text
    again = carry_file(path, old=drawn("aaab", OLD), new=drawn("xyyb", NEW), out=tmp_path / "b.csv", lang="vi")
    assert {one.name for one in tmp_path.glob("b*.csv")} == {
        f"b{part}.csv" for part in ("", "_listed", "_columns", "_shares", "_how")
    }
    pd.testing.assert_frame_equal(again.frame, carried.frame)


def test_results_of_a_study_are_carried_onto_a_map_of_the_other_date(tmp_path: Path) -> None:
    """Any indicator on any dated set of units: here 2025 shown on the communes of 2012."""
    results = drawn("xyyb", NEW)
    results["people_covered_any_pct"] = [10.0, 20.0, 80.0]
    results["people"] = [5.0, 6.0, 7.0]
    results["mountainous"] = pd.array([True, None, False], dtype="boolean")
    results.to_parquet(tmp_path / "units.parquet")
    out = tmp_path / "on_2012.gpkg"
    carried = carry_file(tmp_path / "units.parquet", old=results, new=drawn("aaabc", OLD), out=out)
    assert {str(name) for name, _ in pyogrio.list_layers(out)} == {"carried", "listed", "columns", "shares", "how"}
    shown = gpd.read_file(out, layer="carried", engine="pyogrio").set_index("code")
    assert shown.loc["a", "people_covered_any_pct"] == pytest.approx((20 * 6 + 80 * 7) / 13)
    assert shown.loc["b", "people_covered_any_pct"] == 10
    assert np.isnan(shown.loc["c", "people"])  # on the map, without figures
    assert shown.geometry.notna().all()
    assert str(shown["valid_on"].iloc[0])[:10] == "2012-12-31"
    assert reasons(carried, "mountainous") == {("x", "a", "no_data"), ("y", "a", "part_unknown")}


def test_a_table_of_another_date_or_with_cells_that_are_no_figures_is_refused_whole(tmp_path: Path) -> None:
    old, new = drawn("ab", OLD), drawn("xx", NEW)
    path = tmp_path / "t.csv"
    path.write_text("code,valid_on,people\na,2025-07-01,1\n", encoding="utf-8")
    with pytest.raises(InputError, match="those of 2025-07-01, not of 2012-12-31"):
        carry_file(path, old=old, new=new, out=tmp_path / "o.xlsx")
    path.write_text("code,people,land_border\na,many,yes\nb,3,perhaps\n", encoding="utf-8")
    with pytest.raises(InputError) as refused:
        carry_file(path, old=old, new=new, out=tmp_path / "o.xlsx")
    assert [(fault.row, fault.column) for fault in refused.value.faults] == [(2, "people"), (3, "land_border")]
    path.write_text("commune,people\na,1\n", encoding="utf-8")
    with pytest.raises(InputError, match="--code"):
        carry_file(path, old=old, new=new, out=tmp_path / "o.xlsx")
    carried = carry_file(path, old=old, new=new, out=tmp_path / "o.xlsx", code="Commune", partial="sum")
    assert carried.frame["people"].tolist() == [1.0]
    with pytest.raises(InputError, match=r"o\.docx"):
        carry_file(path, old=old, new=new, out=tmp_path / "o.docx", code="commune")
    assert not (tmp_path / "o.docx").exists()


def test_a_population_raster_in_degrees_or_metres_weighs_divided_units(tmp_path: Path) -> None:
    grid = Grid(CRS, 5e5, 18e5 + 2000.0, 100.0, (20, 80))
    people = np.ones(grid.shape, dtype=np.float32)
    people[:, :20] = 27.0
    path = write_cog(Raster(grid, people), tmp_path / "people.tif")
    old, new = drawn("aaaa", OLD), drawn("xyyy", NEW)
    table = tmp_path / "t.csv"
    table.write_text("code,people\na,1000\n", encoding="utf-8")
    metres = carry_file(table, old=old, new=new, out=tmp_path / "m.csv", weight=path)
    assert metres.frame["people"].tolist() == pytest.approx([900, 100], rel=1e-6)

    with rasterio.open(path) as source:
        left, bottom, right, top = transform_bounds(source.crs, "EPSG:4326", *source.bounds)
        step, width, height = (right - left) / 80, 80, math.ceil(80 * (top - bottom) / (right - left)) + 1
        to = Affine(step, 0, left, 0, -step, top)
        warped = np.full((height, width), np.nan, dtype=np.float32)
        reproject(rasterio.band(source, 1), warped, dst_transform=to, dst_crs="EPSG:4326", resampling=Resampling.sum)
    degrees = tmp_path / "degrees.tif"
    profile = {"driver": "GTiff", "height": height, "width": width, "count": 1, "dtype": "float32"}
    with rasterio.open(degrees, "w", **profile, transform=to, crs="EPSG:4326", nodata=np.nan) as target:
        target.write(warped, 1)
    found = carry_file(table, old=old, new=new, out=tmp_path / "d.csv", weight=degrees)
    assert found.frame["people"].tolist() == pytest.approx([900, 100], abs=20)  # a cell on the boundary holds 18
    assert found.report.weighting == "population raster"
    empty = write_cog(Raster(grid, np.zeros(grid.shape, dtype=np.float32)), tmp_path / "nobody.tif")
    with pytest.raises(InputError, match="holds nobody"):
        read_weight(empty, old)


def test_a_table_of_descent_alone_moves_whole_units_and_lists_the_divided(tmp_path: Path) -> None:
    path = tmp_path / "descent.csv"
    path.write_text(
        "gso_code,name,code_2025,name_2025\na,Xã A,x,Xã X\nb,Xã B,x;y,Xã X;Xã Y\nc,Xã C,y,Xã Y\n", encoding="utf-8"
    )
    descent = read_lineage(path, from_valid_on=OLD, to_valid_on=NEW)
    assert descent.pairs["to_name"].tolist() == ["Xã X", "Xã X", "Xã Y", "Xã Y"]
    turned = read_lineage(path, from_valid_on=NEW, to_valid_on=OLD)
    pd.testing.assert_frame_equal(turned.pairs, descent.back().pairs)
    table = tmp_path / "t.csv"
    table.write_text("code,people,fixed_per_100\na,10,5\nb,20,5\nc,40,7\n", encoding="utf-8")
    carried = carry_file(table, out=tmp_path / "o.xlsx", lineage=descent, partial="sum")
    assert carried.frame["people"].tolist() == [10, 40]
    assert carried.frame["incomplete"].tolist() == ["people", "people"]
    assert carried.frame["fixed_per_100"].iloc[0] == 5  # all its parts have that rate
    assert np.isnan(carried.frame["fixed_per_100"].iloc[1])
    assert reasons(carried, "people") == {("b", "x;y", "share_unknown")}
    assert (carried.report.columns[0].moved, carried.report.columns[0].listed) == (50, 20)
    with pytest.raises(InputError, match="outlines of both dates"):
        carry_file(table, out=tmp_path / "o.gpkg", lineage=descent)
    with pytest.raises(InputError, match="outlines of both dates"):
        carry_file(table, out=tmp_path / "o.xlsx")


def test_a_table_of_several_dates_is_followed_from_each_of_them(tmp_path: Path) -> None:
    """The codes of 2012 are not taken for those of 2024 because they stand first."""
    path, middle = tmp_path / "descent.csv", date(2024, 12, 31)
    path.write_text(
        "gso_code,name,code_2024,name_2024,code_2025,name_2025\n"
        "a,A,b,Xã B,x,Xã X\nb,B,b,Xã B,y,Xã Y\nc,C,c;d,Xã C;Xã D,z,Xã Z\ne,E,e,Xã E,x;z,Xã X;Xã Z\n",
        encoding="utf-8",
    )

    def pairs(one: date, other: date) -> set[tuple[str, str]]:
        walk = read_lineage(path, from_valid_on=one, to_valid_on=other)
        assert (walk.from_valid_on, walk.to_valid_on, walk.notes) == (one, other, ())
        return set(zip(walk.pairs["from_code"], walk.pairs["to_code"], strict=True))

    later = {("b", "x"), ("b", "y"), ("c", "z"), ("d", "z"), ("e", "x"), ("e", "z")}
    assert pairs(middle, NEW) == later
    assert pairs(NEW, middle) == {(new, old) for old, new in later}
    assert pairs(OLD, middle) == {("a", "b"), ("b", "b"), ("c", "c"), ("c", "d"), ("e", "e")}
    named = read_lineage(path, from_valid_on=middle, to_valid_on=NEW).pairs.set_index(["from_code", "to_code"])
    assert named.loc[("d", "z"), ["from_name", "to_name"]].tolist() == ["Xã D", "Xã Z"]
    assert named.loc[("d", "z"), "share_of_old"] == 1
    assert np.isnan(named.loc[("b", "x"), "share_of_old"])
    with path.open("a", encoding="utf-8") as file:
        file.write("f,F,f;g,Xã F;Xã G,f;h,Xã F;Xã H\n")
    unclear = read_lineage(path, from_valid_on=middle, to_valid_on=NEW)
    assert [(note.code, note.row) for note in unclear.notes] == [("note.lineage_unclear", 6)]
    assert unclear.pairs.query("from_code in ['f', 'g']")["share_of_old"].isna().all()
    for one, other in ((OLD, date(2019, 4, 1)), (date(2025, 1, 1), NEW)):
        with pytest.raises(InputError, match="has no column code_20"):
            read_lineage(path, from_valid_on=one, to_valid_on=other)


def test_units_that_the_map_lacks_are_not_lost_with_their_figures(tmp_path: Path) -> None:
    descent = from_lineage(
        pd.DataFrame({"gso_code": ["a", "b"], "code_2025": ["x", "q"]}), from_valid_on=OLD, to_valid_on=NEW
    )
    path = tmp_path / "t.csv"
    path.write_text("code,people\na,10\nb,20\n", encoding="utf-8")
    carry_file(path, new=drawn("xy", NEW), out=tmp_path / "o.gpkg", lineage=descent)
    shown = gpd.read_file(tmp_path / "o.gpkg", layer="carried", engine="pyogrio").set_index("code")
    assert shown["people"].fillna(-1).to_dict() == {"x": 10, "y": -1, "q": 20}
    assert shown.geometry.isna().to_dict() == {"x": False, "y": False, "q": True}
    with pytest.raises(InputError, match="there are: 2012-12-31"):
        carry_file(path, new=drawn("xy", OLD), out=tmp_path / "p.gpkg", lineage=descent)
    with pytest.raises(InputError, match="outlines of both dates"):
        carry_file(path, old=drawn("ab", OLD), out=tmp_path / "p.csv", lineage=descent)
    with pytest.raises(InputError, match="no land in common"):
        carry_file(path, old=drawn("ab", OLD), new=drawn("  xy", NEW).iloc[1:], out=tmp_path / "p.csv")
    with pytest.raises(InputError, match="a weight needs outlines"):
        carry_file(path, out=tmp_path / "p.csv", lineage=descent, weight=path)


def test_a_table_is_read_as_an_import_reads_it_and_what_was_carried_before_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        'Ma,People,Land border,area_km2,As of\na,1.234.567,có,12 ha,31/12/2012\nb,12.345,...,"1,5 km2",5/6/2012\n',
        encoding="utf-8",
    )
    read = read_table(path, valid_on=OLD, code="ma")
    assert read.frame["people"].tolist() == [1234567, 12345]
    assert read.frame["land_border"].tolist() == [True, pd.NA]
    assert read.frame["area_km2"].tolist() == [0.12, 1.5]
    assert [f"{day:%Y-%m-%d}" for day in read.frame["as_of"]] == ["2012-12-31", "2012-06-05"]
    assert {note.code for note in read.notes} >= {
        "changed.number_marks",
        "changed.number_decided",
        "changed.number_unit",
    }
    path.write_text("code,people\na,1\nb,2,3\n", encoding="utf-8")  # a cell too many: which one is the number?
    with pytest.raises(InputError) as refused:
        read_table(path, valid_on=OLD)
    assert {(fault.row, fault.code) for fault in refused.value.faults} >= {(3, "fault.too_many_cells")}
    assert {fault.row for fault in refused.value.faults} == {3}
    for twice in ("people,People", "x,X"):  # no geographic file can hold both
        path.write_text(f"code,{twice}\na,1,2\n", encoding="utf-8")
        with pytest.raises(InputError, match="two columns are called"):
            read_table(path, valid_on=OLD)
    path.write_text("code,people\na,-5\n", encoding="utf-8")
    with pytest.raises(InputError, match="-5"):
        read_table(path, valid_on=OLD)
    path.write_text("code,people,estimated,incomplete,from_codes\na,12.345,,,b\n", encoding="utf-8")
    own = read_table(path, valid_on=OLD)
    assert own.frame["people"].tolist() == [12.345]
    assert own.notes == ()
    frame = pd.DataFrame({"code": ["a", "b"], "people": [12.5, 37.5], "source": ["S ", "Số liệu"], "lon": [[1], [2]]})
    frame.to_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r'--decimal "\."'):
        read_table(tmp_path / "t.parquet", valid_on=OLD)
    parts = read_table(tmp_path / "t.parquet", valid_on=OLD, decimal=".")
    assert parts.frame["source"].tolist() == ["S", "Số liệu"]
    assert [note.params["count"] for note in parts.notes if note.code == "note.parts_of_counts"] == [2]
    lists = RawTable(frame.assign(source=[["a"], ["b"]]), np.array([1, 2]), "t")
    with pytest.raises(InputError) as refused:
        read_table(lists, valid_on=OLD, decimal=".")
    assert {fault.column for fault in refused.value.faults} == {"source"}


def test_a_layer_of_a_geographic_file_is_a_table_as_well(tmp_path: Path) -> None:
    units = drawn("aab", OLD).assign(population=[20.0, 10.0], land_border=pd.array([True, False], dtype="boolean"))
    units.to_file(tmp_path / "layers.gpkg", layer="units", engine="pyogrio")
    units.to_file(tmp_path / "layers.gpkg", layer="older", engine="pyogrio")
    old, new = read_units(tmp_path / "layers.gpkg", valid_on=OLD, layer="units"), drawn("xxx", NEW)
    carried = carry_file(tmp_path / "layers.gpkg", old=old, new=new, out=tmp_path / "o.gpkg", sheet="units")
    assert row(carried, "x")["population"] == 30
    assert row(carried, "x")["land_border"] is True


def test_a_descent_serves_the_way_back_as_well(tmp_path: Path) -> None:
    descent = from_lineage(
        pd.DataFrame({"gso_code": ["a", "b"], "code_2025": ["x", "x"]}), from_valid_on=OLD, to_valid_on=NEW
    )
    table = tmp_path / "t.csv"
    table.write_text("code,people\nx,30\n", encoding="utf-8")
    old, new = drawn("aab", OLD), drawn("xxx", NEW)
    carried = carry_file(table, old=new, new=old, out=tmp_path / "o.csv", lineage=descent)
    assert carried.frame["people"].tolist() == pytest.approx([20, 10], rel=1e-6)
    assert carried.report.to_valid_on == OLD
    assert any(note.code == "note.lineage_differs" for note in carried.report.notes)
    carry_file(tmp_path / "o.csv", old=old, new=new, out=tmp_path / "again.xlsx", lineage=descent)
    last = carry_file(tmp_path / "again.xlsx", old=new, new=old, out=tmp_path / "last.csv", lineage=descent)
    assert last.frame["people"].tolist() == pytest.approx([20, 10], rel=1e-6)
    assert [note.column for note in last.report.notes if note.code == "note.column_not_carried"] == []


@real_data
def test_the_census_of_463_communes_is_carried_to_2025_and_none_is_lost(tmp_path: Path) -> None:
    assert DATA is not None
    old = read_units(Path(DATA) / "communes_2012_4prov.gpkg", valid_on=OLD)
    new = read_units(Path(DATA) / "communes_2025_4prov.gpkg", valid_on=NEW, name="full_name")
    census = gpd.read_file(Path(DATA) / "communes_2012_4prov.gpkg", engine="pyogrio")
    table = pd.DataFrame(
        {"code": census["gso_code"], "people": census["pop_2019"], "households": census["households_2019"]}
    )
    table.to_csv(tmp_path / "census.csv", index=False)
    lineage = pd.read_csv(Path(DATA) / "lineage_2012_2024_2025.csv", dtype=str)
    descent = from_lineage(lineage, from_valid_on=OLD, to_valid_on=NEW)
    walk, differing = crosswalk_between(old, new, lineage=descent)
    read = read_table(tmp_path / "census.csv", valid_on=OLD)
    carried = carry(read.frame, walk)
    people = carried.report.columns[0]
    assert people.total == table["people"].sum()
    assert people.moved + people.listed == pytest.approx(people.total, rel=1e-9)
    assert people.listed == 0
    assert 0 < people.estimated <= 10  # the five divided communes
    by_code = census.set_index("gso_code")["pop_2019"]
    sole = lineage[~lineage["code_2025"].str.contains(";")]
    whole = sole.groupby("code_2025")["gso_code"].agg(list)
    for code, people_2019, estimated in zip(*(carried.frame[c] for c in ("code", "people", "estimated")), strict=True):
        if "people" not in estimated:
            assert people_2019 == pytest.approx(by_code[whole[code]].sum())
    assert differing is not None
    assert len(differing) == 11
    back = carry(carried.frame, walk.back())
    assert back.report.columns[0].moved + back.report.columns[0].listed == pytest.approx(people.moved, rel=1e-9)
    assert back.report.columns[0].estimated > 400  # of the merged it is not known how many live where


def test_thousands_are_never_read_as_parts_and_denominators_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("code,people\na,12.345\n", encoding="utf-8")
    with pytest.raises(InputError, match="12345") as refused:
        read_table(path, valid_on=OLD)
    assert [fault.code for fault in refused.value.faults] == ["fault.number_either"]
    assert read_table(path, valid_on=OLD, decimal=",").frame["people"].tolist() == [12345]
    parts = read_table(path, valid_on=OLD, decimal=".")
    assert parts.frame["people"].tolist() == [12.345]
    assert [(note.code, note.params) for note in parts.notes if note.code == "note.parts_of_counts"] == [
        ("note.parts_of_counts", {"count": 1, "found": "12.345"})
    ]
    path.write_text('code,people\na,12.345\nb,1.234.567\nc,"8,5"\n', encoding="utf-8")  # the column decides
    assert read_table(path, valid_on=OLD).frame["people"].tolist() == [12345, 1234567, 8.5]
    pd.DataFrame({"code": ["a", "b"], "people": [12.345, 7]}).to_excel(tmp_path / "t.xlsx", index=False)
    with pytest.raises(InputError) as refused:  # a point between thousands that a spreadsheet took for a decimal one
        read_table(tmp_path / "t.xlsx", valid_on=OLD)
    assert {fault.code for fault in refused.value.faults} == {"fault.part_of_a_count"}
    assert read_table(tmp_path / "t.xlsx", valid_on=OLD, decimal=".").frame["people"].tolist() == [12.345, 7]
    path.write_text("ma,Code,odd,per_odd\na,x,20,1.5\n", encoding="utf-8")
    table = read_table(path, valid_on=OLD, kinds={"per_odd": "intensive:odd"}, code="Ma").frame
    assert table.to_dict("records") == [{"code": "a", "odd": 20.0, "per_odd": 1.5}]
    broken = tmp_path / "t.parquet"
    broken.write_bytes(b"PAR1" + b"x" * 40 + b"PAR1")
    with pytest.raises(InputError) as refused:
        read_table(broken, valid_on=OLD)
    assert refused.value.code == "read.unreadable"


def test_weights_are_people_and_never_negative(tmp_path: Path) -> None:
    old = drawn("aaaa", OLD)
    villages = gpd.GeoDataFrame({"population": ["10", "20"]}, geometry=old.geometry.centroid.repeat(2).array, crs=CRS)
    villages.to_file(tmp_path / "v.gpkg", engine="pyogrio")
    read, _ = read_weight(tmp_path / "v.gpkg", old)
    assert not isinstance(read, Raster)
    assert read["population"].tolist() == [10, 20]
    villages.assign(population=[-1, 20]).to_file(tmp_path / "w.gpkg", engine="pyogrio")
    with pytest.raises(InputError) as refused:
        read_weight(tmp_path / "w.gpkg", old)
    assert [fault.code for fault in refused.value.faults] == ["fault.too_small"]
    people = np.ones((20, 80), dtype=np.float32)
    people[0, 0] = -9999
    path = write_cog(Raster(Grid(CRS, 5e5, 18e5 + 2000.0, 100.0, (20, 80)), people), tmp_path / "p.tif")
    raster, told = read_weight(path, old)
    assert isinstance(raster, Raster)
    assert np.nansum(raster.values) == 1599
    assert [note.code for note in told] == ["changed.raster_void"]
    for file, elsewhere in (("p.tif", old.translate(1e5)), ("v.gpkg", old.translate(1e5))):
        with pytest.raises(InputError, match="holds nobody within the units"):
            read_weight(tmp_path / file, old.set_geometry(elsewhere))
    people[0, 0] = -1
    write_cog(Raster(Grid(CRS, 5e5, 18e5 + 2000.0, 100.0, (20, 80)), people), path)
    with pytest.raises(InputError) as refused:
        read_weight(path, old)
    assert [fault.code for fault in refused.value.faults] == ["fault.people_negative"]
    left, bottom, right, top = old.to_crs("EPSG:4326").total_bounds
    step = (right - left) / 40
    marked = np.full((math.ceil((top - bottom) / step), 40), 5.0, dtype=np.float32)
    marked[0, :5] = -99999  # undeclared: must not be summed into the cells beside it
    profile = {"driver": "GTiff", "height": len(marked), "width": 40, "count": 1, "dtype": "float32"}
    place = {"transform": Affine(step, 0, left, 0, -step, top), "crs": "EPSG:4326"}
    with rasterio.open(tmp_path / "d.tif", "w", **profile, **place) as target:
        target.write(marked, 1)
    raster, told = read_weight(tmp_path / "d.tif", old)
    assert isinstance(raster, Raster)
    assert np.nansum(raster.values) == pytest.approx(5 * (marked.size - 5), rel=0.01)
    assert "changed.raster_void" in [note.code for note in told]
