"""Masts near one another: which may be one, which share a pole, and which rows are sectors."""

from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from phusong.layers.checks import nearness
from phusong.layers.checks.check import check_sense
from phusong.layers.checks.nearness import MOST_LISTED, folded, near_masts, same_masts, twice
from phusong.layers.checks.validate import Checked, validate
from phusong.layers.columns.cells import column_of
from phusong.layers.columns.values import plain
from phusong.layers.errors import CrsError
from phusong.layers.merge import beside
from phusong.layers.messages import LANGS
from phusong.layers.readers import RawTable
from phusong.layers.schema import LAYERS

CRS = "EPSG:9212"


def layer(name: str, rows: list[dict[str, Any]], points: list[tuple[float, float]] | None = None) -> Checked:
    columns = {c.name: column_of([row.get(c.name) for row in rows], c) for c in LAYERS[name].all_columns}
    frame = pd.DataFrame(columns)
    if points is not None:
        frame = geopandas.GeoDataFrame(frame, geometry=[shapely.Point(p) for p in points], crs=CRS)
    return Checked(frame, np.arange(2, len(rows) + 2), "bts.xlsx", name)


def masts(*rows: tuple[str, str | None, float, float]) -> Checked:
    return layer("sites", [{"site_id": i, "owner": owner} for i, owner, _, _ in rows], [(x, y) for *_, x, y in rows])


def pairs(new: Checked, known: Checked, **options: Any) -> list[tuple[int, int, str]]:
    found = same_masts(new.frame, known.frame, **options)
    return list(found[["new", "known", "how"]].itertuples(index=False, name=None))


def test_the_same_mast_in_two_files_by_id_or_by_place() -> None:
    known = masts(("A1", "Viettel", 0, 0), ("A2", "Viettel", 1000, 0), ("A3", None, 2000, 0), ("A4", "VNPT", 3000, 0))
    new = masts(
        ("A1", "VIETTEL", 500, 0),  # by id, though it moved
        ("B2", "viet tel", 1012, 16),  # 20 m off
        ("B3", "Viettel", 2000, 5),  # whose operator is not known there
        ("B4", "Viettel", 3000, 1),  # another operator on the same pole
        ("B5", "Viettel", 1012, 17),  # more than 20 m off
    )
    assert pairs(new, known) == [(0, 0, "id"), (1, 1, "place"), (2, 2, "place_unknown")]
    assert same_masts(new.frame, known.frame)["distance_m"].tolist() == pytest.approx([500, 20, 5])


def test_a_mast_named_by_id_is_not_told_by_place_too() -> None:
    known = masts(("A1", "V", 0, 0), ("A2", "V", 10, 0))
    assert pairs(known, known) == [(0, 0, "id"), (1, 1, "id")]


def test_masts_are_alike_if_nothing_but_date_and_source_differs() -> None:
    known = masts(("A1", "V", 0, 0), ("A2", None, 100, 0), ("A3", "V", 200, 0))
    new = Checked(known.frame.assign(source="list", owner=["V", None, None]), known.rows)
    assert same_masts(new.frame, known.frame)["alike"].tolist() == [True, True, False]


def test_operators_come_from_the_sectors_where_there_are_any() -> None:
    known, new = masts(("A", "VNPT", 0, 0)), masts(("B", "VNPT", 3, 4))
    ours = layer("sectors", [{"site_id": "A", "operator": "Viettel"}, {"site_id": "A", "operator": "MobiFone"}]).frame
    theirs = layer("sectors", [{"site_id": "B", "operator": "Mobifone"}]).frame
    assert pairs(new, known, known_sectors=ours, new_sectors=theirs) == [(0, 0, "place")]
    theirs = layer("sectors", [{"site_id": "B", "operator": "VinaPhone"}]).frame
    assert pairs(new, known, known_sectors=ours, new_sectors=theirs) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.sampled_from(["V", "M", None])), max_size=12),
    st.data(),
)
def test_pairs_are_those_of_trying_all(places: list[tuple[int, int, str | None]], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(places)))
    rows = [(f"m{i}", operator, float(x), float(y)) for i, (x, y, operator) in enumerate(places)]
    new, known = masts(*rows[:cut]), masts(*rows[cut:])
    expected = {
        (i, k)
        for i, one in enumerate(rows[:cut])
        for k, other in enumerate(rows[cut:])
        if np.hypot(one[2] - other[2], one[3] - other[3]) <= 20 and (one[1] == other[1] or None in (one[1], other[1]))
    }
    assert {(i, k) for i, k, _ in pairs(new, known)} == expected


