"""The gap list: communes and villages that fail at least one rule, with reasons, margins and people affected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.evidence import compare, units_from_reports, village_signal
from phusong.coverage.gap_tables import Judged, class_words
from phusong.coverage.gap_totals import gap_totals
from phusong.coverage.indicators import CLASSES
from phusong.coverage.ranking.index import Index, need_table, order_by_need, ranks_by_need
from phusong.coverage.rules.choose import RuleSet
from phusong.coverage.rules.judge import Floats, Judgement, judge, numbers
from phusong.coverage.village_indicators import CELLS
from phusong.coverage.village_states import STATE_COLUMNS, STATES, nearest_covered, texts, uncovered_by, village_states

UNIT_COLUMNS = (
    "rank",
    "code",
    "valid_on",
    "name",
    "district",
    "population",
    "people_affected",
    "reasons_count",
    "need_index",
    "judged_weight_pct",
    "classes",
    "basis",
    "gap_villages",
)
VILLAGE_COLUMNS = (
    "rank",
    "code",
    "name",
    "unit_code",
    "unit_name",
    "district",
    "population",
    "grid_power",
    *STATE_COLUMNS,
    "people_affected",
    "reasons_count",
    "classes",
    "basis",
)


@dataclass(frozen=True)
class Gaps:
    """What ``find_gaps`` found.

    units, villages   gaps by rank, columns ``UNIT_COLUMNS`` and ``VILLAGE_COLUMNS``; people in persons
    reasons           one row a failed rule, columns ``gap_tables.REASON_COLUMNS``, with the sentence in each language
    not_judged        one row a rule that could not be judged: neither a gap nor fine; ``why`` is "no_data" or
                      "class_unknown"
    totals            gaps and people affected by district and service, nobody twice (``gap_totals.gap_totals``)
    comparison        reports against the model (``evidence.compare``)
    need              code, valid_on, rank, need_index, judged_weight_pct of every commune, gap or not, and its need
                      (0-1) of each component of the index, ``need_<id>``
    counts            units, gap_units, villages, gap_villages, reasons, not_judged, villages by state (all, whether a
                      rule asks or not), those of the comparison, and villages uncovered by reports, the model or both
    """

    units: pd.DataFrame
    villages: pd.DataFrame
    reasons: pd.DataFrame
    not_judged: pd.DataFrame
    totals: pd.DataFrame
    comparison: pd.DataFrame
    need: pd.DataFrame
    counts: Mapping[str, int]


def find_gaps(
    unit_indicators: pd.DataFrame,
    village_indicators: pd.DataFrame | None,
    *,
    rules: RuleSet,
    villages: pd.DataFrame | None,
    index: Index | None = None,
) -> Gaps:
    """Communes and villages against the rules in force, communes in the order of the need ``index`` (of the rules).

    ``unit_indicators`` hold code, valid_on, name, district, people, households, the class flags and the indicators;
    ``village_indicators`` (rows as ``villages``, or None for both) hold code, name, unit_code, their indicators and,
    where they have own ones, the class flags (else those of the commune hold). No data is never a gap.

    People affected: all people of the commune or village, or those not served where the rule names a share of people;
    over several reasons the largest figure, for the same people may stand behind each. It is no data where a report
    decided and the share is the model's.

    Basis of a reason: "observed" (reports), "model" (computed coverage), "record" (any other layer). A report decides
    for its village over the model. A commune is judged by the model where there is one; reports speak for it where the
    model says nothing. Rank: communes by need index, then people affected; villages by state (``village_states``: none
    at the centre, none at some cluster, one operator only, anything else), then people affected; then code.
    """
    village_rows = village_indicators if village_indicators is not None else pd.DataFrame(columns=_VILLAGE_KEYS)
    village_people = people_of_villages(villages, unit_indicators)
    if len(village_rows) != len(village_people):
        raise ValueError("the village indicators do not have the rows of the villages")
    of_unit = pd.Index(unit_indicators["code"]).get_indexer(pd.Index(village_rows["unit_code"]))
    reported = _days(village_rows)

    unit_frame, unit_judged, share_basis = judge_units(
        unit_indicators, village_rows, village_people=village_people, rules=rules
    )
    unit_part = Judged(
        "unit",
        unit_frame,
        unit_judged,
        numbers(unit_indicators, "people"),
        share_basis,
        _newest(reported, of_unit, n=len(unit_frame)),
        np.zeros(len(unit_frame), dtype=np.bool_),
    )

    signal, signal_basis = village_signal(village_rows)
    village_frame = village_rows.drop(columns=list(signal.columns), errors="ignore").join(signal)
    classes = pd.DataFrame(
        {
            name: numbers(village_rows, name) if name in village_rows else _at(numbers(unit_indicators, name), of_unit)
            for name in CLASSES
        }
    )
    village_judged = judge(village_frame, rules.of("village"), classes=classes)
    states = village_states(village_rows, signal, signal_basis)
    village_part = Judged(
        "village",
        village_frame,
        village_judged,
        village_people,
        signal_basis,
        reported,
        texts(village_rows, "clusters_basis") == CELLS,
    )

    need = need_table(unit_frame, unit_judged, index)
    gap_villages = _gap_villages(village_part, villages, unit_indicators, of_unit, classes, states)
    settled = (~village_judged.not_judged).any(axis=1)
    judged_in = set(village_rows["unit_code"].to_numpy()[settled])
    gap_units = _gap_units(unit_part, unit_indicators, need, gap_villages, judged_in=judged_in)
    reasons, not_judged = (
        pd.concat([table(unit_part), table(village_part)], ignore_index=True)
        for table in (Judged.reasons, Judged.not_judged)
    )
    comparison, agreement = compare(village_rows)
    state = states["signal_state"].to_numpy(dtype=object)
    return Gaps(
        units=gap_units,
        villages=gap_villages,
        reasons=reasons,
        not_judged=not_judged,
        totals=gap_totals(unit_part, village_part, of_unit=of_unit, states=state),
        comparison=comparison,
        need=_every_need(unit_indicators, need, gap_units),
        counts={
            "units": len(unit_frame),
            "gap_units": len(gap_units),
            "villages": len(village_frame),
            "gap_villages": len(gap_villages),
            **{f"villages_{name}": int((state == name).sum()) for name in STATES[:3]},
            "reasons": len(reasons),
            "not_judged": len(not_judged),
            **agreement,
            **uncovered_by(village_rows),
        },
    )


_VILLAGE_KEYS = ["code", "name", "unit_code"]


def judge_units(
    unit_indicators: pd.DataFrame, village_indicators: pd.DataFrame, *, village_people: Floats, rules: RuleSet
) -> tuple[pd.DataFrame, Judgement, pd.DataFrame]:
    """Communes against their rules: their indicators with what reports fill in, how they are judged, and the basis of
    the figures that reports may decide (``evidence.units_from_reports``)."""
    shares, basis = units_from_reports(unit_indicators, village_indicators, village_people=village_people)
    frame = unit_indicators.drop(columns=list(shares.columns), errors="ignore").join(shares)
    return frame, judge(frame, rules.of("unit"), classes=unit_indicators), basis


def _every_need(units: pd.DataFrame, need: pd.DataFrame, gap_units: pd.DataFrame) -> pd.DataFrame:
    """The need of every commune with its place among all."""
    keys = units[["code", "valid_on"]].reset_index(drop=True)
    affected = gap_units.set_index("code")["people_affected"].reindex(keys["code"])
    rank = ranks_by_need(
        numbers(need, "need_index"), people_affected=affected.to_numpy(dtype=np.float64), codes=keys["code"]
    )
    return pd.concat([keys.assign(rank=rank), need], axis=1)


def _gap_units(
    part: Judged, indicators: pd.DataFrame, need: pd.DataFrame, gap_villages: pd.DataFrame, *, judged_in: set[str]
) -> pd.DataFrame:
    """The gap communes; their count of gap villages is no data where none of their villages could be judged."""
    found = part.summary()
    rows = found["row"].to_numpy()
    own = indicators.iloc[rows].reset_index(drop=True)
    in_villages = gap_villages["unit_code"].value_counts()
    table = found.assign(
        code=own["code"],
        valid_on=own["valid_on"],
        name=own["name"],
        district=own["district"],
        population=part.people[rows],
        need_index=need["need_index"].to_numpy()[rows],
        judged_weight_pct=need["judged_weight_pct"].to_numpy()[rows],
        classes=class_words(own),
        gap_villages=own["code"].map(in_villages).fillna(0).where(own["code"].isin(judged_in)).astype("Int64"),
    )
    order = order_by_need(
        numbers(table, "need_index"), people_affected=numbers(table, "people_affected"), codes=table["code"]
    )
    table = table.iloc[order].reset_index(drop=True)
    return table.assign(rank=np.arange(1, len(table) + 1))[list(UNIT_COLUMNS)]


def _gap_villages(  # noqa: PLR0917
    part: Judged,
    villages: pd.DataFrame | None,
    units: pd.DataFrame,
    of_unit: NDArray[np.int64],
    classes: pd.DataFrame,
    states: pd.DataFrame,
) -> pd.DataFrame:
    found = part.summary()
    rows = found["row"].to_numpy()
    own = part.frame.iloc[rows].reset_index(drop=True)
    power = None if villages is None or "grid_power" not in villages else villages["grid_power"].iloc[rows]
    layer = part.frame[["code", "name"]] if villages is None else villages
    near = nearest_covered(layer, numbers(part.frame, "centre_covered_any") == 1.0, rows)
    table = found.assign(
        code=own["code"],
        name=own["name"],
        unit_code=own["unit_code"],
        unit_name=_names(units, "name", of_unit[rows]),
        district=_names(units, "district", of_unit[rows]),
        population=part.people[rows],
        grid_power=pd.array([pd.NA] * len(rows) if power is None else power.tolist(), dtype="boolean"),
        classes=class_words(classes.iloc[rows]),
        **{str(name): column.to_numpy() for name, column in near.items()},
    )
    table = pd.concat([table, states.iloc[rows].reset_index(drop=True)], axis=1)
    worst_first = table["signal_state"].map({state: place for place, state in enumerate(STATES)})
    table = table.assign(state=worst_first).sort_values(
        ["state", "people_affected", "code"], ascending=[True, False, True], ignore_index=True
    )
    return table.assign(rank=np.arange(1, len(table) + 1))[list(VILLAGE_COLUMNS)]


def _days(villages: pd.DataFrame) -> NDArray[np.datetime64]:
    """Day of each village's newest report, NaT without one."""
    if "observed_as_of" not in villages:
        return np.full(len(villages), np.datetime64("NaT", "s"))
    return villages["observed_as_of"].to_numpy(dtype="datetime64[s]")


