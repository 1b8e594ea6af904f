"""What the command line prints of a study's results: targets, worst communes, investment list, where the files lie."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from phusong.api.labels import indicator_name, measure
from phusong.coverage.shortfall import form_of
from phusong.coverage.village_states import STATES
from phusong.layers.messages import Lang, say
from phusong.layers.messages.format import day, number, plain, quantity, vnd
from phusong.layers.store import Results
from phusong.layers.study import Study


def show(study: Study, out: Console, *, lang: Lang, rows: int = 10) -> None:
    """Everything a run ends with: the targets, the worst communes, the first of the investment list, the paths."""
    results = Results(study.root)
    show_head(study, out, lang)
    show_targets(pd.read_parquet(results.path("targets.parquet")), out, lang=lang)
    show_gaps(study, out, lang=lang, level="communes", limit=rows)
    show_plan(study, out, lang=lang, limit=rows)
    _basis(results, study, out, lang)
    _paths(results, study, out, lang)


def show_gaps(study: Study, out: Console, *, lang: Lang, level: str, limit: int) -> None:
    """The first ``limit`` gap communes or villages with their reasons in words."""
    results = Results(study.root)
    kind = "unit" if level == "communes" else "village"
    gaps = pd.read_parquet(results.path("gaps.parquet" if kind == "unit" else "gap_villages.parquet"))
    reasons = pd.read_parquet(results.path("reasons.parquet"))
    reasons = reasons[reasons["level"] == kind]
    mark = synthetic_mark(study, lang)
    table = plain_table(say(f"report.gaps.{kind}", lang, shown=min(limit, len(gaps)), count=len(gaps), mark=mark))
    own_columns = () if kind == "unit" else ("signal", "nearest")
    for code in ("rank", kind, "place", "people_affected", *own_columns):
        table.add_column(say(f"report.column.{code}", lang), justify="right" if code in _NUMBERS else "left")
    table.add_column(say("report.column.reasons", lang), ratio=1)
    places = _intervals(results) if kind == "unit" else {}
    for row in row_dicts(gaps.head(limit)):
        own = reasons[reasons["code"] == row["code"]]
        words = "\n".join(f"- {escape(text)}" for text in own[f"text_{lang}"])
        place = row["district"] if kind == "unit" else row["unit_name"]
        people = number(row["people_affected"], lang)
        more = () if kind == "unit" else (escape(_signal(row, lang)), escape(_nearest(row, lang)))
        low, high = places.get((row["code"], row["rank"]), (None, None))
        rank = place_text(row["rank"], low, high, lang)
        table.add_row(rank, escape(str(row["name"])), escape(text_of(place)), people, *more, words)
    out.print(table)
    for line in _gap_lines(results, kind, lang):
        out.print(escape(line), soft_wrap=True)


def place_text(rank: object, low: int | None, high: int | None, lang: Lang) -> str:
    """A place with its interval, "7 (3-15)"; the place alone where there is none or it is the place itself."""
    if low is None or (low == rank and high == rank):
        return str(rank)
    return say("ranking.range", lang, rank=rank, low=low, high=high)


def _intervals(results: Results) -> dict[tuple[str, int], tuple[int, int]]:
    """First and last place of each commune by its code and its place among all; none where the run did not look.

    A gap list counts gaps alone: its place has an interval only where it is the place among all communes.
    """
    if not (results.directory / "ranking.parquet").is_file():
        return {}
    columns = ["code", "rank", "rank_low", "rank_high"]
    table = pd.read_parquet(results.path("ranking.parquet"), columns=columns).dropna()
    return {(code, int(rank)): (int(low), int(high)) for code, rank, low, high in table.itertuples(index=False)}


def _signal(row: dict[str, Any], lang: Lang) -> str:
    """A village's state of signal, who serves it, what stood in for clusters, and whether it lacks grid power."""
    state = text_of(row.get("signal_state"))
    operators = text_of(row.get("operators")).replace(";", ", ")
    parts = [say(f"signal_state.{state}", lang, operators=operators)] if state else []
    if state == "none_at_cluster" and row["clusters_basis"] == "populated_cells":
        parts.append(say("report.village.by_cells", lang))
    if row["grid_power"] is False:
        parts.append(say("report.village.off_grid", lang))
    return "; ".join(parts)


