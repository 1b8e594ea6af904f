"""Each technology's own quantity at the antenna port: RxLev, RSCP, RSRP, SS-RSRP; never carrier power for RSRP."""

from __future__ import annotations

from math import isfinite, log10

from phusong.layers.errors import InputError

SUBCARRIERS_PER_BLOCK = 12

RESOURCE_BLOCKS_4G = {1.4: 6, 3.0: 15, 5.0: 25, 10.0: 50, 15.0: 75, 20.0: 100}
"""N_RB by channel bandwidth in MHz, 3GPP TS 36.101 table 5.6-1."""

RESOURCE_BLOCKS_5G_15_KHZ = {
    5.0: 25, 10.0: 52, 15.0: 79, 20.0: 106, 25.0: 133, 30.0: 160, 35.0: 188, 40.0: 216, 45.0: 242, 50.0: 270,
}  # fmt: skip
"""N_RB by channel bandwidth in MHz at 15 kHz subcarrier spacing, 3GPP TS 38.101-1 table 5.3.2-1."""

RESOURCE_BLOCKS_5G_30_KHZ = {
    5.0: 11, 10.0: 24, 15.0: 38, 20.0: 51, 25.0: 65, 30.0: 78, 35.0: 92, 40.0: 106, 45.0: 119, 50.0: 133,
    60.0: 162, 70.0: 189, 80.0: 217, 90.0: 245, 100.0: 273,
}  # fmt: skip
"""The same at 30 kHz, which the time-division bands from 2,300 MHz use."""

FIRST_30_KHZ_BAND_MHZ = 2300.0


def resource_blocks(technology: str, *, bandwidth_mhz: float, band_mhz: float) -> int:
    """N_RB of a 4G or 5G carrier; InputError if the bandwidth is not a channel bandwidth of the technology."""
    if technology == "4G":
        table = RESOURCE_BLOCKS_4G
    elif band_mhz >= FIRST_30_KHZ_BAND_MHZ:
        table = RESOURCE_BLOCKS_5G_30_KHZ
    else:
        table = RESOURCE_BLOCKS_5G_15_KHZ
    for channel_mhz, blocks in table.items():
        if abs(channel_mhz - bandwidth_mhz) < 1e-6:
            return blocks
    raise InputError(
        "radio.error.bandwidth",
        technology=technology,
        bandwidth_mhz=f"{bandwidth_mhz:g}",
        known=", ".join(f"{mhz:g}" for mhz in table),
    )


def pilot_power_dbm(
    technology: str,
    *,
    carrier_power_dbm: float,
    band_mhz: float,
    bandwidth_mhz: float = float("nan"),
    pilot_share_pct: float = float("nan"),
) -> float:
    """Power at the antenna port, dBm, of the signal that the technology's level is measured on.

    2G: RxLev of the BCCH, which is sent at full power: the carrier power. 3G: RSCP of the CPICH: carrier power +
    10 log10(pilot share). 4G: RSRP, 5G: SS-RSRP, both per resource element: carrier power - 10 log10(12 N_RB).
    """
    if technology == "2G":
        return carrier_power_dbm
    if technology == "3G" and isfinite(pilot_share_pct):
        return carrier_power_dbm + 10.0 * log10(pilot_share_pct / 100.0)
    if technology in ("4G", "5G") and isfinite(bandwidth_mhz):
        blocks = resource_blocks(technology, bandwidth_mhz=bandwidth_mhz, band_mhz=band_mhz)
        return carrier_power_dbm - 10.0 * log10(SUBCARRIERS_PER_BLOCK * blocks)
    raise ValueError(f"{technology}: pilot share (3G) or bandwidth (4G, 5G) is missing")
