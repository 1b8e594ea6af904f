"""The command that explains one commune: ``phusong explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from phusong.api.front import Directory, Front, app


@app.command()
def explain(
    ctx: typer.Context,
    directory: Directory,
    commune: Annotated[str, typer.Argument(metavar="CODE|NAME")],
    out: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE")] = None,
) -> None:
    from phusong.api.explaining import explained, find_commune, write_page
    from phusong.api.served import Served

    front: Front = ctx.obj
    if out is not None:
        write_page(directory, commune, out, lang=front.lang)
        front.say("cli.explain.done", path=out)
        return
    study = Served.of(directory)
    results = study.results.snapshot()
    told = explained(study, results, find_commune(results, commune))
    front.out.print(escape(told.text(front.lang)), soft_wrap=True)
