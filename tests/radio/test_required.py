"""What the map must reach: by technology, by sector, in words; and the chance of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from phusong.coverage.radio.candidates import site_required_dbm
from phusong.coverage.radio.defaults import usable_levels
from phusong.coverage.radio.link_budget import RECEIVERS, LinkTerms, building_entry_db
from phusong.coverage.radio.required import (
    BUDGET_COLUMNS,
    coverage_probability_pct,
    deficits_db,
    link_table,
    margins_text,
    required_levels,
    terms_text,
)
from phusong.layers.messages import LANGS
from phusong.layers.study import RadioLink

SECTORS = pd.DataFrame(
    {
        "sector_id": ["a", "b", "c", "d"],
        "technology": ["2G", "2G", "4G", "4G"],
        "band_mhz": [900.0, 1800.0, 1800.0, 1800.0],
        "pilot_power_dbm": [43.0, 43.0, 15.208, 15.208],
        "antenna_gain_dbi": [17.0, 18.0, 18.0, 18.0],
        "feeder_loss_db": [2.0, 2.0, 1.0, 1.0],
    }
)
USABLE = usable_levels()


def deficits(terms: LinkTerms, sectors: pd.DataFrame = SECTORS) -> list[float]:
    required = required_levels(USABLE, terms=terms, sectors=sectors)
    found = deficits_db(sectors, required_dbm=required, usable_dbm=USABLE, terms=terms)
    assert found.dtype == np.float32
    return found.tolist()


def test_the_settings_are_the_terms_and_ask_for_nothing_by_default() -> None:
    terms = LinkTerms(**RadioLink().model_dump(), environment=None)
    assert terms == LinkTerms()
    assert required_levels(USABLE, terms=terms, sectors=SECTORS) == USABLE
    assert deficits(terms) == [0.0, 0.0, 0.0, 0.0]


def test_the_easiest_band_is_the_technologys_level_and_the_other_is_short_of_it() -> None:
    terms = LinkTerms("indoor")
    low, high = building_entry_db(900.0)[0], building_entry_db(1800.0)[0]
    required = required_levels(USABLE, terms=terms, sectors=SECTORS)
    assert required["2G"] == pytest.approx(-95.0 + low)
    assert required["4G"] == pytest.approx(-110.0 + high)
    assert required["3G"] == pytest.approx(-105.0 + building_entry_db(2100.0)[0])  # no sector: its default band
    assert deficits(terms) == pytest.approx([0.0, high - low, 0.0, 0.0], abs=1e-5)
    assert required_levels(USABLE, terms=terms)["2G"] == required["2G"]


def test_the_way_back_by_hand() -> None:
    """GSM 900 lacks 1 dB, GSM 1800 with 30 dBm 4 dB, LTE 0.7 dB; a base that hears 10 dB better lacks nothing."""
    assert deficits(LinkTerms(uplink=True)) == pytest.approx([1.0, 4.0, 0.708, 0.708], abs=1e-3)
    better = SECTORS.assign(base_sensitivity_dbm=[np.nan, -114.0, -111.5, np.nan])
    assert deficits(LinkTerms(uplink=True), better) == pytest.approx([1.0, 0.0, 0.0, 0.708], abs=1e-3)
    assert deficits(LinkTerms(), better) == [0.0, 0.0, 0.0, 0.0]


def test_a_proposed_site_must_bring_what_its_own_band_and_way_back_ask_for() -> None:
    def required(technology: str, band_mhz: float | None, terms: LinkTerms) -> float:
        return site_required_dbm(technology, band_mhz=band_mhz, height_m=None, usable_dbm=USABLE, terms=terms)

    assert [required(technology, None, LinkTerms()) for technology in USABLE] == list(USABLE.values())
    assert required("2G", None, LinkTerms(uplink=True)) == pytest.approx(-94.0, abs=1e-5)  # 900 MHz, by hand
    assert required("2G", 1800.0, LinkTerms(uplink=True)) == pytest.approx(-91.0, abs=1e-5)
    inside = building_entry_db(3500.0)[0]
    assert required("5G", None, LinkTerms("indoor", uplink=True)) == pytest.approx(-110.0 + inside, abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(RECEIVERS), st.booleans(), st.booleans(), st.floats(1, 99), st.sampled_from(["edge", "area"]))
def test_what_the_way_back_lacks_does_not_know_the_margins(receiver, high_loss, body, reliability, at) -> None:
    terms = LinkTerms(receiver, high_loss, 3.0, body, reliability, at, uplink=True)
    one = SECTORS[SECTORS["technology"] == "4G"]
    assert deficits(terms, one) == pytest.approx([0.708, 0.708], abs=1e-3)


def test_a_row_a_kind_of_sector() -> None:
    terms = LinkTerms("indoor", body=True, reliability_pct=90.0, reliability_at="area", uplink=True)
    table = link_table(SECTORS, usable_dbm=USABLE, terms=terms, lang="en")
    assert tuple(table.columns) == BUDGET_COLUMNS
    assert table["sectors"].tolist() == [1, 1, 2]
    assert table["eirp_dbm"].tolist() == pytest.approx([58.0, 59.0, 32.208])
    parts = table[["usable_dbm", "body_db", "penetration_db", "fading_db"]].sum(axis=1)
    assert table["downlink_required_dbm"].tolist() == pytest.approx(parts.tolist())
    assert (table["eirp_dbm"] - table["downlink_required_dbm"]).tolist() == pytest.approx(
        table["downlink_max_loss_db"].tolist()
    )
    # 33 dBm + 17 dBi - 2 dB down to -104 dBm: 152 dB, less the margins
    extra = table[["body_db", "penetration_db", "fading_db"]].sum(axis=1)
    assert (table["uplink_max_loss_db"] + extra).tolist() == pytest.approx([152.0, 150.0, 141.5])
    assert (table["limited_by"] == "uplink").all()
    assert table["required_dbm"].tolist() == table["uplink_required_dbm"].tolist()
    assert table["max_range_km"].tolist()[:2] == [35.0, 35.0]
    assert np.isnan(table["max_range_km"].iloc[2])
    assert "body 3.0 dB" in table["margins"].iloc[0]
    alone = link_table(SECTORS, usable_dbm=USABLE, terms=LinkTerms(), lang="en")
    assert alone["required_dbm"].tolist() == [-95.0, -95.0, -110.0]
    assert set(alone["limited_by"]) == {"uplink"}  # said, though it does not count
    assert not alone["uplink_counts"].any()
    assert link_table(SECTORS[:0], usable_dbm=USABLE, terms=terms, lang="vi").empty


@pytest.mark.parametrize("lang", LANGS)
def test_every_part_is_said(lang) -> None:
    said = {
        margins_text(LinkTerms(receiver, high_loss), frequency_mhz=900.0, lang=lang)
        for receiver in ("vehicle", "indoor")
        for high_loss in (False, True)
    }
    said |= {
        margins_text(LinkTerms(body=True, reliability_pct=75.0, reliability_at=at), frequency_mhz=900.0, lang=lang)
        for at in ("edge", "area")
    }
    said |= {terms_text(LinkTerms(receiver, uplink=receiver == "indoor"), lang=lang) for receiver in RECEIVERS}
    said |= {terms_text(LinkTerms(body=True, reliability_at="area"), lang=lang)}
    assert len(said) == 10
    assert " 0.0 dB" not in " ".join(said)
    assert margins_text(LinkTerms(high_loss=True), frequency_mhz=900.0, lang=lang).count("dB") == 0


def test_numbers_are_written_as_each_language_writes_them() -> None:
    terms = LinkTerms("vehicle", body=True, reliability_pct=97.5, uplink=True)
    assert "body 3.0 dB" in margins_text(terms, frequency_mhz=900.0, lang="en")
    vi = margins_text(terms, frequency_mhz=900.0, lang="vi")
    assert "cơ thể người 3,0 dB" in vi
    assert "18,5 dB (97,5 % vị trí ở biên ô, sigma 9,4 dB)" in vi
    assert "97.5 %" in terms_text(terms, lang="en")
    assert "97,5 %" in terms_text(terms, lang="vi")


def test_probability_on_a_raster() -> None:
    level = np.linspace(-140.0, -80.0, 601, dtype=np.float32).reshape(-1, 1) * np.ones((1, 3), dtype=np.float32)
    level[0, 0] = np.nan
    level[1, 0] = -200.0
    found = coverage_probability_pct(level, required_dbm=-110.0, sigma_db=8.0)
    assert found.dtype == np.float32
    assert found.shape == level.shape
    truth = 100.0 * norm.cdf((level.astype(np.float64) + 110.0) / 8.0)
    assert found == pytest.approx(truth, abs=1e-4, nan_ok=True)
    assert np.isnan(found[0, 0])
    assert np.isfinite(found[1:]).all()
    assert found[1, 0] < 1e-20
    each = coverage_probability_pct(level, required_dbm=np.array([-110.0, -100.0, np.nan]), sigma_db=8.0)
    assert each[:, 1] == pytest.approx(100.0 * norm.cdf((level[:, 1] + 100.0) / 8.0), abs=1e-4)
    assert np.isnan(each[:, 2]).all()


def test_probability_by_the_normal_table() -> None:
    found = coverage_probability_pct([-110.0, -102.0, -118.0, np.nan], required_dbm=-110.0, sigma_db=8.0)
    assert found[:3] == pytest.approx([50.0, 84.134, 15.866], abs=1e-3)
    assert np.isnan(found[3])


def test_where_the_level_is_just_required_the_chance_is_the_reliability_asked_for() -> None:
    terms = LinkTerms("indoor", reliability_pct=90.0)
    required = required_levels(USABLE, terms=terms)["4G"]
    found = coverage_probability_pct(required, required_dbm=required - terms.fading_db, sigma_db=terms.spread_db)
    assert float(found) == pytest.approx(90.0, abs=1e-4)
