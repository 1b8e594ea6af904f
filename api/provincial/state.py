"""The chapters on how things stand: summary, targets, pace, and the lists of communes, villages and sites."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from phusong.api.labels import indicator_name, measure
from phusong.api.provincial.facts import Facts, column_of, frame_of, homes_of, ids_of, rows_of, standings, sum_of, where
from phusong.layers.messages import say
from phusong.layers.messages.format import day, percent, plain, vnd
from phusong.layers.vietnamese.order import ranks
from phusong.layers.writers.lists import NO_DATA, OfficeList
from phusong.maps.report.document import Block, Bullets, Column, Paragraph, Table
from phusong.maps.report.province import chapter

MOST_COMMUNES, MOST_VILLAGES, MOST_SITES = 20, 25, 30
STATES = ("none_at_centre", "none_at_cluster", "one_operator")
STANDINGS = ("official", "unverified", "assumption")
"""How sure a threshold is, the surest first; one that the study changed is its own assumption."""


def summary(facts: Facts) -> list[Block]:
    """The answer first: how many, where, what it would take, and what is not known."""
    units = facts.tables.frame("units")
    if units is None:
        return []
    communes = facts.lists["communes"]
    all_units = facts.count(len(units))
    if communes is None:
        lead = facts.say("lead_none", units=all_units)
    else:
        gaps, people = facts.count(len(communes.rows)), sum_of(communes, "people_affected")
        lead = " ".join([facts.say("lead", gaps=gaps, units=all_units, people=people), *_unknown(facts, communes)])
    points = [*_said_standing(facts), *_said_villages(facts), *_said_targets(facts)]
    points += [*_said_plan(facts), *_said_ranking(facts)]
    unknown = facts.lists["not-assessable"]
    if unknown is not None:
        count = facts.count(len(unknown.rows))
        points.append(facts.say("not_assessed", count=count, chapter=chapter("limits")))
    blocks: list[Block] = [Paragraph(lead, "lead")]
    if points:
        blocks.append(Bullets(tuple(points)))
    return [*blocks, *_by_district(facts, units)]


def _unknown(facts: Facts, office: OfficeList) -> list[str]:
    """How many rows of a list have no people affected, which its sum leaves out."""
    count = sum(value is None or pd.isna(value) for value in column_of(office, "people_affected"))
    return [facts.say("people_unknown", count=facts.count(count))] if count else []


def _said_standing(facts: Facts) -> list[str]:
    """How many of the communes fail an official threshold, how many only such as were not checked or are assumed."""
    communes, reasons = facts.tables.frame("gaps"), facts.tables.frame("reasons")
    if communes is None or communes.empty or reasons is None or "standing" not in reasons:
        return []
    own = reasons[(reasons["level"] == "unit") & reasons["code"].isin(communes["code"])]
    if own.empty:
        return []
    places = {name: place for place, name in enumerate(STANDINGS)}
    surest = standings(own).map(lambda name: places.get(name, len(STANDINGS) - 1)).groupby(own["code"]).min()
    counts = Counter(surest)
    told = {name: facts.count(counts[place]) for name, place in places.items()}
    return [facts.say("standing", chapter=chapter("methods"), **told)]


def _said_villages(facts: Facts) -> list[str]:
    villages = facts.lists["villages"]
    if villages is None:
        return []
    people = sum_of(villages, "people_affected")
    told = [facts.say("villages", count=facts.count(len(villages.rows)), people=people), *_unknown(facts, villages)]
    states = Counter(column_of(villages, "signal_state"))
    named = {state: say(f"list.signal_state.{state}", facts.lang) for state in STATES}
    parts = [
        facts.say("state_count", count=facts.count(states[name]), state=name) for name in named.values() if states[name]
    ]
    return [" ".join([*told, facts.say("state", told=", ".join(parts))])] if parts else told


def _said_targets(facts: Facts) -> list[str]:
    office = _provincial(facts)
    if office is None:
        return []
    frame = frame_of(office)
    asked = frame[frame["target"] != ""]
    words = {code: say(f"report.met.{code}", facts.lang) for code in ("yes", "no")}
    judged = asked[asked["met"].isin(list(words.values()))]
    told = []
    if not judged.empty:
        met = int((judged["met"] == words["yes"]).sum())
        told.append(facts.say("targets", met=facts.count(met), count=facts.count(len(judged))))
    missed = [_missed(row) for row in rows_of(judged[judged["met"] == words["no"]])]
    if missed:
        told.append(facts.say("targets_missed", names="; ".join(missed)))
    if unknown := len(asked) - len(judged):
        told.append(facts.say("targets_unknown", count=facts.count(unknown)))
    return [" ".join(told)] if told else []


def _missed(row: Mapping[str, Any]) -> str:
    """A target that is not met, with what must be built for it where that is known."""
    build = row.get("build")
    return f"{row['indicator']} ({build})" if build else str(row["indicator"])


def _said_plan(facts: Facts) -> list[str]:
    plan = facts.lists["plan"]
    if plan is None:
        return []
    sites, cost, people = facts.count(len(plan.rows)), sum_of(plan, "cost_bn_vnd"), sum_of(plan, "people_new")
    return [facts.say("plan", sites=sites, cost=cost, people=people)]


def _said_ranking(facts: Facts) -> list[str]:
    about = facts.ranking_about
    if about is None:
        return []
    counts = about["counts"]
    told = {"count": facts.count(counts["first_n_depends"]), "all": facts.count(counts["ranked"])}
    return [facts.say("depends", **told, first=facts.count(about["first_n"]), chapter=chapter("ranking"))]


def _by_district(facts: Facts, units: pd.DataFrame) -> list[Block]:
    if "district" not in units or not units["district"].notna().any():
        return []
    names = units["district"].fillna("").astype(str)
    ordered = list(pd.DataFrame({"name": names, "place": ranks(names)}).sort_values("place")["name"].unique())
    ordered.sort(key=lambda name: name == "")  # units of no district come last
    columns = [Column(say("list.column.district", facts.lang), width=1.8), _counted(facts, "communes")]
    partial: list[str] = []
    cells: list[Callable[[str | None], str]] = [
        lambda name: facts.count(len(names) if name is None else int((names == name).sum()))
    ]
    for which, code, summed in (
        ("communes", "gap_communes", "people_affected"),
        ("villages", "gap_villages", ""),
        ("plan", "sites", "people_new"),
    ):
        office = facts.lists[which]
        if office is None or "district" not in ids_of(office):
            continue
        homes = homes_of(office)
        columns.append(_counted(facts, code))
        cells.append(lambda name, homes=homes: facts.count(len(homes) if name is None else homes.count(name)))  # type: ignore[misc]
        if which == "villages" and "signal_state" in ids_of(office):
            for state in STATES[:2]:
                word = say(f"list.signal_state.{state}", facts.lang)
                pairs = list(zip(homes, column_of(office, "signal_state"), strict=True))
                columns.append(Column(word.capitalize(), align="right"))
                cells.append(lambda name, pairs=pairs, word=word: _of_state(facts, pairs, name, word))  # type: ignore[misc]
        if summed:
            column = office.columns[ids_of(office).index(summed)]
            columns.append(Column(column.heading, column.unit, "right"))
            if unknown := sum(value is None or pd.isna(value) for value in column_of(office, summed)):
                count = facts.count(unknown)
                partial.append(say("list.note.partial_sum", facts.lang, column=column.heading, count=count))
            cells.append(lambda name, office=office, summed=summed: sum_of(office, summed, name))  # type: ignore[misc]
    rows = [(name or NO_DATA, *(cell(name) for cell in cells)) for name in ordered]
    rows.append((facts.say("total"), *(cell(None) for cell in cells)))
    caption, note = facts.say("by_district"), " ".join([facts.say("by_district_note"), *partial])
    if (counted := _counted_communes(facts)) is not None and counted != len(names):
        note += " " + facts.say("counted", units=facts.count(len(names)), counted=facts.count(counted))
    return [Table(tuple(columns), tuple(rows), caption, note, totals=(len(rows) - 1,))]


def _counted_communes(facts: Facts) -> int | None:
    """The communes that shares of communes are taken of; None where the run did not count them."""
    found = facts.tables.frame("targets")
    if found is None:
        return None
    own = found[(found["indicator"] == "counted_communes") & found["computed"].notna()]
    if "level" in own:
        own = own[own["level"] == "province"]
    return None if own.empty else int(own["computed"].iloc[0])


def _counted(facts: Facts, code: str) -> Column:
    return Column(facts.say(f"column.{code}"), align="right")


def _of_state(facts: Facts, pairs: Sequence[tuple[str, str]], name: str | None, word: str) -> str:
    return facts.count(sum(1 for home, state in pairs if state == word and name in (None, home)))


def _provincial(facts: Facts) -> OfficeList | None:
    """The targets of the province, without those shown for its districts."""
    targets = facts.lists["targets"]
    if targets is None or "area" not in ids_of(targets):
        return targets
    own = [row for row, area in zip(targets.rows, column_of(targets, "area"), strict=True) if not area]
    return replace(targets, rows=tuple(own)) if own else None


def targets(facts: Facts) -> list[Block]:
    """The province's targets, then the published figures without one beside the computed ones."""
    office = _provincial(facts)
    if office is None:
        return []
    asked = where(office, "target", bool)
    others = where(office, "target", lambda target: not target)
    widths = {"indicator": 3.0, "unit": 1.2, "published": 1.15, "computed": 1.15, "target": 1.0}
    found: list[Block] = []
    if asked.rows:
        more = {"met": 1.0, "distance": 1.0, "build": 2.0}
        table = facts.excerpt(asked, {**widths, **more}, "targets")
        found.append(_noted(table, *_about(facts, asked)))
    if others.rows:
        del widths["target"]
        found.append(facts.excerpt(others, {**widths, "published_as_of": 1.3}, "published"))
    return found


