"""Each technology's own quantity at the antenna port: RxLev, RSCP, RSRP, SS-RSRP; never carrier power for RSRP."""

from __future__ import annotations

from math import isfinite, log10

from phusong.layers.errors import InputError
from phusong.layers.schema import channels

SUBCARRIERS_PER_BLOCK = 12


def resource_blocks(technology: str, *, bandwidth_mhz: float, band_mhz: float) -> int:
    """N_RB of a 4G or 5G carrier; InputError if the bandwidth is not a channel bandwidth of the technology."""
    table = channels(technology, band_mhz=band_mhz)
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
    10 log10(pilot share). 4G: RSRP, 5G: SS-RSRP, both per resource element: carrier power - 10 log10(12 N_RB), all
    elements sent alike. InputError as ``resource_blocks``; ValueError if the share or bandwidth it needs is missing.
    """
    if technology == "2G":
        return carrier_power_dbm
    if technology == "3G" and isfinite(pilot_share_pct):
        return carrier_power_dbm + 10.0 * log10(pilot_share_pct / 100.0)
    if technology in ("4G", "5G") and isfinite(bandwidth_mhz):
        blocks = resource_blocks(technology, bandwidth_mhz=bandwidth_mhz, band_mhz=band_mhz)
        return carrier_power_dbm - 10.0 * log10(SUBCARRIERS_PER_BLOCK * blocks)
    raise ValueError(f"{technology}: pilot share (3G) or bandwidth (4G, 5G) is missing")
