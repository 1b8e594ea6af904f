"""Between VN-2000 and WGS 84: the official parameters, everywhere and whatever the CRS is written as."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import CRS, Geod, Transformer
from rasterio.warp import Resampling, reproject

from phusong.layers.places.projection import (
    VN2000,
    WGS84,
    datum_of,
    gdal_operation,
    operation,
    operation_text,
    transformer,
)
from phusong.layers.places.ways import candidates, vn2000_zones

DECISION_05_2007 = (-191.90441429, -39.30318279, -111.45032835, -0.00928836, 0.01975479, -0.00427372, 1.000000252906278)
"""dx, dy, dz in m, omega, psi, epsilon in seconds, k: article 1 of Decision 05/2007/QD-BTNMT."""

PLACES = [(106.58, 16.70), (105.63, 10.46), (105.83, 22.15), (108.2, 16.05), (104.8, 8.6), (103.0, 22.4)]


def by_hand(lon: float, lat: float) -> tuple[float, float]:
    """VN-2000 to WGS 84 by seven parameters on Earth-centred coordinates, written out (ellipsoid WGS 84 on both)."""
    a, f = 6_378_137.0, 1 / 298.257223563
    e2 = f * (2 - f)
    phi, lam = np.radians(lat), np.radians(lon)
    n = a / np.sqrt(1 - e2 * np.sin(phi) ** 2)
    v = np.array([n * np.cos(phi) * np.cos(lam), n * np.cos(phi) * np.sin(lam), n * (1 - e2) * np.sin(phi)])
    dx, dy, dz, *turns, k = DECISION_05_2007
    rx, ry, rz = np.radians(np.array(turns) / 3600)
    x, y, z = np.array([dx, dy, dz]) + k * np.array([[1, rz, -ry], [-rz, 1, rx], [ry, -rx, 1]]) @ v
    p = np.hypot(x, y)
    phi = np.arctan2(z, p * (1 - e2))
    for _ in range(8):
        n = a / np.sqrt(1 - e2 * np.sin(phi) ** 2)
        phi = np.arctan2(z + e2 * n * np.sin(phi), p)
    return float(np.degrees(np.arctan2(y, x))), float(np.degrees(phi))


@pytest.mark.parametrize("place", PLACES)
def test_it_is_the_official_transformation(place: tuple[float, float]) -> None:
    lon, lat = transformer(VN2000, WGS84).transform(*place)
    assert (lon, lat) == pytest.approx(by_hand(*place), abs=1e-10)
    assert transformer(WGS84, VN2000).transform(lon, lat) == pytest.approx(place, abs=3e-8)  # 3 mm: small angles


@pytest.mark.parametrize("place", PLACES)
def test_the_two_operations_of_the_database_are_less_than_a_metre_apart(place: tuple[float, float]) -> None:
    other = Transformer.from_pipeline("urn:ogc:def:coordinateOperation:EPSG::5194").transform(*place[::-1])
    away_m = Geod(ellps="WGS84").inv(*transformer(VN2000, WGS84).transform(*place), other[1], other[0])[2]
    assert 0.6 < away_m < 0.95


def test_wgs84_read_as_vn2000_is_about_200_m_off() -> None:
    for place in PLACES:
        away_m = Geod(ellps="WGS84").inv(*transformer(VN2000, WGS84).transform(*place), *place)[2]
        assert 150 < away_m < 260


@pytest.mark.parametrize("zone", vn2000_zones())
def test_every_zone_goes_by_it_and_back(zone: str) -> None:
    there = transformer(WGS84, zone).transform(105.63, 10.46)
    assert Transformer.from_crs(zone, VN2000, always_xy=True).transform(*there) == pytest.approx(
        transformer(WGS84, VN2000).transform(105.63, 10.46), abs=1e-9
    )
    assert transformer(zone, WGS84).transform(*there) == pytest.approx((105.63, 10.46), abs=3e-8)
    utm = transformer(zone, "EPSG:32648").transform(*there)
    assert transformer("EPSG:32648", WGS84).transform(*utm) == pytest.approx((105.63, 10.46), abs=3e-8)


def test_a_projection_file_of_another_program_gets_the_same() -> None:
    """ESRI's WKT has no codes, and TOWGS84 written beside VN-2000 is passed over: its signs are often turned."""
    esri = CRS.from_epsg(9212).to_wkt("WKT1_ESRI")
    place = (532_000.0, 1_846_000.0)
    assert transformer(esri, WGS84).transform(*place) == pytest.approx(
        transformer("EPSG:9212", WGS84).transform(*place)
    )
    wkt = CRS.from_epsg(4756).to_wkt("WKT1_GDAL")
    bound = wkt.replace(
        '],AUTHORITY["EPSG","6756"]', '],TOWGS84[-191.9,-39.3,-111.5,0.009,-0.02,0.004,0.25],AUTHORITY["EPSG","6756"]'
    )
    assert "TOWGS84" in bound
    assert transformer(bound, WGS84).transform(106, 16) == transformer(VN2000, WGS84).transform(106, 16)