def _nearest(row: dict[str, Any], lang: Lang) -> str:
    """Where the nearest village with signal and the nearest site are."""
    lines = []
    if not pd.isna(row.get("nearest_covered_village_km")):
        km = number(row["nearest_covered_village_km"], lang, decimals=1)
        lines.append(say("report.nearest.village", lang, km=km, name=row["nearest_covered_village_name"]))
    if not pd.isna(row.get("nearest_site_km")):
        km = number(row["nearest_site_km"], lang, decimals=1)
        lines.append(say("report.nearest.site", lang, km=km, site=row["nearest_site"]))
    return "\n".join(lines)


def _affected(results: Results, kind: str) -> tuple[float, int]:
    """People affected, each counted once, by gaps of communes and villages ("unit"), or of villages alone; and how many
    of these are not known."""
    if kind == "village":  # different villages hold different people
        people = pd.read_parquet(results.path("gap_villages.parquet"), columns=["people_affected"])["people_affected"]
        return float(people.sum(min_count=1)), int(people.isna().sum())
    path = results.path("gap_totals.parquet")
    if not path.is_file():  # results of an older run
        return float("nan"), 0
    whole = pd.read_parquet(path).iloc[0]
    return float(whole["people_affected"]), int(whole["unknown"])


def _gap_lines(results: Results, kind: str, lang: Lang) -> list[str]:
    """What stands below the table: villages by state and by what says so; people affected, each once."""
    counts = results.record()["steps"]["gaps"]["counts"]
    lines = []
    if kind == "village" and "uncovered_by_both" in counts:
        states = {name: number(counts[f"villages_{name}"], lang) for name in STATES[:3]}
        lines.append(say("report.villages.states", lang, **states))
        by = ("by_both", "by_reports_only", "by_model_only", "unreported")
        told = {name: number(counts[f"uncovered_{name}"], lang) for name in by}
        alone = counts.get("uncovered_unmodelled", 0)
        more = say("report.villages.unmodelled", lang, count=number(alone, lang)) if alone else ""
        lines.append(say("report.villages.by", lang, **told, unmodelled=more))
    people, unknown = _affected(results, kind)
    more = say("report.affected.unknown", lang, count=number(unknown, lang)) if unknown else ""
    if not pd.isna(people):
        lines.append(say("report.affected", lang, people=number(people, lang), unknown=more))
    return lines


def show_plan(study: Study, out: Console, *, lang: Lang, limit: int) -> None:
    """The first ``limit`` lines of the investment list, then its cost, people and the solver's answer."""
    results = Results(study.root)
    plan = pd.read_parquet(results.path("plan.parquet"))
    answer = json.loads(results.path("plan_answer.json").read_text(encoding="utf-8"))
    table = plain_table(
        say("report.plan.title", lang, mark=synthetic_mark(study, lang), technology=study.settings.plan.technology)
    )
    for code in ("rank", "site", "unit", "kind", "cost", "people_new", "people_per_bn"):
        table.add_column(say(f"report.column.{code}", lang), justify="right" if code in _NUMBERS else "left")
    for row in row_dicts(plan.head(limit)):
        table.add_row(
            str(row["rank"]),
            escape(text_of(row["name"])),
            escape(text_of(row["unit_name"])),
            say("report.kind." + row["kind"], lang),
            vnd(row["cost_vnd"], lang),
            number(row["people_new"], lang),
            number(row["people_per_bn_vnd"], lang),
        )
    out.print(table)
    out.print(escape(_plan_line(plan, answer, study, lang)), soft_wrap=True)


_NUMBERS = {"rank", "people_affected", "cost", "people_new", "people_per_bn", "published", "computed", "target"}


def show_head(study: Study, out: Console, lang: Lang) -> None:
    """The name of the study, and that its layers are synthetic where they are."""
    settings = study.settings
    out.print()
    out.print(f"[bold]{escape(settings.name)}[/bold]", soft_wrap=True)
    if settings.synthetic:
        out.print(escape(say("report.synthetic", lang)), soft_wrap=True)


