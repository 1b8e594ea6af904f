"""The order of communes by need on the command line: ``phusong ranking``."""

from __future__ import annotations

from typing import Annotated

import typer

from phusong.api.front import Directory, Front, app
from phusong.layers.study import Study


@app.command()
def ranking(ctx: typer.Context, directory: Directory, limit: Annotated[int, typer.Option(min=1)] = 20) -> None:
    from phusong.api.ranking_report import show_ranking

    front: Front = ctx.obj
    show_ranking(Study(directory), front.out, lang=front.lang, limit=limit)
