"""One level (communes, or villages) as judged, on its way to lists: reasons, what was not judged, people affected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.columns import Column, joined_words, words_at
from phusong.coverage.evidence import MODEL, OBSERVED, RECORD
from phusong.coverage.indicators import CLASSES
from phusong.coverage.rules.judge import Bools, Floats, Judgement, numbers
from phusong.coverage.rules.pack import Rule
from phusong.layers.messages import LANGS, Lang, say

REASON_COLUMNS = (
    "level",
    "code",
    "valid_on",
    "name",
    "rule",
    "pack",
    "service",
    "indicator",
    "value",
    "comparison",
    "threshold",
    "margin",
    "unit",
    "basis",
    "observed_as_of",
    "people_affected",
    "mark",
    "standing",
    "document",
    "article",
    "source",
    "valid_from",
    "override_reason",
    *(f"text_{lang}" for lang in LANGS),
)
NOT_JUDGED_COLUMNS = ("level", "code", "valid_on", "name", "rule", "pack", "service", "indicator", "why")
NO_DATA, CLASS_UNKNOWN = "no_data", "class_unknown"
BASES = (OBSERVED, MODEL, RECORD)
STAND_IN = "gaps.populated_cells"
"""Message behind the sentence of a reason whose clusters are populated cells."""


@dataclass(frozen=True)
class Judged:
    """One level: its rows, how they stand to its rules, their people, and what some indicators rest on.

    ``frame``      code, name, the indicators and, of communes, valid_on
    ``people``     persons a row, NaN unknown
    ``basis``      by indicator, "observed", "model" or "" a row; any other indicator is of the model (mobile) or record
    ``reported``   day of the newest report on each row, NaT without one
    ``stands_in``  rows whose clusters are populated cells
    """

    level: str
    frame: pd.DataFrame
    judged: Judgement
    people: Floats
    basis: pd.DataFrame
    reported: NDArray[np.datetime64]
    stands_in: Bools

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules, a column each."""
        return self.judged.rules

    @cached_property
    def bases(self) -> NDArray[np.int8]:
        """What each row and rule rests on: (n, r) places in ``BASES``."""
        table = np.empty(self.judged.fails.shape, dtype=np.int8)
        for r, rule in enumerate(self.rules):
            table[:, r] = BASES.index(MODEL if rule.service == "mobile" else RECORD)
            if rule.indicator in self.basis:
                table[self.basis[rule.indicator].to_numpy(dtype=object) == OBSERVED, r] = BASES.index(OBSERVED)
        return table

    @cached_property
    def affected(self) -> Floats:
        """People affected where a rule fails, float64 (n, r).

        All people, or those not served where the rule names a share of people; no data where a report decided and the
        share is the model's.
        """
        table = np.empty(self.judged.fails.shape)
        for r, rule in enumerate(self.rules):
            table[:, r] = self.people
            if rule.affected != "all":
                table[:, r] *= 1.0 - numbers(self.frame, rule.affected) / 100.0
                if rule.affected != rule.indicator:
                    table[self.bases[:, r] == BASES.index(OBSERVED), r] = np.nan
        return table

    def largest(self, rules: Sequence[int] | slice = slice(None)) -> Floats:
        """The largest number of people affected over the failed ones of some rules, float64[n]; NaN without any."""
        failed = np.where(self.judged.fails[:, rules], self.affected[:, rules], np.nan)
        return np.asarray(np.fmax.reduce(failed, axis=1, initial=np.nan))

    def reasons(self) -> pd.DataFrame:
        """One row a failed rule, ``REASON_COLUMNS``, by row and then rule."""
        rows, which = np.nonzero(self.judged.fails)
        table = self._keys(rows)
        for name in ("pack", "service", "indicator", "comparison", "unit", "mark", "standing", "document", "article"):
            table[name] = self._of_rules(name, which)
        table["rule"], table["override_reason"] = self._of_rules("id", which), self._of_rules("override", which)
        table["source"] = self._of_rules("source", which)
        days = np.array([np.datetime64(rule.valid_from or "NaT", "s") for rule in self.rules], dtype="datetime64[s]")
        table["valid_from"] = days[which]
        table["threshold"] = np.array([rule.threshold for rule in self.rules], dtype=np.float64)[which]
        table["value"], table["margin"] = self.judged.value[rows, which], self.judged.margin[rows, which]
        table["people_affected"] = self.affected[rows, which]
        basis = self.bases[rows, which]
        table["basis"] = words_at(BASES, basis)
        seen = basis == BASES.index(OBSERVED)
        table["observed_as_of"] = np.where(seen, self.reported[rows], np.datetime64("NaT", "s"))
        for lang in LANGS:
            table[f"text_{lang}"] = self._sentences(rows, which, seen, lang)
        return table[list(REASON_COLUMNS)]

    def _sentences(self, rows: NDArray[np.int64], which: NDArray[np.int64], seen: Bools, lang: Lang) -> Column:
        """The reasons in words; values of one rule that are told alike are said once."""
        texts: list[str] = []
        place = np.empty(len(rows), dtype=np.int64)
        for r, rule in enumerate(self.rules):
            own = np.flatnonzero(which == r)
            values, at = np.unique(self.judged.value[rows[own], r], return_inverse=True)
            told, alike = np.unique([rule.told(value) for value in values.tolist()], return_inverse=True)
            said = [rule.sentence(value, lang) for value in told.tolist()]
            place[own] = len(texts) + alike[at]
            texts += said
            if rule.indicator.startswith("clusters_uncovered"):
                place[own] += np.where(self.stands_in[rows[own]] & ~seen[own], len(said), 0)
                texts += [text + say(STAND_IN, lang) for text in said]
        return words_at(texts, place)

    def not_judged(self) -> pd.DataFrame:
        """One row a rule that could not be judged, ``NOT_JUDGED_COLUMNS``, by row and then rule."""
        rows, which = np.nonzero(self.judged.not_judged)
        table = self._keys(rows)
        for name in ("pack", "service", "indicator"):
            table[name] = self._of_rules(name, which)
        table["rule"] = self._of_rules("id", which)
        table["why"] = words_at((CLASS_UNKNOWN, NO_DATA), self.judged.class_known[rows, which].astype(np.int8))
        return table[list(NOT_JUDGED_COLUMNS)]

    def summary(self) -> pd.DataFrame:
        """One row a gap: row number in the frame, people_affected, reasons_count, basis (words joined by ";")."""
        fails = self.judged.fails
        rows = np.flatnonzero(fails.any(axis=1))
        kinds = np.column_stack([(fails[rows] & (self.bases[rows] == b)).any(axis=1) for b in range(len(BASES))])
        return pd.DataFrame(
            {
                "row": rows,
                "people_affected": self.largest()[rows],
                "reasons_count": fails[rows].sum(axis=1),
                "basis": joined_words(kinds, BASES),
            }
        )

    def _keys(self, rows: NDArray[np.int64]) -> pd.DataFrame:
        none = np.full(len(rows), np.datetime64("NaT", "s"))
        return pd.DataFrame(
            {
                "level": words_at([self.level], np.zeros(len(rows), dtype=np.int8)),
                "code": self.frame["code"].array.take(rows),
                "valid_on": self.frame["valid_on"].array.take(rows) if "valid_on" in self.frame else none,
                "name": self.frame["name"].array.take(rows),
            }
        )

    def _of_rules(self, name: str, which: NDArray[np.int64]) -> Column:
        return words_at([getattr(rule, name) for rule in self.rules], which)


def class_words(flags: pd.DataFrame) -> Column:
    """The classes each row belongs to, joined by ";"; ``flags``: yes/no columns by class name."""
    return joined_words(np.column_stack([numbers(flags, name) == 1.0 for name in CLASSES]), CLASSES)