def test_other_datums_are_left_to_proj() -> None:
    assert datum_of("EPSG:3148") is None
    assert operation("EPSG:3148", WGS84) == operation("EPSG:32648", WGS84) == operation("EPSG:9212", "EPSG:3405") == ""
    x, y = transformer("EPSG:32648", "EPSG:32649").transform(800_000.0, 1_840_000.0)
    assert (x, y) == pytest.approx(
        Transformer.from_crs("EPSG:32648", "EPSG:32649", always_xy=True).transform(800_000.0, 1_840_000.0)
    )


@pytest.mark.parametrize(
    ("source", "target"),
    [("EPSG:5897", WGS84), (WGS84, "EPSG:5897"), ("EPSG:32648", "EPSG:5897"), (VN2000, "EPSG:32648"), (WGS84, VN2000)],
)
def test_gdal_warps_by_it_too(source: str, target: str) -> None:
    """A ramp of eastings, warped in Dong Thap, where GDAL by itself takes the other operation (0.8 m off)."""
    steps = {crs: 1 / 1200 if CRS.from_user_input(crs).is_geographic else 90.0 for crs in (source, target)}
    left, top = transformer(WGS84, source).transform(105.5, 10.6)
    there = transformer(source, target).transform(left + 200 * steps[source], top - 200 * steps[source])
    onto = Affine(steps[target], 0, there[0] - 20 * steps[target], 0, -steps[target], there[1] + 20 * steps[target])
    ramp = np.tile(left + (np.arange(400) + 0.5) * steps[source], (400, 1))
    warped = np.full((40, 40), np.nan)
    reproject(
        ramp,
        warped,
        src_transform=Affine(steps[source], 0, left, 0, -steps[source], top),
        src_crs=rasterio.crs.CRS.from_user_input(source),
        dst_transform=onto,
        dst_crs=rasterio.crs.CRS.from_user_input(target),
        resampling=Resampling.bilinear,
        dst_nodata=np.nan,
        COORDINATE_OPERATION=gdal_operation(source, target),
    )
    back = transformer(target, source).transform(*(onto @ (20.5, 20.5)))[0]
    assert warped[20, 20] == pytest.approx(back, abs=1e-6 if steps[source] < 1 else 0.01)


def test_the_record_names_code_accuracy_and_decision() -> None:
    text = operation_text()
    assert all(part in text for part in ("EPSG:6960", "1 m", "05/2007", "x=-191.90441429"))


def test_candidates_are_the_databases() -> None:
    found = candidates((106.0, 16.0, 107.5, 17.3))
    assert set(vn2000_zones()) <= set(found)
    assert {"EPSG:32648", "EPSG:32649", VN2000, WGS84} <= set(found)
    assert len(vn2000_zones()) == 20
    assert {f"EPSG:{code}" for code in (*range(5896, 5900), *range(9205, 9219), 3405, 3406)} == set(vn2000_zones())
    andes = candidates((-79.0, -2.0, -78.0, -1.0))
    assert set(andes) == {WGS84, "EPSG:32717", "EPSG:32718"}
