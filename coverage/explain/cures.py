"""What would cure a gap: sites of the plan, an upgrade, more points or subscribers, a cable, a daily run of mail."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from phusong.coverage.explain.known import Known, Row
from phusong.coverage.explain.statement import Amount, Param, Several, Statement, Words
from phusong.coverage.indicators import Indicator, find, indicator_label
from phusong.coverage.shortfall import build_words, form_of, to_build, unit_parts
from phusong.layers.errors import MissingError
from phusong.layers.messages import LANGS, Text

UPGRADE_DB = 6.0
"""A centre that lacks at most this much is worth the look at the mast that serves it: four times the power, or about
twice the height of the antenna over flat ground (20 log10 of the height, two-ray model). A planning assumption."""
_POINT_FLAGS = {"telephone_access_point": "telephone_access", "public_internet_point": "public_internet"}
"""Flags of a commune that one point of a service sets."""
_BROUGHT = {"same_day_mail": ("cure.mail", "mean_time_post_office_min", "min")} | {
    "fibre_to_commune": ("cure.fibre", "mean_distance_fibre_node_km", "km")
}
"""What is brought to a commune: statement, and the indicator that says from how far, with its unit."""
MOST_SITES, LEAST_SHARE = 3, 0.05
"""Sites of the plan named one by one: the first, and two more that bring signal to this share at least of those without
it; the others are summed."""
MOST_UPGRADES = 4
"""Villages whose mast almost reaches them named one by one."""


def cures(known: Known) -> Iterator[Statement]:
    """What would cure each gap of the commune and of its villages; nothing where nothing is lacking."""
    mobile = any(_service(known, row["rule"]) == "mobile" for row in known.reasons)
    if mobile or known.gap_villages:
        yield from _signal(known)
    others = [row for row in known.reasons if _service(known, row["rule"]) != "mobile"]
    told: set[tuple[str, str]] = set()
    for row in others:
        kind = _kind(row)
        if kind is None:
            yield from _other(known, row)
        elif kind not in told:  # what is built for one rule counts for the next: the most that any asks is enough
            told.add(kind)
            yield from _build(known, [one for one in others if _kind(one) == kind])


def _service(known: Known, rule: str) -> str:
    return str(known.rules.get(rule, {}).get("service") or "")


def _signal(known: Known) -> Iterator[Statement]:
    """Upgrades, sites of the plan, or the best site beyond it."""
    names = known.village_names()
    yield from _upgrades(known, names)
    own = [row for row in known.serves if row["level"] == "unit"]
    chosen = sorted((row for row in own if _new(row) >= 1), key=lambda row: (-_new(row), row["rank"]))
    named = [row for row in chosen[1:MOST_SITES] if _new(row) >= LEAST_SHARE * float(row["people_lacking"])]
    for row in (*chosen[:1], *named):
        yield _of_plan(known, row, names)
    if others := chosen[1 + len(named) :]:
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
    if own:
        yield from _counted(known, float(own[0]["people_lacking"]))
    if not chosen:
        yield from _nearest(known)


def _upgrades(known: Known, names: dict[str, str]) -> Iterator[Statement]:
    """Masts that almost reach a centre: worth a look before a new one is built."""
    near = [
        (str(row["code"]), weak)
        for row in known.gap_villages
        if (weak := known.weak.get(row["code"])) is not None and weak.short_db <= UPGRADE_DB
    ]
    if near:
        yield Statement("cure", "cure.upgrades")
    for code, weak in near[:MOST_UPGRADES]:
        params: dict[str, Param] = {
            "village": names.get(code, code),
            "short": Amount(weak.short_db, "dB"),
            "site": weak.site,
            "operator": weak.operator,
            "technology": weak.technology,
            "km": Amount(weak.km, "km"),
        }
        yield Statement("cure", "cure.upgrade", params, places=(code, weak.site), after=True)
    if len(near) > MOST_UPGRADES:
        left = tuple(code for code, _ in near[MOST_UPGRADES:])
        yield Statement("cure", "cure.upgrade_others", {"count": len(left)}, places=left, after=True)


def _counted(known: Known, lacking: float) -> Iterator[Statement]:
    """Why the plan counts other people without signal than the rule does, where it does."""
    for row in known.reasons:
        affected = row["people_affected"]
        if row["indicator"] != "people_covered_any_pct" or row["basis"] != "model" or affected is None:
            continue
        if abs(lacking - affected) < 1:
            continue
        params: dict[str, Param] = {
            "affected": Amount(affected, "persons", most=0),
            "lacking": Amount(lacking, "persons", most=0),
            "technology": known.technology,
        }
        if known.operator:
            yield Statement("cure", "cure.counted_operator", params | {"operator": known.operator}, after=True)
        else:
            yield Statement("cure", "cure.counted", params, after=True)
        return


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

    def worth(row: Row) -> tuple[bool, float, str]:
        at = known.sites[row["candidate_id"]]
        return at.get("rank") is not None, -row["people_alone"] / at["cost_vnd"], row["candidate_id"]

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
    """What a rule asks for that nothing countable meets."""
    indicator = _declared(row["indicator"])
    if indicator is not None and indicator.id in _BROUGHT:
        code, far, unit = _BROUGHT[indicator.id]
        yield _from(code, known.unit.get(far), unit, str(row["rule"]))
        return
    yield _amount(row, indicator)


def _kind(row: Row) -> tuple[str, str] | None:
    """What is to be built for a rule, and of which service; None where no count follows from it."""
    indicator, form = _declared(row["indicator"]), form_of(row["indicator"])
    if indicator is None or indicator.id in _BROUGHT:
        return None
    if form is not None and form.unit != "points":
        return form.unit, str(row["rule"])  # people within 3 km and within 30 minutes need not be the same
    service = _POINT_FLAGS.get(indicator.template or indicator.id, indicator.service)
    return ("points", service) if service and (form is not None or row["unit"] == "yes_no") else None


def _build(known: Known, rows: list[Row]) -> Iterator[Statement]:
    """How many more points, subscribers, ... meet all these rules, which ask for the same kind."""
    counts = [_count(row, known.unit) for row in rows]
    most = max(counts, key=lambda count: count[0] if count else 0)
    unit, service = _kind(rows[0]) or ("", "")
    flagged = any(row["unit"] == "yes_no" for row in rows)
    if most is not None:
        rule = rows[counts.index(most)]
        built = Words({lang: build_words(rule["indicator"], *most, lang) for lang in LANGS})
        params: dict[str, Param] = {"build": built}
        told = sum(count is not None or row["unit"] == "yes_no" for row, count in zip(rows, counts, strict=True))
        if told > 1:
            yield Statement("cure", "cure.build_all", params | {"rules": told}, rule=rule["rule"])
        else:
            yield Statement("cure", "cure.build", params, rule=rule["rule"])
    elif flagged and unit == "points":
        params = {"count": 1, "service": Text(f"service.{service}.name")}
        yield Statement("cure", "cure.points", params, rule=rows[0]["rule"])
    for row, count in zip(rows, counts, strict=True):
        if count is None and row["unit"] != "yes_no":
            yield _amount(row, _declared(row["indicator"]))
    km = known.unit.get(f"mean_distance_{service}_km") if unit == "points" else None
    if km is not None and (most is not None or flagged):
        yield Statement("cure", "cure.nearest_point", {"km": Amount(km, "km")}, rule=rows[0]["rule"], after=True)


def _count(row: Row, unit: Row) -> tuple[int, str] | None:
    """How many more meet the rule, and of what; None where that does not follow from counts."""
    if row["value"] is None:
        return None
    parts = unit_parts(row["indicator"], float(row["value"]), unit)
    if parts is None:
        return None
    asked: dict[str, Any] = {"threshold": float(row["threshold"]), "comparison": str(row["comparison"])}
    built = to_build(row["indicator"], have=parts[0], base=parts[1], **asked)
    return built if built is not None and built[0] > 0 else None


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
