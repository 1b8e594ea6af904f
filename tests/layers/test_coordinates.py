"""Coordinates as offices write them: put where they belong, or refused; never anywhere else."""

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import CRS, Geod

from phusong.layers.errors import CrsError, InputError
from phusong.layers.messages import has
from phusong.layers.places.coordinates import LEAST_SHARE, Places, placed
from phusong.layers.places.dms import read_cells
from phusong.layers.places.evidence import Ground, Rated, Sample, weigh
from phusong.layers.places.projection import VN2000, WGS84, transformer
from phusong.layers.places.ways import DEGREE_FORMS, METRE_FORMS, vn2000_zones
from phusong.layers.readers import RawTable
from phusong.layers.schema import LAYERS

SITES, VILLAGES = LAYERS["sites"], LAYERS["villages"]
ZONES = vn2000_zones()
METRIC = (*ZONES, "EPSG:32648", "EPSG:32649")
TM3 = [crs for crs in ZONES if crs not in ("EPSG:3405", "EPSG:3406")]
GEOD = Geod(ellps="WGS84")
TWINS = {"EPSG:5897", "EPSG:3405", "EPSG:32648"}  # of meridian 105: 220 to 600 m apart

Columns = dict[str, list[Any]]


@lru_cache(maxsize=64)
def province(lon: float, lat: float, *, side_deg: float = 0.06, count: int = 6) -> gpd.GeoDataFrame:
    """A province of squares of about 6.5 km, count x count, with its south-west corner at (lon, lat)."""
    squares = [(lon + i * side_deg, lat + j * side_deg) for j in range(count) for i in range(count)]
    codes = [f"{i:05d}" for i in range(len(squares))]
    shapes = [shapely.box(x, y, x + side_deg, y + side_deg) for x, y in squares]
    return gpd.GeoDataFrame({"code": codes}, geometry=shapes, crs=WGS84)