def show_targets(targets: pd.DataFrame, out: Console, *, lang: Lang, district: str = "") -> None:
    """The targets of the province, or of a district: published, computed, asked for, met, and what must be built."""
    title = say("report.targets.district", lang, district=district) if district else say("report.targets.title", lang)
    table = plain_table(title)
    for code in ("indicator", "published", "computed", "target", "met", "lacking"):
        table.add_column(say(f"report.column.{code}", lang), justify="right" if code in _NUMBERS else "left")
    notes: list[str] = []
    own = targets[targets["area"] == district]
    if own.empty:
        out.print(escape(say("report.targets.none", lang)), "", sep="\n", soft_wrap=True)
        return
    for row in row_dicts(own):
        met = say("report.met." + row["met"], lang) if row["met"] else ""
        label = indicator_name(row["indicator"], lang)
        if row["note"]:
            if row["note"] not in notes:
                notes.append(row["note"])
            label += f" ({notes.index(row['note']) + 1})"
        published = "" if pd.isna(row["published"]) else quantity(row["published"], row["unit"], lang)
        if published and row["published_as_of"] != pd.Timestamp(row["as_of"]):
            published = say("report.targets.of_day", lang, value=published, day=day(row["published_as_of"], lang))
        computed = quantity(row["computed"], row["unit"], lang)
        table.add_row(escape(label), published, computed, _asked(row, lang), met, escape(_lacking(row, lang)))
    out.print(table)
    for place, note in enumerate(notes, 1):
        out.print(escape(f"({place}) {say(f'note.{note}', lang)}"), soft_wrap=True)
    for code, name in (("published", "source"), ("asked", "target_source")):
        sources = list(dict.fromkeys(own.loc[own[name] != "", name]))
        if sources:
            out.print(escape(say(f"report.targets.source_{code}", lang, sources="; ".join(sources))), soft_wrap=True)
    if len(own):
        out.print(say("report.targets.day", lang, day=day(pd.Timestamp(own["as_of"].iloc[0]), lang)), soft_wrap=True)
    out.print()


def show_districts(targets: pd.DataFrame, out: Console, *, lang: Lang) -> None:
    """Each target with the districts that do not meet it, what each lacks, and those without data; or that the study
    has no districts."""
    rows = targets[(targets["level"] == "district") & (targets["rule"] != "")]
    if not len(rows):
        out.print(escape(say("report.districts.none", lang)), soft_wrap=True)
        return
    table = plain_table(say("report.districts.title", lang))
    for code in ("indicator", "target", "district", "computed", "lacking"):
        table.add_column(say(f"report.column.{code}", lang), justify="right" if code in _NUMBERS else "left")
    for _, own in rows.groupby("rule", sort=False):
        first = row_dicts(own.head(1))[0]
        failing = row_dicts(
            own[own["met"] == "no"].sort_values("distance", ascending=False, kind="stable", na_position="first")
        )
        heads = [indicator_name(first["indicator"], lang), _asked(first, lang)]
        if not failing:
            counts = {"met": int((own["met"] == "yes").sum()), "unknown": int((own["met"] == "no_data").sum())}
            table.add_row(escape(heads[0]), heads[1], escape(say("report.districts.all_met", lang, **counts)), "", "")
        for row in failing:
            computed = quantity(row["computed"], row["unit"], lang)
            table.add_row(escape(heads[0]), heads[1], escape(row["area"]), computed, escape(_lacking(row, lang)))
            heads = ["", ""]
        unknown = own.loc[own["met"] == "no_data", "area"]
        if failing and len(unknown):
            table.add_row("", "", escape("; ".join(unknown)), say("format.no_data", lang), "")
    out.print(table)


def show_pace(pace: pd.DataFrame, out: Console, *, lang: Lang, district: str = "") -> None:
    """The pace so far, the pace needed, and what to expect; one line an indicator (and target)."""
    table = plain_table(say("report.pace.title", lang))
    for code in ("indicator", "dates", "value", "pace", "needed", "target", "reaches", "forecast"):
        table.add_column(say(f"report.column.{code}", lang), justify="left" if code == "indicator" else "right")
    for row in row_dicts(pace[pace["area"] == district]):
        span = f"{row['from'].year}-{row['to'].year}" if row["dates"] > 1 else str(row["to"].year)
        numbers = (row["pace_per_year"], row["needed_per_year"])
        value = plain(row["value"], lang, most=_decimals(row))
        label, unit = indicator_name(row["indicator"], lang), measure(row["indicator"], lang)
        if unit.casefold() not in label.casefold():
            label += f", {unit}"
        table.add_row(
            escape(label),
            say("report.pace.dates", lang, count=row["dates"], span=span),
            say("report.pace.published", lang, value=value) if row["basis"] == "published" else value,
            *("" if pd.isna(one) else plain(one, lang) for one in numbers),
            _asked(row, lang),
            "" if pd.isna(row["reaches_on"]) else day(row["reaches_on"], lang),
            escape(_forecast(row, lang)),
        )
    out.print(table)
    out.print(escape(say("report.pace.method", lang)), soft_wrap=True)


