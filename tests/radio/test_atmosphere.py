"""The air over a study: one fact for refraction and the Earth's radius; regional values only where they are known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from phusong.coverage.radio.atmosphere import (
    Atmosphere,
    atmosphere,
    atmosphere_defaults,
    effective_earth_factor,
    refractivity_fall,
)
from phusong.layers.errors import InputError
from phusong.layers.grid import Grid

UTM_48N = "EPSG:32648"


def air(
    *, lon: float, lat: float, model: str, delta_n: float | None = None, n0: float | None = None, earth: float = 4 / 3
) -> Atmosphere:
    x, y = Transformer.from_crs("EPSG:4326", UTM_48N, always_xy=True).transform(lon, lat)
    grid = Grid(UTM_48N, x - 4500.0, y + 4500.0, 90.0, (100, 100))
    found = atmosphere(grid, model=model, delta_n=delta_n, n0=n0, earth_factor=earth)
    assert found.latitude_deg == pytest.approx(lat, abs=1e-6)
    return found


@given(delta_n=st.floats(0, 150))
def test_refraction_and_the_radius_of_the_earth_are_one_fact(delta_n: float) -> None:
    assert refractivity_fall(effective_earth_factor(delta_n)) == pytest.approx(delta_n, abs=1e-9)


def test_known_radii() -> None:
    """ITU-R P.834: 39.25 N-units/km make 4/3; without refraction the Earth keeps its radius."""
    assert effective_earth_factor(39.25) == pytest.approx(4 / 3)
    assert effective_earth_factor(0.0) == 1.0


# The official maps DN50 and N050 (1.5 degrees, bilinear) at towns of Viet Nam
TOWNS = [
    ("north", 105.85, 21.03, 50.2, 373.9),
    ("north", 104.98, 22.80, 44.7, 364.8),
    ("north", 103.02, 21.39, 46.1, 369.3),
    ("central", 107.10, 16.82, 49.3, 376.0),
    ("central", 108.00, 13.98, 50.0, 377.5),
    ("south", 106.70, 10.78, 52.4, 379.9),
    ("south", 105.15, 9.18, 53.5, 381.0),
]


@pytest.mark.parametrize(("region", "lon", "lat", "delta_n", "n0"), TOWNS)
def test_regional_values_are_near_the_official_maps(
    region: str, lon: float, lat: float, delta_n: float, n0: float
) -> None:
    found = air(lon=lon, lat=lat, model="p1812")
    assert (found.region, bool(found.source)) == (region, True)
    assert found.delta_n == pytest.approx(delta_n, abs=3.5)
    assert found.n0 == pytest.approx(n0, abs=5.0)
    assert found.effective_earth_factor == pytest.approx(157 / (157 - found.delta_n))


def test_each_regional_value_lies_within_its_spread() -> None:
    for region in atmosphere_defaults()["region"]:
        for name in ("delta_n", "n0"):
            low, high = region[f"{name}_spread"]
            assert low <= region[name] <= high


def test_what_the_study_states_comes_first() -> None:
    found = air(lon=107.1, lat=16.8, model="p1812", delta_n=60.0, n0=360.0)
    assert (found.delta_n, found.n0, found.region, found.source) == (60.0, 360.0, "", "")
    assert air(lon=107.1, lat=16.8, model="delta-bullington", delta_n=60.0).effective_earth_factor == 157 / 97


def test_the_other_models_keep_the_stated_radius() -> None:
    found = air(lon=107.1, lat=16.8, model="delta-bullington")
    assert found.effective_earth_factor == 4 / 3
    assert found.delta_n == pytest.approx(39.25)


def test_elsewhere_nothing_is_made_up() -> None:
    """Chimborazo: what a model needs must be stated, what it does not need is left out."""
    found = air(lon=-78.8, lat=-1.5, model="delta-bullington")
    assert (found.n0, found.region) == (None, "")
    with pytest.raises(InputError, match="itm needs n0, and there is no regional value"):
        air(lon=-78.8, lat=-1.5, model="itm")
    with pytest.raises(InputError, match=r"p1812 needs delta_n, n0, .* latitude -1\.50"):
        air(lon=-78.8, lat=-1.5, model="p1812")
    assert air(lon=-78.8, lat=-1.5, model="p1812", delta_n=45.0, n0=350.0).delta_n == 45.0