def _about(facts: Facts, asked: OfficeList) -> list[str]:
    """Below the targets: the dates of the figures, whose target the published figure judges otherwise, unsure ones."""
    frame = frame_of(asked)
    told = []
    if "published_as_of" in frame:
        dates = sorted(pd.Timestamp(one).date() for one in frame["published_as_of"] if not pd.isna(one))
        ends = " – ".join(dict.fromkeys(day(one, facts.lang) for one in (dates[:1] + dates[-1:])))
        computed = day(facts.tables.as_of, facts.lang)
        told.append(facts.say("dates", published=ends or NO_DATA, computed=computed))
    if "met_published" in frame:
        other = frame[(frame["met_published"] != frame["met"]) & ~frame["met_published"].isin(["", None])]
        names = "; ".join(f"{row['indicator']} ({row['met_published']})" for row in rows_of(other))
        told += [facts.say("met_otherwise", names=names)] if names else []
    if "standing" in frame:
        official = say("list.standing.official", facts.lang)
        unsure = frame[~frame["standing"].isin(["", None, official])]
        names = "; ".join(f"{row['indicator']} ({row['standing']})" for row in rows_of(unsure))
        told += [facts.say("targets_unsure", names=names)] if names else []
    return told


def progress(facts: Facts) -> list[Block]:
    """How fast the province went, how fast it must go, and where that leads; one line an indicator and target.

    Told are the indicators that are published, have a target, or grow to a saturation; the others where there are no
    such: their pace stands in the list.
    """
    found = facts.tables.frame("pace")
    if found is None:
        return []
    pace = found[(found["area"].fillna("") == "") & ((found["dates"] > 1) | found["target"].notna())]
    if pace.empty:
        return []
    first = pace[pace["target"].notna() | (pace["method"] == "saturating") | (pace["basis"] == "published")]
    shown = pace if first.empty else first
    columns = (
        Column(say("list.column.indicator", facts.lang), width=2.2),
        Column(say("list.column.unit", facts.lang), width=1.15),
        Column(facts.say("column.dates_known"), align="right", width=1.1),
        Column(facts.say("column.last_value"), align="right", width=1.2),
        Column(facts.say("column.pace"), align="right", width=1.25),
        Column(facts.say("column.pace_needed"), align="right"),
        Column(say("list.column.target", facts.lang), align="right", width=0.85),
        Column(facts.say("column.target_on"), align="right", width=1.4),
        Column(facts.say("column.forecast"), align="right", width=1.4),
    )
    rows = tuple(_pace(facts, row) for row in rows_of(shown))
    notes = [say("report.pace.method", facts.lang)]
    if left := len(pace) - len(shown):
        notes.append(facts.say("paces_left", count=facts.count(left)))
    return [Table(columns, rows, facts.say("table.progress"), " ".join(notes))]


