"""Rule packs on the command line: ``phusong rules``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from phusong.api.front import Front, app
from phusong.layers.errors import InputError
from phusong.layers.messages import say
from phusong.layers.messages.format import number
from phusong.layers.study import Study

if TYPE_CHECKING:
    from phusong.api.rule_sets import Sets
    from phusong.coverage.rules.pack import Pack, Rule


@app.command()
def rules(
    ctx: typer.Context,
    what: Annotated[str, typer.Argument(metavar="[DIR|PACK|FILE]")] = "",
    packs: Annotated[str, typer.Option(metavar="NAME,...")] = "",
    against: Annotated[str, typer.Option(metavar="NAME,...")] = "",
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 20,
) -> None:
    from phusong.api.rule_sets import compare_packs, pack_of, packs_of, writable, write_sets

    front: Front = ctx.obj
    study = Study(what) if what and Path(what).is_dir() else None
    if against or packs or out is not None:
        if study is None or not against:
            raise InputError("cli.rules.compare_what")
        if out is not None:
            writable(out)
        sets = compare_packs(study, _names(packs) or study.settings.rules.packs, _names(against))
        _show_sets(front, sets, limit=limit)
        if out is not None:
            front.say("cli.rules.wrote", path=write_sets(sets, out, front.lang))
    elif study is not None:
        _show_study(front, study)
    elif what:
        pack = pack_of(what, front.lang)
        _show_pack(front, pack)
        if Path(what).is_file():
            front.say("cli.rules.good", path=what, count=len(pack.rules), classes=len(pack.classes))
    else:
        _show_packs(front, packs_of(front.lang))


_FIGURES = frozenset(
    {"places", "people", "people_first", "people_second", "open_first", "open_second", "rules"}
    | {"fails", "decides", "people_decided"}
)


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _table(front: Front, title: str, *columns: str, wide: tuple[str, ...] = ()) -> Table:
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in columns:
        figures = column in _FIGURES
        table.add_column(
            say(f"rules.compare.{column}", front.lang),
            justify="right" if figures else "left",
            overflow="fold",
            no_wrap=column == "side" or (column in ("rule", "pack", "asks") and bool(wide)),
            ratio=1 if column in wide else None,
            min_width=30 if column in wide else None,
        )
    return table


def _show_packs(front: Front, found: list[Pack]) -> None:
    from phusong.api.rule_sets import days_of

    lang = front.lang
    table = _table(front, say("rules.told.packs", lang), "pack", "title", "standing", "days", "rules", wide=("title",))
    for pack in found:
        words = (pack.name, pack.title[lang], say(f"rules.standing.{pack.standing}", lang), days_of(pack, lang))
        count = len(pack.rules) + len(pack.classes)
        table.add_row(*(escape(word) for word in words), number(count, lang))
    front.out.print(table)
    front.say("rules.told.more")


def _show_pack(front: Front, pack: Pack) -> None:
    from phusong.api.rule_sets import days_of

    lang = front.lang
    for line in (pack.title[lang], pack.source, days_of(pack, lang)):
        if line:
            front.out.print(escape(line), soft_wrap=True)
    if pack.rules:
        front.out.print(_rules_table(front, pack.rules, say("rules.told.rules", lang)))
    for test in pack.classes:
        level = say(f"rules.level.{test.level}", lang)
        name = say(f"indicator.{test.of}.name", lang)
        text = f"{test.text[lang]} ({test.source})"
        words = say("rules.told.class", lang, level=level, name=name, text=text)
        front.out.print(escape(words), soft_wrap=True)


def _rules_table(front: Front, asked: tuple[Rule, ...], title: str) -> Table:
    from phusong.api.rule_sets import asked_of
    from phusong.coverage.indicators import indicator_label

    lang = front.lang
    some = any(rule.applies_to != "all" or rule.asked_where for rule in asked)
    columns = ["rule", "level", "asked_source", "asks", *(["whom"] if some else [])]
    table = _table(front, title, *columns, wide=("asked_source",))
    for rule in asked:
        source = f"{say(f'rules.standing.{rule.standing}', lang)}: {rule.source}"
        if rule.override:
            source = say("rules.told.override", lang, source=source, reason=rule.override)
        words = [
            rule.id,
            say(f"rules.level.{rule.level}", lang),
            f"{indicator_label(rule.indicator, lang)}\n  {source}",
            rule.condition(lang),
            *([asked_of(rule, lang)] if some else []),
        ]
        table.add_row(*(escape(word) for word in words))
    return table


def _show_study(front: Front, study: Study) -> None:
    import pandas as pd

    from phusong.api.rules import own_packs, rules_of
    from phusong.layers.errors import MissingError
    from phusong.layers.messages.format import day
    from phusong.layers.store import Results

    lang, found = front.lang, rules_of(study, lang=front.lang)
    title = say("rules.told.in_force", lang, name=study.settings.name, day=day(study.settings.units_valid_on, lang))
    front.out.print(_rules_table(front, found.rules, title))
    for rule, why in found.skipped:
        front.out.print(escape(say(f"rules.told.{why}", lang, rule=rule)), soft_wrap=True)
    unused = [name for name in own_packs(study) if name not in study.settings.rules.packs]
    unused = [name for name in unused if name not in study.settings.classes.packs]
    if unused:
        front.out.print(escape(say("rules.told.unused", lang, packs=", ".join(unused))), soft_wrap=True)
    try:
        notes = pd.read_parquet(Results(study.root).path("rule_notes.parquet"))
    except MissingError:  # before the first run only the layers could say it, which ``phusong check`` does
        return
    for note in notes.to_dict("records"):
        row, key = say("place.row", lang, row=note["line"]), say("place.column", lang, column=note["key"])
        front.out.print(escape(f"{note['file']}, {row}, {key}: {note[f'text_{lang}']}"), soft_wrap=True)


def _show_sets(front: Front, sets: Sets, *, limit: int) -> None:
    from phusong.api.rule_sets import lines_of, rule_of, said_side

    lang = front.lang
    title = "\n".join((say("rules.compare.title_summary", lang), *lines_of(sets, lang)))
    if sets.study.settings.synthetic:
        title += "\n" + say("rules.compare.synthetic", lang)
    names = ("places", "people_first", "people_second", "open_first", "open_second")
    summary = _table(front, title, "level", "side", *names)
    for row in sets.found.summary.to_dict("records"):
        side = str(row["side"])
        blank = [f"people_{one}" for one in ("first", "second") if side not in ("both", f"{one}_only")]
        told = ("" if name in blank else number(float(row[name]), lang) for name in names)
        summary.add_row(say(f"rules.level.{row['level']}", lang), said_side(side, lang), *told)
    front.out.print(summary)
    own = sets.found.rules
    own = own[(own["in_set"] != "both") & (own["fails"] > 0)]
    if len(own):
        columns = ("level", "rule", "asks", "in_set", "fails", "decides", "people_decided")
        table = _table(front, say("rules.compare.title_rules", lang), *columns)
        for row in own.sort_values(["decides", "fails"], ascending=False).to_dict("records"):
            words = (say(f"rules.level.{row['level']}", lang), str(row["rule"]), rule_of(sets, row).condition(lang))
            figures = tuple(number(float(row[name]), lang) for name in ("fails", "decides", "people_decided"))
            table.add_row(*map(escape, words), say(f"rules.compare.in_{row['in_set']}", lang), *figures)
        front.out.print(table)
    _show_places(front, sets, limit=limit)
    for code in ("note", "note_open"):
        front.out.print(escape(say(f"rules.compare.{code}", lang)), soft_wrap=True)


def _show_places(front: Front, sets: Sets, *, limit: int) -> None:
    from phusong.api.rule_sets import said_side

    lang, places = front.lang, sets.found.places
    for level in ("unit", "village"):
        own = places[(places["level"] == level) & places["side"].isin(["first_only", "second_only"])].copy()
        if not len(own):
            continue
        own["most"] = own[["people_first", "people_second"]].max(axis=1)
        own = own.sort_values(["most", "code"], ascending=[False, True])
        count = {"shown": number(min(limit, len(own)), lang), "count": number(len(own), lang)}
        title = say(f"rules.compare.differ_{level}", lang, **count)
        table = _table(front, title, level, "place", "side", "people", "difference", wide=("difference",))
        for row in own.head(limit).to_dict("records"):
            side = str(row["side"]).removesuffix("_only")
            place = row["district"] if level == "unit" else row["unit_name"]
            rules_ = str(row[f"rules_{side}"]).replace(";", ", ")
            words = (str(row["name"]), "" if place is None else str(place), said_side(str(row["side"]), lang))
            table.add_row(*(escape(word) for word in words), number(float(row[f"people_{side}"]), lang), escape(rules_))
        front.out.print(table)
