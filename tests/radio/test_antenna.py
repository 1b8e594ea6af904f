from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod, Transformer

from phusong.coverage.radio.antenna import grid_convergence_deg, pattern_loss_db


def test_half_power_at_half_the_beamwidth_and_caps_behind() -> None:
    assert pattern_loss_db(90.0, 0.0, boresight_deg=90.0) == 0.0
    assert pattern_loss_db(90.0 + 32.5, 0.0, boresight_deg=90.0, beamwidth_h_deg=65.0) == pytest.approx(3.0)
    assert pattern_loss_db(90.0, -3.5, boresight_deg=90.0, beamwidth_v_deg=7.0) == pytest.approx(3.0)
    assert pattern_loss_db(270.0, 0.0, boresight_deg=90.0) == 25.0
    assert pattern_loss_db(90.0, 60.0, boresight_deg=90.0) == 20.0
    assert pattern_loss_db(270.0, 60.0, boresight_deg=90.0) == 25.0


def test_azimuth_goes_round() -> None:
    assert pattern_loss_db(350.0, 0.0, boresight_deg=10.0) == pytest.approx(12 * (20 / 65) ** 2)
    assert pattern_loss_db(-350.0, 0.0, boresight_deg=370.0) == pytest.approx(0.0, abs=1e-9)


def test_both_tilts_point_the_beam_down_ahead() -> None:
    for tilt in ({"mechanical_tilt_deg": 6.0}, {"electrical_tilt_deg": 6.0}):
        assert pattern_loss_db(30.0, -6.0, boresight_deg=30.0, **tilt) == pytest.approx(0.0, abs=1e-9)


def test_mechanical_tilt_lifts_the_back_and_leaves_the_side() -> None:
    """Behind the mast the body looks up by the tilt; square to it, it neither rises nor falls but rolls."""
    behind = {"boresight_deg": 0.0, "mechanical_tilt_deg": 6.0, "beamwidth_h_deg": 360.0}
    assert pattern_loss_db(180.0, 6.0, **behind) == pytest.approx(12 * 0.25)
    assert pattern_loss_db(90.0, 0.0, **behind) == pytest.approx(12 / 16)


def test_omnidirectional_has_no_horizontal_part() -> None:
    for azimuth in (0.0, 77.0, 200.0):
        assert pattern_loss_db(azimuth, -3.5, boresight_deg=float("nan"), beamwidth_v_deg=7.0) == pytest.approx(3.0)


@settings(max_examples=200, deadline=None)
@given(st.floats(-180, 180), st.floats(-89, 89), st.floats(0, 360), st.floats(-20, 30), st.floats(-20, 30))
def test_against_a_rotation_matrix(reference_pattern, azimuth, elevation, boresight, tilt, downtilt) -> None:
    sector = pd.Series(
        {
            "azimuth_deg": boresight,
            "mechanical_tilt_deg": tilt,
            "electrical_tilt_deg": downtilt,
            "beamwidth_h_deg": 65.0,
            "beamwidth_v_deg": 7.0,
        }
    )
    loss = pattern_loss_db(
        azimuth, elevation, boresight_deg=boresight, mechanical_tilt_deg=tilt, electrical_tilt_deg=downtilt
    )
    assert loss == pytest.approx(reference_pattern(np.radians(azimuth), np.radians(elevation), sector, 0.0), abs=1e-6)
    assert 0.0 <= loss <= 25.0


@pytest.mark.parametrize("crs", ["EPSG:9212", "EPSG:32717"])
def test_grid_azimuth_of_true_north_is_minus_the_convergence(crs: str) -> None:
    x_m, y_m = np.array([620_000.0, 450_000.0]), np.array([1_850_000.0, 1_850_000.0])
    there = Transformer.from_crs(crs, CRS(crs).geodetic_crs, always_xy=True)
    lon, lat = there.transform(x_m, y_m)
    lon_north, lat_north, _ = Geod(ellps="WGS84").fwd(lon, lat, [0.0, 0.0], [100.0, 100.0])
    x_north, y_north = there.transform(lon_north, lat_north, direction="INVERSE")
    bearing = np.degrees(np.arctan2(x_north - x_m, y_north - y_m))
    assert np.abs(bearing).min() > 0.01
    assert grid_convergence_deg(x_m, y_m, crs=crs) == pytest.approx(-bearing, abs=1e-4)
