"""The gap list: communes and villages that fail at least one rule, with reasons, margins and people affected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from phusong.coverage.evidence import MODEL, OBSERVED, RECORD, compare, units_from_reports, village_signal
from phusong.coverage.index import need_index
from phusong.coverage.indicators import CLASSES
from phusong.coverage.rules.choose import RuleSet
from phusong.coverage.rules.judge import Floats, Judgement, judge, numbers
from phusong.coverage.rules.pack import Rule
from phusong.layers.messages import LANGS

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
    "people_affected",
    "reasons_count",
    "classes",
    "basis",
)
REASON_COLUMNS = (
    "level",
    "code",
    "valid_on",
    "name",
    "rule",
    "pack",
    "indicator",
    "value",
    "comparison",
    "threshold",
    "margin",
    "unit",
    "basis",
    "people_affected",
    "mark",
    "source",
    "override_reason",
    *(f"text_{lang}" for lang in LANGS),
)
NOT_JUDGED_COLUMNS = ("level", "code", "valid_on", "name", "rule", "pack", "indicator", "why")
NO_DATA, CLASS_UNKNOWN = "no_data", "class_unknown"
_BASES = (OBSERVED, MODEL, RECORD)


@dataclass(frozen=True)
class Gaps:
    """What ``find_gaps`` found.

    units, villages   gaps by rank, columns ``UNIT_COLUMNS`` and ``VILLAGE_COLUMNS``; people in persons
    reasons           one row a failed rule, columns ``REASON_COLUMNS``, with the sentence in each language
    not_judged        one row a rule that could not be judged: neither a gap nor fine; ``why`` is "no_data" or
                      "class_unknown"
    comparison        reports against the model (``evidence.compare``)
    need              code, valid_on, need_index, judged_weight_pct of every commune, gap or not
    counts            units, gap_units, villages, gap_villages, reasons, not_judged, and those of the comparison
    """

    units: pd.DataFrame
    villages: pd.DataFrame
    reasons: pd.DataFrame
    not_judged: pd.DataFrame
    comparison: pd.DataFrame
    need: pd.DataFrame
    counts: Mapping[str, int]


def find_gaps(
    unit_indicators: pd.DataFrame,
    village_indicators: pd.DataFrame | None,
    *,
    rules: RuleSet,
    villages: pd.DataFrame | None,
) -> Gaps:
    """Communes and villages against the rules in force.

    ``unit_indicators`` hold code, valid_on, name, district, people, households, the class flags and the indicators;
    ``village_indicators`` (rows as ``villages``, or None for both) hold code, name, unit_code and their indicators.
    No data is never a gap.

    People affected: all people of the commune or village, or those not served where the rule names a share of people;
    over several reasons the largest figure, for the same people may stand behind each. It is no data where a report
    decided and the share is the model's.

    Basis of a reason: "observed" (reports), "model" (computed coverage), "record" (any other layer). A report decides
    for its village over the model. A commune is judged by the model where there is one; reports speak for it where the
    model says nothing. Rank: communes by need index, then people affected; villages by people affected; then code.
    """
    village_rows = village_indicators if village_indicators is not None else pd.DataFrame(columns=_VILLAGE_KEYS)
    village_people = (
        _village_people(villages, unit_indicators) if villages is not None else np.array([], dtype=np.float64)
    )
    if len(village_rows) != len(village_people):
        raise ValueError("the village indicators do not have the rows of the villages")

    shares, share_basis = units_from_reports(unit_indicators, village_rows, village_people=village_people)
    unit_frame = unit_indicators.drop(columns=list(shares.columns), errors="ignore").join(shares)
    unit_judged = judge(unit_frame, rules.of("unit"), classes=unit_indicators)
    unit_part = _Part("unit", unit_frame, unit_judged, numbers(unit_indicators, "people"), share_basis)

    signal, signal_basis = village_signal(village_rows)
    village_frame = village_rows.drop(columns=list(signal.columns), errors="ignore").join(signal)
    of_unit = pd.Index(unit_indicators["code"]).get_indexer(pd.Index(village_rows["unit_code"]))
    village_classes = pd.DataFrame({name: _at(numbers(unit_indicators, name), of_unit) for name in CLASSES})
    village_judged = judge(village_frame, rules.of("village"), classes=village_classes)
    village_part = _Part("village", village_frame, village_judged, village_people, signal_basis)

    need = need_index(unit_judged)
    reasons = pd.concat([unit_part.reasons(), village_part.reasons()], ignore_index=True)
    not_judged = pd.concat([unit_part.not_judged(), village_part.not_judged()], ignore_index=True)
    gap_villages = _gap_villages(village_part, villages, unit_indicators, of_unit, village_classes)
    judged = ~np.isnan(village_judged.margin).all(axis=1)
    judged_in = set(village_rows["unit_code"].to_numpy()[judged])
    gap_units = _gap_units(unit_part, unit_indicators, need, gap_villages, judged_in=judged_in)
    comparison, agreement = compare(village_rows)
    return Gaps(
        units=gap_units,
        villages=gap_villages,
        reasons=reasons,
        not_judged=not_judged,
        comparison=comparison,
        need=pd.concat([unit_indicators[["code", "valid_on"]].reset_index(drop=True), need], axis=1),
        counts={
            "units": len(unit_frame),
            "gap_units": len(gap_units),
            "villages": len(village_frame),
            "gap_villages": len(gap_villages),
            "reasons": len(reasons),
            "not_judged": len(not_judged),
            **agreement,
        },
    )


_VILLAGE_KEYS = ["code", "name", "unit_code"]


@dataclass(frozen=True)
class _Part:
    """One level on its way to lists: rows, how they were judged, their people, and the basis of some indicators."""

    level: str
    frame: pd.DataFrame
    judged: Judgement
    people: Floats
    basis: pd.DataFrame

    def basis_of(self, rule: Rule) -> np.ndarray:
        if rule.indicator in self.basis.columns:
            return self.basis[rule.indicator].to_numpy(dtype=object)
        return np.full(len(self.frame), MODEL if rule.service == "mobile" else RECORD, dtype=object)

    def affected(self, rule: Rule) -> Floats:
        """People affected where the rule fails, float64[n]."""
        if rule.affected == "all":
            return self.people
        people = self.people * (1.0 - numbers(self.frame, rule.affected) / 100.0)
        if rule.affected != rule.indicator:
            people = np.where(self.basis_of(rule) == OBSERVED, np.nan, people)
        return people

    def _keys(self, rows: np.ndarray) -> pd.DataFrame:
        keys = self.frame.iloc[rows]
        return pd.DataFrame(
            {
                "level": self.level,
                "code": keys["code"].to_numpy(),
                "valid_on": keys["valid_on"].to_numpy() if "valid_on" in keys else np.datetime64("NaT", "s"),
                "name": keys["name"].to_numpy(),
            }
        )

    def reasons(self) -> pd.DataFrame:
        parts = []
        for r, rule in enumerate(self.judged.rules):
            rows = np.flatnonzero(self.judged.fails[:, r])
            values = self.judged.value[rows, r]
            part = self._keys(rows).assign(
                rule=rule.id,
                pack=rule.pack,
                indicator=rule.indicator,
                value=values,
                comparison=rule.comparison,
                threshold=rule.threshold,
                margin=self.judged.margin[rows, r],
                unit=rule.unit,
                basis=self.basis_of(rule)[rows],
                people_affected=self.affected(rule)[rows],
                mark=rule.mark,
                source=rule.source,
                override_reason=rule.override,
            )
            for lang in LANGS:
                part[f"text_{lang}"] = [rule.sentence(float(value), lang) for value in values]
            parts.append(part.assign(row=rows))
        return _stack(parts, REASON_COLUMNS)

    def not_judged(self) -> pd.DataFrame:
        parts = []
        for r, rule in enumerate(self.judged.rules):
            rows = np.flatnonzero(self.judged.not_judged[:, r])
            why = np.where(self.judged.class_known[rows, r], NO_DATA, CLASS_UNKNOWN)
            part = self._keys(rows).assign(rule=rule.id, pack=rule.pack, indicator=rule.indicator, why=why)
            parts.append(part.assign(row=rows))
        return _stack(parts, NOT_JUDGED_COLUMNS)

    def summary(self) -> pd.DataFrame:
        """One row a gap: row number in the frame, people_affected, reasons_count, basis."""
        fails = self.judged.fails
        rows = np.flatnonzero(fails.any(axis=1))
        affected = np.full(len(rows), np.nan)
        bases: list[set[str]] = [set() for _ in rows]
        for r, rule in enumerate(self.judged.rules):
            failed = fails[rows, r]
            affected = np.fmax(affected, np.where(failed, self.affected(rule)[rows], np.nan))
            for i in np.flatnonzero(failed):
                bases[i].add(str(self.basis_of(rule)[rows[i]]))
        return pd.DataFrame(
            {
                "row": rows,
                "people_affected": affected,
                "reasons_count": fails[rows].sum(axis=1),
                "basis": [";".join(basis for basis in _BASES if basis in found) for found in bases],
            }
        )


def _gap_units(
    part: _Part, indicators: pd.DataFrame, need: pd.DataFrame, gap_villages: pd.DataFrame, *, judged_in: set[str]
) -> pd.DataFrame:
    """The gap communes; their count of gap villages is no data where none of their villages could be judged."""
    found = part.summary()
    rows = found["row"].to_numpy()
    own = indicators.iloc[rows].reset_index(drop=True)
    flags = pd.DataFrame({name: numbers(own, name) for name in CLASSES})
    in_villages = gap_villages["unit_code"].value_counts()
    table = found.assign(
        code=own["code"],
        valid_on=own["valid_on"],
        name=own["name"],
        district=own["district"],
        population=part.people[rows],
        need_index=need["need_index"].to_numpy()[rows],
        judged_weight_pct=need["judged_weight_pct"].to_numpy()[rows],
        classes=_class_words(flags),
        gap_villages=own["code"].map(in_villages).fillna(0).where(own["code"].isin(judged_in)).astype("Int64"),
    )
    table = table.sort_values(
        ["need_index", "people_affected", "code"], ascending=[False, False, True], ignore_index=True
    )
    return table.assign(rank=np.arange(1, len(table) + 1))[list(UNIT_COLUMNS)]


def _gap_villages(
    part: _Part,
    villages: pd.DataFrame | None,
    units: pd.DataFrame,
    of_unit: np.ndarray,
    classes: pd.DataFrame,
) -> pd.DataFrame:
    found = part.summary()
    rows = found["row"].to_numpy()
    own = part.frame.iloc[rows].reset_index(drop=True)
    power = None if villages is None or "grid_power" not in villages else villages["grid_power"].iloc[rows]
    table = found.assign(
        code=own["code"],
        name=own["name"],
        unit_code=own["unit_code"],
        unit_name=_names(units, "name", of_unit[rows]),
        district=_names(units, "district", of_unit[rows]),
        population=part.people[rows],
        grid_power=pd.array([pd.NA] * len(rows) if power is None else power.tolist(), dtype="boolean"),
        classes=_class_words(classes.iloc[rows]),
    )
    table = table.sort_values(["people_affected", "code"], ascending=[False, True], ignore_index=True)
    return table.assign(rank=np.arange(1, len(table) + 1))[list(VILLAGE_COLUMNS)]


def _village_people(villages: pd.DataFrame, units: pd.DataFrame) -> Floats:
    """People of each village: its population, else its households times the persons a household of its unit."""
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


def _class_words(flags: pd.DataFrame) -> list[str]:
    table = flags.to_numpy(dtype=np.float64)
    return [";".join(name for name, flag in zip(CLASSES, row, strict=True) if flag == 1.0) for row in table]


def _stack(parts: list[pd.DataFrame], columns: tuple[str, ...]) -> pd.DataFrame:
    """Parts with rows as one frame in row order, then rule order."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return pd.DataFrame({column: [] for column in columns})
    return pd.concat(parts, ignore_index=True).sort_values("row", kind="stable", ignore_index=True)[list(columns)]
