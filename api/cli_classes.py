"""``phusong classes``: how many places are of each class, what the classes rest on, and where records disagree."""

from __future__ import annotations

from typing import Annotated

import typer

from phusong.api.front import Directory, Front, app
from phusong.layers.study import Study


@app.command()
def classes(ctx: typer.Context, directory: Directory, limit: Annotated[int, typer.Option(min=1)] = 20) -> None:
    from phusong.api.class_report import show_classes

    front: Front = ctx.obj
    show_classes(Study(directory), front.out, lang=front.lang, limit=limit)
