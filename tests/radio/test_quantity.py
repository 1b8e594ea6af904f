from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from phusong.coverage.radio.defaults import complete_sectors, radio_defaults, sector_defaults, usable_levels
from phusong.coverage.radio.network import build_network
from phusong.coverage.radio.quantity import pilot_power_dbm, resource_blocks
from phusong.coverage.radio.terrain import Terrain
from phusong.layers.errors import InputError
from phusong.layers.schema import SECTORS, TECHNOLOGIES


def test_rxlev_is_the_carrier() -> None:
    assert pilot_power_dbm("2G", carrier_power_dbm=43.0, band_mhz=900) == 43.0


def test_rscp_of_a_tenth_of_20_watts_is_2_watts() -> None:
    assert pilot_power_dbm("3G", carrier_power_dbm=43.0, band_mhz=2100, pilot_share_pct=10.0) == pytest.approx(33.0)


def test_rsrp_of_40_watts_over_600_subcarriers() -> None:
    power = pilot_power_dbm("4G", carrier_power_dbm=46.0, band_mhz=1800, bandwidth_mhz=10.0)
    assert power == pytest.approx(18.218, abs=1e-3)


def test_ss_rsrp_of_100_mhz_over_3276_subcarriers() -> None:
    power = pilot_power_dbm("5G", carrier_power_dbm=49.0, band_mhz=3500, bandwidth_mhz=100.0)
    assert power == pytest.approx(49.0 - 35.153, abs=1e-3)


@pytest.mark.parametrize(
    ("technology", "bandwidth", "band", "blocks"),
    [("4G", 1.4, 900, 6), ("4G", 20, 2600, 100), ("5G", 20, 700, 106), ("5G", 60, 2600, 162), ("5G", 100, 3500, 273)],
)
def test_resource_blocks_of_the_3gpp_tables(technology: str, bandwidth: float, band: float, blocks: int) -> None:
    assert resource_blocks(technology, bandwidth_mhz=bandwidth, band_mhz=band) == blocks


def test_a_bandwidth_that_no_channel_has_is_refused() -> None:
    with pytest.raises(InputError) as caught:
        resource_blocks("4G", bandwidth_mhz=12.0, band_mhz=1800)
    assert "12 MHz" in caught.value.say("en")
    assert "12 MHz" in caught.value.say("vi")
    with pytest.raises(ValueError, match="missing"):
        pilot_power_dbm("4G", carrier_power_dbm=46.0, band_mhz=1800)


def test_every_listed_band_has_all_values_its_quantity_needs() -> None:
    for band in radio_defaults()["band"]:
        values = sector_defaults(band["technology"], band["band_mhz"], omnidirectional=False)
        power = pilot_power_dbm(
            band["technology"],
            carrier_power_dbm=values["carrier_power_dbm"],
            band_mhz=band["band_mhz"],
            bandwidth_mhz=values.get("bandwidth_mhz", np.nan),
            pilot_share_pct=values.get("pilot_share_pct", np.nan),
        )
        assert np.isfinite(power)
        for name, value in values.items():
            column = SECTORS.column(name)
            assert column.minimum is not None, name
            assert column.maximum is not None, name
            assert column.minimum <= value <= column.maximum, (band, name)
    assert set(radio_defaults()["technology"]) == set(TECHNOLOGIES)


def test_missing_values_are_filled_counted_and_given_ones_kept(network_of) -> None:
    _, sectors = network_of(
        [(0.0, 0.0)] * 3,
        rows=[
            {"site_id": "s0", "technology": "3G", "azimuth_deg": 90.0, "carrier_power_dbm": 40.0},
            {"site_id": "s1", "technology": "3G", "azimuth_deg": 90.0, "band_mhz": 900.0},
            {"site_id": "s2", "technology": "4G", "band_mhz": 1800.0},
        ],
    )
    frame, used = complete_sectors(sectors)
    assert frame["band_mhz"].tolist() == [2100.0, 900.0, 1800.0]
    assert frame["carrier_power_dbm"].tolist() == [40.0, 43.0, 46.0]
    assert frame["antenna_gain_dbi"].tolist() == [18.0, 17.0, 11.0]  # the last has no azimuth
    assert frame["pilot_share_pct"].isna().tolist() == [False, False, True]
    counts = {(row.technology, row.column, row.value): (row.count, row.unit) for row in used.itertuples(index=False)}
    assert counts["3G", "band_mhz", 2100.0] == (1, "MHz")
    assert counts["3G", "carrier_power_dbm", 43.0] == (1, "dBm")
    assert counts["3G", "pilot_share_pct", 10.0] == (2, "%")
    assert counts["4G", "bandwidth_mhz", 20.0] == (1, "MHz")
    assert counts["4G", "antenna_gain_dbi", 11.0] == (1, "dBi")
    assert ("3G", "bandwidth_mhz", 5.0) not in counts
    again, none = complete_sectors(frame)
    assert none.empty
    assert again.equals(frame)


def test_a_sector_with_a_wrong_bandwidth_is_named(mountains, network_of) -> None:
    x_m, y_m = mountains.grid.x_m[50], mountains.grid.y_m[50]
    sites, sectors = network_of([(x_m, y_m)], technology="4G", bandwidth_mhz=7.0)
    with pytest.raises(InputError) as caught:
        build_network(
            sites,
            sectors,
            terrain=Terrain.of(mountains),
            on=date(2012, 1, 1),
            max_range_m=5e3,
            usable_dbm=usable_levels(None),
        )
    assert "c000" in caught.value.say("vi")


def test_usable_levels_can_be_overridden_by_known_technologies_only() -> None:
    assert usable_levels({"4G": -121.0}) == {"2G": -95.0, "3G": -105.0, "4G": -121.0, "5G": -110.0}
    with pytest.raises(InputError):
        usable_levels({"6G": -100.0})


@pytest.mark.parametrize("band_mhz", [600.0, 1500.0, 1900.0, 2100.0, 2299.0, 2300.0, 2350.0, 2500.0, 3000.0, 3700.0])
@pytest.mark.parametrize("technology", ["4G", "5G"])
def test_the_default_bandwidth_of_any_band_is_a_channel_of_the_technology(technology: str, band_mhz: float) -> None:
    """Else a sector without bandwidth would be refused for the bandwidth it was given."""
    values = sector_defaults(technology, band_mhz, omnidirectional=True)
    assert resource_blocks(technology, bandwidth_mhz=values["bandwidth_mhz"], band_mhz=band_mhz) > 0