def _pace(facts: Facts, row: Mapping[str, Any]) -> tuple[str, ...]:
    def figure(name: str) -> str:
        return "" if pd.isna(row[name]) else plain(float(row[name]), facts.lang)

    years = dict.fromkeys((pd.Timestamp(row["from"]).year, pd.Timestamp(row["to"]).year))
    span = "–".join(str(year) for year in years)
    sign = {">=": "≥", "<=": "≤"}.get(row["comparison"], row["comparison"])
    forecast = figure("forecast")
    if forecast and row["method"] == "saturating":
        forecast = say("report.pace.interval", facts.lang, value=forecast, low=figure("low"), high=figure("high"))
    return (
        indicator_name(row["indicator"], facts.lang),
        measure(row["indicator"], facts.lang),
        say("report.pace.dates", facts.lang, count=facts.count(row["dates"]), span=span),
        _basis(facts, figure("value"), row["basis"]),
        figure("pace_per_year"),
        figure("needed_per_year"),
        f"{sign} {figure('target')}" if figure("target") else "",
        "" if pd.isna(row["target_on"]) else day(pd.Timestamp(row["target_on"]).date(), facts.lang),
        forecast,
    )


def _basis(facts: Facts, value: str, basis: str) -> str:
    """A value, and whether it is a published one."""
    return say("report.pace.published", facts.lang, value=value) if value and basis == "published" else value


