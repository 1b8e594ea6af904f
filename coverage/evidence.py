"""Reports beside the model: which decides for a village, what reports alone say of a commune, where they disagree."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.rules.judge import Floats, numbers
from phusong.layers.schema import TECHNOLOGIES

OBSERVED, MODEL, RECORD = "observed", "model", "record"
SINGLE = tuple(technology.lower() for technology in TECHNOLOGIES)
ALL = (*SINGLE, "any")
COMPARISON_COLUMNS = ("code", "name", "unit_code", "technology", "observed", "model_level_dbm", "model", "agree")
KNOWN_SHARE = 0.5
"""Reports speak for a commune if they cover at least this share of the people of its villages."""

Objects = NDArray[np.object_]


def village_signal(indicators: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The deciding signal of each village and where it comes from; two frames with the rows of ``indicators``.

    The first has ``centre_covered_<t>`` (1, 0, NaN) and ``clusters_uncovered_<t>`` (count, NaN) per technology, and
    ``centre_covered_any``, ``clusters_uncovered`` and ``operators_at_centre_count`` for any; the second the basis under
    the same names: "observed", "model" or "" for no data. A report (``observed_signal_<t>``,
    ``observed_clusters_uncovered_<t>``, ``observed_operators_at_centre_count``) decides over the
    model. Any technology: the report on any decides; without one there is signal where a technology has it, and none
    where each technology that the villages know has none. Missing columns are no data.
    """
    values: dict[str, Floats] = {}
    bases: dict[str, Objects] = {}

    def decide(column: str, observed: Floats, otherwise: Floats, basis: Objects) -> None:
        values[column] = _first(observed, otherwise)
        bases[column] = np.where(_known(observed), OBSERVED, np.where(_known(otherwise), basis, "")).astype(object)

    by_model = np.full(len(indicators), MODEL, dtype=object)
    for t in ("", *SINGLE):
        name = f"clusters_uncovered_{t}".rstrip("_")
        decide(name, numbers(indicators, f"observed_{name}"), numbers(indicators, name), by_model)
    for t in SINGLE:
        name = f"centre_covered_{t}"
        decide(name, numbers(indicators, f"observed_signal_{t}"), numbers(indicators, name), by_model)
    singles = np.column_stack([values[f"centre_covered_{t}"] for t in SINGLE])
    reported = np.column_stack([bases[f"centre_covered_{t}"] == OBSERVED for t in SINGLE])
    present = np.asarray(_known(singles).any(axis=0))
    otherwise, seen = numbers(indicators, "centre_covered_any"), np.zeros(len(indicators), dtype=np.bool_)
    if present.any():
        otherwise, yes = _any_of(singles, present), (singles == 1.0).any(axis=1)
        seen = np.where(yes, (reported & (singles == 1.0)).any(axis=1), reported[:, present].all(axis=1))
    basis = np.where(seen, OBSERVED, MODEL).astype(object)
    decide("centre_covered_any", numbers(indicators, "observed_signal_any"), otherwise, basis)
    _count_operators(indicators, values, bases)
    index = indicators.index
    return pd.DataFrame(values, index=index), pd.DataFrame(bases, index=index)


def centres_by_source(indicators: pd.DataFrame) -> tuple[Floats, Floats]:
    """Signal of any technology at each centre by reports alone and by the model alone: 1, 0, NaN.

    Without a word on "any" there is signal where a technology has it, and none where each has none that the villages
    know.
    """
    seen = np.column_stack([numbers(indicators, f"observed_signal_{t}") for t in SINGLE])
    made = np.column_stack([numbers(indicators, f"centre_covered_{t}") for t in SINGLE])
    present = np.asarray((_known(seen) | _known(made)).any(axis=0))
    observed, by_model = numbers(indicators, "observed_signal_any"), numbers(indicators, "centre_covered_any")
    return _first(observed, _any_of(seen, present)), _first(by_model, _any_of(made, present))


def _any_of(singles: Floats, present: NDArray[np.bool_]) -> Floats:
    """1 where a technology (column) is, 0 where each of those present is not; NaN otherwise and without any."""
    if not present.any():
        return np.full(len(singles), np.nan)
    yes, no = (singles == 1.0).any(axis=1), (singles[:, present] == 0.0).all(axis=1)
    return np.where(yes, 1.0, np.where(no, 0.0, np.nan))


