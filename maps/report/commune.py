"""The page of one commune as a document: what is missing and why, map, profile to the nearest mast, tables, sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from phusong.coverage.explain.known import Weak
from phusong.coverage.explain.statement import TOPICS, Statement, Topic
from phusong.layers.messages import Lang, has, say
from phusong.layers.messages.format import day, number, quantity
from phusong.maps.report.document import Block, Bullets, Column, Document, Heading, Paragraph, Picture, Table

Row = Mapping[str, Any]
IN_TABLE = ("missing.basis.", "missing.standing.")
"""Statements that the table of reasons says in its columns."""
MAP_WIDTH, PROFILE_WIDTH = 0.78, 0.9
"""Of the text, so that the map and what is missing share the first page."""
MOST_VILLAGES = 25
"""Rows of the table of villages; a page stays a page."""


@dataclass(frozen=True)
class Figure:
    """One row of the table of figures, written; ``province`` is empty where the figure is none of the province."""

    label: str
    unit: str
    here: str
    province: str
    asked: str


@dataclass(frozen=True)
class Profile:
    """The path to the nearest mast: its picture, between what, and what it says; or ``why`` there is none."""

    png: bytes = b""
    title: str = ""
    told: str = ""
    why: str = ""


@dataclass(frozen=True)
class CommunePage:
    """Everything the page shows. ``reasons``: rows of the table of reasons; ``villages``: rows of the list of villages
    with gaps, each with ``weak`` (``Weak`` or None) and ``plan`` (rank of the site that serves it, or None)."""

    name: str
    district: str
    study: str
    as_of: date
    synthetic: bool
    statements: Sequence[Statement]
    map_png: bytes
    profile: Profile
    figures: Sequence[Figure]
    reasons: Sequence[Row]
    villages: Sequence[Row]
    sources: Sequence[str]
    limits: Sequence[str]


def commune_document(page: CommunePage, lang: Lang) -> Document:
    """The page as a document, said in ``lang``."""
    blocks: list[Block] = [Paragraph(text, "lead") for text in _paragraphs(page.statements, "summary", lang)]
    caption, alt = say("commune_page.figure", lang), say("commune_page.figure_alt", lang, name=page.name)
    blocks.append(Picture(page.map_png, caption, alt, width=MAP_WIDTH))
    for topic in TOPICS[1:]:
        said = _paragraphs([one for one in page.statements if not one.code.startswith(IN_TABLE)], topic, lang)
        if topic == "missing":
            blocks += _topic(topic, said, lang)
            if page.reasons:
                blocks.append(_reasons(page.reasons, lang))
        elif topic == "villages":
            blocks += _topic(topic, said, lang)
            if page.villages:
                blocks.append(_villages(page.villages, lang))
        else:
            blocks += _topic(topic, said, lang)
    blocks += _profile(page.profile, lang)
    if page.figures:
        blocks += [Heading(say("commune_page.figures", lang), 2), _figures(page.figures, lang)]
    if page.limits:
        blocks += [Heading(say("commune_page.limits", lang), 2), Bullets(tuple(page.limits))]
    return Document(
        title=page.name,
        subtitle=" · ".join(text for text in (page.district, page.study) if text),
        lang=lang,
        as_of=day(page.as_of, lang),
        synthetic=page.synthetic,
        source="; ".join(page.sources),
        blocks=tuple(blocks),
    )


def _paragraphs(statements: Iterable[Statement], topic: Topic, lang: Lang) -> list[str]:
    """The statements of a topic, those that go on about another joined to it."""
    lines: list[str] = []
    for statement in statements:
        if statement.topic != topic:
            continue
        if statement.after and lines:
            lines[-1] += f" {statement.say(lang)}"
        else:
            lines.append(statement.say(lang))
    return lines


def _topic(topic: Topic, said: list[str], lang: Lang) -> list[Block]:
    if not said:
        return []
    return [Heading(say(f"explain.topic.{topic}", lang), 2), Bullets(tuple(said))]


def _head(lang: Lang, *columns: tuple[str, str, float]) -> tuple[Column, ...]:
    """Columns by name; a unit begins a column of figures."""
    return tuple(
        Column(
            say(f"commune_page.column.{name}", lang),
            unit=unit.strip("#"),
            align="right" if unit else "left",
            width=width,
        )
        for name, unit, width in columns
    )


def _reasons(rows: Sequence[Row], lang: Lang) -> Table:
    head = _head(
        lang,
        ("rule", "", 3.2),
        ("value", "#", 1.3),
        ("threshold", "#", 1.3),
        ("margin", "#", 1.3),
        ("people", "#", 1.5),
        ("basis", "", 1.5),
        ("source", "", 3.0),
    )
    cells = []
    for row in rows:
        unit = row["unit"] or ""
        short = "percentage_points" if unit == "%" else unit
        yes_no = unit == "yes_no"
        sign = {">=": "≥", "<=": "≤"}.get(row["comparison"], row["comparison"])
        threshold = quantity(row["threshold"], unit, lang)
        cells.append(
            (
                str(row["label"]),
                quantity(row["value"], unit, lang, most=1),
                threshold if yes_no else f"{sign} {threshold}",
                "" if yes_no else quantity(abs(row["margin"]), short, lang, most=1),
                number(row["people_affected"], lang),
                _word(row["basis"], lang),
                _source(row, lang),
            )
        )
    return Table(head, tuple(cells), caption=say("commune_page.reasons", lang))


def _source(row: Row, lang: Lang) -> str:
    """Where a threshold comes from, and whether it is official."""
    standing, source = row.get("standing"), str(row.get("source") or "")
    return ". ".join(
        part for part in (say(f"commune_page.standing.{standing}", lang) if standing else "", source) if part
    )


def _villages(rows: Sequence[Row], lang: Lang) -> Table:
    head = _head(
        lang,
        ("village", "", 2.2),
        ("state", "", 1.6),
        ("population", "#", 0.9),
        ("power", "", 0.9),
        ("basis", "", 2.0),
        ("covered", "#", 1.2),
        ("site", "#", 1.0),
        ("short", "#", 1.0),
        ("plan", "", 1.1),
    )
    cells = []
    for row in rows[:MOST_VILLAGES]:
        weak: Weak | None = row["weak"]
        power = row.get("grid_power")
        cells.append(
            (
                str(row["name"]),
                say(f"commune_page.state.{row.get('signal_state') or 'other'}", lang),
                number(row["population"], lang),
                quantity(None if power is None else float(power), "yes_no", lang),
                ", ".join(_word(word, lang) for word in _split(row["basis"])),
                _km(row.get("nearest_covered_village_km"), lang),
                _km(row.get("nearest_site_km"), lang),
                "" if weak is None else quantity(weak.short_db, "dB", lang, most=0),
                "" if row["plan"] is None else say("commune_page.site_no", lang, rank=row["plan"]),
            )
        )
    cut = len(rows) > MOST_VILLAGES
    note = say("commune_page.villages_cut", lang, shown=MOST_VILLAGES, count=len(rows)) if cut else ""
    nothing = {"", number(None, lang)}
    kept = [place for place in range(len(head)) if any(row[place] not in nothing for row in cells)]
    rows_kept = tuple(tuple(row[place] for place in kept) for row in cells)
    columns = tuple(head[place] for place in kept)
    return Table(columns, rows_kept, caption=say("commune_page.villages", lang), note=note)


def _figures(figures: Sequence[Figure], lang: Lang) -> Table:
    head = _head(lang, ("indicator", "", 4.5), ("here", "#", 1.4), ("province", "#", 1.4), ("asked", "#", 1.4))
    rows = tuple(
        (f"{one.label} ({one.unit})" if one.unit else one.label, one.here, one.province, one.asked) for one in figures
    )
    return Table(head, rows)


def _profile(profile: Profile, lang: Lang) -> list[Block]:
    heading = Heading(say("commune_page.profile_heading", lang), 2)
    if not profile.png:
        return [heading, Paragraph(say("commune_page.no_profile", lang, why=profile.why), "note")]
    return [
        heading,
        Picture(profile.png, profile.title, profile.told, width=PROFILE_WIDTH),
        Paragraph(profile.told, "note"),
    ]


def _km(value: float | None, lang: Lang) -> str:
    return number(None, lang) if value is None else quantity(value, "km", lang, most=1)


def _word(word: str, lang: Lang) -> str:
    return say(f"map.word.{word}", lang) if has(f"map.word.{word}") else word


def _split(words: str | Sequence[str] | None) -> list[str]:
    return words.split(";") if isinstance(words, str) else list(words or ())
