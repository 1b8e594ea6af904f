"""The table of provincial targets: what was published, what the layers give, what was asked, met or not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from phusong.coverage.indicators import find
from phusong.coverage.rules.choose import RuleSet
from phusong.layers.errors import MissingError

COLUMNS = (
    "indicator",
    "published",
    "computed",
    "unit",
    "target",
    "comparison",
    "met",
    "note",
    "source",
    "rule",
    "mark",
    "target_source",
    "override_reason",
)


def targets(
    province_indicators: Mapping[str, float], *, rules: RuleSet, published: pd.DataFrame | None, on: date
) -> pd.DataFrame:
    """One row a published figure or target, columns ``COLUMNS``: published figures in their order, then other targets.

    ``published``: the layer published_figures, of which the newest figure not after ``on`` counts. ``met`` is "yes",
    "no" or "no_data" by the *computed* value, "" where nothing was asked; ``note`` says how a published figure is to be
    read ("inconsistent_area", "over", "implied"). An indicator with two targets has two rows.
    """
    figures = _newest(published, on)
    asked = rules.of("province")
    order = list(dict.fromkeys([*figures, *(rule.indicator for rule in asked)]))
    rows: list[dict[str, Any]] = []
    nothing_asked: dict[str, Any] = dict.fromkeys(COLUMNS, "") | {"target": np.nan}
    for indicator in order:
        figure = figures.get(indicator, {})
        computed = float(province_indicators.get(indicator, np.nan))
        row = nothing_asked | {
            "indicator": indicator,
            "published": figure.get("value", np.nan),
            "computed": computed,
            "unit": _unit(indicator),
            "note": figure.get("note", ""),
            "source": figure.get("source", ""),
        }
        own = [rule for rule in asked if rule.indicator == indicator]
        for rule in own:
            margin = rule.margin(computed)
            rows.append(
                row
                | {
                    "target": rule.threshold,
                    "comparison": rule.comparison,
                    "met": "no_data" if np.isnan(margin) else "no" if margin < 0 else "yes",
                    "rule": rule.id,
                    "mark": rule.mark,
                    "target_source": rule.source,
                    "override_reason": rule.override,
                }
            )
        if not own:
            rows.append(row)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    words = [column for column in COLUMNS if column not in ("published", "computed", "target")]
    return table.assign(**{column: table[column].astype("str") for column in words})


def _newest(published: pd.DataFrame | None, on: date) -> dict[str, dict[str, Any]]:
    """The newest figure of each indicator not after ``on``, in the order of the layer."""
    if published is None:
        return {}
    known = published[published["as_of"] <= pd.Timestamp(on)]
    newest = known.loc[known.groupby("indicator")["as_of"].idxmax()].sort_index() if len(known) else known
    return {
        str(row["indicator"]): {
            "value": float(row["value"]),
            "note": "" if pd.isna(row["note"]) else str(row["note"]),
            "source": "" if pd.isna(row["source"]) else str(row["source"]),
        }
        for _, row in newest.iterrows()
    }


def _unit(indicator: str) -> str:
    try:
        return find(indicator, level="province").unit
    except MissingError:
        return ""
