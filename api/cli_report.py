"""The command that writes the provincial report: ``phusong report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from phusong.api.front import Directory, Front, app
from phusong.layers.messages import say
from phusong.layers.study import Study


@app.command()
def report(
    ctx: typer.Context,
    directory: Directory,
    out: Annotated[list[Path] | None, typer.Option("--out", "-o", metavar="FILE")] = None,
) -> None:
    from phusong.api.provincial import write_report

    front: Front = ctx.obj
    name = say("province_report.file", front.lang)
    paths = out or [Path(f"{name}.docx"), Path(f"{name}.pdf")]
    write_report(Study(directory), paths, front.lang)
    for path in paths:
        front.say("province_report.wrote", path=path)
