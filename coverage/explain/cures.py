"""What would cure a gap: sites of the plan, an upgrade, more points or subscribers, a cable, a daily run of mail."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from phusong.coverage.explain.known import Known, Row
from phusong.coverage.explain.statement import Amount, Param, Several, Statement, Words
from phusong.coverage.indicators import Indicator, find, indicator_label
from phusong.coverage.shortfall import build_words, to_build, unit_parts
from phusong.layers.errors import MissingError
from phusong.layers.messages import LANGS, Text

UPGRADE_DB = 6.0
"""A centre that lacks at most this much is worth the look at the mast that serves it: four times the power, or about
twice the height of the antenna over flat ground (20 log10 of the height, two-ray model). A planning assumption."""
_POINT_FLAGS = {"telephone_access_point": "telephone_access", "public_internet_point": "public_internet"}
"""Flags of a commune that one point of a service sets."""
MOST_SITES = 3
"""Sites of the plan named one by one; the others are summed."""


def cures(known: Known) -> Iterator[Statement]:
    """What would cure each gap of the commune and of its villages; nothing where nothing is lacking."""
    mobile = any(_service(known, row["rule"]) == "mobile" for row in known.reasons)
    if mobile or known.gap_villages:
        yield from _signal(known)
    for row in known.reasons:
        if _service(known, row["rule"]) != "mobile":
            yield from _other(known, row)


def _service(known: Known, rule: str) -> str:
    return str(known.rules.get(rule, {}).get("service") or "")


def _signal(known: Known) -> Iterator[Statement]:
    """Upgrades, sites of the plan, or the best site beyond it."""
    names = known.village_names()
    lacking = [str(row["code"]) for row in known.gap_villages]
    for code in lacking:
        weak = known.weak.get(code)
        if weak is not None and weak.short_db <= UPGRADE_DB:
            yield Statement(
                "cure",
                "cure.upgrade",
                {
                    "village": names.get(code, code),
                    "short": Amount(weak.short_db, "dB"),
                    "site": weak.site,
                    "operator": weak.operator,
                    "technology": weak.technology,
                    "km": Amount(weak.km, "km"),
                },
                places=(code, weak.site),
            )
    own = [row for row in known.serves if row["level"] == "unit"]
    chosen = sorted((row for row in own if _new(row) >= 1), key=lambda row: (-_new(row), row["rank"]))
    for row in chosen[:MOST_SITES]:
        yield _of_plan(known, row, names)
    if len(chosen) > MOST_SITES:
        others = chosen[MOST_SITES:]
        ranks = Several(tuple(str(row["rank"]) for row in sorted(others, key=lambda row: row["rank"])), most=20)
        people = Amount(math.fsum(_new(row) for row in others), "persons", most=0)
        yield Statement("cure", "cure.plan_others", {"ranks": ranks, "people": people})
    if chosen:
        yield _rest(known, chosen)
    elif own:
        yield _beyond(known, own)
    elif known.sites:
        count = Amount(len(known.sites), "", most=0)
        yield Statement("cure", "cure.none_reaches", {"count": count, "technology": known.technology})
    if not chosen:
        yield from _nearest(known)


def _new(row: Row) -> float:
    return float(row["people_new"] or 0.0)


def _of_plan(known: Known, row: Row, names: dict[str, str]) -> Statement:
    """One site of the plan, and the villages with gaps that it serves first: their centre where that has no signal."""
    site = known.sites[row["candidate_id"]]
    states = {str(village["code"]): village.get("signal_state") for village in known.gap_villages}
    reached = [
        other
        for other in known.serves
        if other["level"] == "village"
        and other["candidate_id"] == row["candidate_id"]
        and other["code"] in states
        and _new(other) >= 1
        and (other["centre"] != "no" or states[other["code"]] != "none_at_centre")
    ]
    reached.sort(key=lambda other: (-_new(other), other["code"]))
    params: dict[str, Param] = {
        **_site(site),
        "rank": row["rank"],
        "technology": known.technology,
        "people": Amount(row["people_new"], "persons", most=0),
        "lacking": Amount(row["people_lacking"], "", most=0),
    }
    places = (str(row["candidate_id"]), *(str(other["code"]) for other in reached))
    if not reached:
        return Statement("cure", "cure.plan_site", params, places=places)
    named = Several(tuple(names.get(str(other["code"]), str(other["code"])) for other in reached))
    return Statement("cure", "cure.plan_site_villages", params | {"villages": named}, places=places)


def _site(site: Row) -> dict[str, Param]:
    return {
        "near": str(site["name"]),
        "unit": str(site.get("unit_name") or ""),
        "cost": Amount(site["cost_vnd"], "VND"),
    }


def _rest(known: Known, chosen: list[Row]) -> Statement:
    rest = float(chosen[0]["people_lacking"]) - math.fsum(_new(row) for row in chosen)
    if rest < 1:
        return Statement("cure", "cure.plan_all", {"technology": known.technology}, after=True)
    params: dict[str, Param] = {"rest": Amount(rest, "persons", most=0), "technology": known.technology}
    return Statement("cure", "cure.plan_rest", params, after=True)


def _beyond(known: Known, own: list[Row]) -> Statement:
    """The candidate that reaches most people for its money, though the plan did not take it or others served first."""

    def worth(row: Row) -> tuple[float, str]:
        return -row["people_alone"] / known.sites[row["candidate_id"]]["cost_vnd"], row["candidate_id"]

    best = min((row for row in own if row["candidate_id"] in known.sites), key=worth)
    params: dict[str, Param] = {
        **_site(known.sites[best["candidate_id"]]),
        "people": Amount(best["people_alone"], "persons", most=0),
        "lacking": Amount(best["people_lacking"], "", most=0),
        "technology": known.technology,
    }
    return Statement("cure", "cure.beyond", params, places=(str(best["candidate_id"]),))


def _nearest(known: Known) -> Iterator[Statement]:
    """The nearest site of the plan, where none of it serves the commune."""
    planned = [site for site in known.sites.values() if site.get("rank") is not None and site.get("km") is not None]
    if not planned:
        return
    site = min(planned, key=lambda site: (site["km"], site["rank"]))
    params: dict[str, Param] = {**_site(site), "rank": site["rank"], "km": Amount(site["km"], "km")}
    yield Statement("cure", "cure.nearest_planned", params, after=True)


def _other(known: Known, row: Row) -> Iterator[Statement]:
    """What a rule on something other than signal asks to be built."""
    indicator, unit, rule = _declared(row["indicator"]), known.unit, str(row["rule"])
    template = "" if indicator is None else indicator.template or indicator.id
    if template == "same_day_mail":
        yield _from("cure.mail", unit.get("mean_time_post_office_min"), "min", rule)
        return
    if template == "fibre_to_commune":
        yield _from("cure.fibre", unit.get("mean_distance_fibre_node_km"), "km", rule)
        return
    service = _POINT_FLAGS.get(template, "" if indicator is None else indicator.service)
    built = _build(row, unit)
    if built is not None:
        yield Statement("cure", "cure.build", {"build": built}, rule=rule)
    elif service and row["unit"] == "yes_no":
        params: dict[str, Param] = {"count": 1, "service": Text(f"service.{service}.name")}
        yield Statement("cure", "cure.points", params, rule=rule)
    else:
        yield _amount(row, indicator)
        return
    km = unit.get(f"mean_distance_{service}_km") if service else None
    if km is not None:
        yield Statement("cure", "cure.nearest_point", {"km": Amount(km, "km")}, rule=rule, after=True)


def _build(row: Row, unit: Row) -> Words | None:
    """How many more points, subscribers, ... meet the rule; None where that does not follow from counts."""
    if row["value"] is None:
        return None
    parts = unit_parts(row["indicator"], float(row["value"]), unit)
    if parts is None:
        return None
    asked: dict[str, Any] = {"threshold": float(row["threshold"]), "comparison": str(row["comparison"])}
    built = to_build(row["indicator"], have=parts[0], base=parts[1], **asked)
    if built is None or built[0] <= 0:
        return None
    return Words({lang: build_words(row["indicator"], *built, lang) for lang in LANGS})


def _from(code: str, far: float | None, unit: str, rule: str) -> Statement:
    """Something to be brought here, and from how far where that is known."""
    if far is None:
        return Statement("cure", code, rule=rule)
    return Statement("cure", f"{code}_from", {unit: Amount(far, unit, most=0 if unit == "min" else 1)}, rule=rule)


def _amount(row: Row, indicator: Indicator | None) -> Statement:
    """By how much the indicator must change, where nothing to build can be counted."""
    name = indicator_text(row["indicator"])
    if indicator is not None and indicator.kind == "yes_no":
        return Statement("cure", "cure.wanted", {"indicator": name}, rule=row["rule"])
    unit = "percentage_points" if row["unit"] == "%" else str(row["unit"] or "")
    code = "cure.more" if str(row["comparison"]).startswith(">") else "cure.less"
    if row["comparison"] == "=":
        code = "cure.exactly"
    params: dict[str, Param] = {
        "indicator": name,
        "short": Amount(abs(row["margin"]), unit),
        "threshold": Amount(row["threshold"], str(row["unit"] or "")),
    }
    return Statement("cure", code, params, rule=row["rule"])


def _declared(indicator_id: str) -> Indicator | None:
    try:
        return find(indicator_id, level="unit")
    except MissingError:
        return None


def indicator_text(indicator_id: str) -> Words | str:
    """Name of an indicator in both languages; its id where none is declared."""
    try:
        return Words({lang: indicator_label(indicator_id, lang) for lang in LANGS})
    except MissingError:
        return indicator_id
