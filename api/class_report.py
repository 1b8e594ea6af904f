"""What ``phusong classes`` prints: how many places are of each class, and where records disagree, with the evidence."""

from __future__ import annotations

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from phusong.api.report import plain_table, row_dicts, synthetic_mark, text_of
from phusong.coverage.indicators import CLASSES
from phusong.layers.messages import Lang, say
from phusong.layers.messages.format import number
from phusong.layers.store import Results
from phusong.layers.study import Study

_COUNTS = ("recorded", "computed", "used", "unknown", "disagree", "hinges")
_NOTHING = "…"
"""The sign for no data in tables of figures, as statistical yearbooks have it."""


def show_classes(study: Study, out: Console, *, lang: Lang, limit: int) -> None:
    """Counts by level and class, then the first ``limit`` places where record and test disagree, with the evidence."""
    found = pd.read_parquet(Results(study.root).path("classes.parquet"))
    for level in ("unit", "village"):
        mine = found[found["level"] == level]
        if len(mine):
            out.print(_counts(mine, level, synthetic_mark(study, lang), lang))
    apart = found[found["agree"] == "no"]
    if apart.empty:
        out.print(say("classes.none_disagree", lang))
        return
    out.print(say("classes.disagree", lang, shown=min(limit, len(apart)), count=number(len(apart), lang)))
    for row in row_dicts(apart.head(limit)):
        said = say(
            "classes.disagreement",
            lang,
            name=text_of(row["name"]),
            code=row["code"],
            level=say(f"classes.level.{row['level']}", lang),
            klass=say(f"indicator.{row['class']}.name", lang),
            official=say("format.yes" if row["official"] else "format.no", lang),
            computed=say("format.yes" if row["computed"] else "format.no", lang),
            evidence=row[f"evidence_{lang}"],
        )
        out.print(escape(said), soft_wrap=True)


def _counts(rows: pd.DataFrame, level: str, mark: str, lang: Lang) -> Table:
    """A row a class: how many places are of it; no record or no verdict of any is no data, not none."""
    shown = plain_table(say(f"classes.title.{level}", lang, mark=mark))
    shown.add_column(say("classes.column.class", lang))
    for name in _COUNTS:
        shown.add_column(say(f"classes.column.{name}", lang), justify="right")
    for name in CLASSES:
        own = rows[rows["class"] == name]
        if own.empty:
            continue
        counts = (
            *(_yes(own[column]) for column in ("official", "computed", "used")),
            own["used"].isna().sum(),
            (own["agree"] == "no").sum() if (own["agree"] != "").any() else None,
            (own["hinges_on"] != "").sum() if own["computed"].notna().any() else None,
        )
        told = [_NOTHING if count is None else number(int(count), lang) for count in counts]
        shown.add_row(say(f"indicator.{name}.name", lang), *told)
        if _NOTHING in told:
            shown.caption = say("classes.nothing", lang, sign=_NOTHING)
            shown.caption_justify = "left"
    return shown


def _yes(flags: pd.Series[bool]) -> int | None:
    """How many are; None, no data, where it is known of none."""
    return int(flags.eq(True).sum()) if flags.notna().any() else None
