"""The need index of a commune: one number from 0 to 100 out of all rules, by declared weights."""

from __future__ import annotations

import numpy as np
import pandas as pd

from phusong.coverage.rules.judge import Judgement


def need_index(judgement: Judgement) -> pd.DataFrame:
    """Columns ``need_index`` (0-100) and ``judged_weight_pct`` (0-100), one row a judged row.

    need_index = 100 * sum(w_r * s_r) / sum(w_r) over the rules r that could be judged, with the weight w_r of the rule
    and its need s_r = min(1, shortfall / span): 0 where the rule is met, 1 at the value the rule calls full need (for
    ">=" by default 0, for "<=" twice the threshold). NaN where no rule with a weight could be judged.
    ``judged_weight_pct``: how much of the weight of the rules that apply could be judged.
    """
    weight = np.array([rule.weight for rule in judgement.rules])
    span = np.array([rule.need_span for rule in judgement.rules])
    judged = ~np.isnan(judgement.margin)
    shortfall = np.where(judgement.fails, -judgement.margin, 0.0)
    need = np.minimum(1.0, shortfall / np.where(span > 0, span, 1.0))
    judged_weight = (judged * weight).sum(axis=1)
    asked_weight = (judgement.applies * weight).sum(axis=1)
    return pd.DataFrame(
        {
            "need_index": _ratio_pct((need * weight).sum(axis=1), judged_weight),
            "judged_weight_pct": _ratio_pct(judged_weight, asked_weight),
        }
    )


def _ratio_pct(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    ratio = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return np.asarray(100.0 * np.minimum(ratio, 1.0))
