"""Which sectors a site-general model is used for beyond its limits, and on how much of their range."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phusong.coverage.radio.defaults import radio_defaults
from phusong.coverage.radio.site_general import HATA_CITY_GAP_MHZ, MODELS, VALIDITY, Outside, Validity, path_loss
from phusong.layers.errors import InputError
from phusong.layers.messages import Lang, say
from phusong.layers.messages.format import number, plain

VALIDITY_COLUMNS = (
    "technology",
    "band_mhz",
    "height_m",
    "sectors",
    "line_of_sight",
    "limit",
    "low",
    "high",
    "share_pct",
    "note",
)
NEGLIGIBLE_PCT = 0.1
"""A smaller share is the first metres around the mast, less than a cell."""


def validity_summary(
    model: str,
    sectors: pd.DataFrame,
    *,
    max_range_m: float,
    terminal_height_m: float,
    environment: str = "open",
    lang: Lang,
) -> pd.DataFrame:
    """A row (``VALIDITY_COLUMNS``) for each kind of sector and limit of the model it breaks, with the share of range.

    ``model``: site-general (``site_general.MODELS``). ``sectors``: completed. ``limit``: a name of ``Outside``;
    ``low``, ``high``: what the model holds for, in MHz, km or m. ``share_pct``: of the way from the mast to
    ``max_range_m`` (or the technology's own end), 100 where the limit is not one of distance. ``line_of_sight``: "yes"
    or "no" where the model has a case for each, else empty. ``note``: the row in words. No row: nothing is
    beyond a limit. InputError if model or environment is not known.
    """
    if model not in MODELS:
        raise InputError("link.error.model", model=model, known=", ".join(MODELS))
    kinds = sectors.groupby(["technology", "band_mhz", "height_m"]).size().rename("sectors").reset_index()
    rows = []
    for technology, band_mhz, height_m, count in kinds.itertuples(index=False, name=None):
        end_m = min(max_range_m, 1e3 * radio_defaults()["technology"][technology].get("max_range_km", np.inf))
        for sight, limits in _cases(model).items():
            at = (limits.distance_m[0], min(limits.distance_m[1], 1e6))
            loss = path_loss(
                model,
                float(np.clip(0.5 * end_m, *at)),
                frequency_mhz=band_mhz,
                base_height_m=height_m,
                terminal_height_m=terminal_height_m,
                environment=environment,
                line_of_sight=sight == "yes",
            )
            broken = dict.fromkeys(loss.outside_counts(), 100.0)
            broken[Outside.DISTANCE] = _beyond_pct(limits.distance_m, end_m)
            for flag, share_pct in broken.items():
                if share_pct >= NEGLIGIBLE_PCT:
                    low, high = _interval(limits, flag, band_mhz)
                    note = say(
                        f"link.outside.{flag.name}",
                        lang,
                        low=plain(low, lang),
                        high=plain(high, lang),
                        band=plain(band_mhz, lang),
                        height=plain(height_m, lang),
                        share=number(share_pct, lang, decimals=1),
                    )
                    kind = (technology, band_mhz, height_m, int(count), sight)
                    rows.append((*kind, flag.name, low, high, share_pct, note))
    return pd.DataFrame(rows, columns=list(VALIDITY_COLUMNS)).astype({"note": "str"})


def _cases(model: str) -> dict[str, Validity]:
    """The model's limits: in sight and not where they differ in kind, else one under the empty name."""
    if model in VALIDITY:
        return {"": VALIDITY[model]}
    return {"yes": VALIDITY[f"{model}_los"], "no": VALIDITY[f"{model}_nlos"]}


def _beyond_pct(limits_m: tuple[float, float], end_m: float) -> float:
    low, high = limits_m
    return 100.0 * (1.0 - max(min(high, end_m) - low, 0.0) / end_m)


def _interval(limits: Validity, flag: Outside, band_mhz: float) -> tuple[float, float]:
    """What the model holds for, in MHz, km or m; of a band in the large city's gap, what lies above the gap."""
    if flag == Outside.FREQUENCY:
        low, high = limits.frequency_mhz
        return (HATA_CITY_GAP_MHZ[1] if low <= band_mhz <= high else low), high
    if flag == Outside.DISTANCE:
        return limits.distance_m[0] / 1e3, limits.distance_m[1] / 1e3
    return limits.base_height_m if flag == Outside.BASE_HEIGHT else limits.terminal_height_m
