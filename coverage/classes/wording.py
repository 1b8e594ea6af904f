"""The table of classes: one row a place and class, with the evidence of each verdict in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.classes.judging import DOUBT_PCT, Floats, Judged
from phusong.coverage.indicators import indicator_label
from phusong.coverage.rules.class_tests import ClassTest, Condition
from phusong.layers.messages import LANGS, Lang, Text, say
from phusong.layers.messages.format import quantity

_SIGNS = {">=": "least", "<=": "most", ">": "more", "<": "less", "=": "equal"}
_PLACES = {"%": 1, "km": 2}  # of others none
_COUNTS = ("whole", "yes", "derived", "recorded", "unknown")
_TOLD = ("recorded", "derived", "unknown")
_YES, _NO, _NOTHING = (np.array(word, dtype=object) for word in ("yes", "no", ""))

Objects = NDArray[np.object_]


@dataclass(frozen=True)
class Notes:
    """What evidence says beside values: cell size of slopes (m), tolerance along borders (m), the service that is the
    centre of remoteness ("" for none), and of communes the counts of their villages (see ``_mountainous_villages``)."""

    cell_m: float
    tolerance_m: float
    centre: str = ""
    villages: NDArray[np.int64] | None = None


def class_rows(
    level: str,
    layer: pd.DataFrame,
    found: Mapping[str, Judged],
    values: Mapping[str, Floats],
    *,
    notes: Notes,
    known_only: bool = False,
) -> pd.DataFrame:
    """Rows of the table of classes, by place, then class; ``known_only``: without those nothing is known of."""
    parts: list[dict[str, np.ndarray]] = []
    flags: list[pd.DataFrame] = []
    for name, one in found.items():
        rows = np.arange(len(layer))
        if known_only:
            rows = np.flatnonzero(one.used.notna())
        if not len(rows):
            continue
        chosen = {key: value[rows] for key, value in values.items()}
        counts = None if notes.villages is None else notes.villages[rows]
        own = pd.DataFrame({"official": one.official, "computed": one.computed, "used": one.used}).iloc[rows]
        recorded, tested = own["official"].notna().to_numpy(), own["computed"].notna().to_numpy()
        same = (own["official"] == own["computed"]).fillna(False).to_numpy(dtype=bool)
        test = "" if one.test is None else one.test.id
        source = "" if one.test is None else one.test.source
        parts.append(
            {
                "row": rows,
                "class": _constant(name, rows),
                "agree": np.where(recorded & tested, np.where(same, _YES, _NO), _NOTHING),
                "test": _constant(test, rows),
                **_deciding(one, chosen, rows),
                "derived": np.where(one.derived[rows], _YES, _NO),
                "hinges_on": one.hinges_on[rows],
                **{f"evidence_{lang}": _evidence(one, chosen, rows, counts, notes, lang) for lang in LANGS},
                "source": np.where(recorded, 0, np.where(tested, 1, 2)),
                "tested_by": _constant(source, rows),
            }
        )
        flags.append(own)
    if not parts:
        return pd.DataFrame()
    every = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    order = np.argsort(every["row"], kind="stable")
    every = {key: value[order] for key, value in every.items()}
    row, kind, tested_by = (every.pop(key) for key in ("row", "source", "tested_by"))
    sources = layer["source"].fillna("").to_numpy(dtype=object)[row]
    day = layer["valid_on"].to_numpy()[row] if "valid_on" in layer else np.datetime64("NaT", "s")
    who = {
        "level": _constant(level, row),
        "code": layer["code"].to_numpy(dtype=object)[row],
        "valid_on": day,
        "name": layer["name"].to_numpy(dtype=object)[row],
        "class": every.pop("class"),
    }
    told = pd.concat(flags, ignore_index=True).iloc[order].reset_index(drop=True)
    table = pd.DataFrame(
        {
            **who,
            **{name: told[name] for name in ("official", "computed", "used")},
            **every,
            "source": np.where(kind == 0, sources, np.where(kind == 1, tested_by, _NOTHING)),
        }
    )
    words = [name for name in table if table[name].dtype == object]
    return table.astype(dict.fromkeys(words, "str"))


def _constant(word: str, rows: NDArray[np.int64]) -> Objects:
    return np.full(len(rows), word, dtype=object)


def _deciding(judged: Judged, values: Mapping[str, Floats], rows: NDArray[np.int64]) -> dict[str, np.ndarray]:
    """Value, threshold and unit of the condition that decided: the one farthest on its good side where any is enough,
    on its bad side where all are asked, measured in thresholds; without data where the verdict is open. A condition
    that is open decides nothing, whatever the part of it that is known: a share of some villages is not that of all."""
    test, n = judged.test, len(rows)
    value, threshold, unit = np.full(n, np.nan), np.full(n, np.nan), np.full(n, "", dtype=object)
    if test is not None:
        far = np.column_stack(
            [
                np.where(
                    np.isnan(answer[rows]),
                    np.nan,
                    one.margins(values[one.indicator]) / max(abs(one.threshold), 1e-9),
                )
                for one, answer in zip(test.conditions, judged.answers, strict=True)
            ]
        )
        none = np.isnan(far).all(axis=1) | judged.computed.isna().to_numpy()[rows]
        worst = -np.inf if test.how == "any" else np.inf
        far = np.where(np.isnan(far), worst, far)
        best = far.argmax(axis=1) if test.how == "any" else far.argmin(axis=1)
        for k, one in enumerate(test.conditions):
            mine = (best == k) & ~none
            value[mine], threshold[mine], unit[mine] = values[one.indicator][mine], one.threshold, one.unit
    return {"value": value, "threshold": threshold, "unit": unit}


def _evidence(  # noqa: PLR0917
    one: Judged,
    values: Mapping[str, Floats],
    rows: NDArray[np.int64],
    counts: NDArray[np.int64] | None,
    notes: Notes,
    lang: Lang,
) -> Objects:
    """What a computed verdict rests on, in words: each condition's value beside what is asked, then its limits."""
    if one.test is None:
        return _constant(say("class.evidence.no_test", lang), rows)
    said = []
    for condition in one.test.conditions:
        words = _condition(condition, values[condition.indicator], lang)
        if condition.indicator == "villages_mountainous_pct" and counts is not None:
            words = words + _each(counts, lambda row: _of_villages(row, lang))
        said.append(words)
    limits = _limits(one.test, notes, lang)
    level, optional = one.test.level, {condition.indicator for condition in one.test.conditions if condition.optional}
    whose = "villages" if optional == {"villages_mountainous_pct"} else "others"
    doubts = (
        say(f"class.evidence.derived_{level}", lang),
        say(f"class.evidence.hinges_derived_{level}", lang, points=quantity(DOUBT_PCT, "percentage_points", lang)),
        say(f"class.evidence.hinges_{whose}", lang),
    )
    ends = [limits, *(f"{limits} {doubt}.".lstrip() for doubt in doubts)]
    endings = np.array([f". {end}" if end else "." for end in ends], dtype=object)
    hinges = one.hinges_on[rows]
    which = np.select([hinges == "derived", hinges == "unknown", one.derived[rows]], [2, 3, 1], 0)
    joined = ("; ".join(words) for words in zip(*said, strict=True))
    return np.array([start + end for start, end in zip(joined, endings[which], strict=True)], dtype=object)


