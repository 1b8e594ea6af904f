"""Progress to the targets: every dated value, the pace so far against the pace needed, and what to expect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import numpy as np
import pandas as pd

from phusong.coverage.area_indicators import Areas, broadband_indicators, counted_units
from phusong.coverage.forecast import Growth, fit_growth
from phusong.coverage.indicators import find
from phusong.coverage.population import rows_of
from phusong.coverage.rules.choose import RuleSet
from phusong.coverage.rules.pack import Rule
from phusong.coverage.shortfall import bounded, form_of
from phusong.coverage.targets import figure_areas
from phusong.layers.errors import MissingError

YEAR_DAYS = 365.25
LEAST_YEARS = 0.5
"""Shortest time from the first value to the last that tells a pace: a month's growth is none of a year's."""
LAST_DAY = date(2199, 12, 31)
"""A target reached later is not reached."""

PROGRESS_COLUMNS = ("level", "area", "indicator", "as_of", "value", "unit", "basis", "note", "source")
PACE_COLUMNS = (
    "level",
    "area",
    "indicator",
    "unit",
    "basis",
    "dates",
    "from",
    "to",
    "first_value",
    "value",
    "pace_per_year",
    "needed_per_year",
    "on_pace",
    "target",
    "comparison",
    "target_on",
    "reaches_on",
    "method",
    "saturation",
    "forecast",
    "low",
    "high",
    "interval_pct",
    "rule",
    "asked_of",
)


class Outlook(Protocol):
    """What a study says of its progress (the settings ``[progress]``)."""

    @property
    def target_year(self) -> int | None: ...
    @property
    def saturation(self) -> Mapping[str, float]: ...
    @property
    def interval_pct(self) -> float: ...


def progress(
    published: pd.DataFrame | None,
    dated: pd.DataFrame,
    *,
    province: Mapping[str, float],
    districts: pd.DataFrame,
    wanted: set[str],
    on: date,
) -> pd.DataFrame:
    """Every value of an indicator with its day, ``PROGRESS_COLUMNS``, sorted by area, indicator, basis and day.

    Published figures not after ``on`` (basis "published") and computed values (basis "computed"): those of ``dated``
    (``broadband_dated_areas``), and for other indicators of ``wanted`` the one of the study's day. No data has no row,
    and neither has a figure of a district that is none of ``districts``.
    """
    rows: list[dict[str, Any]] = []
    areas: list[tuple[str, Mapping[Any, Any]]] = [("", province)]
    areas += [(str(row["district"]), row) for row in districts.to_dict("records")]
    rank = {area: i for i, (area, _) in enumerate(areas)}
    if published is not None:
        known = published[published["as_of"] <= pd.Timestamp(on)]
        for area, row in zip(figure_areas(known), known.to_dict("records"), strict=True):
            if area not in rank:
                continue
            note, source = ("" if pd.isna(row[name]) else str(row[name]) for name in ("note", "source"))
            rows.append(_dated(area, str(row["indicator"]), row["as_of"], row["value"], "published", note, source))
    told = set(zip(dated["area"], dated["indicator"], strict=True))
    for row in dated.to_dict("records"):
        rows.append(_dated(row["area"], row["indicator"], row["as_of"], row["value"], "computed"))
    for area, values in areas:
        for indicator in sorted(wanted):
            value = values.get(indicator, np.nan)
            if (area, indicator) not in told and not pd.isna(value):
                rows.append(_dated(area, indicator, pd.Timestamp(on), value, "computed"))
    table = pd.DataFrame(rows, columns=list(PROGRESS_COLUMNS))
    kinds = dict.fromkeys(PROGRESS_COLUMNS, "str") | {"as_of": "datetime64[s]", "value": "float64"}
    order = table.assign(rank=table["area"].map(rank))
    order = order.sort_values(["rank", "indicator", "basis", "as_of"], kind="stable", ignore_index=True)
    return order[list(PROGRESS_COLUMNS)].astype(kinds)


def broadband_dated_areas(
    layer: pd.DataFrame | None, units: pd.DataFrame, *, areas: Areas, programme: pd.Series[bool], on: date
) -> pd.DataFrame:
    """What the layer broadband says of each area on each of its days not after ``on``: area, indicator, as_of, value.

    A day's value rests on the communes that have a row of that very day, if these hold half of the people (or are half
    of the communes); people are those of the units layer, which knows one day only. A total, such as telephones, has no
    such rule: it rests on all of its communes, since one that is missing would look like a fall.
    """
    rows: list[tuple[str, str, Any, float]] = []
    if layer is not None and len(layer) and len(areas):
        population = np.asarray(units["population"], dtype=np.float64)
        member = np.asarray(programme.astype("boolean").fillna(False), dtype=bool)
        here = layer[(rows_of(layer["code"], units["code"]) >= 0) & (layer["as_of"] <= pd.Timestamp(on))]
        for day in sorted(here["as_of"].unique()):
            codes = here.loc[here["as_of"] == day, "code"]
            found = broadband_indicators(
                here[here["code"].isin(codes)],
                units,
                areas=areas,
                on=pd.Timestamp(day).date(),
                population=population,
                programme=member,
                counted=counted_units(units),
                total_share=1.0,
            )
            rows += [
                (name, indicator, pd.Timestamp(day), float(values[i]))
                for indicator, values in found.values.items()
                for i, name in enumerate(areas.names)
                if not np.isnan(values[i])
            ]
    return pd.DataFrame(rows, columns=["area", "indicator", "as_of", "value"])


def pace(progress_table: pd.DataFrame, *, rules: RuleSet, outlook: Outlook) -> pd.DataFrame:
    """One row an area, indicator and target, or an indicator of two dates without one: ``PACE_COLUMNS``.

    Of each indicator the basis with more dates is taken (of as many the computed one). ``pace_per_year``: (last - first
    value) over the years between, NaN where these are fewer than ``LEAST_YEARS``; ``needed_per_year``: (target - last
    value) over the years to ``target_on``, 0 where the target is met, NaN where no time is left. ``target_on``: the end
    of ``outlook.target_year``, else the last day of the rule; where nothing is asked, the last day of any target.
    ``on_pace``: "yes" where the target is met or the pace so far, kept to ``target_on``, would meet it, "no", or ""
    where it is not known.

    ``method``: "saturating" from ``LEAST_DATES`` dates on where the saturation is known (``saturation_of``) and the
    last value lies between 0 and it: growth by ``forecast.fit_growth``, ``low`` and ``high`` its prediction interval of
    ``outlook.interval_pct`` %; "straight" otherwise: the pace goes on as so far, no interval can be told; "" without a
    pace. ``forecast`` is of ``target_on``, never below 0 or above the saturation. ``reaches_on``: since when the
    target is met, or when it would be by the forecast, at the soonest the day after the last value; empty where never.
    Growth in % a year is a pace itself and has no row.

    Raises:
        ComputeError: a value above its saturation.
    """
    asked = [(rule, "district") for rule in rules.of("district")]
    asked += [(rule, "province") for rule in rules.of("province")]
    horizon = _year_end(outlook.target_year) or max(
        (rule.valid_to for rule, _ in asked if rule.valid_to is not None), default=None
    )
    rows = []
    for series in _series(progress_table, outlook):
        own = _asked_of(series, asked)
        if own or len(series.values) > 1:
            targets: list[tuple[Rule | None, str]] = [*own] or [(None, "")]
            rows += [_row(series, rule, level, horizon, outlook) for rule, level in targets]
    table = pd.DataFrame(rows, columns=list(PACE_COLUMNS))
    days = dict.fromkeys(("from", "to", "target_on", "reaches_on"), "datetime64[s]")
    numbers = ("first_value", "value", "pace_per_year", "needed_per_year", "target", "saturation", "forecast")
    kinds: dict[str, Any] = dict.fromkeys(PACE_COLUMNS, "str") | days | {"dates": "int64"}
    return table.astype(kinds | dict.fromkeys((*numbers, "low", "high", "interval_pct"), "float64"))


def saturation_of(indicator: str, settings: Mapping[str, float]) -> float:
    """The most an indicator can be: as the study says, 100 for shares of a whole, else not known (NaN)."""
    return float(settings.get(indicator, 100.0 if bounded(indicator) else np.nan))


@dataclass(frozen=True)
class _Series:
    """The dated values of one indicator of one area, first day first."""

    level: str
    area: str
    indicator: str
    unit: str
    basis: str
    days: pd.Series[pd.Timestamp]
    values: np.ndarray[Any, np.dtype[np.float64]]
    saturation: float

    @property
    def years(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Years of each day from the first one."""
        return np.asarray((self.days - self.days.iloc[0]).dt.days, dtype=np.float64) / YEAR_DAYS

    @property
    def last(self) -> float:
        return float(self.values[-1])

    @property
    def per_year(self) -> float:
        years = float(self.years[-1])
        return float(self.values[-1] - self.values[0]) / years if years >= LEAST_YEARS else np.nan

    def years_to(self, day: date | None) -> float:
        """Years from the last day to another one."""
        return np.nan if day is None else (pd.Timestamp(day) - self.days.iloc[-1]).days / YEAR_DAYS

    def day_at(self, years: float) -> pd.Timestamp | None:
        """The day so many years after the last one; None beyond ``LAST_DAY``."""
        last = self.days.iloc[-1]
        far = (pd.Timestamp(LAST_DAY) - last).days / YEAR_DAYS
        return last + pd.Timedelta(days=int(np.ceil(years * YEAR_DAYS))) if 0 <= years <= far else None