def test_degrees_and_mixed_crs_are_refused() -> None:
    one = masts(("A", None, 0, 0)).frame
    for other in (one.set_crs("EPSG:4326", allow_override=True), one.set_crs("EPSG:9211", allow_override=True)):
        with pytest.raises(CrsError) as caught:
            same_masts(one, other)
        assert all(caught.value.say(lang) for lang in LANGS)


def sector(site: str, **more: Any) -> dict[str, Any]:
    base = {"sector_id": f"{site}-{more}", "site_id": site, "operator": "Viettel", "technology": "3G", "height_m": 36}
    return {**base, "band_mhz": 2100, "azimuth_deg": 0, **more}


def test_masts_of_one_operator_nearby_are_told_with_what_they_look_like() -> None:
    sites = masts(("A", None, 0, 0), ("B", None, 12, 0), ("C", None, 0, 900), ("D", None, 9, 900), ("E", None, 5, 5))
    sectors = layer(
        "sectors",
        [
            *(sector("A", azimuth_deg=azimuth) for azimuth in (0, 120)),
            sector("B", azimuth_deg=240),
            sector("C"),
            sector("D", operator="VIETTEL"),
            sector("E", operator="VNPT"),  # shares the pole
        ],
    )
    faults = near_masts(sites, sectors)
    assert [(fault.code, fault.row, fault.params["found"], fault.params["other"]) for fault in faults] == [
        ("note.mast_twice", 5, "D", "C"),
        ("note.mast_parts", 3, "B", "A"),
    ]
    assert [fault.params["distance_m"] for fault in faults] == ["9.0", "12.0"]
    assert [fault.code for fault in check_sense({"sites": sites, "sectors": sectors})].count("note.mast_twice") == 1
    assert all(fault.say(lang) for fault in faults for lang in LANGS)


def test_without_sectors_the_owner_counts_and_the_unknown_is_told_as_unknown() -> None:
    faults = near_masts(masts(("A", "VNPT", 0, 0), ("B", "VNPT", 5, 0), ("C", "Viettel", 6, 0), ("D", None, 100, 0)))
    assert [(fault.code, fault.params["found"]) for fault in faults] == [("note.mast_near", "B")]
    (fault,) = near_masts(masts(("A", "VNPT", 0, 0), ("B", None, 5, 0)))
    assert "an unknown operator" in fault.say("en")