def _asked(row: dict[str, Any], lang: Lang) -> str:
    sign = {">=": "≥ ", "<=": "≤ "}.get(row["comparison"], f"{row['comparison']} ")
    return "" if pd.isna(row["target"]) else sign + plain(row["target"], lang)


def _lacking(row: dict[str, Any], lang: Lang) -> str:
    """What is missing to a target: in what can be built, else in the indicator's unit."""
    if row["met"] != "no":
        return ""
    unit = "percentage_points" if row["unit"] == "%" else row["unit"]
    return row[f"build_{lang}"] or quantity(row["distance"], unit, lang)


def _decimals(row: dict[str, Any]) -> int:
    """Decimal places of an indicator's values: none of what is counted in whole things."""
    form = form_of(row["indicator"])
    return 0 if form is not None and form.kind == "count" else 2


def _forecast(row: dict[str, Any], lang: Lang) -> str:
    if pd.isna(row["forecast"]):
        return ""
    value, low, high = (plain(row[name], lang, most=_decimals(row)) for name in ("forecast", "low", "high"))
    if row["method"] == "saturating":
        ends = {"low": low, "high": high}
        value = say("report.pace.interval", lang, value=value, **ends)
    return say("report.pace.on", lang, value=value, day=day(row["target_on"], lang))


def _basis(results: Results, study: Study, out: Console, lang: Lang) -> None:
    """What the figures rest on: how people were placed, defaults used, thresholds the study changed."""
    steps = results.record()["steps"]
    method = json.loads(results.path("people.json").read_text(encoding="utf-8"))["method"]
    lines = [say(f"people_method.{method}", lang)]
    if steps["radio"]["counts"].get("defaults_used"):
        used = number(steps["radio"]["counts"]["defaults_used"], lang)
        lines.append(say("report.defaults", lang, count=used, file=str(results.directory / "defaults_used.csv")))
    for rule in study.settings.rules.overrides:
        lines.append(
            say("report.override", lang, rule=rule.rule, threshold=plain(rule.threshold, lang), why=rule.reason)
        )
    out.print()
    for line in lines:
        out.print(escape(line), soft_wrap=True)


def _paths(results: Results, study: Study, out: Console, lang: Lang) -> None:
    directory = results.directory
    formats = ", ".join(path.suffix[1:] for path in sorted(directory.glob("gaps.*")))
    lists = f"{directory / 'gaps'}, gap_villages, plan ({formats})"
    out.print()
    for code, what in (
        ("map", str(directory / "map.html")),
        ("lists", lists),
        ("record", str(directory / "run.json")),
        ("api", f"phusong serve {study.root}"),
    ):
        out.print(escape(say(f"report.path.{code}", lang, what=what)), soft_wrap=True)


def _plan_line(plan: pd.DataFrame, answer: dict[str, Any], study: Study, lang: Lang) -> str:
    return say(
        "report.plan.answer",
        lang,
        sites=len(plan),
        cost=vnd(float(plan["cost_vnd"].sum()), lang),
        budget=vnd(study.settings.plan.budget_vnd, lang),
        people=number(float(plan["people_new"].sum()), lang),
        bound=number(answer["bound_people"], lang),
        status=answer["status"],
    )


def synthetic_mark(study: Study, lang: Lang) -> str:
    """What a heading ends with where the layers are generated."""
    return say("report.mark", lang) if study.settings.synthetic else ""


def plain_table(title: str) -> Table:
    """A table as all of the command line are."""
    return Table(title=escape(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, show_lines=False)


def row_dicts(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows by column name."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def text_of(value: object) -> str:
    """A word of a table, empty for no data."""
    return "" if pd.isna(value) else str(value)  # type: ignore[call-overload]