def _series(table: pd.DataFrame, outlook: Outlook) -> Iterator[_Series]:
    for (area, indicator), rows in table.groupby(["area", "indicator"], sort=False):
        form = form_of(str(indicator))
        if form is not None and form.kind == "growth":
            continue
        counts = rows["basis"].value_counts()
        basis = max(("computed", "published"), key=lambda name: counts.get(name, 0))
        own = rows[rows["basis"] == basis]
        values = own["value"].to_numpy(dtype=np.float64)
        level, unit = str(own["level"].iloc[0]), str(own["unit"].iloc[0])
        limit = saturation_of(str(indicator), outlook.saturation)
        if area and form is not None and form.kind == "count":
            limit = np.nan  # what the whole province can have says nothing of a district
        days = own["as_of"].reset_index(drop=True)
        yield _Series(level, str(area), str(indicator), unit, basis, days, values, limit)


def _asked_of(series: _Series, asked: list[tuple[Rule, str]]) -> list[tuple[Rule, str]]:
    """Targets of a series: a district's own, else the province's for information."""
    own = [(rule, level) for rule, level in asked if rule.indicator == series.indicator]
    mine = [(rule, level) for rule, level in own if level == series.level]
    return mine or [(rule, level) for rule, level in own if series.level == "district"]


def _row(series: _Series, rule: Rule | None, level: str, horizon: date | None, outlook: Outlook) -> dict[str, Any]:
    target_on = _year_end(outlook.target_year) or (rule.valid_to if rule is not None else horizon)
    ahead = series.years_to(target_on)
    growth = None
    if not np.isnan(series.saturation):  # also of too few values: one above it is refused
        growth = fit_growth(series.years, series.values, saturation=series.saturation)
        if np.isnan(series.per_year) or not 0 < series.last < series.saturation:
            growth = None  # nothing to go by, or it has arrived: the curve of the values before would lead away
    met = rule is not None and rule.met(series.last) is True
    needed = np.nan
    if rule is not None:
        needed = 0.0 if met else (rule.threshold - series.last) / ahead if ahead > 0 else np.nan
    method = "" if np.isnan(series.per_year) else "straight" if growth is None else "saturating"
    forecast, low, high = _expected(series, growth, ahead, outlook.interval_pct)
    return {
        "level": series.level,
        "area": series.area,
        "indicator": series.indicator,
        "unit": series.unit,
        "basis": series.basis,
        "dates": len(series.values),
        "from": series.days.iloc[0],
        "to": series.days.iloc[-1],
        "first_value": float(series.values[0]),
        "value": series.last,
        "pace_per_year": series.per_year,
        "needed_per_year": needed,
        "on_pace": _on_pace(series, rule, needed, ahead, met=met),
        "target": np.nan if rule is None else rule.threshold,
        "comparison": "" if rule is None else rule.comparison,
        "target_on": None if target_on is None else pd.Timestamp(target_on),
        "reaches_on": None if rule is None else _reaches_on(series, rule, growth, met=met),
        "method": method,
        "saturation": series.saturation,
        "forecast": forecast,
        "low": low,
        "high": high,
        "interval_pct": np.nan if growth is None else outlook.interval_pct,
        "rule": "" if rule is None else rule.id,
        "asked_of": level,
    }


