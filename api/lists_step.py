"""The step that writes the lists as offices print them, one workbook for each file of results they are made from."""

from __future__ import annotations

from pathlib import Path

from phusong.api.lists.build import build
from phusong.api.lists.specs import SPECS
from phusong.api.lists.tables import Tables, read_frame
from phusong.api.pipeline import Job, Made
from phusong.layers.writers.lists import write_office_xlsx

PRINTED = (
    ("communes",),
    ("villages",),
    ("totals",),
    ("targets", "district-targets"),
    ("progress",),
    ("plan",),
    ("classes",),
    ("ranking",),
)
"""The lists of each workbook; what could not be assessed may have very many rows, and is printed when asked for."""


def lists_step(job: Job) -> Made:
    """The workbooks, in the study's language, each named as the file its lists are made from."""
    settings = job.settings
    tables = Tables(
        settings,
        lambda stem: read_frame(job.path(f"{stem}.parquet")),
        {
            "steps": job.draft.steps,
            "synthetic": settings.synthetic,
            "settings": {"units_valid_on": settings.units_valid_on.isoformat()},
        },
    )
    files: list[Path] = []
    rows = 0
    for done, names in enumerate(PRINTED, start=1):
        stem = SPECS[names[0]].stem
        if tables.frame(stem) is not None:
            made = [build(tables, name, lang=settings.language) for name in names]
            sheets = [sheet for one in made for sheet in one.sheets if sheet.rows or one is made[0]]
            files.append(write_office_xlsx(sheets, job.path(f"{stem}.xlsx")))
            rows += sum(len(one.frame) for one in made)
        job.progress(done / len(PRINTED))
    return Made(None, files, {"workbooks": len(files), "rows": rows})
