"""The link budget in one place: powers, losses, margins, and the return path from the terminal.

A level is judged outdoors, as the raster gives it: the median at the terminal's height. What stands between it and a
call (the body, a vehicle, a wall, shadow fading) is a margin on the level that is needed. The return path needs no
second map: both directions share path loss, antenna and feeder, so it too becomes a least downlink level, and a place
is usable in both directions where the level reaches the higher of the two. ``phusong.coverage.radio.required`` applies
this to a study's sectors.
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
from scipy.special import erfc, erfcx, ndtri

from phusong.coverage.radio.defaults import radio_defaults
from phusong.layers.errors import InputError

Receiver = Literal["outdoor", "vehicle", "indoor"]
RECEIVERS: tuple[Receiver, ...] = get_args(Receiver)
NO_FADING_DB = 1e-6  # of a smaller sigma the formulas would divide by nothing


@cache
def link_defaults() -> Mapping[str, Any]:
    """The table ``data/link_budget.toml``: ``uplink`` (an entry a band), ``base``, ``terminal``, and the margins."""
    return tomllib.loads(files(__package__).joinpath("data/link_budget.toml").read_text(encoding="utf-8"))


# shadow fading


def edge_margin_db(reliability_pct: float, *, sigma_db: float) -> float:
    """Margin over the level needed so that a place on the edge has it with this probability: sigma Phi^-1(p).

    InputError for a reliability outside 0 to 100 %, both excluded; so too ``area_margin_db``.
    """
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
    from scipy.optimize import brentq  # noqa: PLC0415  (a third of a second that few studies need)

    return float(brentq(short, low, high, xtol=1e-9))


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
class LinkTerms:
    """What a covered place is asked to have; the fields are the settings of ``[radio.link]``.

    ``high_loss``: coated glass or thick walls indoors, metallised windows in a vehicle. ``depth_m``: inside a building.
    ``reliability_pct``: share of the places on the cell's edge, or over its area, that have signal. ``sigma_db``:
    shadow fading outdoors, more than 0, None the table's for ``environment`` (of the Hata models; None for the others).
    ``uplink``: whether the way back counts. InputError for a receiver that is not known or a reliability outside 0 to
    100 %, both excluded.
    """

    receiver: str = "outdoor"
    high_loss: bool = False
    depth_m: float = 0.0
    body: bool = False
    reliability_pct: float = 50.0
    reliability_at: Literal["edge", "area"] = "edge"
    sigma_db: float | None = None
    uplink: bool = False
    environment: str | None = None

    def __post_init__(self) -> None:
        if self.receiver not in RECEIVERS:
            raise InputError("link.error.receiver", receiver=self.receiver, known=", ".join(RECEIVERS))
        _share(self.reliability_pct)

    @property
    def spread_db(self) -> float:
        """Sigma of the level at the terminal: shadow fading and the spread of the penetration, in quadrature."""
        return hypot(self.shadow_db, self.penetration_db(1000.0)[1])  # no spread depends on the frequency

    @property
    def shadow_db(self) -> float:
        """Sigma of the shadow fading outdoors."""
        by_environment = link_defaults()["shadow"]["sigma_db"]
        if self.sigma_db is not None:
            return self.sigma_db
        return float(by_environment.get(self.environment, by_environment["default"]))

    @property
    def fading_db(self) -> float:
        """Shadow-fading margin of the reliability asked for; 0 for half of the places on the edge."""
        if self.reliability_at == "edge":
            return edge_margin_db(self.reliability_pct, sigma_db=self.spread_db)
        exponent = float(link_defaults()["shadow"]["path_loss_exponent"])
        return area_margin_db(self.reliability_pct, sigma_db=self.spread_db, path_loss_exponent=exponent)

    @property
    def body_db(self) -> float:
        """Loss of the body that holds the terminal, 0 unless asked for."""
        return float(link_defaults()["terminal"]["body_db"]) if self.body else 0.0

    def penetration_db(self, frequency_mhz: float) -> tuple[float, float]:
        """Mean loss into the vehicle or building and its sigma."""
        if self.receiver == "indoor":
            return building_entry_db(frequency_mhz, high_loss=self.high_loss, depth_m=self.depth_m)
        if self.receiver == "vehicle":
            table = link_defaults()["vehicle"]
            return float(table["high_loss_db" if self.high_loss else "loss_db"]), float(table["sigma_db"])
        return 0.0, 0.0

    def margin_db(self, frequency_mhz: float) -> float:
        """What is added to the level a terminal needs in the open: body, penetration and fading."""
        return self.body_db + self.penetration_db(frequency_mhz)[0] + self.fading_db


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
        """The greatest path loss at which both directions work."""
        return min(self.downlink_max_loss_db, self.uplink_max_loss_db)

    @property
    def limited_by(self) -> Literal["downlink", "uplink"]:
        """The direction that allows less loss; the downlink if both allow the same."""
        return "uplink" if self.uplink_required_dbm > self.downlink_required_dbm else "downlink"


def uplink_defaults(technology: str, band_mhz: float) -> dict[str, float]:
    """Terminal power and base sensitivity of the technology's nearest listed band, and the rest of the return path.

    InputError if the table has no such technology.
    """
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
    margin_db: float,
    terminal_power_dbm: float | None = None,
    base_sensitivity_dbm: float | None = None,
) -> LinkBudget:
    """The budget of a sector in both directions; None takes the table's value. InputError as ``uplink_defaults``.

    ``pilot_power_dbm``: of the technology's own quantity (``quantity.pilot_power_dbm``). ``usable_dbm``: the level a
    terminal needs in the open, before ``margin_db``. Downlink: level = P_pilot - feeder + G_base - L, needed: usable +
    margin. Uplink: P_terminal + G_terminal - L + G_base - feeder, needed: sensitivity - diversity + interference +
    margin. With the same L, gain and feeder (duplex distance neglected) the uplink asks for the downlink level
    sensitivity - diversity + interference + margin - (P_terminal + G_terminal - P_pilot).
    """
    back = uplink_defaults(technology, band_mhz)
    power = back["terminal_power_dbm"] if terminal_power_dbm is None else terminal_power_dbm
    sensitivity = back["base_sensitivity_dbm"] if base_sensitivity_dbm is None else base_sensitivity_dbm
    needed_at_base = sensitivity - back["base_diversity_db"] + back["uplink_interference_db"]
    eirp = pilot_power_dbm - feeder_loss_db + antenna_gain_dbi
    downlink = usable_dbm + margin_db
    uplink = needed_at_base + margin_db - (power + back["terminal_gain_dbi"] - pilot_power_dbm)
    return LinkBudget(
        downlink,
        uplink,
        eirp - downlink,
        eirp - uplink,
        1e3 * float(radio_defaults()["technology"][technology].get("max_range_km", np.inf)),
    )
