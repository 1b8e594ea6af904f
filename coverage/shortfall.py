"""What must be built to meet a target: how many more points, communes, subscribers, facilities, people reached.

An indicator that counts things, or divides a count of them, is declared here with its formula; the number to build is
the least whole number that, put back into the formula, meets the target. Others, such as a mean travel time, follow
from no count alone and have no such number.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import pandas as pd

from phusong.coverage.indicators import find
from phusong.coverage.rules.pack import meets
from phusong.layers.errors import MissingError
from phusong.layers.messages import Lang, Text, has, say
from phusong.layers.messages.format import number

Kind = Literal["count", "share", "rate", "growth", "per_point", "radius"]


@dataclass(frozen=True)
class Form:
    """How an indicator follows from what there is. ``have``: how many there are; ``base``: what they are divided by.

    count      have
    share      100 have / base (%): have is a part of base and cannot be more
    rate       100 have / base (per 100 people or households): have may be more than base
    growth     100 (have - base) / base (%): base is a year before
    per_point  base / have (people per point)
    radius     sqrt(base / (pi have)) (km, base in km2): the radius of a circle that is one point's part of the area

    ``unit``: code of what is counted ("points", "communes", ...), the words are messages ``build.<unit>``. ``more``:
    +1 where building adds to ``have``, -1 where it takes from it (people without a way).
    """

    kind: Kind
    unit: str
    more: Literal[1, -1] = 1

    def value(self, have: float, base: float) -> float:
        """The indicator; NaN where it has no data."""
        try:
            return {
                "count": lambda: have,
                "share": lambda: 100.0 * have / base,
                "rate": lambda: 100.0 * have / base,
                "growth": lambda: 100.0 * (have - base) / base,
                "per_point": lambda: base / have,
                "radius": lambda: math.sqrt(base / (math.pi * have)),
            }[self.kind]()
        except ZeroDivisionError:
            return math.nan

    def needed(self, threshold: float, base: float) -> float:
        """How many there must be for just the threshold, not rounded."""
        if self.kind == "per_point":
            return base / threshold
        if self.kind == "radius":
            return base / (math.pi * threshold**2)
        return {"count": threshold, "growth": base * (1 + threshold / 100.0)}.get(self.kind, threshold * base / 100.0)


_FORMS: tuple[tuple[str, Form], ...] = (
    ("mean_service_radius_{service}_km", Form("radius", "points")),
    ("mean_service_radius_{service}_units_area_km", Form("radius", "points")),
    ("people_per_{service}_point", Form("per_point", "points")),
    ("points_{service}_count", Form("count", "points")),
    ("communes_with_{service}_pct", Form("share", "communes")),
    ("telephone_access_communes_pct", Form("share", "communes")),
    ("public_internet_communes_pct", Form("share", "communes")),
    ("fibre_communes_pct", Form("share", "communes")),
    ("government_network_communes_pct", Form("share", "communes")),
    ("same_day_mail_communes", Form("count", "communes")),
    ("people_covered_any_pct", Form("share", "people")),
    ("people_covered_{technology}_pct", Form("share", "people")),
    ("people_covered_{technology}_{operator}_pct", Form("share", "people")),
    ("people_signal_unknown_pct", Form("share", "people", -1)),
    ("people_within_{limit}_{service}_pct", Form("share", "people")),
    ("people_unreached_{service}_pct", Form("share", "people", -1)),
    ("people_nothing_in_reach_{service}_pct", Form("share", "people", -1)),
    *(
        (f"{lines}_per_100{of}", Form("rate", "subscribers"))
        for lines in ("broadband", "adsl", "fttx")
        for of in ("", "_households")
    ),
    ("broadband_growth_pct", Form("growth", "subscribers")),
    ("telephones_per_100", Form("rate", "telephones")),
    ("fixed_per_100", Form("rate", "telephones")),
    ("programme_fixed_per_100", Form("rate", "telephones")),
    ("programme_fixed_telephones", Form("count", "telephones")),
    ("{facility}_{network}_pct", Form("share", "facilities")),
    ("{facility}_{network}_lowland_pct", Form("share", "facilities")),
    ("{facility}_{network}_mountain_pct", Form("share", "facilities")),
    ("institutions_lan_broadband_pct", Form("share", "institutions")),
    ("sites_count", Form("count", "sites")),
    ("bts_count", Form("count", "bts")),
    ("bts_in_operation", Form("count", "bts")),
)
FORMS: Mapping[str, Form] = dict(_FORMS)
"""By declared id of the indicator."""


@cache
def form_of(indicator_id: str) -> Form | None:
    """How an indicator follows from counts; None where it does not, or there is no such indicator."""
    try:
        found = find(indicator_id)
    except MissingError:
        return None
    return FORMS.get(found.template or found.id)


def to_build(
    indicator_id: str, *, have: float, base: float, threshold: float, comparison: str
) -> tuple[int, str] | None:
    """(how many more, code of what) for the target to be met: 0 where it is; None where building cannot meet it.

    One more than needed is never asked: building that many meets the target, one less does not. ``have`` and ``base``:
    ``Form``; of a "count" ``base`` is not looked at.
    """
    form = form_of(indicator_id)
    if form is None or math.isnan(have) or (form.kind != "count" and not base > 0):
        return None

    def met(count: float) -> bool:
        there = have + form.more * count
        most = base if form.kind == "share" else math.inf
        if there <= -1 or there >= most + 1:
            return False
        there = min(max(there, 0.0), most)  # the last one of people counted in parts
        # no point at all serves nobody: the largest radius, the most people a point
        value = math.inf if form.kind in ("per_point", "radius") and there == 0 else form.value(there, base)
        return meets(value, threshold, comparison)

    if met(0):
        return 0, form.unit
    if form.kind in ("per_point", "radius") and threshold <= 0:
        return None
    guess = math.ceil(form.more * (form.needed(threshold, base) - have))
    if abs(guess) > 1e12:
        return None
    # whole numbers beside the exact one: rounding and strict comparisons decide which is the least
    if form.kind in ("per_point", "radius") and comparison in ("<=", "<"):
        # of many points rounding in the threshold is more than one point: the least by halving, as more always serve
        slack = 1 + math.ceil(3e-9 * max(1.0, 1.0 / threshold) * (have + guess))
        near = range(max(1, guess - slack), max(1, guess) + slack + 1)
        place = bisect_left(near, True, key=met)
        return (near[place], form.unit) if place < len(near) else None
    return next(((count, form.unit) for count in range(max(1, guess - 1), max(1, guess) + 2) if met(count)), None)


def unit_parts(indicator_id: str, value: float, row: Mapping[str, Any]) -> tuple[float, float] | None:
    """(have, base) of one commune's indicator, from its value and its other indicators; None where it has none."""
    form = form_of(indicator_id)
    if form is None:
        return None
    if form.kind == "count":
        return value, math.nan
    if form.kind in ("per_point", "radius"):
        base = _number(row, "people" if form.kind == "per_point" else "area_km2")
        return _number(row, f"points_{find(indicator_id).service}_count"), base
    if form.unit not in ("people", "subscribers", "telephones") or form.kind == "growth":
        return None  # the commune's row says the share, not of how many facilities
    base = _number(row, "households" if indicator_id.endswith("_households") else "people")
    return (value * base / 100.0, base) if base > 0 else None


def build_words(indicator_id: str, count: float, unit: str, lang: Lang) -> str:
    """What must be built in words: "130 more postal points", "19 more communes"; "" where that is none."""
    if not unit or not count > 0:
        return ""
    found = find(indicator_id)
    code = f"build.{unit}_{found.service}" if has(f"build.{unit}_{found.service}") else f"build.{unit}"
    return say(
        f"{code}_one" if count == 1 else code,
        lang,
        count=number(count, lang),
        service=Text(f"service.{found.service}.name") if found.service else "",
        facility=Text(f"facility.{found.facility}.name") if found.facility else "",
        network=Text(f"network.{found.network}.name") if found.network else "",
    )


def bounded(indicator_id: str) -> bool:
    """Whether the indicator is a share of a whole and so never above 100 %; a growth in % is not."""
    try:
        unit = find(indicator_id).unit
    except MissingError:
        return False
    return unit == "of_100" or (unit == "%" and re.search(r"(^|_)growth(_|$)", indicator_id) is None)


def _number(row: Mapping[str, Any], name: str) -> float:
    value = row.get(name)
    return math.nan if value is None or value is pd.NA else float(value)