def communes(facts: Facts) -> list[Block]:
    """The first communes of the list, with their reasons."""
    office = facts.lists["communes"]
    if office is None:
        return []
    widths = {
        "rank": 0.95,
        "rank_range": 1.2,
        "name": 1.5,
        "district": 1.3,
        "people_affected": 1.15,
        "need_index": 1.0,
    }
    table = facts.excerpt(office, {**widths, "reasons": 6.3}, "communes", most=MOST_COMMUNES)
    return [_noted(table, facts.say("communes_note", chapter=chapter("methods")))]


def villages(facts: Facts) -> list[Block]:
    """The first villages of the list."""
    office = facts.lists["villages"]
    if office is None:
        return []
    widths = {
        "rank": 1.0,
        "name": 1.7,
        "unit_name": 1.7,
        "district": 1.4,
        "signal_state": 1.3,
        "people_affected": 1.1,
    }
    widths |= {"grid_power": 0.8, "nearest_covered_village_km": 1.2, "nearest_site_km": 1.1}
    return [facts.excerpt(office, widths, "villages", most=MOST_VILLAGES)]


def investment(facts: Facts) -> list[Block]:
    """The sites proposed, in order of rank."""
    office = facts.lists["plan"]
    if office is None:
        return []
    widths = {"rank": 1.0, "name": 1.7, "unit_name": 1.7, "district": 1.4, "kind": 1.4, "cost_bn_vnd": 1.0}
    widths |= {"people_new": 1.2, "people_per_bn_vnd": 1.2, "off_grid": 0.9, "border": 0.9}
    return [_noted(facts.excerpt(office, widths, "investment", most=MOST_SITES), *_answer(facts))]


def _answer(facts: Facts) -> list[str]:
    """How the list stands to the budget, to the best there could be, and whom no site reaches."""
    about = facts.plan_about
    if about is None:
        return []
    told = {name: vnd(float(about[name]), facts.lang) for name in ("cost_vnd", "budget_vnd")}
    counts = about["counts"]
    people = {name: facts.count(counts[name]) for name in ("people_without_signal", "people_out_of_reach")}
    people |= {name: facts.count(about[name]) for name in ("people_new", "bound_people")}
    gap = percent(float(about["gap_pct"]), facts.lang, most=2)
    return [facts.say("plan_answer", gap=gap, **told, **people)]


def _noted(table: Table, *notes: str) -> Table:
    """The table with more words below it."""
    return replace(table, note=" ".join(part for part in (table.note, *notes) if part))