def _limits(test: ClassTest, notes: Notes, lang: Lang) -> str:
    """What holds of every verdict of a test: cell size of slopes, tolerance along borders, the centre meant."""
    asked = {condition.indicator for condition in test.conditions}
    said = []
    if "area_slope_15_pct" in asked or "villages_mountainous_pct" in asked:
        said.append(say("class.evidence.slope", lang, cell=quantity(notes.cell_m, "m", lang)))
    if asked & {"borders_land_km", "borders_sea_km", "outline_coast_pct"}:
        said.append(say("class.evidence.tolerance", lang, tolerance=quantity(notes.tolerance_m, "m", lang)))
    if "time_to_centre_min" in asked and notes.centre:
        said.append(say("class.evidence.centre", lang, centre=Text(f"service.{notes.centre}.name")))
    return " ".join(f"{one}." for one in said)


def _condition(condition: Condition, values: Floats, lang: Lang) -> Objects:
    """ "Area at 200 m or higher: 72.3 %, at least 2/3 asked"; values so near the threshold that they would read as
    the same get more places."""
    places = _PLACES.get(condition.unit, 0)
    near = (np.abs(values - condition.threshold) < 2 * 10.0**-places) & (condition.margins(values) != 0.0)
    shown = np.where(near, np.round(values, places + 2), np.round(values, places))
    threshold = condition.written or quantity(condition.threshold, condition.unit, lang)
    asked = say(f"class.asked.{_SIGNS[condition.comparison]}", lang, threshold=threshold)
    label = indicator_label(condition.indicator, lang)
    unique, back = np.unique(shown, return_inverse=True)
    texts = np.empty(len(unique), dtype=object)
    for i, value in enumerate(unique):
        told = quantity(float(value), condition.unit, lang, most=places + 2)
        texts[i] = say("class.evidence.condition", lang, label=label, value=told, asked=asked)
    return texts[back.reshape(-1)]


def _of_villages(counts: NDArray[np.int64], lang: Lang) -> str:
    """ " (10 villages: 6 mountainous; 2 recorded, 7 by derived ground, 1 not known)"."""
    named = dict(zip(_COUNTS, (int(count) for count in counts), strict=True))
    if not named["whole"]:
        return " " + say("class.evidence.no_villages", lang)
    parts = [say(f"class.evidence.villages.{key}", lang, count=named[key]) for key in _TOLD if named[key]]
    said = say("class.evidence.villages.whole", lang, count=named["whole"], yes=named["yes"])
    return f" ({'; '.join([said, *parts])})"


def _each(rows: NDArray[np.int64], words: Callable[[NDArray[np.int64]], str]) -> Objects:
    """``words`` of each row, said once for alike rows."""
    unique, back = np.unique(rows, axis=0, return_inverse=True)
    texts = np.array([words(row) for row in unique], dtype=object)
    return texts[back.reshape(-1)]