def _expected(series: _Series, growth: Growth | None, ahead: float, level_pct: float) -> tuple[float, float, float]:
    """(forecast, low, high) so many years after the last day."""
    if not ahead >= 0:
        return np.nan, np.nan, np.nan
    if growth is not None:
        at = float(series.years[-1]) + ahead
        return growth.at(at), *growth.interval(at, level_pct=level_pct)
    most = np.inf if np.isnan(series.saturation) else series.saturation
    return float(np.clip(series.last + series.per_year * ahead, 0.0, most)), np.nan, np.nan


def _on_pace(series: _Series, rule: Rule | None, needed: float, ahead: float, *, met: bool) -> str:
    if met:
        return "yes"
    if rule is None or np.isnan(needed) or np.isnan(series.per_year):
        return ""
    if rule.comparison == "=":  # to be passed on the way
        enough = series.per_year * needed > 0 and abs(series.per_year) >= abs(needed)
    else:
        enough = rule.met(series.last + series.per_year * ahead) is True
    return "yes" if enough else "no"


def _reaches_on(series: _Series, rule: Rule, growth: Growth | None, *, met: bool) -> pd.Timestamp | None:
    if met:
        short = [i for i, value in enumerate(series.values) if rule.met(float(value)) is False]
        return pd.Timestamp(series.days.iloc[short[-1] + 1 if short else 0])
    if growth is not None:
        if (growth.slope > 0) != (rule.threshold > series.last):
            return None
        # the curve may be past the threshold already while the last value is not
        return series.day_at(float(np.maximum(1 / YEAR_DAYS, growth.years_at(rule.threshold) - series.years[-1])))
    apart = rule.threshold - series.last
    moving = series.per_year * apart > 0  # False for one date: its pace is not known
    return series.day_at(apart / series.per_year) if moving else None


def _year_end(year: int | None) -> date | None:
    return None if year is None else date(year, 12, 31)


def _dated(  # noqa: PLR0917
    area: str, indicator: str, day: Any, value: float, basis: str, note: str = "", source: str = ""
) -> dict[str, Any]:
    try:
        unit = find(indicator, level="province").unit
    except MissingError:
        unit = ""
    level = "district" if area else "province"
    return dict(
        zip(PROGRESS_COLUMNS, (level, area, indicator, day, float(value), unit, basis, note, source), strict=True)
    )
