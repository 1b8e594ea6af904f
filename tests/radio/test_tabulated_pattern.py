"""A tabulated pattern: its own cuts come back, both tilts turn it, and it agrees with the parametric one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from phusong.coverage.radio import server_kernels
from phusong.coverage.radio.antenna import pattern_loss_db, sector_patterns, tabulated_loss_db
from phusong.coverage.radio.defaults import complete_sectors
from phusong.layers.patterns import Patterns

ROUND = np.arange(360.0)
OFF = np.minimum(ROUND, 360.0 - ROUND)
# the cuts of 3GPP TR 36.814: 65 degrees wide, 7 high; capped behind
HORIZONTAL = np.minimum(12.0 * (OFF / 65.0) ** 2, 25.0)
AHEAD = np.minimum(12.0 * (OFF / 7.0) ** 2, 20.0)
VERTICAL = np.where(OFF <= 90.0, AHEAD, 25.0)
CUTS = {"horizontal_db": HORIZONTAL, "vertical_db": VERTICAL}


def test_the_cuts_come_back() -> None:
    ahead = np.where(OFF <= 90.0)[0]
    assert tabulated_loss_db(ROUND + 40.0, 0.0, boresight_deg=40.0, **CUTS) == pytest.approx(HORIZONTAL, abs=1e-9)
    found = tabulated_loss_db(40.0, -np.where(ahead <= 90, ahead, ahead - 360), boresight_deg=40.0, **CUTS)
    assert found == pytest.approx(VERTICAL[ahead], abs=1e-9)
    found = tabulated_loss_db(220.0, -np.arange(0.0, 90.0), boresight_deg=40.0, **CUTS)
    assert found == pytest.approx(25.0)


def test_between_the_steps_it_is_linear_and_finer_tables_are_read_as_they_are() -> None:
    assert tabulated_loss_db(0.25, 0.0, boresight_deg=0.0, **CUTS) == pytest.approx(0.25 * HORIZONTAL[1])
    assert tabulated_loss_db(359.75, 0.0, boresight_deg=0.0, **CUTS) == pytest.approx(0.25 * HORIZONTAL[359])
    tenths = np.zeros(3600)
    tenths[123] = 7.0
    found = tabulated_loss_db([12.2, 12.3, 12.35], 0.0, boresight_deg=0.0, horizontal_db=tenths, vertical_db=tenths * 0)
    assert found == pytest.approx([0.0, 7.0, 3.5], abs=1e-9)


def test_off_the_cuts_by_hand() -> None:
    """45 degrees off, 3 below: 5.75 dB + 3/4 (2.20 - 0) + 1/4 (25 - 25) = 7.40 dB."""
    found = tabulated_loss_db(45.0, -3.0, boresight_deg=0.0, **CUTS)
    assert float(found) == pytest.approx(12 * (45 / 65) ** 2 + 0.75 * 12 * (3 / 7) ** 2)


def test_electrical_tilt_lowers_all_round_and_mechanical_tilt_lifts_the_back() -> None:
    beam = np.minimum(12.0 * (np.minimum(OFF, np.abs(OFF - 180.0)) / 7.0) ** 2, 20.0)  # a disc: as sharp behind
    disc = {"horizontal_db": np.zeros(360), "vertical_db": beam}
    for azimuth in (0.0, 90.0, 180.0, 301.0):
        assert tabulated_loss_db(azimuth, -6.0, boresight_deg=0.0, electrical_tilt_deg=6.0, **disc) == pytest.approx(
            0.0
        )
    tilted = {"boresight_deg": 0.0, "mechanical_tilt_deg": 6.0} | disc
    assert tabulated_loss_db(0.0, -6.0, **tilted) == pytest.approx(0.0, abs=1e-9)
    assert tabulated_loss_db(180.0, 6.0, **tilted) == pytest.approx(0.0, abs=1e-9)
    assert tabulated_loss_db(90.0, 0.0, **tilted) == pytest.approx(0.0, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(st.floats(-180, 180), st.floats(-55, 55), st.floats(0, 360), st.floats(-20, 30))
def test_the_body_turns_as_the_parametric_one(azimuth, elevation, boresight, tilt) -> None:
    """With a flat vertical cut only the horizontal angle in the tilted body is left, the same for both.

    Directions stay off the body's zenith, where this cut steps from its front (0 dB) to its back (25 dB).
    """
    found = tabulated_loss_db(
        azimuth,
        elevation,
        boresight_deg=boresight,
        mechanical_tilt_deg=tilt,
        horizontal_db=np.minimum(12.0 * (np.minimum(np.arange(3600), 3600 - np.arange(3600)) / 650.0) ** 2, 25.0),
        vertical_db=np.repeat([0.0, 25.0, 0.0], [90, 181, 89]),
    )
    wide = pattern_loss_db(azimuth, elevation, boresight_deg=boresight, mechanical_tilt_deg=tilt, beamwidth_v_deg=1e6)
    assert 0.0 <= float(found) <= 25.0 + 1e-9
    assert float(found) == pytest.approx(wide, abs=0.02)


@settings(max_examples=200, deadline=None)
@given(st.floats(-60, 60), st.floats(-10, 10), st.floats(0, 8), st.floats(0, 8))
def test_near_the_beam_it_is_close_to_the_parametric_one(azimuth, elevation, tilt, downtilt) -> None:
    """Ahead the two rules of joining the cuts differ by what the weight takes from the vertical part, no more."""
    tilts = {"mechanical_tilt_deg": tilt, "electrical_tilt_deg": downtilt}
    found = float(tabulated_loss_db(azimuth, elevation, boresight_deg=0.0, **tilts, **CUTS))
    parametric = pattern_loss_db(azimuth, elevation, boresight_deg=0.0, **tilts)
    assert found == pytest.approx(parametric, abs=20.0 * (abs(azimuth) + 12.0) / 180.0 + 0.2)


def test_loss_is_never_a_gain() -> None:
    rng = np.random.default_rng(3)
    cuts = {"horizontal_db": rng.uniform(0, 40, 360), "vertical_db": rng.uniform(0, 40, 360)}
    azimuth, elevation = rng.uniform(-180, 180, (50, 40)), rng.uniform(-90, 90, (50, 40))
    found = tabulated_loss_db(azimuth, elevation, boresight_deg=10.0, mechanical_tilt_deg=5.0, **cuts)
    assert found.shape == (50, 40)
    assert found.min() >= 0.0


def test_an_omnidirectional_antenna_stands_upright_with_its_0_to_the_north() -> None:
    for azimuth in (0.0, 77.0, 200.0):
        found = tabulated_loss_db(azimuth, -5.0, boresight_deg=np.nan, mechanical_tilt_deg=9.0, **CUTS)
        assert float(found) == float(tabulated_loss_db(azimuth, -5.0, boresight_deg=0.0, **CUTS))


@settings(max_examples=200, deadline=None)
@given(
    st.floats(-360, 720),
    st.floats(-90, 90),
    st.one_of(st.floats(0, 360), st.just(np.nan)),
    st.sampled_from([0.0, 3.0, -20.0, 90.0]),
    st.floats(-20, 30),
)
def test_the_compiled_pattern_is_the_same(azimuth, elevation, boresight, tilt, downtilt) -> None:
    """In any direction but the body's zenith, round which azimuths run together."""
    cuts = {"horizontal_db": MEASURED.horizontal_db[0], "vertical_db": MEASURED.vertical_db[0]}
    up, away = np.radians(elevation), np.radians(azimuth - (0.0 if np.isnan(boresight) else boresight))
    turned = 0.0 if np.isnan(boresight) else np.radians(tilt)
    assume(abs(np.cos(up) * np.cos(away) * np.sin(turned) + np.sin(up) * np.cos(turned)) < 0.9999)
    found = server_kernels.tabulated_db(
        *np.radians([azimuth, elevation, boresight, tilt, downtilt]).tolist(), np.stack(list(cuts.values()))[None], 0
    )
    asked = {"boresight_deg": boresight, "mechanical_tilt_deg": tilt, "electrical_tilt_deg": downtilt}
    assert found == pytest.approx(float(tabulated_loss_db(azimuth, elevation, **asked, **cuts)), abs=1e-3)


