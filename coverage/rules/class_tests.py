"""Tests of classes as data: by which indicators a commune or village is mountainous, a border commune and so on.

A test stands in a pack file as ``[[class]]``: the class, the level, and ``any`` or ``all`` of some conditions. It is
judged with three answers: yes, no, not known. A condition without data leaves the test open unless the others settle
it; one marked ``optional`` is left out where it has no data, and the evidence says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from phusong.coverage.access.services import services
from phusong.coverage.indicators import CLASSES, find
from phusong.coverage.rules.reading import Reading, nearest
from phusong.layers.messages import Lang

ClassLevel = Literal["unit", "village"]
How = Literal["any", "all"]
Sign = Literal[">=", "<=", ">", "<", "="]

VILLAGE_OWN = ("mountainous", "ethnic_minority", "programme", "remote")
"""Classes a village may have by itself; the others are its commune's."""
SHARE = "share"
"""A unit thresholds of indicators in % may be written in: 0-1, or as a fraction such as "2/3"."""

_ASKED: dict[str, tuple[str, ...]] = {
    "unit": (
        "area_at_200m_pct",
        "area_slope_15_pct",
        "villages_mountainous_pct",
        "elevation_mean_m",
        "minority_people",
        "minority_people_pct",
        "borders_land_km",
        "borders_sea_km",
        "outline_coast_pct",
        "time_to_centre_min",
        "people",
        "area_km2",
        "density_per_km2",
    ),
    "village": (
        "area_at_200m_pct",
        "area_slope_15_pct",
        "elevation_m",
        "minority_people",
        "minority_people_pct",
        "time_to_centre_min",
    ),
}
_FRACTION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?( ?/ ?[0-9]{1,9})?")
_TIME = {"unit": "mean_time_{}_min", "village": "time_{}_min"}

Floats = NDArray[np.float64]


def class_indicators(level: str) -> tuple[str, ...]:
    """Ids of the indicators that tests of a level may ask for: those known before classes decide anything."""
    return (*_ASKED[level], *(_TIME[level].format(one.id) for one in services() if one.timed))


@dataclass(frozen=True)
class Condition:
    """One comparison. ``threshold`` in ``unit``, the indicator's; ``written``: as the file has it ("2/3", else "").

    ``optional``: where the indicator has no data the other conditions decide.
    """

    indicator: str
    comparison: Sign
    threshold: float
    unit: str
    written: str = ""
    optional: bool = False

    def margins(self, values: Floats) -> Floats:
        """Distance of each value to the threshold, positive on the side asked for ("=": negative off it); NaN kept.

        Distances of rounding size (1e-9 of the threshold) are 0: two thirds of the cells are two thirds.
        """
        apart = values - self.threshold
        apart = np.where(np.abs(apart) <= 1e-9 * max(1.0, abs(self.threshold)), 0.0, apart)
        if self.comparison in ("<=", "<"):
            return -apart
        return -np.abs(apart) if self.comparison == "=" else apart

    def holds(self, values: Floats) -> Floats:
        """1 where the condition holds, 0 where it does not, NaN for no data."""
        margin = self.margins(values)
        met = margin > 0 if self.comparison in (">", "<") else margin >= 0
        return np.where(np.isnan(values), np.nan, met.astype(np.float64))


@dataclass(frozen=True)
class ClassTest:
    """When a commune ("unit") or village is of a class; ``id`` names the test in results.

    ``how``: whether any or all of ``conditions`` must hold. Source, mark, standing, document and article, dates and
    pack are those of the pack where the test has none of its own.
    """

    id: str
    of: str
    level: ClassLevel
    how: How
    conditions: tuple[Condition, ...]
    text: Mapping[Lang, str]
    source: str = ""
    mark: str = "K"
    standing: str = "assumption"
    document: str = ""
    article: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    pack: str = ""

    def verdicts(self, answers: Sequence[Floats], *, strict: bool = False) -> Floats:
        """1, 0 or NaN (not known) from the answers (1, 0, NaN) to the conditions, in their order.

        ``any``: one yes is enough, and no is no only if all say so; ``all``: the other way round (Kleene's logic).
        ``strict``: optional conditions are not left out where they have no data.
        """
        found = np.column_stack(answers)
        open_ = np.isnan(found)
        skipped = open_ & np.array([one.optional and not strict for one in self.conditions])
        settling = 1.0 if self.how == "any" else 0.0
        verdict = np.where((open_ & ~skipped).any(axis=1), np.nan, 1.0 - settling)
        verdict = np.where((found == settling).any(axis=1), settling, verdict)
        return np.where(skipped.all(axis=1), np.nan, verdict)


