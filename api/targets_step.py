"""The step of the targets: province and districts against what is asked, their progress, the pace and its outlook."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from phusong.api.pipeline import Job, Made
from phusong.coverage.area_indicators import Areas
from phusong.coverage.progress import broadband_dated_areas, pace, progress
from phusong.coverage.targets import targets
from phusong.layers.writers.vectors import export


def targets_step(job: Job) -> Made:
    """``targets``, ``progress`` and ``pace``, CSV and Parquet."""
    on, published = job.settings.units_valid_on, job.layer("published_figures")
    tables = job.value("indicators")
    asked = targets(
        tables.province, districts=tables.districts, parts=tables.parts, rules=job.rules, published=published, on=on
    )
    job.progress(0.4)
    dated = [
        broadband_dated_areas(
            job.layer("broadband"), job.units, areas=areas, programme=tables.units["programme"], on=on
        )
        for areas in (Areas.whole(len(job.units)), Areas.named(job.units["district"]))
    ]
    values = progress(
        published,
        pd.concat(dated, ignore_index=True),
        province=tables.province,
        districts=tables.districts,
        wanted=set(asked["indicator"]),
        on=on,
    )
    ahead = pace(values, rules=job.rules, outlook=job.settings.progress)
    files: list[Path] = []
    for stem, frame in (("targets", asked), ("progress", values), ("pace", ahead)):
        files += export(job.marked(frame), job.draft.directory, stem, formats=["csv", "parquet"]).values()
    of_province = asked[asked["level"] == "province"]
    counts = {
        "targets": len(of_province),
        "met": int((of_province["met"] == "yes").sum()),
        "districts": len(tables.districts),
        "dates": int(values["as_of"].nunique()),
        "forecasts": int((ahead["method"] == "saturating").sum()),
    }
    return Made(None, files, counts)
