"""Targets of the province and its districts: published, computed, asked for, met or not, and what must be built."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from phusong.coverage.indicators import find
from phusong.coverage.rules.choose import RuleSet
from phusong.coverage.rules.pack import Rule, meets
from phusong.coverage.shortfall import build_words, form_of, to_build
from phusong.layers.errors import MissingError

COLUMNS = (
    "level",
    "area",
    "indicator",
    "published",
    "published_as_of",
    "computed",
    "unit",
    "target",
    "comparison",
    "met",
    "met_published",
    "distance",
    "build_count",
    "build_unit",
    "build_en",
    "build_vi",
    "have",
    "base",
    "note",
    "source",
    "rule",
    "asked_of",
    "standing",
    "document",
    "article",
    "mark",
    "target_source",
    "override_reason",
)
_NUMBERS = ("published", "computed", "target", "distance", "build_count", "have", "base")
_NOTHING: dict[str, Any] = dict.fromkeys(COLUMNS, "") | dict.fromkeys(_NUMBERS, np.nan) | {"published_as_of": pd.NaT}


def targets(
    province: Mapping[str, float],
    *,
    districts: pd.DataFrame | None = None,
    parts: pd.DataFrame | None = None,
    rules: RuleSet,
    published: pd.DataFrame | None,
    on: date,
) -> pd.DataFrame:
    """One row an area and published figure or target, columns ``COLUMNS``: the province's rows, then each district's.

    ``province``: its indicators by id; ``districts``: a row a district, ``district`` and the same ids; ``parts``: what
    their values were divided from (``area_indicators.PART_COLUMNS``). Figures come in their order, then other targets;
    an indicator with two targets has two rows. A district has rows of its own figures, of the rules of level "district"
    and, for information, of the province's rules for indicators that no rule of its level judges (``asked_of`` says
    whose target it is). The province's ``area`` is "". An area without a single point has no radius and no people a
    point, and misses a target of them.

    ``published``: the layer published_figures, of which the newest figure not after ``on`` counts. ``met`` is "yes",
    "no" or "no_data" by the *computed* value, "" where nothing was asked; ``met_published`` the same by the published
    one ("" without one), where a figure printed as "over" may leave it open ("no_data"). ``distance``: what the
    computed value lacks, in ``unit``, 0 where it is met. ``build_count`` of ``build_unit`` must be added for it to be
    met, in words ``build_en``, ``build_vi``; ``have`` and ``base`` are what there is (``shortfall.Form``). ``note``
    says how a published figure is to be read ("inconsistent_area", "over", "implied").
    """
    places = _places(parts)
    asked = [(rule, "province") for rule in rules.of("province")]
    rows = _rows("", province, asked, newest_figures(published, on), places)
    own = [(rule, "district") for rule in rules.of("district")]
    judged = {rule.indicator for rule, _ in own}
    for_information = [(rule, level) for rule, level in asked if rule.indicator not in judged]
    for record in [] if districts is None else districts.to_dict("records"):
        found = {str(key): value for key, value in record.items()}
        name = str(found["district"])
        rows += _rows(name, found, own + for_information, newest_figures(published, on, district=name), places)
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    words = [column for column in COLUMNS if column not in (*_NUMBERS, "published_as_of")]
    kinds = dict.fromkeys(words, "str") | dict.fromkeys(_NUMBERS, "float64") | {"published_as_of": "datetime64[s]"}
    return table.astype(kinds)


def newest_figures(published: pd.DataFrame | None, on: date, *, district: str = "") -> dict[str, dict[str, Any]]:
    """The newest figure of each indicator not after ``on``, of the province or a district, in the layer's order."""
    if published is None or not len(published):
        return {}
    known = published[(published["as_of"] <= pd.Timestamp(on)) & (figure_areas(published) == district)]
    newest = known.loc[known.groupby("indicator")["as_of"].idxmax()].sort_index() if len(known) else known
    return {
        str(row["indicator"]): {
            "published": float(row["value"]),
            "published_as_of": row["as_of"],
            "note": "" if pd.isna(row["note"]) else str(row["note"]),
            "source": "" if pd.isna(row["source"]) else str(row["source"]),
        }
        for _, row in newest.iterrows()
    }


def figure_areas(published: pd.DataFrame) -> pd.Series[str]:
    """The district of each published figure, "" for the province."""
    if "district" not in published:
        return pd.Series("", index=published.index, dtype="str")
    return published["district"].fillna("").astype("str").str.strip()


def _rows(
    area: str,
    values: Mapping[str, Any],
    asked: list[tuple[Rule, str]],
    figures: Mapping[str, Mapping[str, Any]],
    places: Mapping[tuple[str, str], tuple[float, float]],
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for indicator in dict.fromkeys([*figures, *(rule.indicator for rule, _ in asked)]):
        computed = float(values.get(indicator, np.nan))
        form = form_of(indicator)
        count = (computed, np.nan) if form is not None and form.kind == "count" else (np.nan, np.nan)
        have, base = places.get((area, indicator), count)
        row = _NOTHING | {
            "level": "district" if area else "province",
            "area": area,
            "indicator": indicator,
            "computed": computed,
            "unit": _unit(indicator),
            "have": have,
            "base": base,
            **figures.get(indicator, {}),
        }
        own = [(rule, level) for rule, level in asked if rule.indicator == indicator]
        rows += [row | _asked(rule, level, row) for rule, level in own] or [row]
    return rows


def _asked(rule: Rule, level: str, row: Mapping[str, Any]) -> dict[str, Any]:
    computed, published = float(row["computed"]), float(row["published"])
    met = rule.met(computed)
    build = to_build(
        rule.indicator, have=row["have"], base=row["base"], threshold=rule.threshold, comparison=rule.comparison
    )
    count, unit = (np.nan, "") if build is None else build
    if met is None and build is not None and row["have"] == 0:
        met = count == 0  # there is none of what serves, which is no lack of data: to divide by 0 only gives no number
    return {
        "target": rule.threshold,
        "comparison": rule.comparison,
        "met": _word(met),
        "met_published": "" if math.isnan(published) else _word(_met_published(rule, published, str(row["note"]))),
        "distance": np.nan if met is None else 0.0 if met else abs(rule.margin(computed)),  # NaN of no value
        "build_count": count,
        "build_unit": unit,
        **{f"build_{lang}": build_words(rule.indicator, count, unit, lang) for lang in ("en", "vi")},
        "rule": rule.id,
        "asked_of": level,
        "standing": rule.standing,
        "document": rule.document,
        "article": rule.article,
        "mark": rule.mark,
        "target_source": rule.source,
        "override_reason": rule.override,
    }


def _met_published(rule: Rule, value: float, note: str) -> bool | None:
    """Whether a published value meets a rule; None where it was printed as "over" a value short of the threshold."""
    if note != "over":
        return rule.met(value)
    return rule.comparison in (">=", ">") if meets(value, rule.threshold, ">=") else None


def _word(met: bool | None) -> str:
    return "no_data" if met is None else "yes" if met else "no"


def _places(parts: pd.DataFrame | None) -> dict[tuple[str, str], tuple[float, float]]:
    """(have, base) by area and indicator."""
    if parts is None:
        return {}
    keys = zip(parts["area"].astype("str"), parts["indicator"].astype("str"), strict=True)
    return dict(zip(keys, zip(parts["have"].astype(float), parts["base"].astype(float), strict=True), strict=True))


def _unit(indicator: str) -> str:
    try:
        return find(indicator, level="province").unit
    except MissingError:
        return ""
