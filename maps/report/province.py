"""The provincial report: its chapters in order, numbered, each with what it shows or a word on why it is empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from phusong.layers.messages import Lang, say
from phusong.maps.report.document import Block, Document, Heading, Paragraph

SECTIONS = (
    "summary",
    "targets",
    "progress",
    "maps",
    "communes",
    "villages",
    "investment",
    "classes",
    "ranking",
    "methods",
    "sources",
    "limits",
)
"""The chapters, in the order a committee reads: what is, how it stands to the targets, where, who, what to build, and
then how far all of it can be relied on."""


@dataclass(frozen=True)
class ReportHead:
    """What the report is of. ``place``: the study's name; ``organisation``: whose report it is, "" if not said.

    ``as_of``: the written date of the figures; ``run``: a short name of the run, to find its figures again.
    """

    place: str
    organisation: str
    lang: Lang
    as_of: str
    synthetic: bool
    run: str


def chapter(section: str) -> int:
    """The number of a chapter, from 1; ValueError for a section there is none of."""
    return SECTIONS.index(section) + 1


def province_document(head: ReportHead, sections: Mapping[str, Sequence[Block]]) -> Document:
    """The report with what each section shows; ValueError for a section there is none of.

    A section that is not given, or is empty, keeps its number and says what is missing.
    """
    if unknown := set(sections) - set(SECTIONS):
        raise ValueError(f"the report has no chapter {', '.join(sorted(unknown))}")
    blocks: list[Block] = []
    for section in SECTIONS:
        title = say(f"province_report.section.{section}", head.lang)
        blocks.append(Heading(f"{chapter(section)}. {title}"))
        shown = sections.get(section)
        blocks += shown or [Paragraph(say(f"province_report.missing.{section}", head.lang))]
    return Document(
        title=say("province_report.title", head.lang),
        subtitle=" · ".join(part for part in (head.organisation, head.place) if part),
        lang=head.lang,
        as_of=head.as_of,
        synthetic=head.synthetic,
        source=say("province_report.source", head.lang, chapter=chapter("sources"), run=head.run),
        blocks=tuple(blocks),
    )
