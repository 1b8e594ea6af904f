"""How many people gaps affect, each person counted once however many rules fail for them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from phusong.coverage.gap_tables import Judged
from phusong.coverage.rules.judge import Bools, Floats, numbers
from phusong.coverage.village_states import STATES

TOTAL_COLUMNS = ("district", "service", "units", "villages", *STATES[:3], "people_affected", "unknown")


def gap_totals(
    units: Judged, villages: Judged, *, of_unit: NDArray[np.int64], states: NDArray[np.object_]
) -> pd.DataFrame:
    """``TOTAL_COLUMNS``, one row a district and service, "" for all; the whole first, then districts by name.

    units, villages   communes and villages that fail a rule (of the service); NA where all that are asked wait for
                      data, or none is asked anything because there is no such rule or no village
    the states        villages in each state, whether or not a rule in force asks for it; NA where nothing is known of
                      any village, and in rows of services other than mobile
    people_affected   in each commune the larger of its own largest reason and of the sum over its villages of the
                      largest reason of each (villages hold different people), at most all its people; summed over
                      communes and over villages of no known commune. Nobody counts twice: at least so many people are
                      affected. NaN where there are gaps but nothing is known of any, or nothing could be judged
    unknown           communes and villages with gaps whose people affected are not known: they add nothing

    ``of_unit``: row of the commune of each village, -1 none; ``states``: ``signal_state`` of each village.
    """
    known = units.frame["district"] if "district" in units.frame else pd.Series(index=units.frame.index, dtype="str")
    names = sorted({str(name) for name in known.dropna()} - {""})
    group = np.append(pd.Index(names).get_indexer(pd.Index(known)), -1)  # of communes, then that of none
    services = ("", *dict.fromkeys(rule.service for rule in (*units.rules, *villages.rules)))
    by_service = [
        _by_group(units, villages, of_unit, states, group=group, n=len(names), service=service) for service in services
    ]
    rows = [
        (name, service, *(column[place] for column in columns))
        for place, name in zip((len(names), *range(len(names))), ("", *names), strict=True)
        for service, columns in zip(services, by_service, strict=True)
    ]
    table = pd.DataFrame(rows, columns=list(TOTAL_COLUMNS))
    kinds = {"district": "str", "service": "str", "unknown": "int64"}
    return table.astype(kinds | dict.fromkeys(("units", "villages", *STATES[:3]), "Int64"))


def _by_group(
    units: Judged,
    villages: Judged,
    of_unit: NDArray[np.int64],
    states: NDArray[np.object_],
    *,
    group: NDArray[np.int64],
    n: int,
    service: str,
) -> list[Floats]:
    """The columns of ``TOTAL_COLUMNS`` after the service, a place a group and the last one for the whole."""
    (unit_fails, unit_most), (village_fails, village_most) = (_of_service(part, service) for part in (units, villages))
    inside = of_unit >= 0
    summed = np.bincount(of_unit[inside], weights=np.nan_to_num(village_most)[inside], minlength=len(unit_most))
    affected = np.fmin(np.fmax(np.nan_to_num(unit_most), summed), units.people)
    affected = np.append(affected, np.nan_to_num(village_most)[~inside].sum())
    homes = group[of_unit]

    def at_units(values: Floats | Bools) -> Floats:
        return _sums(group[: len(values)], values, n=n)

    def at_villages(values: Floats | Bools) -> Floats:
        return _sums(homes, values, n=n)

    def counted(values: Floats, known: Floats) -> Floats:
        return np.where(known > 0, values, np.nan)

    units_known = at_units(_settled(units, service))
    villages_known = at_villages(_settled(villages, service))
    of_signal = [at_villages(~np.isnan(numbers(villages.frame, column))) for column in _KNOWN_BY]
    if service not in ("", "mobile"):
        of_signal = [np.zeros(n + 1)] * len(_KNOWN_BY)
    told = at_units(unit_fails & ~np.isnan(unit_most)) + at_villages(village_fails & ~np.isnan(village_most))
    unknown = at_units(unit_fails & np.isnan(unit_most)) + at_villages(village_fails & np.isnan(village_most))
    return [
        counted(at_units(unit_fails), units_known),
        counted(at_villages(village_fails), villages_known),
        *(counted(at_villages(states == state), known) for state, known in zip(STATES, of_signal, strict=False)),
        counted(np.where((told == 0) & (unknown > 0), np.nan, at_units(affected)), units_known + villages_known),
        unknown,
    ]


_KNOWN_BY = ("centre_covered_any", "clusters_uncovered", "operators_at_centre_count")
"""What each of the states is known by."""


def _settled(part: Judged, service: str) -> Bools:
    """Rows of which a rule of the service ("" any) could be judged, or asks nothing."""
    rules = [r for r, rule in enumerate(part.rules) if service in ("", rule.service)]
    return np.asarray((~part.judged.not_judged[:, rules]).any(axis=1))


def _of_service(part: Judged, service: str) -> tuple[Bools, Floats]:
    """Which rows fail a rule of the service ("" any), and the most people affected by one of them."""
    rules = [r for r, rule in enumerate(part.rules) if service in ("", rule.service)]
    return np.asarray(part.judged.fails[:, rules].any(axis=1)), part.largest(rules)


def _sums(group: NDArray[np.int64], values: Floats | Bools, *, n: int) -> Floats:
    """Sums by group, and at the end that of all, also of rows without a group."""
    inside = group >= 0
    sums = np.bincount(group[inside], weights=values[inside].astype(np.float64), minlength=n)
    return np.append(sums, values.sum())
