"""Lists as offices use them, on the command line: ``phusong list``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from phusong.api.front import Directory, Front, app
from phusong.layers.errors import InputError
from phusong.layers.messages import say
from phusong.layers.study import Study

if TYPE_CHECKING:
    from phusong.layers.writers.lists import OfficeList

ON_PAPER = frozenset(
    {"code", "classes", "basis", "population", "grid_power", "height_m", "technology", "lon", "lat", "pack", "document"}
    | {"off_grid", "border", "published_as_of", "standing", "source", "gap_villages", "people_per_bn_vnd"}
    | {"observed", "predicted", "operators_count", "nearest_site_km", "met_published", "hinges_on", "derived"}
    | {"dates", "to", "method", "low", "high", "target_on"}
)
"""Columns that a terminal has no room for."""
WIDE = frozenset({"reasons", "indicator", "evidence", "why", "depends_on"})

Word = Annotated[str, typer.Option(metavar="WORD")]
Name = Annotated[str, typer.Option(metavar="NAME")]


@app.command("list")
def list_(
    ctx: typer.Context,
    directory: Directory,
    which: Annotated[str, typer.Argument(metavar="LIST")],
    service: Word = "",
    class_: Annotated[str, typer.Option("--class", metavar="WORD")] = "",
    district: Name = "",
    operator: Name = "",
    rule: Annotated[str, typer.Option(metavar="ID")] = "",
    basis: Word = "",
    state: Word = "",
    min_people: Annotated[float | None, typer.Option(min=0)] = None,
    threshold: Annotated[list[str] | None, typer.Option(metavar="RULE=VALUE")] = None,
    since: Annotated[Path | None, typer.Option(metavar="DIR|FILE")] = None,
    by_name: Annotated[bool, typer.Option("--by-name")] = False,
    flat: Annotated[bool, typer.Option("--flat")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE")] = None,
    limit: Annotated[int, typer.Option(min=1)] = 20,
) -> None:
    from phusong.api.lists.filters import Filters, parse_thresholds
    from phusong.api.lists.make import Asked, make, writable, write_list

    front: Front = ctx.obj
    try:
        filters = Filters(
            service=service,
            unit_class=class_,
            district=district,
            operator=operator,
            rule=rule,
            basis=basis,
            state=state,
            min_people=min_people,
            threshold=parse_thresholds(threshold or []),
        )
        if out is not None:
            writable(out)
        asked = Asked(which, filters, by_name=by_name, grouped=not flat, since=since)
        made = make(Study(directory), asked, front.lang)
    except InputError as error:  # its faults name filters: here they are options
        options = (
            replace(one, file="--" + one.column.replace("_", "-"), column="") if one.column and not one.file else one
            for one in error.faults
        )
        error.faults = tuple(options)
        raise
    if out is not None:
        path = write_list(made.built, out, front.lang)
        front.say("cli.list.wrote", count=len(made.built.frame), path=path)
        for note in made.changes.notes if made.changes else ():
            front.say("list.told.as_is", value=note)
        return
    _show(front, made.built.office, limit=limit)


def _show(front: Front, one: OfficeList, *, limit: int) -> None:
    """The first rows of a list as a table, then how many there are and what must be known to read it."""
    title = "\n".join((one.title, *one.lines, *((one.mark,) if one.mark else ())))
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    headings, said = one.headings(), one.texts()
    ids = ["", *(column.id for column in one.columns)]
    used = [at for at, name in enumerate(ids) if name not in ON_PAPER and any(cells[at] for _, cells in said)]
    label = next((at for at in used[1:] if one.columns[at - 1].kind == "text"), used[-1]) if used else 0
    for at in used:
        right = at > 0 and one.columns[at - 1].figures
        justify: Literal["left", "right"] = "right" if right else "left"
        table.add_column(headings[at], justify=justify, overflow="fold", ratio=1 if ids[at] in WIDE else None)
    shown = 0
    for role, cells in said:
        shown += role == "row"
        if shown > limit:
            break
        told = [escape(cells[at]) for at in used]
        if role != "row":  # its label stands in the first column of the list, which is a narrow one
            told = [
                escape(cells[1]) if at == label else "" if at == 1 else text
                for at, text in zip(used, told, strict=True)
            ]
        table.add_row(*told, style="" if role == "row" else "bold")
    front.out.print(table)
    if len(one.rows) > limit:
        front.out.print(escape(say("cli.list.more", front.lang, shown=limit, count=len(one.rows))), soft_wrap=True)
    for note in one.remarks():
        front.out.print(escape(note), soft_wrap=True)