# with the sectors of a study

MEASURED = Patterns(
    ("a.msi", "b.pln"),
    np.stack([HORIZONTAL, HORIZONTAL]).astype(np.float32),
    np.stack([np.roll(VERTICAL, 6), VERTICAL]).astype(np.float32),
    np.array([17.5, np.nan]),
    np.array([6.0, 0.0]),
)
SECTORS = pd.DataFrame(
    {
        "technology": "4G",
        "azimuth_deg": 0.0,
        "pattern": ["a.msi", "a.msi", "b.pln", None],
        "antenna_gain_dbi": [np.nan, 15.0, np.nan, np.nan],
        "electrical_tilt_deg": [np.nan, 8.0, 3.0, np.nan],
    }
)


def test_a_pattern_gives_gain_and_tilt_where_the_sector_has_none_and_says_so() -> None:
    frame, used = complete_sectors(SECTORS, patterns=MEASURED)
    assert frame["antenna_gain_dbi"].tolist() == [17.5, 15.0, 18.0, 18.0]
    assert frame["electrical_tilt_deg"].tolist() == [6.0, 8.0, 3.0, 0.0]
    assert frame["beamwidth_v_deg"].isna().tolist() == [True, True, True, False]
    said = {(row.column, row.value): (row.count, row.source) for row in used.itertuples(index=False)}
    assert said["antenna_gain_dbi", 17.5] == (1, "a.msi")
    assert said["antenna_gain_dbi", 18.0] == (2, "table")
    assert said["electrical_tilt_deg", 6.0] == (1, "a.msi")
    assert said["beamwidth_h_deg", 65.0] == (1, "table")
    again, none = complete_sectors(frame, patterns=MEASURED)
    assert none.empty
    assert again.equals(frame)


def test_the_tilt_a_pattern_was_measured_with_is_not_applied_again() -> None:
    rows, tilt = sector_patterns(complete_sectors(SECTORS, patterns=MEASURED)[0], MEASURED)
    assert rows.tolist() == [0, 0, 1, -1]
    assert tilt.tolist() == [0.0, 2.0, 3.0, 0.0]
    for row, left, down in ((0, 0.0, 6.0), (0, 2.0, 8.0), (1, 3.0, 3.0)):
        cuts = {"horizontal_db": MEASURED.horizontal_db[row], "vertical_db": MEASURED.vertical_db[row]}
        loss = tabulated_loss_db(0.0, -down, boresight_deg=0.0, electrical_tilt_deg=left, **cuts)
        assert float(loss) == pytest.approx(0.0, abs=1e-6)


def test_without_patterns_nothing_changes() -> None:
    plain = SECTORS.drop(columns="pattern")
    assert complete_sectors(plain, patterns=MEASURED)[0].equals(complete_sectors(plain)[0])
    rows, tilt = sector_patterns(complete_sectors(plain)[0], Patterns())
    assert rows.tolist() == [-1, -1, -1, -1]
    assert tilt.tolist() == [0.0, 8.0, 3.0, 0.0]
    assert sector_patterns(complete_sectors(SECTORS)[0], Patterns())[0].tolist() == [-1, -1, -1, -1]