def _count_operators(indicators: pd.DataFrame, values: dict[str, Floats], bases: dict[str, Objects]) -> None:
    """``operators_at_centre_count`` in step with the signal at the centre: 0 where there is none, unknown where there
    is some and neither reports nor the model name whose."""
    observed = numbers(indicators, "observed_operators_at_centre_count")
    by_model = numbers(indicators, "operators_at_centre_count")
    centre, of_centre = values["centre_covered_any"], bases["centre_covered_any"]
    count = _first(observed, by_model)
    seen = _known(observed) | ((of_centre == OBSERVED) & (centre == 0.0) & (count != 0.0))
    count = np.where(centre == 0.0, 0.0, np.where((centre == 1.0) & (count == 0.0), np.nan, count))
    values["operators_at_centre_count"] = count
    bases["operators_at_centre_count"] = np.where(_known(count), np.where(seen, OBSERVED, MODEL), "").astype(object)


def units_from_reports(
    unit_indicators: pd.DataFrame, village_indicators: pd.DataFrame, *, village_people: Floats
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Shares of people with signal by reports alone, for the communes of which the model says nothing.

    Two frames with the rows of ``unit_indicators``: ``people_covered_<t>_pct`` with the gaps of the model filled, and
    "observed", "model" or "" under the same names. A commune's share is that of the people of its reported villages
    who live in villages with signal at the centre; it stands if the reported villages hold at least half of the people
    of its villages (villages are counted instead where the people of one of them are not known).
    """
    values: dict[str, Floats] = {}
    bases: dict[str, Objects] = {}
    size = len(unit_indicators)
    unit = pd.Index(unit_indicators["code"]).get_indexer(pd.Index(village_indicators["unit_code"]))
    inside = unit >= 0
    unknown = np.bincount(unit[inside], weights=np.isnan(village_people[inside]), minlength=size) > 0
    weight = np.zeros(len(unit))
    weight[inside] = np.where(unknown[unit[inside]], 1.0, village_people[inside])
    whole = np.bincount(unit[inside], weights=weight[inside], minlength=size)
    for t in ALL:
        column = f"people_covered_{t}_pct"
        model = numbers(unit_indicators, column)
        observed = numbers(village_indicators, f"observed_signal_{t}")
        use = inside & _known(observed)
        reported = np.bincount(unit[use], weights=weight[use], minlength=size)
        served = np.bincount(unit[use], weights=weight[use] * observed[use], minlength=size)
        stands = (reported > 0) & (reported >= KNOWN_SHARE * whole)
        share = np.divide(served, reported, out=np.full(size, np.nan), where=stands)
        values[column] = _first(model, 100.0 * share)
        bases[column] = np.where(_known(model), MODEL, np.where(stands, OBSERVED, "")).astype(object)
    index = unit_indicators.index
    return pd.DataFrame(values, index=index), pd.DataFrame(bases, index=index)


def compare(indicators: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Report against model at village centres, one row a village and technology with a report; and the counts.

    A village has a row for "any" only if no report names a technology there: else it would say the same again.
    Columns ``COMPARISON_COLUMNS``; ``observed`` and ``model`` are yes/no, ``agree`` is "yes", "no" or "" where the
    model says nothing. Counts: reports, compared, agree, observed_only (the model says no), model_only (reports say
    no).
    """
    parts = []
    named = np.zeros(len(indicators), dtype=np.bool_)
    for t in ALL:
        observed = numbers(indicators, f"observed_signal_{t}")
        told = _known(observed)
        if t == "any":
            told &= ~named
        named |= told
        rows = indicators[told]
        if rows.empty:
            continue
        model = numbers(rows, f"centre_covered_{t}")
        said = observed[told]
        part = rows[["code", "name", "unit_code"]].copy()
        part["technology"] = t if t == "any" else t.upper()
        part["observed"] = pd.array(said == 1.0, dtype="boolean")
        part["model_level_dbm"] = numbers(rows, f"centre_level_{t}_dbm")
        part["model"] = pd.array(model == 1.0, dtype="boolean")
        part.loc[np.isnan(model), "model"] = pd.NA
        part["agree"] = np.where(np.isnan(model), "", np.where(said == model, "yes", "no"))
        parts.append(part)
    if not parts:
        empty = pd.DataFrame({column: [] for column in COMPARISON_COLUMNS})
        return empty, dict.fromkeys(("reports", "compared", "agree", "observed_only", "model_only"), 0)
    table = pd.concat(parts, ignore_index=True).sort_values(["code", "technology"], ignore_index=True)
    differ = (table["agree"] == "no").to_numpy(dtype=np.bool_)
    seen = table["observed"].to_numpy(dtype=np.bool_)
    return table, {
        "reports": len(table),
        "compared": int((table["agree"] != "").sum()),
        "agree": int((table["agree"] == "yes").sum()),
        "observed_only": int((differ & seen).sum()),
        "model_only": int((differ & ~seen).sum()),
    }


def _known(values: Floats) -> NDArray[np.bool_]:
    return ~np.isnan(values)


def _first(value: Floats, otherwise: Floats) -> Floats:
    """``value`` where it is known, else ``otherwise``."""
    return np.where(np.isnan(value), otherwise, value)