def parse_class_tests(
    readings: Sequence[Reading], *, head: Mapping[str, Any], lang: Lang = "en"
) -> tuple[ClassTest, ...]:
    """The tests of the ``[[class]]`` tables of a pack; what is wrong goes into the readings as faults.

    ``head``: name, source, mark, standing, document, article and dates of the pack, as far as there; sources in
    ``lang`` where the file has them in both languages.
    """
    tests: list[ClassTest] = []
    for reading in readings:
        test = _test(reading, head, lang)
        if test is None:
            continue
        for other in tests:
            if other.id == test.id:
                reading.fault("class_tests.id_twice", "id", found=test.id)
            elif (other.of, other.level) == (test.of, test.level):
                reading.fault("class_tests.twice", "class", found=test.of, level=test.level, other=other.id)
        tests.append(test)
    return tuple(tests)


def _test(reading: Reading, head: Mapping[str, Any], lang: Lang) -> ClassTest | None:
    before = len(reading.faults)
    level = reading.word("level", get_args(ClassLevel), required=True)
    found: dict[str, Any] = {
        "id": reading.text("id"),
        "of": reading.word("class", CLASSES, required=True),
        "level": level,
        "text": reading.languages("text"),
        "source": reading.cited("source").get(lang) or head.get("source", ""),
        "mark": reading.word("mark", ("P", "C", "K"), default=str(head.get("mark", "K"))),
        "standing": reading.word(
            "standing", ("official", "unverified", "assumption"), default=str(head.get("standing") or "assumption")
        ),
        "document": head.get("document", ""),
        "article": reading.text("article", default=str(head.get("article", "") or "")),
    }
    if level == "village" and found["of"] is not None and found["of"] not in VILLAGE_OWN:
        reading.fault("class_tests.of_communes", "class", found=found["of"], allowed=", ".join(VILLAGE_OWN))
    given = [how for how in get_args(How) if how in reading.table]
    parts = {how: reading.tables(how, owner="class") for how in get_args(How)}
    reading.refuse_others()
    if len(given) != 1:
        reading.fault("class_tests.any_or_all", given[1] if given else "any")
        return None
    entries = parts[given[0]]
    if not entries:
        reading.fault("rules.missing_key", given[0])
    conditions = []
    for entry in entries:
        entry.owner = reading.owner
        conditions.append(_condition(entry, level))
    if len(reading.faults) > before or None in conditions:
        return None
    dates = {name: head.get(name) for name in ("valid_from", "valid_to")}
    asked = tuple(one for one in conditions if one is not None)
    return ClassTest(**found, how=given[0], conditions=asked, **dates, pack=str(head.get("name", "")))  # type: ignore[arg-type]


def _condition(entry: Reading, level: str | None) -> Condition | None:
    before = len(entry.faults)
    indicator = entry.text("indicator")
    comparison = entry.word("comparison", get_args(Sign), required=True)
    written = entry.take("threshold", (int, float, str), "number", required=True)
    unit = entry.text("unit")
    optional = bool(entry.take("optional", (bool,), "yes_no", required=False))
    entry.refuse_others()
    if len(entry.faults) > before or level is None or comparison is None:
        return None
    known = class_indicators(level)
    if indicator not in known:
        entry.fault("class_tests.unknown_indicator", "indicator", found=indicator, nearest=nearest(indicator, known))
        return None
    asked = find(indicator, level=level).unit  # type: ignore[arg-type]
    threshold = _number(written)
    as_share = unit == SHARE and asked == "%"
    if unit != asked and not as_share:
        expected = f"{asked}, {SHARE}" if asked == "%" else asked
        entry.fault("class_tests.unit", "unit", found=unit, indicator=indicator, expected=expected)
    if threshold is None or not math.isfinite(threshold) or (isinstance(written, str) and not as_share):
        entry.fault("class_tests.threshold", "threshold", found=repr(written), share=SHARE)
        return None
    if as_share and not 0.0 <= threshold <= 1.0:
        entry.fault("class_tests.share", "threshold", found=repr(written))
    if len(entry.faults) > before:
        return None
    scale = 100.0 if as_share else 1.0
    told = written if isinstance(written, str) else ""
    return Condition(indicator, comparison, scale * threshold, asked, told, optional)  # type: ignore[arg-type]


def _number(written: float | str) -> float | None:
    """A number, or a fraction written as text ("2/3"); None for other text and for what no float can hold."""
    if isinstance(written, str) and not _FRACTION.fullmatch(written):
        return None
    try:
        return float(Fraction(written.replace(" ", "")) if isinstance(written, str) else written)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
