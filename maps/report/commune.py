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
IN_TABLE = ("villages.both", "villages.model_only", "villages.no_power")
"""Statements that the table of villages says in its columns."""
MAP_WIDTH, PROFILE_WIDTH = 0.74, 0.94
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
    """Everything the page shows. ``people``: of the commune, None if not known. ``reasons``: rows of the table of
    reasons, with ``label`` (the indicator's name); ``villages``: rows of the list of villages with gaps, each with
    ``weak`` (``Weak`` or None) and ``plan`` (rank of the site that serves it, or None)."""

    name: str
    district: str
    study: str
    as_of: date
    synthetic: bool
    statements: Sequence[Statement]
    map_png: bytes
    profile: Profile
    figures: Sequence[Figure]
    people: float | None
    reasons: Sequence[Row]
    villages: Sequence[Row]
    sources: Sequence[str]
    limits: Sequence[str]


def commune_document(page: CommunePage, lang: Lang) -> Document:
    """The page as a document, said in ``lang``."""
    blocks: list[Block] = [Paragraph(" ".join(_paragraphs(page.statements, "summary", lang)), "lead")]
    caption, alt = say("commune_page.figure", lang), say("commune_page.figure_alt", lang, name=page.name)
    blocks.append(Picture(page.map_png, caption, alt, width=MAP_WIDTH))
    whole = len(page.villages) <= MOST_VILLAGES
    for topic in TOPICS[1:]:
        if topic == "missing":
            if page.reasons:
                blocks += [Heading(say("explain.topic.missing", lang), 2), _reasons(page, lang)]
            continue
        kept = [one for one in page.statements if not (whole and one.code in IN_TABLE)]
        blocks += _topic(topic, _paragraphs(kept, topic, lang), lang)
        if topic == "villages" and page.villages:
            blocks.append(_villages(page.villages, lang))
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
        compact=True,
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


def _reasons(page: CommunePage, lang: Lang) -> Table:
    """What is missing in words, for whom, since when, on what basis and by which source."""
    head = _head(
        lang, ("rule", "", 3.2), ("people", "#", 1.2), ("since", "", 1.8), ("basis", "", 1.2), ("source", "", 2.8)
    )
    cells = []
    for row in page.reasons:
        people, text = row["people_affected"], str(row[f"text_{lang}"])
        affected = number(people, lang)
        if people is not None and page.people:
            affected += f" ({quantity(min(100.0 * people / page.people, 100.0), '%', lang, most=1)})"
        on = say("commune_page.on_day", lang, day=day(row.get("observed_as_of") or page.as_of, lang))
        if row.get("valid_from"):
            on += "\n" + say("commune_page.in_force", lang, day=day(row["valid_from"], lang))
        source = _source(row, lang)
        if row.get("override_reason"):
            source += f"\n{say('explain.missing.override', lang, reason=row['override_reason'])}"
        said = text[:1].upper() + text[1:]
        cells.append((f"{said}.{_figures_of(row, text, lang)}", affected, on, _word(row["basis"], lang), source))
    return Table(head, tuple(cells))


def _figures_of(row: Row, text: str, lang: Lang) -> str:
    """Value, threshold and margin on a line of their own, where the rule's own words leave the threshold out."""
    unit = row["unit"] or ""
    threshold = quantity(row["threshold"], unit, lang)
    if unit == "yes_no" or threshold in text:
        return ""
    sign = {">=": "≥", "<=": "≤"}.get(row["comparison"], row["comparison"])
    short = quantity(abs(row["margin"]), "percentage_points" if unit == "%" else unit, lang)
    value = quantity(row["value"], unit, lang)
    words = {"value": value, "threshold": f"{sign} {threshold}", "short": short}
    return f"\n{say('commune_page.figures_of', lang, label=row['label'], **words)}"


def _source(row: Row, lang: Lang) -> str:
    """Where a threshold comes from, and whether it is official."""
    standing, source = row.get("standing"), str(row.get("source") or "")
    return ": ".join(
        part for part in (say(f"commune_page.standing.{standing}", lang) if standing else "", source) if part
    )


def _villages(rows: Sequence[Row], lang: Lang) -> Table:
    head = _head(
        lang,
        ("village", "", 2.2),
        ("state", "", 1.6),
        ("population", "#", 0.9),
        ("power", "", 0.9),
        ("reported", "", 1.0),
        ("computed", "", 1.0),
        ("covered", "#", 1.2),
        ("site", "#", 1.0),
        ("short", "#", 1.0),
        ("plan", "", 1.1),
    )
    cells = []
    for row in rows[:MOST_VILLAGES]:
        weak: Weak | None = row["weak"]
        cells.append(
            (
                str(row["name"]),
                say(f"commune_page.state.{row.get('signal_state') or 'other'}", lang),
                number(row["population"], lang),
                _yes_no(row.get("grid_power"), lang),
                _yes_no(row.get("observed"), lang),
                _yes_no(row.get("predicted"), lang),
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
        Picture(profile.png, profile.told, profile.title, width=PROFILE_WIDTH),
    ]


def _yes_no(value: bool | None, lang: Lang) -> str:
    return quantity(None if value is None else float(value), "yes_no", lang)


def _km(value: float | None, lang: Lang) -> str:
    return number(None, lang) if value is None else quantity(value, "km", lang, most=1)


def _word(word: str, lang: Lang) -> str:
    return say(f"map.word.{word}", lang) if has(f"map.word.{word}") else word
