"""What the command line prints of the order by need: places, how sure they are, and what they depend on."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape

from phusong.api.report import plain_table, row_dicts, synthetic_mark, text_of
from phusong.coverage.indicators import indicator_label
from phusong.layers.messages import Lang, say
from phusong.layers.messages.format import number, quantity
from phusong.layers.store import Results
from phusong.layers.study import Study


def show_ranking(study: Study, out: Console, *, lang: Lang, limit: int) -> None:
    """The first ``limit`` communes with their places, what moves them, and which components say the same."""
    results = Results(study.root)
    about = json.loads(results.path("ranking.json").read_text(encoding="utf-8"))
    found = pd.read_parquet(results.path("ranking.parquet"))
    ranked = found[found["rank"].notna()]
    n = about["first_n"]
    names = ("rank", "range", "name", "district", "need_index", "in_first", "depends_on")
    mark = synthetic_mark(study, lang)
    shown = plain_table(say("ranking.title", lang, shown=min(limit, len(ranked)), count=len(ranked), mark=mark))
    for name in names:
        right = name not in ("name", "district", "depends_on")
        shown.add_column(say(f"ranking.column.{name}", lang, n=n), justify="right" if right else "left")
    for row in row_dicts(ranked.head(limit)):
        shown.add_row(
            str(row["rank"]),
            f"{row['rank_low']}-{row['rank_high']}",
            escape(text_of(row["name"])),
            escape(text_of(row["district"])),
            number(row["need_index"], lang, decimals=1),
            quantity(row["in_first_pct"], "%", lang, most=0),
            choices_text(row["depends_on"], lang),
        )
    out.print(shown)
    _moves(about, out, lang)
    for line in basis_lines(about, lang):
        out.print(escape(line), soft_wrap=True)


def choices_text(depends_on: str, lang: Lang) -> str:
    """The choices that a place depends on, in words."""
    return ", ".join(say(f"ranking.choice.{name}", lang) for name in depends_on.split(";") if name)


def _moves(about: dict[str, Any], out: Console, lang: Lang) -> None:
    moved = plain_table(say("ranking.choices.title", lang))
    columns = ("draws", "mean_places", "most_places", "first_n_depends")
    moved.add_column(say("ranking.choices.choice", lang))
    for name in columns:
        moved.add_column(say(f"ranking.choices.{name}", lang, n=about["first_n"]), justify="right")
    choices = about["choices"]
    for choice in sorted(choices, key=lambda name: (name == "together", -choices[name]["mean_places"])):
        figures = choices[choice]
        moved.add_row(
            say(f"ranking.choice.{choice}", lang),
            *(number(figures[name], lang, decimals=1 if name == "mean_places" else 0) for name in columns),
        )
    out.print(moved)


def basis_lines(about: dict[str, Any], lang: Lang) -> list[str]:
    """How the draws were made, what could not be varied, and which components order communes alike."""
    lines = [
        say(
            "ranking.basis",
            lang,
            draws=number(about["draws"], lang),
            seed=about["seed"],
            weights=quantity(about["weight_spread_pct"], "%", lang, most=0),
            thresholds=quantity(about["threshold_shift_pct"], "%", lang, most=0),
            aggregation=say(f"ranking.aggregation.{about['aggregation']}", lang),
            normalisation=say(f"ranking.normalisation.{about['normalisation']}", lang),
            sure=about["counts"]["first_n_sure"],
            n=about["first_n"],
        )
    ]
    unranked = about["counts"]["units"] - about["counts"]["ranked"]
    if unranked:
        lines.append(say("ranking.unranked", lang, count=number(unranked, lang)))
    if about["left_out"]:
        left_out = ", ".join(say(f"ranking.choice.{name}", lang) for name in about["left_out"])
        lines.append(say("ranking.left_out", lang, choices=left_out))
    named = {one["id"]: f"{indicator_label(one['indicator'], lang)} ({one['id']})" for one in about["components"]}
    unknown = [named[one["id"]] for one in about["components"] if one["weight"] > 0 and one.get("communes") == 0]
    if unknown:
        lines.append(say("ranking.no_data", lang, components="; ".join(unknown)))
    for pair in about["correlated"]:
        spearman = number(pair["spearman"], lang, decimals=2)
        params = {"first": named[pair["first"]], "second": named[pair["second"]], "communes": pair["communes"]}
        lines.append(say("ranking.correlated", lang, spearman=spearman, **params))
    return lines
