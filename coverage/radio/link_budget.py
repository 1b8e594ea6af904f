"""The link budget in one place: powers, losses, margins, and the return path from the terminal.

A level is judged outdoors, as the raster gives it: the median at the terminal's height. What stands between it and a
call (the body, a vehicle, a wall, shadow fading) is a margin on the level that is needed. The return path needs no
second map: both directions share path loss, antenna and feeder, so it too becomes a least downlink level, and a place
is usable in both directions where the level reaches the higher of the two.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import hypot, log10
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import erfc, erfcx, ndtr, ndtri

from phusong.coverage.radio.defaults import radio_defaults
from phusong.layers.errors import InputError

F64 = NDArray[np.float64]
Place = Literal["outdoor", "vehicle", "indoor", "deep_indoor"]
PLACES: tuple[Place, ...] = get_args(Place)
NO_FADING_DB = 1e-6
BUDGET_COLUMNS = (
    "sector_id",
    "technology",
    "downlink_required_dbm",
    "uplink_required_dbm",
    "required_dbm",
    "limited_by",
    "max_loss_db",
)


@cache
def link_defaults() -> Mapping[str, Any]:
    """The table ``data/link_budget.toml``: ``uplink`` (an entry a band), ``base``, ``terminal``, and the margins."""
    return tomllib.loads(files(__package__).joinpath("data/link_budget.toml").read_text(encoding="utf-8"))


# shadow fading


def edge_margin_db(reliability_pct: float, *, sigma_db: float) -> float:
    """Margin over the level needed so that a place on the edge has it with this probability: sigma Phi^-1(p)."""
    return float(sigma_db * ndtri(_share(reliability_pct)))


def area_reliability_pct(margin_db: float, *, sigma_db: float, path_loss_exponent: float) -> float:
    """Share of a disc served, %, if the median exceeds the level needed by ``margin_db`` on its edge.

    D. O. Reudink in W. C. Jakes (ed.), Microwave Mobile Communications (1974), chapter 2, pp. 126-128: with
    a = -margin / (sigma sqrt 2) and b = 10 n log10(e) / (sigma sqrt 2),
    F = 1/2 [1 - erf a + exp((1 - 2ab) / b^2) (1 - erf((1 - ab) / b))].
    """
    if sigma_db < NO_FADING_DB:  # the disc on which the median falls to the level needed
        return 100.0 * min(float(10.0 ** (margin_db / (5.0 * path_loss_exponent))), 1.0)
    a = -margin_db / (sigma_db * 2.0**0.5)
    b = 10.0 * path_loss_exponent * log10(np.e) / (sigma_db * 2.0**0.5)
    z = (1.0 - a * b) / b
    # exp((1 - 2ab) / b^2) = exp(z^2 - a^2); with erfcx neither factor overflows where z is large
    tail = float(np.exp(-a * a) * erfcx(z)) if z > 0.0 else float(np.exp((1.0 - 2.0 * a * b) / (b * b)) * erfc(z))
    return 50.0 * (float(erfc(a)) + tail)


def area_margin_db(reliability_pct: float, *, sigma_db: float, path_loss_exponent: float) -> float:
    """Margin on the edge of a disc so that this share of it is served: the inverse of ``area_reliability_pct``."""
    wanted = 100.0 * _share(reliability_pct)
    if sigma_db < NO_FADING_DB:
        return 5.0 * path_loss_exponent * log10(wanted / 100.0)

    def short(margin: float) -> float:
        return area_reliability_pct(margin, sigma_db=sigma_db, path_loss_exponent=path_loss_exponent) - wanted

    low, high = -1.0, 1.0
    while short(low) > 0.0:
        low *= 2.0
    while short(high) < 0.0:
        high *= 2.0
    return float(brentq(short, low, high, xtol=1e-9))


def coverage_probability_pct(level_dbm: ArrayLike, *, required_dbm: ArrayLike, sigma_db: ArrayLike) -> F64:
    """Probability, %, that a place of this median level has the level needed (without fading margin); NaN stays NaN.

    Phi((level - required) / sigma), log-normal shadow fading. ``sigma_db`` > 0.
    """
    over = np.asarray(level_dbm, dtype=np.float64) - np.asarray(required_dbm, dtype=np.float64)
    return 100.0 * np.asarray(ndtr(over / np.asarray(sigma_db, dtype=np.float64)), dtype=np.float64)


def _share(reliability_pct: float) -> float:
    if not 0.0 < reliability_pct < 100.0:
        raise InputError("link.error.reliability", reliability_pct=f"{reliability_pct:g}")
    return reliability_pct / 100.0


# margins


def building_entry_db(frequency_mhz: float, *, high_loss: bool = False, depth_m: float = 0.0) -> tuple[float, float]:
    """Mean loss and its sigma, dB, into a building: 3GPP TR 38.901 tables 7.4.3-1 and 7.4.3-2.

    Low loss: 30 % plain glass, 70 % concrete; high loss: 70 % coated glass, 30 % concrete; 0.5 dB a metre inside.
    """
    f_ghz = frequency_mhz / 1e3
    concrete = 5.0 + 4.0 * f_ghz
    glass, open_share, sigma = (23.0 + 0.3 * f_ghz, 0.7, 6.5) if high_loss else (2.0 + 0.2 * f_ghz, 0.3, 4.4)
    through = open_share * 10.0 ** (-glass / 10.0) + (1.0 - open_share) * 10.0 ** (-concrete / 10.0)
    return 5.0 - 10.0 * log10(through) + 0.5 * depth_m, sigma


@dataclass(frozen=True)
class Margins:
    """What is added, dB, to the level a terminal needs in the open: body, vehicle or wall, shadow fading.

    ``sigma_db``: of the level at the user, the fading outdoors and the spread of the penetration together.
    """

    body_db: float = 0.0
    penetration_db: float = 0.0
    fading_db: float = 0.0
    sigma_db: float = 0.0

    @property
    def total_db(self) -> float:
        return self.body_db + self.penetration_db + self.fading_db


def margins(
    place: str = "outdoor",
    *,
    frequency_mhz: float,
    body_db: float | None = None,
    sigma_db: float | None = None,
    edge_reliability_pct: float | None = None,
    area_reliability_pct: float | None = None,
    path_loss_exponent: float | None = None,
) -> Margins:
    """Margins for a user at ``place`` (``PLACES``); None takes the table's value.

    The fading margin answers one stated reliability, on the cell's edge or over its area; with neither it is 0, the
    median. ``indoor`` is TR 38.901's low-loss building, ``deep_indoor`` its high-loss one. InputError if the place is
    not known or both reliabilities are given.
    """
    table = link_defaults()
    shadow_db = float(table["shadow"]["sigma_db"]) if sigma_db is None else sigma_db
    exponent = float(table["shadow"]["path_loss_exponent"]) if path_loss_exponent is None else path_loss_exponent
    body = float(table["terminal"]["body_db"]) if body_db is None else body_db
    if place == "outdoor":
        penetration, spread = 0.0, 0.0
    elif place == "vehicle":
        penetration, spread = float(table["vehicle"]["loss_db"]), float(table["vehicle"]["sigma_db"])
    elif place in ("indoor", "deep_indoor"):
        penetration, spread = building_entry_db(frequency_mhz, high_loss=place == "deep_indoor")
    else:
        raise InputError("link.error.place", place=place, known=", ".join(PLACES))
    sigma = hypot(shadow_db, spread)
    if edge_reliability_pct is not None and area_reliability_pct is not None:
        raise InputError("link.error.two_reliabilities")
    fading = 0.0
    if edge_reliability_pct is not None:
        fading = edge_margin_db(edge_reliability_pct, sigma_db=sigma)
    elif area_reliability_pct is not None:
        fading = area_margin_db(area_reliability_pct, sigma_db=sigma, path_loss_exponent=exponent)
    return Margins(body, penetration, fading, sigma)


# both directions


@dataclass(frozen=True)
class LinkBudget:
    """One sector's budget: the outdoor median level needed for both directions, and the path loss that allows.

    Levels in the technology's own quantity, outdoors, without body. Losses are between isotropic antennas in the
    direction of highest gain. ``max_range_m``: where the technology itself ends (GSM's timing advance), inf elsewhere.
    """

    downlink_required_dbm: float
    uplink_required_dbm: float
    downlink_max_loss_db: float
    uplink_max_loss_db: float
    max_range_m: float

    @property
    def required_dbm(self) -> float:
        """The level from which both directions work."""
        return max(self.downlink_required_dbm, self.uplink_required_dbm)

    @property
    def max_loss_db(self) -> float:
        return min(self.downlink_max_loss_db, self.uplink_max_loss_db)

    @property
    def limited_by(self) -> Literal["downlink", "uplink"]:
        return "uplink" if self.uplink_required_dbm > self.downlink_required_dbm else "downlink"


def uplink_defaults(technology: str, band_mhz: float) -> dict[str, float]:
    """Terminal power and base sensitivity of the technology's nearest listed band, and the rest of the return path."""
    table = link_defaults()
    entries = [entry for entry in table["uplink"] if entry["technology"] == technology]
    if not entries:
        known = ", ".join(sorted({entry["technology"] for entry in table["uplink"]}))
        raise InputError("radio.error.technology", technology=technology, known=known)
    nearest = min(entries, key=lambda entry: abs(float(entry["band_mhz"]) - band_mhz))
    return {
        "terminal_power_dbm": float(nearest["terminal_power_dbm"]),
        "base_sensitivity_dbm": float(nearest["base_sensitivity_dbm"]),
        "terminal_gain_dbi": float(table["terminal"]["gain_dbi"]),
        "base_diversity_db": float(table["base"]["diversity_db"]),
        "uplink_interference_db": float(table["base"]["interference_db"]),
    }


def link_budget(
    technology: str,
    *,
    band_mhz: float,
    pilot_power_dbm: float,
    antenna_gain_dbi: float,
    feeder_loss_db: float,
    usable_dbm: float,
    margins: Margins,
    terminal_power_dbm: float | None = None,
    base_sensitivity_dbm: float | None = None,
) -> LinkBudget:
    """The budget of a sector in both directions; None takes the table's value.

    ``pilot_power_dbm``: of the technology's own quantity (``quantity.pilot_power_dbm``). ``usable_dbm``: the level a
    terminal needs in the open, before margins. Downlink: level = P_pilot - feeder + G_base - L, needed: usable +
    margins. Uplink: P_terminal + G_terminal - L + G_base - feeder, needed: sensitivity - diversity + interference +
    margins. With the same L, gain and feeder (duplex distance neglected) the uplink asks for the downlink level
    sensitivity - diversity + interference + margins - (P_terminal + G_terminal - P_pilot).
    """
    back = uplink_defaults(technology, band_mhz)
    power = back["terminal_power_dbm"] if terminal_power_dbm is None else terminal_power_dbm
    sensitivity = back["base_sensitivity_dbm"] if base_sensitivity_dbm is None else base_sensitivity_dbm
    needed_at_base = sensitivity - back["base_diversity_db"] + back["uplink_interference_db"]
    eirp = pilot_power_dbm - feeder_loss_db + antenna_gain_dbi
    downlink = usable_dbm + margins.total_db
    uplink = needed_at_base + margins.total_db - (power + back["terminal_gain_dbi"] - pilot_power_dbm)
    return LinkBudget(
        downlink,
        uplink,
        eirp - downlink,
        eirp - uplink,
        1e3 * float(radio_defaults()["technology"][technology].get("max_range_km", np.inf)),
    )


def sector_budgets(
    sectors: pd.DataFrame,
    *,
    usable_dbm: Mapping[str, float],
    place: str = "outdoor",
    edge_reliability_pct: float | None = None,
    area_reliability_pct: float | None = None,
    sigma_db: float | None = None,
) -> pd.DataFrame:
    """A row a sector (``BUDGET_COLUMNS``), in order: levels needed, which direction limits, greatest path loss.

    ``sectors``: completed, with ``pilot_power_dbm``, as ``RadioResult.sectors``. ``usable_dbm`` by technology.
    """
    by_band = {
        band_mhz: margins(
            place,
            frequency_mhz=band_mhz,
            sigma_db=sigma_db,
            edge_reliability_pct=edge_reliability_pct,
            area_reliability_pct=area_reliability_pct,
        )
        for band_mhz in sectors["band_mhz"].astype("float64").unique().tolist()
    }
    records = []
    for sector_id, technology, band_mhz, power, gain, feeder in zip(
        sectors["sector_id"],
        sectors["technology"],
        *(sectors[name].astype("float64") for name in ("band_mhz", "pilot_power_dbm", "antenna_gain_dbi")),
        sectors["feeder_loss_db"].astype("float64"),
        strict=True,
    ):
        budget = link_budget(
            technology,
            band_mhz=band_mhz,
            pilot_power_dbm=power,
            antenna_gain_dbi=gain,
            feeder_loss_db=feeder,
            usable_dbm=usable_dbm[technology],
            margins=by_band[band_mhz],
        )
        levels = (budget.downlink_required_dbm, budget.uplink_required_dbm, budget.required_dbm)
        records.append((sector_id, technology, *levels, budget.limited_by, budget.max_loss_db))
    return pd.DataFrame(records, columns=list(BUDGET_COLUMNS))


def usable(
    level_dbm: ArrayLike, *, required_dbm: ArrayLike, distance_m: ArrayLike, max_range_m: ArrayLike
) -> NDArray[np.float32]:
    """1 where the level reaches what both directions need within range, 0 where not, NaN where it is not known."""
    level, required, away, limit = np.broadcast_arrays(level_dbm, required_dbm, distance_m, max_range_m)
    works = (level >= required) & (away <= limit)
    return np.where(np.isnan(level), np.nan, works).astype(np.float32)