def _newest(days: NDArray[np.datetime64], of_unit: NDArray[np.int64], *, n: int) -> NDArray[np.datetime64]:
    """The newest day of the villages of each of ``n`` communes."""
    found = np.full(n, np.iinfo(np.int64).min)  # what numpy keeps for NaT
    use = (of_unit >= 0) & ~np.isnat(days)
    np.maximum.at(found, of_unit[use], days[use].astype(np.int64))
    return found.view("datetime64[s]")


def people_of_villages(villages: pd.DataFrame | None, units: pd.DataFrame) -> Floats:
    """People of each village: its population, else its households times the persons a household of its unit.

    ``units``: code, people and households of the communes. Without villages there is none.
    """
    if villages is None:
        return np.empty(0, dtype=np.float64)
    of_unit = pd.Index(units["code"]).get_indexer(pd.Index(villages["unit_code"]))
    households = numbers(units, "households")
    persons = numbers(units, "people")
    per_household = np.divide(persons, households, out=np.full(len(units), np.nan), where=households > 0)
    people = numbers(villages, "population")
    return np.where(np.isnan(people), numbers(villages, "households") * _at(per_household, of_unit), people)


def _at(values: Floats, rows: np.ndarray) -> Floats:
    """``values`` at ``rows``, NaN for row -1."""
    if not len(values):
        return np.full(len(rows), np.nan)
    return np.where(rows >= 0, values[rows], np.nan)


def _names(frame: pd.DataFrame, column: str, rows: np.ndarray) -> pd.Series:
    named = frame[column].reset_index(drop=True).reindex(rows)
    return named.reset_index(drop=True)
