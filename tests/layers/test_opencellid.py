"""OpenCelliD exports: cells become sites by distance, the same whatever the order of the lines."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Geod

from phusong.layers.checks.validate import validate
from phusong.layers.errors import InputError
from phusong.layers.readers.opencellid import COLUMNS, Cells, is_opencellid, operator_of, read_opencellid
from phusong.layers.schema import LAYERS

EARTH = Geod(ellps="WGS84")
REAL = Path(os.environ.get("PHUSONG_DATA", "/nowhere")) / "chimborazo_cells_opencellid.csv.gz"
Cell = tuple[str, int, int, int, float, float, int]  # radio, net, area, cell, lon, lat, samples


def export(path: Path, cells: list[Cell], *, header: bool = True, mcc: int = 452) -> Path:
    lines = [",".join(COLUMNS)] if header else []
    lines += [
        f"{r},{mcc},{n},{a},{c},0,{x!r},{y!r},1000,{s},1,1400000000,1500000000,0" for r, n, a, c, x, y, s in cells
    ]
    text = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def east(lon: float, lat: float, away_m: float) -> float:
    """The longitude that far east."""
    return float(EARTH.fwd(lon, lat, 90, away_m)[0])


@pytest.mark.parametrize("file", ["452.csv", "452.csv.gz"])
@pytest.mark.parametrize("header", [True, False])
def test_cells_near_one_another_are_one_site_per_network_and_technology(
    tmp_path: Path, file: str, header: bool
) -> None:
    lon, lat = 106.7, 16.6
    cells = [
        ("GSM", 4, 1, 10, lon, lat, 1),
        ("GSM", 4, 1, 11, east(lon, lat, 250), lat, 3),
        ("GSM", 4, 1, 12, east(lon, lat, 500), lat, 1),  # 500 m from the first, joined by the second
        ("GSM", 4, 1, 13, east(lon, lat, 900), lat, 1),
        ("LTE", 4, 1, 14, lon, lat, 1),
        ("GSM", 1, 1, 15, lon, lat, 1),
    ]
    path = export(tmp_path / file, cells, header=header)
    assert is_opencellid(path)
    sites, sectors = read_opencellid(path, within_m=300)
    table = sites.frame.set_index("site_id")
    assert table["cells"].to_dict() == {
        "ocid-452-01-2G-1-15": 1, "ocid-452-04-2G-1-10": 3, "ocid-452-04-2G-1-13": 1, "ocid-452-04-4G-1-14": 1,
    }  # fmt: skip
    chain = table.loc["ocid-452-04-2G-1-10"]
    assert EARTH.inv(chain["lon"], chain["lat"], east(lon, lat, 250), lat)[2] < 0.2  # weighted: 0, 3 x 250, 500
    assert chain["spread_m"] == 250
    assert (chain["owner"], chain["as_of"]) == ("Viettel", "2017-07-14")
    first = 2 if header else 1
    assert sectors.rows.tolist() == list(range(first, first + 6))
    assert sectors.frame["operator"].tolist() == ["Viettel"] * 5 + ["MobiFone"]
    assert sectors.frame["technology"].tolist() == ["2G"] * 4 + ["4G", "2G"]
    assert set(sectors.frame["site_id"]) == set(table.index)


@pytest.mark.parametrize(("within_m", "count"), [(199.0, 2), (201.0, 1)])
def test_the_distance_counts_in_metres_on_the_ground(tmp_path: Path, within_m: float, count: int) -> None:
    cells = [("UMTS", 1, 1, 1, 106.7, 16.6, 1), ("UMTS", 1, 1, 2, east(106.7, 16.6, 200), 16.6, 1)]
    assert len(read_opencellid(export(tmp_path / "a.csv", cells), within_m=within_m).sites.frame) == count


PLACES = st.lists(
    st.tuples(
        st.sampled_from(["GSM", "UMTS", "LTE", "NR"]), st.integers(1, 2), st.integers(1, 2), st.integers(0, 40),
        st.integers(0, 30), st.integers(0, 30), st.integers(0, 9),
    ),
    min_size=1, max_size=25, unique_by=lambda one: one[:4],
)  # fmt: skip


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(places=PLACES, seed=st.integers(0, 99))
def test_sites_are_components_and_do_not_depend_on_the_order(tmp_path: Path, places: list[tuple], seed: int) -> None:
    cells = [(r, n, a, c, 106.7 + i / 1000, 16.6 + j / 1000, s) for r, n, a, c, i, j, s in places]
    one = read_opencellid(export(tmp_path / "a.csv", cells), within_m=300)
    shuffled = [cells[i] for i in np.random.default_rng(seed).permutation(len(cells))]
    two = read_opencellid(export(tmp_path / "b.csv", shuffled), within_m=300)
    beside = ["site_id", "lon", "lat", "cells", "samples", "spread_m", "as_of", "owner"]
    assert one.sites.frame[beside].equals(two.sites.frame[beside])
    site = one.sectors.frame["site_id"].tolist()
    for i, a in enumerate(cells):
        for k in range(i):
            b = cells[k]
            away_m = EARTH.inv(a[4], a[5], b[4], b[5])[2]
            if a[:2] == b[:2] and away_m < 299:
                assert site[i] == site[k]
            elif a[:2] != b[:2]:
                assert site[i] != site[k]
    assert one.sites.frame["cells"].sum() == len(cells)


def test_lines_that_are_no_cell_stay_with_their_fault(tmp_path: Path) -> None:
    path = export(tmp_path / "a.csv", [("GSM", 4, 1, 1, 106.7, 16.6, 1), ("CDMA", 3, 1, 2, 106.7, 16.6, 1)])
    with path.open("a") as file:
        file.write("GSM,452,4,1,3,0,206.7,16.6,1,1,1,1,1,0\nGSM,452,x,1,4,0,106.7,16.6,1,1,1,1,1,0\nGSM,452\n")
        file.write("GSM,452,4,1,5,0,0,0,1,1,1,1,1,0\n")
    sites, sectors = read_opencellid(path)
    assert len(sites.frame) == 1
    assert sectors.rows.tolist() == [2, 3, 4, 5, 6, 7]
    assert [(fault.code, fault.row, fault.column) for fault in sectors.faults if fault.row] == [
        ("fault.cell_radio", 3, "radio"),
        ("fault.cell_place", 4, "lon"),
        ("fault.cell_number", 5, "net"),
        ("fault.cell_line", 6, "radio"),
        ("fault.cell_place", 7, "lon"),
    ]
    assert sectors.frame["radio"].tolist()[4] == "GSM,452"  # as it stands
    (bad,) = [fault for fault in sites.faults if fault.code == "note.cells_bad"]
    assert bad.params == {"count": 5, "row": 3, "found": "CDMA", "column": "radio"}
    for fault in (*sites.faults, *sectors.faults):
        assert "{" not in fault.say("vi") + fault.say("en")


def test_a_last_line_cut_off_is_no_cell_of_another_place(tmp_path: Path) -> None:
    path = export(tmp_path / "a.csv", [("GSM", 4, 1, 1, 106.7, 16.6, 1)])
    with path.open("a") as file:
        file.write("GSM,452,4,1,2,0,106.7,16")
    for bounds in (None, (104.5, 16.5, 107.5, 17.0)):
        sites, sectors = read_opencellid(path, bounds=bounds)
        assert len(sites.frame) == 1
        assert [(fault.code, fault.row) for fault in sectors.faults if fault.row] == [("fault.cell_line", 3)]


@pytest.mark.parametrize("samples", ["inf", "1e300", "nan", "-5", "x", ""])
def test_odd_numbers_of_samples_do_not_move_a_site(tmp_path: Path, samples: str) -> None:
    path = export(tmp_path / "a.csv", [("GSM", 4, 1, 1, 106.7, 16.6, 1)])
    with path.open("a") as file:
        file.write(f"GSM,452,4,1,2,0,106.702,16.6,1,{samples},1,1,1,0\n")
    (site,) = read_opencellid(path).sites.frame[["lon", "lat"]].to_numpy().tolist()
    assert site == pytest.approx([106.701, 16.6], abs=1e-5)


def test_a_place_that_is_no_number_is_told_within_bounds_too(tmp_path: Path) -> None:
    path = export(tmp_path / "a.csv", [("GSM", 4, 1, 1, 106.7, 16.6, 1), ("GSM", 4, 1, 2, float("nan"), 16.6, 1)])
    sectors = read_opencellid(path, bounds=(104.5, 16, 107.5, 17)).sectors
    assert [(fault.code, fault.row) for fault in sectors.faults if fault.row] == [("fault.cell_place", 3)]


def test_an_export_that_begins_with_a_byte_order_mark_is_one(tmp_path: Path) -> None:
    path = export(tmp_path / "a.csv", [("GSM", 4, 1, 1, 106.7, 16.6, 1)])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert is_opencellid(path)
    assert len(read_opencellid(path).sites.frame) == 1


def test_only_cells_of_the_study_are_kept(tmp_path: Path) -> None:
    cells = [("GSM", 4, 1, i, 100.0 + i, 16.6, 1) for i in range(10)]
    sites, sectors = read_opencellid(export(tmp_path / "a.csv", cells), bounds=(104.5, 16, 107.5, 17))
    assert len(sites.frame) == len(sectors.frame) == 3
    (outside,) = [fault for fault in sites.faults if fault.code == "note.cells_outside"]
    assert outside.params == {"count": 7}
    with pytest.raises(InputError) as caught:
        read_opencellid(tmp_path / "a.csv", bounds=(0, 0, 1, 1))
    assert (caught.value.code, caught.value.params["count"]) == ("cells.elsewhere", 10)


def validated(cells: Cells) -> tuple[int, int, list[str]]:
    sites = validate(cells.sites, LAYERS["sites"], crs="EPSG:9212")
    sectors = validate(cells.sectors, LAYERS["sectors"], crs="EPSG:9212", defaults={"as_of": "2022-01-01"})
    faults = [fault.code for fault in (*sites.faults, *sectors.faults) if not fault.code.startswith("note.")]
    return len(sites.frame), len(sectors.frame), faults


def test_they_pass_the_door_once_a_height_is_assumed(tmp_path: Path) -> None:
    path = export(tmp_path / "a.csv", [("GSM", 4, 1, i, 106.7 + i / 100, 16.6, 1) for i in range(5)])
    assert validated(read_opencellid(path, height_m=36)) == (5, 5, [])
    bare = read_opencellid(path)  # no height is made up
    assert "fault.missing_column" in " ".join(validated(bare)[2])
    assert "--height-m" in bare.sectors.faults[-1].say("vi")


def test_operators_by_code() -> None:
    assert [operator_of(452, code) for code in (1, 2, 4, 99)] == ["MobiFone", "VinaPhone", "Viettel", "452-99"]
    assert operator_of(740, 1) == "740-01"


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", b"\x1f\x8bnot packed", b"GSM,452,4\n", b"\xff\xfe\x00"])
def test_what_is_no_export_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    assert not is_opencellid(path)
    with pytest.raises(InputError) as caught:
        read_opencellid(path)
    assert caught.value.say("en") != caught.value.say("vi")


def test_too_many_cells_in_one_place_are_refused_before_memory_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phusong.layers.readers.opencellid.MOST_PAIRS", 1000)
    path = export(tmp_path / "a.csv", [("GSM", 4, 1, i, 106.7, 16.6, 1) for i in range(60)])
    with pytest.raises(InputError) as caught:
        read_opencellid(path)
    assert caught.value.code == "cells.too_dense"


def test_a_packed_export_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phusong.layers.readers.opencellid.LARGEST_TEXT_BYTES", 10_000)
    path = export(tmp_path / "a.csv.gz", [("GSM", 4, 1, i, 106.7, 16.6, 1) for i in range(2000)])
    with pytest.raises(InputError) as caught:
        read_opencellid(path)
    assert caught.value.code == "cells.too_large"


@pytest.mark.skipif(not REAL.is_file(), reason="real data are not there")
def test_a_real_export_of_the_andes() -> None:
    cells = read_opencellid(REAL, height_m=36)
    assert len(cells.sectors.frame) == 3291
    assert cells.sectors.frame["technology"].value_counts().to_dict() == {"3G": 2010, "2G": 1023, "4G": 258}
    assert cells.sites.frame["cells"].sum() == 3291
    counts = [len(read_opencellid(REAL, within_m=m).sites.frame) for m in (50, 100, 300, 1000)]
    assert counts == sorted(counts, reverse=True)
    assert set(cells.sites.frame["owner"]) == {"740-00", "740-01", "740-02", "740-15"}