def points_of(units: gpd.GeoDataFrame, *, count: int, seed: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Codes, longitudes and latitudes of places in random units, rounded to a hundred-millionth of a degree."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(units), count)
    bounds = units.geometry.bounds.to_numpy()[rows]
    lon, lat = (bounds[:, k] + rng.uniform(0.02, 0.98, count) * (bounds[:, k + 2] - bounds[:, k]) for k in (0, 1))
    return units["code"].to_numpy(dtype=object)[rows], lon.round(8), lat.round(8)


def table(columns: Columns, *, crs: str | None = None) -> RawTable:
    frame = pd.DataFrame({name: pd.Series(cells, dtype=object) for name, cells in columns.items()})
    return RawTable(frame, np.arange(2, len(frame) + 2), "list.xlsx", "S1", crs=crs)


def off_m(result: RawTable, lon: NDArray[Any], lat: NDArray[Any]) -> NDArray[Any]:
    """Distance of each placed row from its true place, m; NaN where the row was refused."""
    assert result.geometry is not None
    assert result.crs is not None
    x, y = shapely.get_x(result.geometry), shapely.get_y(result.geometry)
    there = np.isfinite(x)
    away = np.full(len(x), np.nan)
    found = transformer(result.crs, WGS84).transform(x[there], y[there])
    away[there] = GEOD.inv(*found, lon[there], lat[there])[2]
    return away


def readings(places: Columns, units: gpd.GeoDataFrame, codes: list[Any]) -> list[Rated]:
    """Every likely reading of two columns, best first."""
    ground = Ground.of(Places(units))
    assert ground is not None
    homes = ground.homes(np.array(codes, dtype=object), len(codes))
    first, second = map(read_cells, places.values())
    return weigh(Sample.of(first, second, homes, ground))


def codes_of(result: RawTable) -> list[str]:
    return [fault.code for fault in result.faults]


def meridian(crs: str) -> float:
    conversion = CRS.from_user_input(crs).coordinate_operation
    assert conversion is not None
    return float(next(p.value for p in conversion.params if p.name == "Longitude of natural origin"))


def dms(degrees: float, form: str) -> str:
    total = round(degrees * 3_600_000)
    d, m, s = total // 3_600_000, total // 60_000 % 60, total % 60_000 / 1000
    return form.format(d=d, m=m, s=s, mm=total % 3_600_000 / 60_000, whole=int(s), rest=round(s % 1 * 1000))


def in_degrees(form: str, north: str = "", east: str = "") -> Callable[..., Columns]:
    def write(lon: NDArray[Any], lat: NDArray[Any], crs: str) -> Columns:
        return {"lon": [dms(v, form) + east for v in lon], "lat": [dms(v, form) + north for v in lat]}

    return write


def decimal(change: Callable[[str], str] = str, *, swapped: bool = False) -> Callable[..., Columns]:
    def write(lon: NDArray[Any], lat: NDArray[Any], crs: str) -> Columns:
        one, other = ([change(f"{v:.7f}") for v in values] for values in (lon, lat))
        return {"lon": other, "lat": one} if swapped else {"lon": one, "lat": other}

    return write


def in_metres(form: Callable[[float], Any], *, swapped: bool = False) -> Callable[..., Columns]:
    def write(lon: NDArray[Any], lat: NDArray[Any], crs: str) -> Columns:
        x, y = transformer(WGS84, crs).transform(lon, lat)
        one, other = [form(v) for v in x], [form(v) for v in y]
        return {"x_m": other, "y_m": one} if swapped else {"x_m": one, "y_m": other}

    return write


def in_one_cell(form: str, *, metres: bool = False) -> Callable[..., Columns]:
    def write(lon: NDArray[Any], lat: NDArray[Any], crs: str) -> Columns:
        x, y = transformer(WGS84, crs).transform(lon, lat) if metres else (lon, lat)
        cells = (form.format(x=e, y=n, X=dms(e, MARKS), Y=dms(n, MARKS)) for e, n in zip(x, y, strict=True))
        return {"position": [cell.replace("!", ",") for cell in cells]}

    return write


def vietnamese(number: float) -> str:
    return f"{number:,.2f}".translate(str.maketrans(",.", ".,"))


MARKS = "{d}°{m:02d}'{s:06.3f}\""
DEGREES: dict[str, Callable[..., Columns]] = {
    "numbers": lambda lon, lat, crs: {"lon": lon.tolist(), "lat": lat.tolist()},
    "decimal point": decimal(),
    "decimal comma": decimal(lambda text: text.replace(".", ",")),
    "marks": in_degrees(MARKS),
    "marks and letters": in_degrees(MARKS, "N", "E"),
    "marks, Vietnamese letters": in_degrees(MARKS, "B", "Đ"),
    "words": in_degrees("{d} độ {m} phút {s:.3f} giây", " Bắc", " Đông"),
    "blanks": in_degrees("{d} {m:02d} {s:06.3f}"),
    "dashes": in_degrees("{d}-{m:02d}-{s:06.3f}"),
    "letters": in_degrees("{d}d{m}m{s:.3f}s"),
    "minutes": in_degrees("{d}°{mm:.6f}'"),
    "points": in_degrees("{d}.{m:02d}.{s:06.3f}"),
    "packed": in_degrees("{d}{m:02d}{s:06.3f}"),
    "packed minutes": in_degrees("{d}{mm:09.6f}"),
    "behind the point": in_degrees("{d}.{m:02d}{whole:02d}{rest:03d}"),
    "lost point": decimal(lambda text: text.replace(".", "")),
    "points too many": decimal(lambda text: f"{text[:-4]}.{text[-4:]}"),
    "swapped": decimal(swapped=True),
    "one cell": in_one_cell("{y:.7f}, {x:.7f}"),
    "one cell, commas": in_one_cell("{y:.7f}!{x:.7f}"),
    "one cell, marks": in_one_cell("{Y}N {X}E"),
    "one cell, marks without letters": in_one_cell("{Y} {X}"),
}
METRES: dict[str, Callable[..., Columns]] = {
    "numbers": in_metres(float),
    "text": in_metres(lambda v: f"{v:.2f}"),
    "decimal comma": in_metres(lambda v: f"{v:.2f}".replace(".", ",")),
    "grouped as in Vietnamese": in_metres(vietnamese),
    "grouped as in English": in_metres(lambda v: f"{v:,.2f}"),
    "grouped by blanks": in_metres(lambda v: f"{v:,.2f}".replace(",", " ")),
    "kilometres": in_metres(lambda v: v / 1000),
    "swapped": in_metres(float, swapped=True),
    "lost point": in_metres(lambda v: f"{v:.2f}".replace(".", "")),
    "one cell": in_one_cell("X={y:.2f}; Y={x:.2f}", metres=True),
}


@pytest.mark.parametrize("name", DEGREES)
def test_degrees_in_every_form_lie_where_they_lie(name: str) -> None:
    units = province(106.6, 16.5)
    codes, lon, lat = points_of(units, count=60, seed=1)
    raw = table({"unit_code": list(codes), **DEGREES[name](lon, lat, "")})
    result = placed(raw, VILLAGES, places=Places(units))
    assert np.nanmax(off_m(result, lon, lat)) < 1.0
    assert np.isnan(off_m(result, lon, lat)).sum() == 0
    assert result.crs == WGS84
    plain = name in ("numbers", "decimal point")
    assert ("changed.coordinates" in codes_of(result)) is not plain
    assert {"note.coordinates_read", "note.datum_unseen"} <= set(codes_of(result))


@pytest.mark.parametrize("name", METRES)
def test_metres_in_every_form_lie_where_they_lie(name: str) -> None:
    units = province(106.6, 16.5)
    codes, lon, lat = points_of(units, count=60, seed=2)
    raw = table({"unit_code": list(codes), **METRES[name](lon, lat, "EPSG:9212")})
    result = placed(raw, VILLAGES, places=Places(units))
    assert result.crs == "EPSG:9212"
    assert off_m(result, lon, lat).max() < 1.0
    assert "changed.coordinates" in codes_of(result)


@pytest.mark.parametrize("crs", METRIC)
def test_metres_of_every_zone_are_known_by_the_units_or_refused(crs: str) -> None:
    """Twins of one meridian, nearer than the units can tell, are refused and named; all others are found."""
    area = CRS.from_user_input(crs).area_of_use
    assert area is not None
    west = np.clip((area.west + area.east) / 2, 102.2, 109.0)
    units = province(round(float(west), 2), 16.0)
    codes, lon, lat = points_of(units, count=40, seed=3)
    places = METRES["numbers"](lon, lat, crs)
    raw = table({"unit_code": list(codes), **places})
    found = readings(places, units, codes)
    alike = {reading.way.crs for reading in found if reading.moved_m < 700 and reading.share > LEAST_SHARE}
    assert crs in alike
    if alike == {crs}:
        result = placed(raw, VILLAGES, places=Places(units))
        assert result.crs == crs
        assert off_m(result, lon, lat).max() < 1.0
    else:
        with pytest.raises(InputError) as caught:
            placed(raw, VILLAGES, places=Places(units))
        assert caught.value.code == "coordinates.undecided"
        assert f"--crs {crs}" in str(caught.value)
    told = placed(raw, VILLAGES, places=Places(units), crs=crs)
    assert off_m(told, lon, lat).max() < 1.0


def test_only_twins_of_one_meridian_are_refused() -> None:
    refused = set()
    for crs in METRIC:
        units = province(106.6, 16.5)
        codes, lon, lat = points_of(units, count=40, seed=4)
        raw = table({"unit_code": list(codes), **METRES["numbers"](lon, lat, crs)})
        try:
            assert placed(raw, VILLAGES, places=Places(units)).crs == crs
        except InputError:
            refused.add(crs)
    assert refused <= TWINS | {"EPSG:3406", "EPSG:32649"}
    assert (len(TM3), len(set(TM3) - refused)) == (18, 17)


@settings(max_examples=50, deadline=None)
@given(
    st.sampled_from([("degrees", name) for name in DEGREES] + [("metres", name) for name in METRES]),
    st.sampled_from(METRIC),
    st.integers(1, 25),
    st.booleans(),
    st.booleans(),
    st.sampled_from([(102.6, 21.6), (105.1, 10.0), (106.6, 16.5), (107.4, 16.9), (108.4, 12.1)]),
    st.integers(0, 10_000),
)
def test_a_place_is_within_a_metre_or_refused(
    spelling: tuple[str, str], crs: str, count: int, named: bool, headed: bool, corner: tuple[float, float], seed: int
) -> None:
    kind, name = spelling
    if name == "lost point" and kind == "metres":  # near easting 0, far outside the zone, digits may mean two places
        assume(abs(meridian(crs) - corner[0]) < 3)
    units = province(*corner)
    codes, lon, lat = points_of(units, count=count, seed=seed)
    columns = (DEGREES if kind == "degrees" else METRES)[name](lon, lat, crs)
    if headed and "position" not in columns:  # headings say nothing that the numbers do not bear out
        other = ("x_m", "y_m") if "lon" in columns else ("lon", "lat")
        columns = dict(zip(other, columns.values(), strict=True))
    if named:
        columns["unit_code"] = list(codes)
    try:
        result = placed(table(columns), VILLAGES, places=Places(units))
    except InputError as error:
        if error.code not in ("coordinates.undecided", "coordinates.nowhere"):
            raise
        return
    away = off_m(result, lon, lat)
    assert not (away > 1.0).any()
    refused = {fault.row for fault in result.faults if fault.code.startswith("fault.")}
    assert {int(row) for row in result.rows[np.isnan(away)]} == refused


def test_a_form_the_crs_does_not_choose_says_so() -> None:
    """One place without a unit: 16.5130 may be degrees or degrees and minutes, and the CRS is the same."""
    raw = table({"lon": [106.5130, 106.5246], "lat": [16.5215, 16.5330]})
    with pytest.raises(InputError) as caught:
        placed(raw, SITES, places=Places(province(106.5, 16.5, count=7)))
    assert [fault.code for fault in caught.value.faults][:2] == ["note.reading", "note.reading_form"]
    told = placed(raw, SITES, places=Places(province(106.5, 16.5, count=7)), crs=WGS84)
    assert off_m(told, np.array([106.5130, 106.5246]), np.array([16.5215, 16.5330])).max() < 1.0


def test_the_neighbours_meridian_is_found_and_told_with_its_distance() -> None:
    units = province(106.6, 16.5)
    codes, lon, lat = points_of(units, count=40, seed=5)
    columns = {"unit_code": list(codes), **METRES["numbers"](lon, lat, "EPSG:9212")}
    with pytest.raises(InputError) as caught:
        placed(table(columns, crs="EPSG:9211"), VILLAGES, places=Places(units))
    assert caught.value.code == "coordinates.crs_contradicts"
    assert caught.value.params["distance"] in ("26.5 km", "26.6 km", "26.7 km")
    assert caught.value.params["option"] == "--crs EPSG:9212"
    mended = placed(table(columns, crs="EPSG:9211"), VILLAGES, places=Places(units), crs="EPSG:9212")
    assert off_m(mended, lon, lat).max() < 1.0
    forced = placed(table(columns, crs="EPSG:9211"), VILLAGES, places=Places(units), crs="EPSG:9211")
    assert "note.crs_contradicts" in codes_of(forced)
    assert np.median(off_m(forced, lon, lat)) == pytest.approx(26_600, abs=150)


def test_the_users_word_for_the_neighbours_meridian_is_followed_with_the_northing_first_too() -> None:
    """Of the readings in the CRS that was named the nearest is taken: 26.6 km off, not 1,800 km."""
    units = province(106.6, 16.5)
    codes, lon, lat = points_of(units, count=40, seed=21)
    columns = {"unit_code": list(codes), **METRES["swapped"](lon, lat, "EPSG:9211")}
    forced = placed(table(columns), VILLAGES, places=Places(units), crs="EPSG:9212")
    assert np.median(off_m(forced, lon, lat)) == pytest.approx(26_600, abs=150)
    note = next(fault for fault in forced.faults if fault.code == "note.crs_contradicts")
    assert note.params["option"] == "--crs EPSG:9211"


def test_without_units_named_a_province_tells_meridians_apart_by_many_rows_only() -> None:
    units = province(106.6, 16.5)
    _, lon, lat = points_of(units, count=80, seed=6)
    raw = table(METRES["numbers"](lon, lat, "EPSG:9212"))
    assert placed(raw, SITES, places=Places(units)).crs == "EPSG:9212"
    few = [i for i in range(80) if 106.88 < lon[i] < 106.9][:3] or [0]
    with pytest.raises(InputError, match="EPSG:9212"):
        placed(table(METRES["numbers"](lon[few], lat[few], "EPSG:9212")), SITES, places=Places(units))


def test_twins_220_m_apart_are_named_and_never_guessed() -> None:
    units = province(106.6, 16.5)
    codes, lon, lat = points_of(units, count=40, seed=7)
    raw = table({"unit_code": list(codes), **METRES["numbers"](lon, lat, "EPSG:32648")})
    with pytest.raises(InputError) as caught:
        placed(raw, VILLAGES, places=Places(units))
    options = [fault.params["option"] for fault in caught.value.faults]
    assert {f"--crs {crs}" for crs in ("EPSG:32648", "EPSG:3405")} <= set(options)
    distances = {fault.params["option"]: fault.params["distance"] for fault in caught.value.faults}
    assert any(190 < float(text.removesuffix(" m")) < 250 for text in distances.values() if text.endswith(" m"))


def test_many_rows_near_the_edges_of_small_units_do_tell_twins_apart() -> None:
    units = province(106.6, 16.5, side_deg=0.02, count=12)
    codes, lon, lat = points_of(units, count=1500, seed=8)
    raw = table({"unit_code": list(codes), **METRES["numbers"](lon, lat, "EPSG:3405")})
    result = placed(raw, VILLAGES, places=Places(units))
    assert result.crs == "EPSG:3405"
    assert off_m(result, lon, lat).max() < 1.0
    assert {fault.params["option"] for fault in result.faults if fault.code == "note.twin"} >= {"--crs EPSG:32648"}


def test_degrees_that_the_rows_show_to_be_vn2000_are_not_taken_for_wgs84() -> None:
    units = province(106.6, 16.5, side_deg=0.02, count=12)
    codes, lon, lat = points_of(units, count=1500, seed=9)
    own = transformer(WGS84, VN2000).transform(lon, lat)
    raw = table({"unit_code": list(codes), "lon": own[0].tolist(), "lat": own[1].tolist()})
    with pytest.raises(InputError) as caught:
        placed(raw, VILLAGES, places=Places(units))
    assert f"--crs {VN2000}" in str(caught.value)
    assert off_m(placed(raw, VILLAGES, places=Places(units), crs=VN2000), lon, lat).max() < 1.0


def test_a_few_wrong_rows_do_not_matter_and_each_is_told_how_it_would_fit() -> None:
    units = province(106.6, 16.5)
    codes, lon, lat = points_of(units, count=60, seed=10)
    columns = {"unit_code": list(codes), **DEGREES["decimal point"](lon, lat, "")}
    columns["lon"][3], columns["lat"][3] = columns["lat"][3], columns["lon"][3]
    columns["lat"][7] = columns["lat"][7].replace(".", "")
    columns["lat"][11] = "không rõ"
    columns["lat"][12] = None
    columns["lon"][13] = columns["lat"][13] = None
    columns["lat"][14] = dms(lat[14], "{d}.{m:02d}.{s:06.3f}")
    columns["lon"][14] = dms(lon[14], "{d}.{m:02d}.{s:06.3f}")
    columns["lat"][17] = f"{lat[17] + 0.5:.6f}"  # elsewhere under any reading: a note's business, not a reading's
    result = placed(table(columns), VILLAGES, places=Places(units))
    faults = {fault.row: fault for fault in result.faults if fault.row is not None}
    assert {row: fault.code for row, fault in faults.items()} == {
        5: "fault.place_reads_otherwise",
        9: "fault.place_reads_otherwise",
        13: "fault.place_unreadable",
        14: "fault.place_half",
        16: "fault.place_reads_otherwise",
    }
    assert "the northing (latitude) first" in faults[5].say("en")
    assert "decimal point was lost" in faults[9].say("en")
    assert "set off by points" in faults[16].say("en")
    assert result.geometry is not None
    empty = [shape is None for shape in result.geometry]
    assert [i for i, none in enumerate(empty) if none] == [3, 7, 11, 12, 13, 14]
    assert np.nanmax(np.delete(off_m(result, lon, lat), 17)) < 1.0


def test_rows_of_the_neighbours_meridian_are_told_and_wrong_units_are_not_taken_for_them() -> None:
    units = province(106.6, 16.5)
    codes, lon, lat = points_of(units, count=300, seed=20)
    columns = METRES["numbers"](lon, lat, "EPSG:9212")
    other = METRES["numbers"](lon, lat, "EPSG:9211")
    mixed = {name: columns[name][:270] + other[name][270:] for name in columns}
    result = placed(table({"unit_code": list(codes), **mixed}), VILLAGES, places=Places(units))
    told = [fault for fault in result.faults if fault.code == "fault.place_reads_otherwise"]
    assert [fault.row for fault in told] == list(range(272, 302))
    assert all("EPSG:9211" in fault.say("vi") for fault in told)
    shuffled = np.concatenate([codes[:270], codes[270:][::-1]])
    result = placed(table({"unit_code": list(shuffled), **columns}), VILLAGES, places=Places(units))
    assert [fault.code for fault in result.faults if fault.row is not None] == []
    assert off_m(result, lon, lat).max() < 1.0


def test_a_file_in_two_meridians_is_refused() -> None:
    units = province(106.6, 16.5)
    codes, lon, lat = points_of(units, count=60, seed=11)
    one, other = (METRES["numbers"](lon, lat, crs) for crs in ("EPSG:9212", "EPSG:9211"))
    mixed = {name: one[name][:30] + other[name][30:] for name in one}
    with pytest.raises(InputError) as caught:
        placed(table({"unit_code": list(codes), **mixed}), VILLAGES, places=Places(units))
    options = [fault.params["option"] for fault in caught.value.faults]
    assert options[:2] in (["--crs EPSG:9211", "--crs EPSG:9212"], ["--crs EPSG:9212", "--crs EPSG:9211"])


def test_a_list_of_the_whole_country_in_headed_degrees_is_taken_with_its_share_told() -> None:
    units = province(106.6, 16.5)
    rng = np.random.default_rng(12)
    lon, lat = rng.uniform(102.5, 109, 3000).round(6), rng.uniform(9, 23, 3000).round(6)
    result = placed(table({"lon": lon.tolist(), "lat": lat.tolist()}), SITES, places=Places(units))
    assert off_m(result, lon, lat).max() < 1.0
    note = next(fault for fault in result.faults if fault.code == "note.coordinates_read")
    assert 0 < note.params["fitting"] < 100


def test_coordinates_that_lie_nowhere_here_are_refused() -> None:
    raw = table({"lon": [2.35, 2.36], "lat": [48.85, 48.86]})
    with pytest.raises(InputError) as caught:
        placed(raw, SITES, places=Places(province(106.6, 16.5)))
    assert caught.value.code == "coordinates.nowhere"
    assert len(placed(raw, SITES, places=Places(province(106.6, 16.5)), crs=WGS84).rows) == 2


def test_a_lost_minus_is_found_in_the_west_and_south() -> None:
    units = province(-78.7, -1.7)
    codes, lon, lat = points_of(units, count=30, seed=13)
    raw = table({"unit_code": list(codes), "lon": (-lon).tolist(), "lat": lat.tolist()})
    result = placed(raw, VILLAGES, places=Places(units))
    assert off_m(result, lon, lat).max() < 1.0
    assert "changed.coordinates" in codes_of(result)


def test_beside_vietnamese_letters_n_is_south() -> None:
    """Nam is south: 16°30'N beside 106°40'Đ is not in the province, and is not put there."""
    units = province(106.6, 16.5)
    codes, lon, lat = points_of(units, count=30, seed=14)
    with pytest.raises(InputError):
        placed(
            table({"unit_code": list(codes), **in_degrees(MARKS, "N", "Đ")(lon, lat, "")}),
            VILLAGES,
            places=Places(units),
        )


@pytest.mark.parametrize("form", ["{zone} {x:.2f}", "{zone}{x:.0f}", "{zone}Q {x:.2f}"])
def test_a_zone_before_the_easting_is_taken_off(form: str) -> None:
    units = province(107.0, 16.5)
    codes, lon, lat = points_of(units, count=30, seed=15)
    x, y = transformer(WGS84, "EPSG:9212").transform(lon, lat)
    columns: Columns = {"x_m": [form.format(zone=48, x=v) for v in x], "y_m": [f"{v:.2f}" for v in y]}
    result = placed(table({"unit_code": list(codes), **columns}), VILLAGES, places=Places(units))
    assert off_m(result, lon, lat).max() < 1.0
    columns["x_m"] = [form.format(zone=49, x=v) for v in x]
    with pytest.raises(InputError):
        placed(table({"unit_code": list(codes), **columns}), VILLAGES, places=Places(units))


SQUARE = np.array([shapely.box(106.7, 16.6, 106.71, 16.61)], dtype=object)


def test_shapes_are_read_as_tables_are() -> None:
    units = province(106.6, 16.5)
    _, lon, lat = points_of(units, count=80, seed=16)
    x, y = transformer(WGS84, "EPSG:9212").transform(lon, lat)
    raw = table({"site_id": [str(i) for i in range(80)]})

    def of(shapes: NDArray[Any], crs: str | None) -> RawTable:
        return RawTable(raw.frame, raw.rows, "sites.shp", geometry=shapes, crs=crs)

    for shapes in (shapely.points(x, y), shapely.points(y, x), shapely.points(x / 1000, y / 1000)):
        result = placed(of(shapes, None), SITES, places=Places(units))
        assert result.crs == "EPSG:9212"
        assert off_m(result, lon, lat).max() < 1.0
    same = placed(of(shapely.points(lon, lat), WGS84), SITES, places=Places(units))
    assert "changed.coordinates" not in codes_of(same)
    for wrong in (WGS84, "EPSG:9211"):  # metres said to be degrees, and the neighbour's meridian
        with pytest.raises(InputError) as caught:
            placed(of(shapely.points(x, y), wrong), SITES, places=Places(units))
        assert "EPSG:9212" in str(caught.value)


def test_outlines_are_turned_whole() -> None:
    units = province(106.6, 16.5)
    shapes = np.asarray(units.geometry.array, dtype=object)
    turned = shapely.transform(shapes, lambda xy: xy[:, ::-1])
    raw = RawTable(pd.DataFrame({"code": units["code"]}), np.arange(1, 37), "units.shp", geometry=turned)
    result = placed(raw, LAYERS["village_areas"], places=Places(units))
    assert result.geometry is not None
    assert shapely.equals(result.geometry, shapes).all()


def test_where_nothing_is_known_only_what_stands_there_is_taken() -> None:
    _, lon, lat = points_of(province(106.6, 16.5), count=20, seed=17)
    for name in ("numbers", "decimal comma", "marks and letters", "swapped", "one cell"):
        result = placed(table(DEGREES[name](lon, lat, "")), SITES, places=Places())
        assert off_m(result, lon, lat).max() < 1.0, name
    metres = METRES["numbers"](lon, lat, "EPSG:9212")
    with pytest.raises(InputError) as caught:
        placed(table(metres), SITES, places=Places())
    assert caught.value.code == "coordinates.no_crs"
    for columns in (metres, METRES["swapped"](lon, lat, "EPSG:9212"), METRES["one cell"](lon, lat, "EPSG:9212")):
        assert off_m(placed(table(columns), SITES, places=Places(), crs="EPSG:9212"), lon, lat).max() < 1.0
    with pytest.raises(InputError) as caught:
        placed(table(DEGREES["lost point"](lon, lat, "")), SITES, places=Places())
    assert caught.value.code == "coordinates.no_evidence"
    with pytest.raises(CrsError):
        placed(table(metres), SITES, places=Places(), crs="EPSG:1")


def test_a_box_for_a_province_is_evidence_too() -> None:
    _, lon, lat = points_of(province(106.6, 16.5), count=80, seed=18)
    bounds = (106.6, 16.5, 106.96, 16.86)
    result = placed(table(METRES["swapped"](lon, lat, "EPSG:9212")), SITES, places=Places(bounds=bounds))
    assert off_m(result, lon, lat).max() < 1.0


def test_tables_without_coordinates_pass_as_they_are() -> None:
    raw = table({"code": ["1"], "lon": [106.6], "lat": [16.6]})
    assert placed(raw, LAYERS["broadband"], places=Places()) is raw
    nothing = table({"site_id": ["1"]})
    assert placed(nothing, SITES, places=Places(province(106.6, 16.5))) is nothing
    blank = table({"lon": [None], "lat": [None]})
    assert placed(blank, SITES, places=Places(province(106.6, 16.5))) is blank


def test_rows_alike_are_no_further_evidence() -> None:
    """Twelve sectors of one mast say no more than the mast."""
    units = province(106.6, 16.5)
    codes, lon, lat = points_of(units, count=1, seed=19)
    places = METRES["numbers"](lon, lat, "EPSG:9212")
    one, twelve = (
        [(found.way, found.share, found.moved_m, found.confidence) for found in readings(cells, units, named)]
        for cells, named in (
            (places, list(codes)),
            ({name: cells * 12 for name, cells in places.items()}, list(codes) * 12),
        )
    )
    assert one == twelve
    assert len(one) > 1


def test_every_form_has_words() -> None:
    assert [form for form in (*DEGREE_FORMS, *METRE_FORMS) if not has(f"coordinates.form.{form}")] == []


@pytest.fixture(scope="module")
def real() -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Communes of 2012 and settlement points with the commune each lies in."""
    folder = Path(os.environ.get("PHUSONG_DATA", ""))
    if not os.environ.get("PHUSONG_DATA") or not (folder / "places_4prov.gpkg").is_file():
        pytest.skip("no folder of real data")
    units = pyogrio.read_dataframe(folder / "communes_2012_4prov.gpkg").rename(columns={"gso_code": "code"})
    places = pyogrio.read_dataframe(folder / "places_4prov.gpkg")
    return units[units.province == "Quang Tri"], places[places.province == "Quang Tri"]


@pytest.mark.parametrize(("kind", "name"), [("d", n) for n in DEGREES] + [("m", n) for n in METRES])
def test_real_settlements_in_every_form(real: tuple[gpd.GeoDataFrame, gpd.GeoDataFrame], kind: str, name: str) -> None:
    units, points = real
    lon, lat = points.geometry.x.to_numpy(), points.geometry.y.to_numpy()
    columns = (DEGREES if kind == "d" else METRES)[name](lon, lat, "EPSG:9212")
    result = placed(table({"unit_code": points["gso_code"].tolist(), **columns}), VILLAGES, places=Places(units))
    assert off_m(result, lon, lat).max() < 1.0


@pytest.mark.parametrize("crs", ['LOCAL_CS["drawing",UNIT["metre",1]]', "EPSG:5773"])
def test_a_crs_of_no_place_on_the_earth_is_refused_unless_the_user_names_one(crs: str) -> None:
    columns = {"x_m": [582123.0], "y_m": [1843210.0]}
    with pytest.raises(CrsError) as caught:
        placed(table(columns, crs=crs), LAYERS["sites"], places=Places())
    assert caught.value.code == "coordinates.crs_of_no_place"
    assert placed(table(columns, crs=crs), LAYERS["sites"], places=Places(), crs="EPSG:9212").crs == "EPSG:9212"


@pytest.mark.parametrize("crs", ["OGC:CRS84", "EPSG:4979"])
def test_another_name_for_a_known_crs_is_taken(crs: str) -> None:
    units = province(106.6, 16.5)
    _, lon, lat = points_of(units, count=80, seed=16)
    bare = table({"site_id": [str(i) for i in range(80)]})
    raw = RawTable(bare.frame, bare.rows, "sites.shp", geometry=shapely.points(lon, lat), crs=crs)
    result = placed(raw, SITES, places=Places(units))
    assert off_m(result, lon, lat).max() < 1.0
    for other in ("EPSG:9212", "EPSG:4978"):
        with pytest.raises(InputError):
            placed(
                RawTable(bare.frame, bare.rows, "s.shp", geometry=raw.geometry, crs=other), SITES, places=Places(units)
            )
