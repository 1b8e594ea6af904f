"""``phusong targets``: what was asked of the province and its districts, what is met, what is lacking, the pace."""

from __future__ import annotations

from typing import Annotated

import typer

from phusong.api.front import Directory, Front, app
from phusong.layers.errors import InputError
from phusong.layers.store import Results
from phusong.layers.study import Study


@app.command()
def targets(
    ctx: typer.Context, directory: Directory, district: Annotated[str, typer.Option(metavar="NAME")] = ""
) -> None:
    import pandas as pd

    from phusong.api.report import show_districts, show_head, show_pace, show_targets
    from phusong.api.search import folded
    from phusong.coverage.rules.reading import nearest

    front: Front = ctx.obj
    study = Study(directory)
    results = Results(study.root)
    asked, pace = (pd.read_parquet(results.path(f"{name}.parquet")) for name in ("targets", "pace"))
    names = sorted(set(asked["area"]) - {""})
    found = next((name for name in names if folded(name) == folded(district)), "")
    if district and not found:
        raise InputError("cli.targets.no_district", found=district, nearest=nearest(district, names) or "-")
    show_head(study, front.out, front.lang)
    show_targets(asked, front.out, lang=front.lang, district=found)
    if not found:
        show_districts(asked, front.out, lang=front.lang)
    told = pace["indicator"].isin(set(asked["indicator"])) | (pace["method"] == "saturating")
    show_pace(pace[told], front.out, lang=front.lang, district=found)