def test_a_list_entered_twice_is_no_flood() -> None:
    rows = [(f"m{i}", "V", 100.0 * (i // 2), 0.0) for i in range(2 * MOST_LISTED + 20)]
    faults = near_masts(masts(*rows))
    assert len(faults) == MOST_LISTED + 1
    assert (faults[-1].code, faults[-1].params["count"]) == ("note.masts_near_more", 10)


def test_sectors_alike_on_one_mast_are_told() -> None:
    rows = [sector("A"), sector("A", azimuth_deg=120), sector("A", operator=" VIETTEL"), sector("A", azimuth_deg=None)]
    rows = [{**row, "sector_id": f"s{i}"} for i, row in enumerate([*rows, sector("A", azimuth_deg=None), sector("B")])]
    (fault,) = twice(layer("sectors", rows))
    assert (fault.row, fault.params) == (4, {"found": "s2", "other": "s0"})


def test_powers_in_watts_and_heights_above_the_sea_are_told() -> None:
    def codes(power: float, height_m: float) -> list[str]:
        rows = [sector("A", carrier_power_dbm=power, height_m=height_m, azimuth_deg=azimuth) for azimuth in (0, 120)]
        found = [fault for fault in check_sense({"sectors": layer("sectors", rows)}) if "operator" not in fault.code]
        assert all(fault.say(lang) for fault in found for lang in LANGS)
        return [fault.code for fault in found]

    assert codes(20, 36) == ["note.power_in_watts"]
    assert codes(60, 36) == ["note.power_in_watts"]
    assert codes(43, 36) == codes(46, 42) == []
    assert codes(43, 340) == ["note.heights_above_sea"]


# A list with one row a sector.


def listed(rows: list[dict[str, Any]], points: list[tuple[float, float]], crs: str = CRS) -> RawTable:
    geometry = np.array([*map(shapely.Point, points), None], dtype=object)[:-1]
    return RawTable(pd.DataFrame(rows, dtype=object), np.arange(2, len(rows) + 2), "bts.xlsx", "", geometry, crs)


def test_rows_of_one_mast_with_other_technologies_are_no_duplicates() -> None:
    rows = [
        {"site_id": "A", "name": "Khe Sanh", "technology": technology, "azimuth": azimuth, "as_of": "2012-12-31"}
        for technology, azimuth in (("2G", 0), ("2G", 120), ("3G", 0))
    ]
    rows[1]["name"] = None
    rows.append({**rows[0], "site_id": "B"})
    kept, gone = folded(listed(rows, [(500_000, 1_840_000), (500_010, 1_840_000), (500_000, 1_840_000), (0, 0)]))
    assert (kept.frame["site_id"].tolist(), kept.rows.tolist(), gone) == (["A", "B"], [2, 5], ((3, 2), (4, 2)))
    (fault,) = kept.faults
    assert (fault.code, fault.params["count"]) == ("changed.rows_of_one_mast", 2)
    checked = validate(kept, LAYERS["sites"], crs=CRS)
    assert checked.frame["site_id"].tolist() == ["A", "B"]


@pytest.mark.parametrize(
    ("change", "moved"),
    [({"name": "Lao Bảo"}, 0.0), ({"owner": "VNPT"}, 0.0), ({}, 30.0)],
)
def test_rows_that_contradict_each_other_stay_duplicates(change: dict[str, Any], moved: float) -> None:
    row = {"site_id": "A", "name": "Khe Sanh", "owner": "Viettel", "as_of": "2012-12-31"}
    kept, gone = folded(listed([row, {**row, **change}], [(500_000, 1_840_000), (500_000 + moved, 1_840_000)]))
    assert gone == ()
    checked = validate(kept, LAYERS["sites"], crs=CRS)
    assert [fault.code for fault in checked.faults] == ["fault.duplicate_key"]


def test_an_empty_cell_is_filled_by_a_later_row_of_the_same_mast() -> None:
    rows = [{"site_id": "A", "owner": None}, {"site_id": "A", "owner": "VNPT"}, {"site_id": "A", "owner": "Viettel"}]
    kept, gone = folded(listed(rows, [(106.7, 16.6)] * 3, "EPSG:4326"))
    assert (kept.frame["owner"].tolist(), gone) == (["VNPT", "Viettel"], ((3, 2),))


def test_degrees_are_measured_in_metres() -> None:
    rows = [{"site_id": "A"}, {"site_id": "A"}, {"site_id": "A"}]
    _, gone = folded(listed(rows, [(106.7, 16.6), (106.70018, 16.6), (106.70020, 16.6)], "EPSG:4326"))
    assert gone == ((3, 2),)  # 19.2 m; the third stands 21.3 m off


def test_a_row_with_a_fault_is_not_folded_into_a_good_one() -> None:
    rows = [{"site_id": "A", "as_of": "2012-12-31"}, {"site_id": "A", "as_of": "2012-12-31", "in_service_from": "2012"}]
    table = plain(listed(rows, [(500_000, 1_840_000)] * 2), LAYERS["sites"])
    assert [fault.code for fault in table.faults] == ["fault.not_a_day"]
    kept, gone = folded(table)
    assert gone == ()
    checked = validate(kept, LAYERS["sites"], crs=CRS)
    assert checked.rows.tolist() == [2]
    assert {fault.row for fault in checked.faults} == {3}


def test_a_list_that_gives_all_masts_one_place_is_told_in_bounded_time(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 1000
    monkeypatch.setattr(nearness, "MOST_PAIRS", 20 * count)
    monkeypatch.setattr(nearness, "_MOST_AT_ONCE", 50 * count)
    frame = geopandas.GeoDataFrame(
        {"site_id": [f"m{i}" for i in range(count)], "owner": "V"}, geometry=[shapely.Point(0, 0)] * count, crs=CRS
    )
    faults = near_masts(Checked(frame, np.arange(2, count + 2), "bts.xlsx", "sites"))
    assert len(faults) == MOST_LISTED + 1
    assert (faults[-1].code, faults[-1].params["count"]) == ("note.masts_in_one_place", 20 * count - MOST_LISTED)
    assert all("{" not in faults[-1].say(lang) for lang in LANGS)
    known = frame.assign(site_id="k" + frame["site_id"])
    assert len(same_masts(frame, known)) == 20 * count
    new = Checked(frame, np.arange(2, count + 2), "bts.xlsx", "sites")
    told = list(beside(new, known, LAYERS["sites"]).new.faults)
    assert len(told) == MOST_LISTED + 1
    assert (told[-1].code, told[-1].params["count"]) == ("note.same_masts_more", 20 * count - MOST_LISTED)
    assert all("{" not in told[-1].say(lang) for lang in LANGS)
