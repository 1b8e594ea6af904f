"""The provincial report out of the results of a run: its figures are those of the lists, said as the lists say them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from phusong.api.labels import indicator_name, measure
from phusong.api.layer_info import LayerBook
from phusong.api.lists import Tables, office_list
from phusong.api.report_maps import maps_of
from phusong.layers.errors import InputError, MissingError
from phusong.layers.messages import Lang, has, say
from phusong.layers.messages.format import day, number, plain, quantity, vnd
from phusong.layers.study import Study
from phusong.layers.vietnamese.order import ranks
from phusong.layers.writers.aside import written_aside
from phusong.layers.writers.lists import ListColumn, OfficeList
from phusong.maps.report.document import Block, Bullets, Column, Document, Paragraph, Table
from phusong.maps.report.docx import docx_bytes
from phusong.maps.report.html import html_text
from phusong.maps.report.pdf import pdf_bytes
from phusong.maps.report.province import ReportHead, chapter, province_document

RENDERERS: dict[str, Callable[[Document], bytes]] = {
    "pdf": pdf_bytes,
    "docx": docx_bytes,
    "html": lambda document: html_text(document).encode("utf-8"),
}
"""How a document is written, by the ending of its file."""
MOST_COMMUNES, MOST_VILLAGES, MOST_SITES, MOST_RANKED, MOST_DIFFERENT = 25, 30, 40, 20, 15
STATES = ("none_at_centre", "none_at_cluster", "one_operator")


def report_document(study: Study, lang: Lang) -> Document:
    """The provincial report of the last completed run; MissingError if there was none."""
    return _Report(study, Tables.of(study), lang).document()


class _Report:
    """One report on its way: the lists of a run in one language, each read once."""

    def __init__(self, study: Study, tables: Tables, lang: Lang) -> None:
        self.study, self.tables, self.lang = study, tables, lang
        self.lists = {which: self._list(which) for which in ("communes", "villages", "targets", "plan", "ranking")}
        self.lists |= {which: self._list(which) for which in ("classes", "not-assessable")}

    def _list(self, which: str) -> OfficeList | None:
        """A list in one piece, in order of rank; None where the run made none."""
        try:
            found = office_list(self.tables, which, lang=self.lang, grouped=False)
        except MissingError:
            return None
        return found if found.rows else None

    def document(self) -> Document:
        """All chapters."""
        record = self.tables.record
        head = ReportHead(
            place=self.tables.settings.name,
            organisation=getattr(self.tables.settings, "organisation", ""),
            lang=self.lang,
            as_of=day(self.tables.as_of, self.lang),
            synthetic=self.tables.synthetic,
            run=str(record.get("steps", {}).get("gaps", {}).get("key", ""))[:12] or "-",
        )
        return province_document(
            head,
            {
                "summary": self._summary(),
                "targets": self._targets(),
                "progress": self._progress(),
                "maps": self._maps(),
                "communes": self._communes(),
                "villages": self._villages(),
                "investment": self._investment(),
                "classes": self._classes(),
                "ranking": self._ranking(),
                "methods": self._methods(),
                "sources": self._sources(),
                "limits": self._limits(),
            },
        )

    def say(self, code: str, **params: Any) -> str:
        return say(f"province_report.{code}", self.lang, **params)

    def count(self, value: float) -> str:
        return number(value, self.lang)

    # summary

    def _summary(self) -> list[Block]:
        units = self.tables.frame("units")
        if units is None:
            return []
        communes = self.lists["communes"]
        all_units = self.count(len(units))
        if communes is None:
            lead = self.say("lead_none", units=all_units)
        else:
            gaps, people = self.count(len(communes.rows)), _sum(communes, "people_affected")
            lead = self.say("lead", gaps=gaps, units=all_units, people=people)
        points = [*self._said_villages(), *self._said_targets(), *self._said_plan(), *self._said_ranking()]
        unknown = self.lists["not-assessable"]
        if unknown is not None:
            count = self.count(len(unknown.rows))
            points.append(self.say("not_assessed", count=count, chapter=chapter("limits")))
        blocks: list[Block] = [Paragraph(lead, "lead")]
        if points:
            blocks.append(Bullets(tuple(points)))
        return [*blocks, *self._by_district(units)]

    def _said_villages(self) -> list[str]:
        villages = self.lists["villages"]
        if villages is None:
            return []
        people = _sum(villages, "people_affected")
        told = [self.say("villages", count=self.count(len(villages.rows)), people=people)]
        states = Counter(_column(villages, "signal_state"))
        named = {state: say(f"list.signal_state.{state}", self.lang) for state in STATES}
        parts = [
            self.say("state_count", count=self.count(states[name]), state=name)
            for name in named.values()
            if states[name]
        ]
        return [" ".join([*told, self.say("state", told=", ".join(parts))])] if parts else told

    def _said_targets(self) -> list[str]:
        targets = self._provincial()
        if targets is None:
            return []
        frame = _frame(targets)
        asked = frame[frame["target"] != ""]
        words = {code: say(f"report.met.{code}", self.lang) for code in ("yes", "no")}
        judged = asked[asked["met"].isin(list(words.values()))]
        if judged.empty:
            return []
        met = int((judged["met"] == words["yes"]).sum())
        told = self.say("targets", met=self.count(met), count=self.count(len(judged)))
        missed = [str(name) for name in judged.loc[judged["met"] == words["no"], "indicator"]]
        return [" ".join([told, self.say("targets_missed", names="; ".join(missed))]) if missed else told]

    def _said_plan(self) -> list[str]:
        plan = self.lists["plan"]
        if plan is None:
            return []
        sites, cost, people = self.count(len(plan.rows)), _sum(plan, "cost_bn_vnd"), _sum(plan, "people_new")
        return [self.say("plan", sites=sites, cost=cost, people=people)]

    def _said_ranking(self) -> list[str]:
        ranking = self.tables.frame("ranking")
        first = self._first()
        if ranking is None or "depends" not in ranking or first is None:
            return []
        depends = int((ranking["depends"].astype(str).isin(["yes", "True"])).sum())
        told = {"count": self.count(depends), "all": self.count(len(ranking)), "first": self.count(first)}
        return [self.say("depends", **told, chapter=chapter("ranking"))]

    def _first(self) -> int | None:
        told = getattr(getattr(self.tables.settings, "index", None), "first_n", None)
        return None if told is None else int(told)

    def _by_district(self, units: pd.DataFrame) -> list[Block]:
        if "district" not in units or not units["district"].notna().any():
            return []
        names = units["district"].fillna("").astype(str)
        names = names[names != ""]
        ordered = list(pd.DataFrame({"name": names, "place": ranks(names)}).sort_values("place")["name"].unique())
        columns = [Column(say("list.column.district", self.lang), width=2.2), self._counted("communes")]
        cells: list[Callable[[str | None], str]] = [
            lambda name: self.count(len(names) if name is None else int((names == name).sum()))
        ]
        for which, code, summed in (
            ("communes", "gap_communes", "people_affected"),
            ("villages", "gap_villages", ""),
            ("plan", "sites", "people_new"),
        ):
            office = self.lists[which]
            if office is None or "district" not in _ids(office):
                continue
            homes = _column(office, "district")
            columns.append(self._counted(code))
            cells.append(lambda name, homes=homes: self.count(len(homes) if name is None else homes.count(name)))  # type: ignore[misc]
            if which == "villages" and "signal_state" in _ids(office):
                for state in STATES[:2]:
                    word = say(f"list.signal_state.{state}", self.lang)
                    pairs = list(zip(homes, _column(office, "signal_state"), strict=True))
                    columns.append(Column(word.capitalize(), align="right"))
                    cells.append(lambda name, pairs=pairs, word=word: self._of_state(pairs, name, word))  # type: ignore[misc]
            if summed:
                column = office.columns[_ids(office).index(summed)]
                columns.append(Column(column.heading, column.unit, "right"))
                cells.append(lambda name, office=office, summed=summed: _sum(office, summed, name))  # type: ignore[misc]
        rows = [(name, *(cell(name) for cell in cells)) for name in ordered]
        rows.append((self.say("total"), *(cell(None) for cell in cells)))
        caption, note = self.say("by_district"), self.say("by_district_note")
        return [Table(tuple(columns), tuple(rows), caption, note, totals=(len(rows) - 1,))]

    def _counted(self, code: str) -> Column:
        return Column(self.say(f"column.{code}"), align="right")

    def _of_state(self, pairs: Sequence[tuple[str, str]], name: str | None, word: str) -> str:
        return self.count(sum(1 for home, state in pairs if state == word and name in (None, home)))

    # targets

    def _provincial(self) -> OfficeList | None:
        """The targets of the province, without those shown for its districts."""
        targets = self.lists["targets"]
        if targets is None or "area" not in _ids(targets):
            return targets
        own = [row for row, area in zip(targets.rows, _column(targets, "area"), strict=True) if not area]
        return replace(targets, rows=tuple(own)) if own else None

    def _targets(self) -> list[Block]:
        targets = self._provincial()
        if targets is None:
            return []
        asked = _where(targets, "target", bool)
        others = _where(targets, "target", lambda target: not target)
        widths = {"indicator": 3.0, "unit": 1.2, "published": 1.0, "computed": 1.1, "target": 1.1}
        found: list[Block] = []
        if asked.rows:
            more = {"met": 1.0, "distance": 1.0, "build": 2.0}
            found.append(self._excerpt(asked, {**widths, **more}, "targets"))
        if others.rows:
            del widths["target"]
            found.append(self._excerpt(others, {**widths, "published_as_of": 1.3}, "published"))
        return found

    def _progress(self) -> list[Block]:
        pace = self.tables.frame("pace")
        if pace is None or "indicator" not in pace:
            return []
        if "area" in pace:
            pace = pace[pace["area"].fillna("").astype(str) == ""]
        if pace.empty:
            return []
        columns = (
            Column(say("list.column.indicator", self.lang), width=2.6),
            Column(say("list.column.unit", self.lang), width=1.1),
            Column(self.say("column.period"), width=1.6),
            Column(self.say("column.pace"), align="right"),
            Column(self.say("column.pace_needed"), align="right"),
            Column(say("list.column.target", self.lang), align="right"),
            Column(self.say("column.reaches"), align="right", width=1.2),
            Column(self.say("column.forecast"), align="right"),
            Column(self.say("column.interval"), align="right", width=1.3),
        )
        return [Table(columns, tuple(self._pace(row) for row in _rows(pace)), self.say("table.progress"))]

    def _pace(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        def figure(name: str) -> str:
            value = row.get(name)
            return "" if value is None or pd.isna(value) else plain(float(value), self.lang)

        low, high = figure("low"), figure("high")
        return (
            indicator_name(row["indicator"], self.lang),
            measure(row["indicator"], self.lang),
            " – ".join(part for part in (self._day(row.get("from")), self._day(row.get("to"))) if part),
            figure("pace_per_year"),
            figure("needed_per_year"),
            figure("target"),
            self._day(row.get("reaches_on")),
            figure("forecast"),
            f"{low} – {high}" if low and high else "",
        )

    def _day(self, value: Any) -> str:
        if value is None or pd.isna(value):
            return ""
        return str(value) if isinstance(value, int | float) else day(pd.Timestamp(value).date(), self.lang)

    # maps

    def _maps(self) -> list[Block]:
        pictures = maps_of(self.study, self.tables, self.lang)
        return [*pictures, Paragraph(self.say("map_note"), "note")] if pictures else []

    # lists

    def _communes(self) -> list[Block]:
        communes = self.lists["communes"]
        if communes is None:
            return []
        widths = {
            "rank": 0.7,
            "rank_range": 1.0,
            "name": 1.7,
            "district": 1.4,
            "people_affected": 1.2,
            "need_index": 0.9,
        }
        return [self._excerpt(communes, {**widths, "reasons": 5.5}, "communes", most=MOST_COMMUNES)]

    def _villages(self) -> list[Block]:
        villages = self.lists["villages"]
        if villages is None:
            return []
        widths = {
            "rank": 0.7,
            "name": 1.7,
            "unit_name": 1.7,
            "district": 1.4,
            "signal_state": 1.3,
            "people_affected": 1.1,
        }
        widths |= {"grid_power": 0.8, "nearest_covered_village_km": 1.2, "nearest_site_km": 1.1}
        return [self._excerpt(villages, widths, "villages", most=MOST_VILLAGES)]

    def _investment(self) -> list[Block]:
        plan = self.lists["plan"]
        if plan is None:
            return []
        widths = {"rank": 0.7, "name": 1.7, "unit_name": 1.7, "district": 1.4, "kind": 1.4, "cost_bn_vnd": 1.0}
        widths |= {"people_new": 1.2, "people_per_bn_vnd": 1.2, "off_grid": 0.9, "border": 0.9}
        return [self._excerpt(plan, widths, "investment", most=MOST_SITES)]

    def _excerpt(self, office: OfficeList, widths: Mapping[str, float], name: str, *, most: int | None = None) -> Table:
        """The first rows of a list in some of its columns, below them the total of the whole list."""
        ids = _ids(office)
        places = [ids.index(one) for one in widths if one in ids]
        columns = [office.columns[place] for place in places]
        rows = [
            tuple(office.said(row[place], column) for place, column in zip(places, columns, strict=True))
            for row in office.rows[:most]
        ]
        total = next((line for line in office.printed if line.role == "total"), None)
        totals: tuple[int, ...] = ()
        if total is not None and any(column.total for column in columns):
            label = str(total.values[0])
            cells = [
                office.said(total.values[place], column) if column.total else ""
                for place, column in zip(places, columns, strict=True)
            ]
            cells[next((at for at, column in enumerate(columns) if column.id == "name"), 0)] = label
            totals = (len(rows),)
            rows.append(tuple(cells))
        notes = [*office.remarks()[: len(office.remarks()) - len(office.notes)]]
        if len(office.rows) > len(rows) - len(totals):
            shown = self.count(len(rows) - len(totals))
            notes.insert(0, self.say("first", shown=shown, count=self.count(len(office.rows))))
        return Table(
            tuple(_headed(column, widths[column.id]) for column in columns),
            tuple(rows),
            self.say(f"table.{name}"),
            " ".join(notes),
            totals,
        )

    # classes and ranking

    def _classes(self) -> list[Block]:
        classes = self.lists["classes"]
        if classes is None:
            return []
        frame = _frame(classes)
        flags = [name for name in ("official", "computed", "used", "differs") if name in frame]
        rows = []
        for (level, word), own in frame.groupby(["level", "class"], sort=False):
            counts = (self.count(int((own[name] == True).sum())) for name in flags)  # noqa: E712
            rows.append((str(word), str(level), self.count(len(own)), *counts))
        columns = (
            Column(say("list.column.class", self.lang), width=2.2),
            Column(say("list.column.level", self.lang)),
            Column(self.say("column.count"), align="right"),
            *(Column(say(f"list.column.{name}", self.lang), align="right") for name in flags),
        )
        found: list[Block] = [Table(columns, tuple(rows), self.say("table.classes"))]
        differ = _where(classes, "differs", lambda value: value is True) if "differs" in _ids(classes) else None
        if differ is not None and differ.rows:
            widths = {"level": 0.8, "name": 1.6, "district": 1.4, "class": 1.5, "official": 0.9, "computed": 0.9}
            found.append(self._excerpt(differ, {**widths, "evidence": 4.5}, "classes_differ", most=MOST_DIFFERENT))
        return found

    def _ranking(self) -> list[Block]:
        ranking = self.lists["ranking"]
        if ranking is None:
            return []
        index = getattr(self.tables.settings, "index", None)
        found: list[Block] = []
        if index is not None:
            found.append(Paragraph(self.say("ranking_lead", draws=self.count(index.draws), seed=index.seed)))
        widths = {"rank": 0.7, "name": 1.7, "district": 1.4, "need_index": 0.9, "rank_low": 0.9, "rank_high": 0.9}
        widths |= {"in_first_pct": 1.2, "depends_on": 3.5}
        found.append(self._excerpt(ranking, widths, "ranking", most=MOST_RANKED))
        return [*found, Paragraph(self.say("ranking_note"), "note")]

    # methods, sources, limits

    def _methods(self) -> list[Block]:
        settings, lang = self.tables.settings, self.lang
        people = sorted({str(one) for one in self._units_column("people_method")} - {"", "nan", "None"})
        told = [
            self.say("method.no_data"),
            self.say(
                "method.grid",
                cell=quantity(settings.cell_m, "m", lang),
                crs=settings.crs,
                date=day(self.tables.as_of, lang),
            ),
            *(say(f"people_method.{method}", lang) for method in people if has(f"people_method.{method}")),
            self.say("method.radio", model=settings.radio.model),
            self.say("method.gaps"),
            self.say("method.need"),
            self.say("method.plan", budget=vnd(settings.plan.budget_vnd, lang)),
        ]
        for rule in settings.rules.overrides:
            told.append(
                self.say("method.override", rule=rule.rule, threshold=plain(rule.threshold, lang), why=rule.reason)
            )
        rules = self._rules()
        return [Bullets(tuple(told)), *([rules] if rules is not None else [])]

    def _units_column(self, name: str) -> list[Any]:
        units = self.tables.frame("units")
        return [] if units is None or name not in units else list(units[name])

    def _rules(self) -> Table | None:
        rules = self.tables.frame("rules")
        if rules is None or rules.empty:
            return None
        standing = "standing" in rules
        columns = [
            Column(say("list.column.indicator", self.lang), width=3.0),
            Column(self.say("column.condition"), width=1.3),
            Column(say("list.column.level", self.lang), width=0.8),
            Column(self.say("column.for_whom"), width=1.4),
            *([Column(say("list.column.standing", self.lang), width=1.3)] if standing else []),
            Column(say("list.column.document", self.lang), width=3.2),
        ]
        rows = []
        for row in _rows(rules):
            cells = [
                indicator_name(row["indicator"], self.lang),
                _condition(row["comparison"], row["threshold"], row["unit"], self.lang),
                self._level(row["level"]),
                self._for_whom(str(row.get("applies_to") or "all")),
            ]
            if standing:
                cells.append(self._standing(row["standing"]))
            rows.append((*cells, str(row["source"] or "")))
        return Table(tuple(columns), tuple(rows), self.say("table.rules"))

    def _level(self, level: str) -> str:
        code = f"list.level.{level}"
        return say(code, self.lang) if has(code) else self.say(f"level.{level}")

    def _standing(self, standing: Any) -> str:
        code = f"list.standing.{standing}"
        return say(code, self.lang) if has(code) else ""

    def _for_whom(self, applies_to: str) -> str:
        if applies_to == "all":
            return self.say("all_units")
        inverse, name = applies_to.startswith("not "), applies_to.removeprefix("not ")
        word = say(f"map.word.{name}", self.lang) if has(f"map.word.{name}") else name
        return self.say("not_class", name=word) if inverse else word

    def _sources(self) -> list[Block]:
        rows = []
        for facts in LayerBook(self.study).facts():
            dates = sorted(facts.as_of)
            ends = dict.fromkeys([dates[0], dates[-1]]) if dates else {}
            rows.append(
                (
                    say(f"layer.{facts.name}.title", self.lang) if has(f"layer.{facts.name}.title") else facts.name,
                    "" if facts.rows is None else self.count(facts.rows),
                    " – ".join(day(one, self.lang) for one in ends),
                    "; ".join(facts.sources),
                )
            )
        if not rows:
            return []
        columns = (
            Column(self.say("column.layer"), width=1.8),
            Column(self.say("column.rows"), align="right", width=0.8),
            Column(self.say("column.dates"), width=1.3),
            Column(say("list.column.source", self.lang), width=5.0),
        )
        return [Table(columns, tuple(rows), self.say("table.sources"))]

    def _limits(self) -> list[Block]:
        record = self.tables.record
        told = [self.say("limit.synthetic")] if self.tables.synthetic else []
        told += [self.say("limit.model"), self.say("limit.people"), *self._assumed(), self.say("limit.plan")]
        used = record.get("steps", {}).get("radio", {}).get("counts", {}).get("defaults_used")
        if used:
            told.append(self.say("limit.defaults", count=self.count(used)))
        if record.get("faults"):
            told.append(self.say("limit.faults", count=self.count(record["faults"])))
        unknown = self.lists["not-assessable"]
        if unknown is None:
            return [Bullets(tuple(told))]
        pairs = Counter(zip(_column(unknown, "level"), _column(unknown, "indicator"), strict=True))
        columns = (
            Column(say("list.column.indicator", self.lang), width=5.0),
            Column(say("list.column.level", self.lang)),
            Column(self.say("column.unknown"), align="right"),
        )
        rows = [(name, level, self.count(count)) for (level, name), count in pairs.items()]
        rows.append((self.say("total_sites"), "", self.count(len(unknown.rows))))
        table = Table(columns, tuple(rows), self.say("table.not_assessed"), totals=(len(rows) - 1,))
        return [Bullets(tuple(told)), table]

    def _assumed(self) -> list[str]:
        """The rules whose threshold is no verified official figure."""
        rules = self.tables.frame("rules")
        if rules is None or rules.empty:
            return []
        sure = rules["standing"] == "official" if "standing" in rules else rules["mark"] == "P"
        names = [indicator_name(one, self.lang) for one in rules.loc[~sure, "indicator"]]
        if not names:
            return []
        counts = {"count": self.count(len(names)), "all": self.count(len(rules))}
        return [self.say("limit.assumption", **counts, names="; ".join(dict.fromkeys(names)))]


def _ids(office: OfficeList) -> list[str]:
    return [column.id for column in office.columns]


def _column(office: OfficeList, name: str) -> list[Any]:
    """The values of a column, empty where the list has none of that name."""
    if name not in _ids(office):
        return []
    place = _ids(office).index(name)
    return [row[place] for row in office.rows]


def _frame(office: OfficeList) -> pd.DataFrame:
    return pd.DataFrame({name: _column(office, name) for name in _ids(office)}, dtype=object)


def _where(office: OfficeList, name: str, wanted: Callable[[Any], bool]) -> OfficeList:
    kept = [row for row, value in zip(office.rows, _column(office, name), strict=True) if wanted(value)]
    return replace(office, rows=tuple(kept))


def _sum(office: OfficeList, name: str, district: str | None = None) -> str:
    """The sum of a column over the list or over one district, written as the list writes it."""
    values = _column(office, name)
    if district is not None:
        values = [value for value, home in zip(values, _column(office, "district"), strict=True) if home == district]
    known = [float(value) for value in values if value is not None]
    column = office.columns[_ids(office).index(name)]
    return office.said(math.fsum(known) if known or not values else None, column)


def _headed(column: ListColumn, width: float) -> Column:
    return Column(column.heading, column.unit, "right" if column.kind in ("number", "plain") else "left", width)


def _condition(comparison: str, threshold: float, unit: str, lang: Lang) -> str:
    asked = quantity(float(threshold), unit, lang)
    if unit == "yes_no":
        return asked
    return f"{ {'>=': '≥', '<=': '≤'}.get(comparison, comparison) } {asked}"


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]


def write_report(study: Study, paths: Sequence[Path], lang: Lang) -> None:
    """Write the provincial report to each path, in the format its ending names.

    Raises:
        InputError: an ending names no format; nothing is written then.
        MissingError: the study has no results.
    """
    for path in paths:
        if path.suffix[1:].lower() not in RENDERERS:
            raise InputError("province_report.error.ending", path=path, known=", ".join(f".{end}" for end in RENDERERS))
    document = report_document(study, lang)
    for path in paths:
        made = RENDERERS[path.suffix[1:].lower()](document)
        with written_aside(path) as aside:
            aside.write_bytes(made)
