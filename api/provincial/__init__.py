"""The provincial report out of the results of a run: its figures are those of the lists, said as the lists say them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from phusong.api.lists import Tables
from phusong.api.provincial import basis, state
from phusong.api.provincial.facts import Facts
from phusong.api.provincial.maps import maps
from phusong.layers.errors import InputError
from phusong.layers.messages import Lang
from phusong.layers.messages.format import day
from phusong.layers.study import Study
from phusong.layers.writers.aside import written_aside
from phusong.maps.report.document import Document
from phusong.maps.report.docx import docx_bytes
from phusong.maps.report.html import html_text
from phusong.maps.report.pdf import pdf_bytes
from phusong.maps.report.province import ReportHead, province_document

RENDERERS: dict[str, Callable[[Document], bytes]] = {
    "pdf": pdf_bytes,
    "docx": docx_bytes,
    "html": lambda document: html_text(document).encode("utf-8"),
}
"""How a document is written, by the ending of its file."""


def report_document(study: Study, lang: Lang) -> Document:
    """The provincial report of the last completed run; MissingError if there was none."""
    return report_of(Facts(study, Tables.of(study), lang))


def report_of(facts: Facts) -> Document:
    """The report of the tables of a run."""
    tables = facts.tables
    head = ReportHead(
        place=tables.settings.name,
        organisation=tables.settings.organisation,
        lang=facts.lang,
        as_of=day(tables.as_of, facts.lang),
        synthetic=tables.synthetic,
        run=str(tables.record.get("steps", {}).get("gaps", {}).get("key", ""))[:12] or "-",
    )
    return province_document(
        head,
        {
            "summary": state.summary(facts),
            "targets": state.targets(facts),
            "progress": state.progress(facts),
            "maps": maps(facts),
            "communes": state.communes(facts),
            "villages": state.villages(facts),
            "investment": state.investment(facts),
            "classes": basis.classes(facts),
            "ranking": basis.ranking(facts),
            "methods": basis.methods(facts),
            "sources": basis.sources(facts),
            "limits": basis.limits(facts),
        },
    )


def write_report(study: Study, paths: Sequence[Path], lang: Lang) -> None:
    """Write the provincial report to each path, in the format its ending names.

    Raises:
        InputError: an ending names no format; nothing is written then.
        MissingError: the study has no results.
    """
    for path in paths:
        if path.suffix[1:].lower() not in RENDERERS:
            raise InputError("province_report.error.ending", path=path, known=", ".join(f".{end}" for end in RENDERERS))
    document = report_document(study, lang)
    for path in paths:
        made = RENDERERS[path.suffix[1:].lower()](document)
        with written_aside(path) as aside:
            aside.write_bytes(made)
