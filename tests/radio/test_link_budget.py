"""Margins against published figures and by numbers drawn, and both directions by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from phusong.coverage.radio.defaults import radio_defaults
from phusong.coverage.radio.link_budget import (
    RECEIVERS,
    LinkTerms,
    area_margin_db,
    area_reliability_pct,
    building_entry_db,
    edge_margin_db,
    link_budget,
    link_defaults,
    uplink_defaults,
)
from phusong.layers.errors import InputError
from phusong.layers.schema import TECHNOLOGIES


def test_gsm_0330_three_quarters_on_the_edge_are_nine_tenths_of_the_area() -> None:
    """GSM 03.30 section 3.1: sigma 7 dB, exponent 3.5, 90 % of the area: 75 % at the edge, a margin of 5 dB."""
    margin = edge_margin_db(75.0, sigma_db=7.0)
    assert margin == pytest.approx(4.7, abs=0.05)
    assert area_reliability_pct(margin, sigma_db=7.0, path_loss_exponent=3.5) == pytest.approx(90.0, abs=1.0)
    assert area_margin_db(90.0, sigma_db=7.0, path_loss_exponent=3.5) == pytest.approx(4.7, abs=0.5)


def test_half_on_the_edge_is_71_of_the_area() -> None:
    """T. Rappaport, Wireless Communications, section 3.9.3: n = 3, sigma = 9 dB."""
    assert area_reliability_pct(0.0, sigma_db=9.0, path_loss_exponent=3.0) == pytest.approx(71.0, abs=1.0)


def test_edge_margins_of_the_normal_table() -> None:
    for reliability, times_sigma in ((50.0, 0.0), (75.0, 0.6745), (90.0, 1.2816), (95.0, 1.6449), (99.0, 2.3263)):
        assert edge_margin_db(reliability, sigma_db=8.0) == pytest.approx(8.0 * times_sigma, abs=1e-3)


@settings(max_examples=100, deadline=None)
@given(st.floats(-25.0, 40.0), st.floats(0.5, 14.0), st.floats(2.0, 5.0))
def test_area_reliability_is_the_mean_over_the_disc(margin, sigma, exponent) -> None:
    def ring(r: float) -> float:
        return float(2.0 * r * norm.cdf((margin - 10.0 * exponent * np.log10(r)) / sigma))

    kink = min(10.0 ** (margin / (10.0 * exponent)), 0.999)
    whole = quad(ring, 0.0, kink, limit=200)[0] + quad(ring, kink, 1.0, limit=200)[0]
    found = area_reliability_pct(margin, sigma_db=sigma, path_loss_exponent=exponent)
    assert found == pytest.approx(100.0 * whole, abs=1e-4)


@settings(max_examples=100, deadline=None)
@given(st.floats(5.0, 99.9), st.floats(0.0, 14.0), st.floats(2.0, 5.0))
def test_area_margin_is_the_inverse(reliability, sigma, exponent) -> None:
    margin = area_margin_db(reliability, sigma_db=sigma, path_loss_exponent=exponent)
    back = area_reliability_pct(margin, sigma_db=sigma, path_loss_exponent=exponent)
    assert back == pytest.approx(reliability, abs=1e-6)
    if sigma > 0.0:  # the area is better off than its edge
        assert margin <= edge_margin_db(reliability, sigma_db=sigma) + 1e-9


def test_area_reliability_stays_finite_where_fading_is_small() -> None:
    for margin in (-300.0, -1.0, 0.0, 1.0, 300.0):
        for sigma in (1e-3, 0.1, 20.0):
            assert 0.0 <= area_reliability_pct(margin, sigma_db=sigma, path_loss_exponent=3.5) <= 100.0 + 1e-9
    assert area_reliability_pct(0.0, sigma_db=1e-3, path_loss_exponent=3.5) == pytest.approx(100.0, abs=0.01)


@pytest.mark.parametrize("reliability", [0.0, 100.0, 120.0, -5.0, float("nan")])
def test_a_reliability_is_a_share(reliability) -> None:
    with pytest.raises(InputError, match="reliability"):
        edge_margin_db(reliability, sigma_db=8.0)
    with pytest.raises(InputError, match="reliability"):
        area_margin_db(reliability, sigma_db=8.0, path_loss_exponent=3.5)


def test_building_entry_by_hand() -> None:
    """TR 38.901 at 1 GHz: glass 2.2, concrete 9, coated glass 23.3 dB; low 5 - 10 log(0.3 10^-0.22 + 0.7 10^-0.9)."""
    assert building_entry_db(1000.0) == (pytest.approx(10.704, abs=1e-3), 4.4)
    assert building_entry_db(1000.0, high_loss=True) == (pytest.approx(18.868, abs=1e-3), 6.5)
    assert building_entry_db(1000.0, depth_m=10.0)[0] == pytest.approx(15.704, abs=1e-3)


def test_nothing_asked_is_no_margin_at_all() -> None:
    assert LinkTerms().margin_db(900.0) == 0.0
    assert (LinkTerms().fading_db, LinkTerms().spread_db) == (0.0, 8.0)


def test_margins_add_up() -> None:
    car = LinkTerms("vehicle", sigma_db=12.0, reliability_pct=90.0)
    assert car.spread_db == 13.0  # 12 and 5 dB together
    assert car.margin_db(900.0) == pytest.approx(9.0 + 1.2816 * 13.0, abs=1e-3)
    assert LinkTerms("vehicle", high_loss=True, body=True).margin_db(900.0) == 23.0
    inside = LinkTerms("indoor", high_loss=True, depth_m=10.0)
    assert inside.margin_db(1000.0) == pytest.approx(23.868, abs=1e-3)
    assert inside.spread_db == pytest.approx(np.hypot(8.0, 6.5))
    order = [
        LinkTerms(receiver, reliability_pct=95.0, reliability_at="area").margin_db(1800.0) for receiver in RECEIVERS
    ]
    assert order == sorted(order)
    with pytest.raises(InputError, match="boat"):
        LinkTerms("boat")


def test_fading_is_the_environments_unless_it_is_set() -> None:
    """TR 38.901: UMa NLOS 6 dB, RMa NLOS 8 dB."""
    found = [LinkTerms(environment=name).shadow_db for name in ("large_city", "urban", "suburban", "open", None)]
    assert found == [6.0, 6.0, 8.0, 8.0, 8.0]
    assert LinkTerms(environment="urban", sigma_db=7.0).shadow_db == 7.0


@pytest.mark.parametrize("receiver", RECEIVERS)
@pytest.mark.parametrize("high_loss", [False, True])
def test_the_spread_of_the_penetration_does_not_know_the_frequency(receiver, high_loss) -> None:
    terms = LinkTerms(receiver, high_loss=high_loss)
    assert len({terms.penetration_db(mhz)[1] for mhz in (450.0, 900.0, 3500.0)}) == 1


def test_gsm_budget_by_hand() -> None:
    """900 MHz, 43 dBm, 2 dB feeder, 17 dBi, no margins: EIRP 58 dBm.

    Down to -95 dBm: 153 dB. Up: 33 dBm + 17 - 2 down to -104 dBm: 152 dB, which is -94 dBm of the BCCH.
    """
    budget = link_budget(
        "2G",
        band_mhz=900.0,
        pilot_power_dbm=43.0,
        antenna_gain_dbi=17.0,
        feeder_loss_db=2.0,
        usable_dbm=-95.0,
        margin_db=0.0,
    )
    assert budget.downlink_max_loss_db == pytest.approx(153.0)
    assert budget.uplink_max_loss_db == pytest.approx(152.0)
    assert budget.required_dbm == pytest.approx(-94.0)
    assert budget.limited_by == "uplink"
    assert budget.max_loss_db == pytest.approx(152.0)
    assert budget.max_range_m == 35_000.0


def test_lte_budget_by_hand() -> None:
    """RSRP 15.2 dBm of 46 dBm over 1,200 subcarriers: up 23 dBm to -101.5 dBm allows 124.5 dB + 17, RSRP -109.3 dBm."""
    given = {"band_mhz": 1800.0, "pilot_power_dbm": 15.208, "antenna_gain_dbi": 18.0, "feeder_loss_db": 1.0}
    budget = link_budget("4G", usable_dbm=-110.0, margin_db=0.0, **given)
    assert budget.uplink_max_loss_db == pytest.approx(141.5)
    assert budget.required_dbm == pytest.approx(-109.292)
    strong = link_budget("4G", usable_dbm=-110.0, margin_db=0.0, terminal_power_dbm=26.0, **given)
    assert strong.limited_by == "downlink"
    assert strong.required_dbm == -110.0
    assert strong.max_range_m == float("inf")


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 50), st.floats(5, 25), st.floats(0, 5), st.floats(-125, -80), st.floats(0, 40), st.floats(60, 180))
def test_reaching_the_level_is_both_directions_closing(pilot, gain, feeder, usable_dbm, total, loss) -> None:
    """The one level stands for two sums: down P_pilot, up P_terminal, over the same loss, gain and feeder."""
    budget = link_budget(
        "4G",
        band_mhz=1800.0,
        pilot_power_dbm=pilot,
        antenna_gain_dbi=gain,
        feeder_loss_db=feeder,
        usable_dbm=usable_dbm,
        margin_db=total,
        terminal_power_dbm=23.0,
        base_sensitivity_dbm=-101.5,
    )
    level = pilot - feeder + gain - loss
    down, up = level - total - usable_dbm, 23.0 + gain - feeder - loss - total + 101.5
    if min(abs(down), abs(up)) > 1e-6:
        assert (level >= budget.required_dbm) == (down >= 0.0 and up >= 0.0)
        assert (loss <= budget.max_loss_db) == (down >= 0.0 and up >= 0.0)


def test_every_listed_band_has_a_return_path() -> None:
    for band in radio_defaults()["band"]:
        values = uplink_defaults(band["technology"], band["band_mhz"])
        assert 20.0 <= values["terminal_power_dbm"] <= 33.0
        assert -125.0 <= values["base_sensitivity_dbm"] <= -95.0
    assert {entry["technology"] for entry in link_defaults()["uplink"]} == set(TECHNOLOGIES)
    assert uplink_defaults("2G", 1800.0)["terminal_power_dbm"] == 30.0
    with pytest.raises(InputError, match="6G"):
        uplink_defaults("6G", 900.0)
