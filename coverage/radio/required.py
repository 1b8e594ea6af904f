"""What the level on the map must reach: a study's usable levels, its link terms and its sectors brought together.

The usable level of a technology is one number, but walls take more away from one band than from another and a sector
may hear less well than it speaks. So a technology has one required level, that of its easiest band with the downlink
alone, and each sector a deficit: by how much more its level must be. A place is covered where level - deficit >=
required.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from phusong.coverage.radio.defaults import radio_defaults
from phusong.coverage.radio.link_budget import LinkTerms, link_budget, uplink_defaults
from phusong.layers.messages import Lang, say
from phusong.layers.messages.format import number, plain

BUDGET_COLUMNS = (
    "technology",
    "band_mhz",
    "sectors",
    "eirp_dbm",
    "usable_dbm",
    "body_db",
    "penetration_db",
    "fading_db",
    "sigma_db",
    "downlink_required_dbm",
    "downlink_max_loss_db",
    "terminal_power_dbm",
    "base_sensitivity_dbm",
    "uplink_required_dbm",
    "uplink_max_loss_db",
    "limited_by",
    "uplink_counts",
    "required_dbm",
    "max_range_km",
    "margins",
)


def required_levels(
    usable_dbm: Mapping[str, float], *, terms: LinkTerms, sectors: pd.DataFrame | None = None
) -> dict[str, float]:
    """Level outdoors, dBm, that the median on the map must reach by technology: usable + margin of its easiest band.

    ``sectors``: frame with technology and band_mhz whose bands count; a technology without a sector takes its default
    band. With the default terms the margin is 0 and the levels are the usable ones.
    """
    bands = {} if sectors is None else sectors.groupby("technology")["band_mhz"].unique().to_dict()
    levels = {}
    for technology, usable in usable_dbm.items():
        default = [float(radio_defaults()["technology"][technology]["band_mhz"])]
        levels[technology] = usable + min(terms.margin_db(float(mhz)) for mhz in bands.get(technology, default))
    return levels


def deficits_db(
    sectors: pd.DataFrame, *, required_dbm: Mapping[str, float], usable_dbm: Mapping[str, float], terms: LinkTerms
) -> NDArray[np.float32]:
    """By how much the level of each sector must exceed its technology's ``required_dbm``, dB >= 0; float32 (n,).

    The larger of what its band takes more than the easiest one and, where ``terms.uplink``, of what the terminal's way
    back lacks. ``sectors``: completed, with pilot_power_dbm (``RadioResult.sectors``).
    """
    needed = _budgets(sectors, usable_dbm=usable_dbm, terms=terms)["required_dbm"].to_numpy(dtype=np.float64)
    asked = np.array([required_dbm[technology] for technology in sectors["technology"]], dtype=np.float64)
    return np.maximum(needed - asked, 0.0).astype(np.float32)


def link_table(sectors: pd.DataFrame, *, usable_dbm: Mapping[str, float], terms: LinkTerms, lang: Lang) -> pd.DataFrame:
    """The budget of each kind of sector (``BUDGET_COLUMNS``), a row for all sectors that share it, by technology.

    ``eirp_dbm`` of the measured signal. ``limited_by``: the direction that allows less loss; ``uplink_counts``: whether
    ``required_dbm`` heeds it. ``margins``: what the margin is made of and where each part comes from, in words.
    """
    budgets = _budgets(sectors, usable_dbm=usable_dbm, terms=terms)
    table = budgets.groupby(list(budgets.columns), dropna=False).size().rename("sectors").reset_index()
    table["margins"] = [margins_text(terms, frequency_mhz=mhz, lang=lang) for mhz in table["band_mhz"]]
    return table[list(BUDGET_COLUMNS)]


def margins_text(terms: LinkTerms, *, frequency_mhz: float, lang: Lang) -> str:
    """The parts of the margin in words, each with its source; that there is none where there is none."""
    parts = {
        "body": terms.body_db,
        f"{terms.receiver}.high" if terms.high_loss else terms.receiver: terms.penetration_db(frequency_mhz)[0],
    }
    said = [say(f"link.margin.{part}", lang, db=number(db, lang, decimals=1)) for part, db in parts.items() if db]
    if terms.fading_db:
        params = {
            "db": number(terms.fading_db, lang, decimals=1),
            "pct": plain(terms.reliability_pct, lang),
            "sigma": number(terms.spread_db, lang, decimals=1),
        }
        said.append(say(f"link.margin.fading.{terms.reliability_at}", lang, **params))
    return "; ".join(said) or say("link.margin.none", lang)


def terms_text(terms: LinkTerms, *, lang: Lang) -> str:
    """For whom the map holds, in words: the receiver, the reliability and the directions."""
    return "; ".join(
        (
            say(f"link.receiver.{terms.receiver}", lang),
            *([say("link.terms.body", lang)] if terms.body else []),
            say(f"link.terms.{terms.reliability_at}", lang, pct=plain(terms.reliability_pct, lang)),
            say("link.terms.both" if terms.uplink else "link.terms.downlink", lang),
        )
    )


def coverage_probability_pct(level_dbm: ArrayLike, *, required_dbm: ArrayLike, sigma_db: float) -> NDArray[np.float32]:
    """Probability, %, that a place of this median level has the level needed; float32, NaN stays NaN.

    Phi((level - required) / sigma), log-normal shadow fading; ``required_dbm`` without fading margin
    (required - ``terms.fading_db``), ``sigma_db`` > 0 (``terms.spread_db``).
    """
    over = np.asarray(level_dbm, dtype=np.float32) - np.asarray(required_dbm, dtype=np.float32)
    over /= np.float32(sigma_db)
    return np.asarray(np.float32(100.0) * ndtr(over), dtype=np.float32)


def _budgets(sectors: pd.DataFrame, *, usable_dbm: Mapping[str, float], terms: LinkTerms) -> pd.DataFrame:
    """A row a sector, in order: what the table shows but the count and the words. Each kind is computed once."""
    columns = ["technology", "band_mhz", "pilot_power_dbm", "antenna_gain_dbi", "feeder_loss_db"]
    kinds = sectors[columns].copy()
    kinds["base_sensitivity_dbm"] = sectors.get("base_sensitivity_dbm", np.nan)
    known: dict[tuple[object, ...], dict[str, object]] = {}
    rows = []
    for kind in kinds.astype(object).where(kinds.notna(), None).itertuples(index=False, name=None):
        if kind not in known:
            technology, band_mhz, pilot_dbm, gain_dbi, feeder_db, own = kind
            back = uplink_defaults(technology, band_mhz)
            sensitivity = back["base_sensitivity_dbm"] if own is None else own
            budget = link_budget(
                technology,
                band_mhz=band_mhz,
                pilot_power_dbm=pilot_dbm,
                antenna_gain_dbi=gain_dbi,
                feeder_loss_db=feeder_db,
                usable_dbm=usable_dbm[technology],
                margin_db=terms.margin_db(band_mhz),
                base_sensitivity_dbm=sensitivity,
            )
            known[kind] = {
                "technology": technology,
                "band_mhz": band_mhz,
                "eirp_dbm": pilot_dbm - feeder_db + gain_dbi,
                "usable_dbm": usable_dbm[technology],
                "body_db": terms.body_db,
                "penetration_db": terms.penetration_db(band_mhz)[0],
                "fading_db": terms.fading_db,
                "sigma_db": terms.spread_db,
                "downlink_required_dbm": budget.downlink_required_dbm,
                "downlink_max_loss_db": budget.downlink_max_loss_db,
                "terminal_power_dbm": back["terminal_power_dbm"],
                "base_sensitivity_dbm": sensitivity,
                "uplink_required_dbm": budget.uplink_required_dbm,
                "uplink_max_loss_db": budget.uplink_max_loss_db,
                "limited_by": budget.limited_by,
                "uplink_counts": terms.uplink,
                "required_dbm": budget.required_dbm if terms.uplink else budget.downlink_required_dbm,
                "max_range_km": budget.max_range_m / 1e3 if np.isfinite(budget.max_range_m) else np.nan,
            }
        rows.append(known[kind])
    return pd.DataFrame(rows, columns=[name for name in BUDGET_COLUMNS if name not in ("sectors", "margins")])
