"""The headings of an office's table matched to a layer's columns, and its words to the words of closed columns.

A heading is understood if it is a known synonym (``synonyms``), whatever its case, tones' places, footnote marks, line
breaks or unit in brackets. What is not understood keeps its name and is listed; nothing is matched by likeness, which
only serves for advice. Where two headings want one column, or one heading fits two columns, the user decides by
``--map``.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from phusong.layers.columns.cells import NO, YES, nearest
from phusong.layers.columns.heading_units import in_column_unit, is_unit, same_unit, takes_unit
from phusong.layers.columns.synonyms import (
    COORDINATES,
    UNIT_NAMES,
    Book,
    Synonym,
    columns_book,
    heading_code,
    is_idle,
    key,
    targets,
    word_of,
)
from phusong.layers.errors import Fault, InputError
from phusong.layers.messages import LANGS, Text, say
from phusong.layers.readers.raw import RawTable
from phusong.layers.schema import Layer

NOT_USED = "-"
"""What ``--map "Heading=-"`` says: leave that column alone."""
LEFT_ALONE = " (+)"
LEAST_SCORE = 0.5
"""A sheet of several must have at least this score to be taken without being named."""
LEAST_LEAD = 0.1
"""And be so much better than the next."""
_ALIKE = 0.85
_MOST_PAIRS = 12
_MOST_ADVICE = 50  # columns of one table that are compared with all synonyms for advice
_LONGEST = 250  # letters of a heading or word
_FROM_DEFAULTS = ("as_of", "valid_on")  # columns that the study fills where a file lacks them

_NUMBERING = re.compile(r"^(\(?\d{1,2}[.):]|[IVX]{1,4}[.)])\s*(?=\D)")
_FOOTNOTE = re.compile(r"(\s*(\*|[†‡§]|(?<!\bm)(?<!\b[kcd]m)[⁰¹²³⁴⁵⁶⁷⁸⁹]|[(\[]\s*(\d{1,2}|\*+)\s*[)\]]))+$")
_BRACKETS = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]|\{([^{}]*)\}")
_SIGNS = re.compile(r"[%‰°º]")
_EPSG = re.compile(r"\bEPSG\s*:?\s*(\d{4,5})\b", re.IGNORECASE)
_CRS_WORDS = re.compile(r"(?<![^\W_])(?:VN[\s_-]?2000|WGS[\s_-]?(?:19)?84|UTM)(?![^\W_])", re.IGNORECASE)
_YEAR = re.compile(
    r"(?<!VN)(?<!WGS)(?:^|[\s,_-]|(?<=[^\W\d_]))"
    r"(?:(?:số liệu|tính|thời điểm|cuối|đến|ngày|năm|nam|in|of|year|as of|at)\s+)*"
    r"(?:\d{1,2}[/.-]){0,2}(?:19|20)\d{2}$",
    re.IGNORECASE,
)
_DAY = re.compile(r"[\d./-]+")
_UNIT_AFTER = re.compile(r"^(.*?\w)[\s,:_-]+((?:\S+\s)?\S+)$")
_SAME = re.compile(r"/|\s[-–]\s")  # between two names of one thing
_MINUTES = ({"phut", "minute", "minutes", "min"}, {"giai", "second", "seconds", "sec"})


@dataclass(frozen=True)
class Match:
    """A table whose matched headings bear the layer's names.

    ``used`` gives the name of each heading that was matched, ``unmatched`` lists the others as they stand in ``raw``:
    as they are, with LEFT_ALONE behind one that would be taken for a column it is not. ``score`` (0 to 1) is the
    mean of the share of needed columns (and the place of a point) that were found and of headings understood.
    """

    raw: RawTable
    used: dict[str, str]
    unmatched: tuple[str, ...]
    score: float


@dataclass
class _Meant:
    """What one heading means: names it fits (several: in doubt), and what else it says."""

    heading: str
    found: list[Synonym] = field(default_factory=list)
    unit: str = ""
    said: dict[str, str] = field(default_factory=dict)  # year, crs (words), epsg
    near: str | None = None

    @property
    def only(self) -> str | None:
        """The one name it fits."""
        return self.found[0].target if len(self.found) == 1 else None


@dataclass
class _Judged:
    """All headings of a table, judged."""

    raw: RawTable
    layer: Layer
    used: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)  # name -> unit its heading says
    epsg: set[str] = field(default_factory=set)
    wrong: list[Fault] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)
    compared: int = 0

    def fault(self, code: str, heading: str = "", **params: Any) -> Fault:
        """A fault or remark of this table."""
        line = " ".join(heading.split())
        told = {"heading": line, **params}
        return Fault(code, self.raw.file, self.layer.name, self.raw.sheet, None, line, params=told)

    @property
    def headings(self) -> list[str]:
        """The table's headings as they stand."""
        return [str(heading) for heading in self.raw.frame.columns]

    @property
    def score(self) -> float:
        """See ``Match``."""
        names, layer = set(self.used.values()), self.layer
        needed = [c.name for c in layer.columns if c.required and c.name not in _FROM_DEFAULTS]
        of_units = {column for column, (other, _) in layer.refers.items() if other == "units"}
        found = [name in names or (name in of_units and "unit_name" in names) for name in needed]
        if layer.geometry in ("point", "polygon"):
            pairs = ({"lon", "lat"}, {"x_m", "y_m"}, {"position"})
            tabled = layer.geometry == "point" and any(pair <= names for pair in pairs)
            found.append(self.raw.geometry is not None or tabled)
        if not self.headings:
            return 0.0
        return (sum(found) / max(len(found), 1) + len(self.used) / len(self.headings)) / 2


def matched(raw: RawTable, layer: Layer, *, mapping: Mapping[str, str] | None = None) -> Match:
    """The table with its headings matched to the columns of ``layer``, to coordinates (lon, lat, x_m, y_m, position)
    and to names of units (unit_name, district_name, province_name).

    ``mapping`` is the user's word, heading -> name (or "-" to leave a column alone), and goes before all. Numbers whose
    heading says another unit are brought to the column's (W to dBm, km to m), with a ``changed.*`` remark; a heading
    whose unit cannot be brought there is another figure and stays unmatched, with a remark. The example row of a
    template is left out, with a remark. An EPSG code in the headings of coordinates becomes the table's CRS where it
    has none. InputError where headings are in doubt or ``mapping`` does not fit the table; the faults name the choices.
    """
    return _built(_judged(raw, layer, dict(mapping or {})))


def chosen(tables: Sequence[RawTable], layer: Layer, *, mapping: Mapping[str, str] | None = None) -> Match:
    """The one of a file's tables that holds ``layer``: the only one, the one of its name, else the one that is matched
    best. InputError naming the sheets and ``--sheet`` where none has LEAST_SCORE or the lead is under LEAST_LEAD.
    """
    named = [raw for raw in tables if raw.sheet.casefold() == layer.name]
    if len(tables) == 1 or len(named) == 1:
        return matched((named or list(tables))[0], layer, mapping=mapping)
    judged = sorted((_judged(raw, layer, dict(mapping or {})) for raw in tables), key=lambda one: -one.score)
    lead = judged[0].score - judged[1].score if len(judged) > 1 else 1.0
    if not judged or judged[0].score < LEAST_SCORE or lead < LEAST_LEAD:
        sheets = ", ".join(f"{one.raw.sheet or one.raw.file} ({100 * one.score:.0f} %)" for one in judged)
        file = judged[0].raw.file if judged else ""
        raise InputError("headings.which_sheet", file=file, layer=layer.name, sheets=sheets or "-")
    return _built(judged[0])


def worded(raw: RawTable, layer: Layer) -> RawTable:
    """The table with the words of closed columns (kind, status, technology, ...) in the layer's own spelling.

    Columns are those that bear the schema's names. Words that are not known stay as they are, for ``validate`` to
    refuse; one ``changed.words`` a column tells what was read as what, and how often.
    """
    frame, faults = raw.frame, list(raw.faults)
    for column in layer.all_columns:
        if column.kind != "word" or column.name not in frame:
            continue
        cells = frame[column.name].tolist()
        made: dict[str, str] = {}
        for text in {cell for cell in cells if isinstance(cell, str) and 0 < len(cell.strip()) <= _LONGEST}:
            word = None if text.strip().casefold() in map(str.casefold, column.words) else word_of(text, layer, column)
            if word is not None:
                made[text] = word
        count = sum(isinstance(cell, str) and cell in made for cell in cells)
        if not count:
            continue
        new = [made.get(cell, cell) if isinstance(cell, str) else cell for cell in cells]
        frame = frame.assign(**{column.name: pd.Series(new, index=frame.index, dtype=object)})
        pairs = sorted({(" ".join(text.split()), word) for text, word in made.items()})
        told = "; ".join(f"{text} → {word}" for text, word in pairs[:_MOST_PAIRS])
        told += "; …" if len(pairs) > _MOST_PAIRS else ""
        params = {"count": count, "pairs": told, "found": pairs[0][0], "made": pairs[0][1]}
        faults.append(Fault("changed.words", raw.file, layer.name, raw.sheet, None, column.name, params=params))
    return replace(raw, frame=frame, faults=tuple(faults))


def _judged(raw: RawTable, layer: Layer, mapping: dict[str, str]) -> _Judged:
    judged = _Judged(raw, layer)
    told = _told(judged, mapping)
    book = columns_book(layer.name)
    meant = {heading: _read(heading, layer, book) for heading in judged.headings}
    claims: dict[str, list[_Meant]] = {}
    for heading, one in meant.items():
        asked = told.get(heading)
        if asked == NOT_USED:
            continue
        if asked is not None:
            one.found = [Synonym(key(heading), asked, "schema")]
        elif len(one.found) == 1 and one.found[0].target in told.values():
            continue
        if len(one.found) > 1:
            names = ", ".join(synonym.target for synonym in one.found)
            judged.wrong.append(
                judged.fault("fault.heading_for_two", heading, columns=names, example=names.split(",")[0])
            )
        elif one.found and _fits(judged, one, asked=asked is not None):
            claims.setdefault(one.found[0].target, []).append(one)
        elif not one.found:
            _advise(judged, one, book, free=set(targets(layer)) - set(told.values()))
    for name, rivals in claims.items():
        _settle(judged, name, rivals)
    judged.used = {heading: judged.used[heading] for heading in judged.headings if heading in judged.used}
    return judged


def _told(judged: _Judged, mapping: dict[str, str]) -> dict[str, str]:
    """The user's mapping by the headings as they stand in the table."""
    headings = judged.headings
    known = {_line(heading).casefold(): heading for heading in headings}
    told: dict[str, str] = {}
    for asked, name in mapping.items():
        line = _line(asked).casefold()
        ways: tuple[Callable[[str], object], ...] = (_line, lambda text: _line(text).casefold(), key)
        found = ([each for each in headings if way(each) == way(asked)] for way in ways)
        heading = next((alike[0] for alike in found if len(alike) == 1), None)
        if name != NOT_USED and name not in targets(judged.layer):
            near = nearest(name, targets(judged.layer)) or "-"
            judged.wrong.append(judged.fault("fault.map_no_column", asked, found=name, nearest=near))
        elif heading is None:
            close = nearest(line, known)
            params = {"found": asked, "nearest": " ".join(known[close].split()) if close else "-"}
            judged.wrong.append(judged.fault("fault.map_no_heading", **params))
        elif name != NOT_USED and name in told.values() and told.get(heading) != name:
            other = next(each for each, column in told.items() if column == name)
            judged.wrong.append(_from_two(judged, name, [other, heading]))
        elif told.get(heading, name) != name:
            names = ", ".join((told[heading], name))
            judged.wrong.append(judged.fault("fault.heading_for_two", heading, columns=names, example=name))
        else:
            told[heading] = name
    return told


def _line(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _from_two(judged: _Judged, name: str, headings: Iterable[str]) -> Fault:
    lines = [" ".join(heading.split()) for heading in headings]
    quoted = ", ".join(f'"{line}"' for line in lines)
    if name in COORDINATES and any(map(_is_minutes, lines)):
        return judged.fault("fault.degrees_in_columns", name, headings=quoted)
    return judged.fault("fault.column_from_two", name, headings=quoted, example=lines[0], name=name)


def _is_minutes(heading: str) -> bool:
    """Whether a heading is one of minutes or seconds alone, beside one of degrees."""
    words = {key(word).plain for word in re.split(r"[\W_]+", heading)}
    return sum(bool(words & names) for names in _MINUTES) == 1


def _settle(judged: _Judged, name: str, rivals: list[_Meant]) -> None:
    """Give a column to the heading that is the best sign of it; two equally good ones are a fault."""
    ranks = ("schema", "synonym", "stand_in")
    best = min(ranks.index(one.found[0].rank) for one in rivals)
    first = [one for one in rivals if one.found[0].rank == ranks[best]]
    if len(first) > 1:
        judged.wrong.append(_from_two(judged, name, [one.heading for one in first]))
        return
    taken = first[0]
    judged.used[taken.heading] = name
    if taken.unit:
        judged.units[name] = taken.unit
    if taken.found[0].rank == "stand_in":
        about = Text(heading_code(judged.layer, name))
        judged.notes.append(judged.fault("changed.heading_stand_in", taken.heading, name=name, about=about))
    for what in ("year", "crs"):
        if what in taken.said:
            judged.notes.append(judged.fault(f"note.heading_{what}", taken.heading, found=taken.said[what]))
    if name in COORDINATES and "epsg" in taken.said:
        judged.epsg.add(taken.said["epsg"])
    for one in rivals:
        if one is not taken:
            other = " ".join(taken.heading.split())
            judged.notes.append(judged.fault("note.heading_beside", one.heading, name=name, other=other))


def _fits(judged: _Judged, one: _Meant, *, asked: bool) -> bool:
    """Whether a heading's unit can be the column's; if not, a remark (a fault if the user asked for it)."""
    name = one.found[0].target
    if not one.unit or name in COORDINATES:
        return True
    column = None if name in UNIT_NAMES else judged.layer.column(name)
    if column is not None and takes_unit(column, one.unit):
        return True
    unit = column.unit if column is not None else ""
    params = {"found": one.unit, "name": name, "expected": unit or "-"}
    if asked:
        judged.wrong.append(judged.fault("fault.map_unit", one.heading, **params))
    else:
        judged.notes.append(judged.fault("note.heading_unit", one.heading, **params))
    return False


def _advise(judged: _Judged, one: _Meant, book: Book, *, free: set[str]) -> None:
    """A remark on a heading that is not understood and looks much like a known one."""
    near, plain = one.near, key(one.heading).plain
    judged.compared += near is None
    if near is None and judged.compared <= _MOST_ADVICE and len(plain) <= _LONGEST:
        close = difflib.get_close_matches(plain, book.keys, n=1, cutoff=_ALIKE)
        near = book.keys[close[0]] if close else None
    if near in free:
        judged.notes.append(judged.fault("note.heading_near", one.heading, name=near))


def _read(heading: str, layer: Layer, book: Book) -> _Meant:
    """What a heading says: the names it fits, its unit, year and CRS."""
    one = _Meant(heading)
    text = _line(heading)
    if len(text) > _LONGEST:
        return one
    if not _SIGNS.search(text) and (found := book.find(text)):  # a key holds letters and digits only
        one.found = found
        return one
    truncated = [name for name in targets(layer) if len(text) == 10 and name[:10] == text.casefold()]
    if len(truncated) == 1:  # a Shapefile holds ten letters of a name
        one.found = [Synonym(key(text), truncated[0], "schema")]
        return one
    text = _FOOTNOTE.sub("", _NUMBERING.sub("", text))
    parts = [kept for part, inside in _parts(text) if (kept := _without_remarks(part, one, layer, inside=inside))]
    one.found = _names(parts, one, layer, book)
    after = _UNIT_AFTER.match(parts[-1]) if parts and not one.found and not one.unit else None
    if after is not None:
        for rest, unit in ((after[1], after[2]), _last_word(parts[-1])):
            if is_unit(unit):
                found = _names([*parts[:-1], rest], one, layer, book)
                one.found = [each for each in found if each.target in COORDINATES or _is_figure(each.target, layer)]
                one.unit = unit if one.found else ""
            if one.found:
                break
    if "year" in one.said and not all(_is_figure(synonym.target, layer) for synonym in one.found):
        one.near, one.found = one.found[0].target, []  # codes and names of a year are not those of another
    elif one.found:
        one.near = None
    return one


def _is_figure(name: str, layer: Layer) -> bool:
    return name not in COORDINATES + UNIT_NAMES and layer.column(name).kind in ("number", "integer")


def _last_word(part: str) -> tuple[str, str]:
    rest, _, word = re.sub(r"[\s,:_-]+(?=\S+$)", "\n", part).rpartition("\n")
    return rest, re.split(r"[\s,:_-]", word)[-1]


def _parts(text: str) -> list[tuple[str, bool]]:
    """The parts of a heading in order, each with whether it stood in brackets."""
    parts: list[tuple[str, bool]] = []
    end = 0
    for bracket in _BRACKETS.finditer(text):
        parts += [(part, False) for part in text[end : bracket.start()].split(" / ")]
        parts += [(part, True) for part in re.split(r";|,(?!\d)", next(filter(None, bracket.groups()), ""))]
        end = bracket.end()
    parts += [(part, False) for part in text[end:].split(" / ")]
    return [(part.strip(" .,:;-_*"), inside) for part, inside in parts if re.search(r"\w|[%°º]", part)]


def _without_remarks(part: str, one: _Meant, layer: Layer, *, inside: bool) -> str:
    """The part of a heading without year, CRS and unit, which are noted."""
    if epsg := _EPSG.search(part):
        one.said["epsg"] = f"EPSG:{epsg[1]}"
        part = _EPSG.sub("", part).strip(" .,:;-_")
    if words := _CRS_WORDS.search(part):
        one.said["crs"] = words[0]
        part = _CRS_WORDS.sub("", part).strip(" .,:;-_")
    elif (not is_idle(part, layer) or _DAY.fullmatch(part)) and (year := _YEAR.search(part)):
        one.said["year"] = year[0].strip(" ,_-")
        part = part[: year.start()].strip(" .,:;-_")
    if inside and is_unit(part):
        one.unit = part
        return ""
    return part


def _names(parts: list[str], one: _Meant, layer: Layer, book: Book) -> list[Synonym]:
    """The names that a heading's parts fit together, or each for itself."""
    core = [part for part in parts if not is_idle(part, layer)]
    for texts in (parts, parts[::-1], core, core[::-1]):
        if found := book.find(" ".join(texts)):
            return found
    if not core:
        return next(filter(None, map(book.find, reversed(parts))), [])
    known = {part: _known(part, book) for part in core}
    hits = {synonym.target: synonym for part in core for synonym in known[part]}
    if len(hits) > 1:  # "Có điện (x)": no place
        figures = {part for part in core if not any(_lists_words(part, layer, name) for name in hits)}
        hits = {target: one for target, one in hits.items() if any(one in known[part] for part in figures)}
    rest = [part for part in core if not known[part]]
    if hits and all(_lists_words(part, layer, next(iter(hits))) for part in rest):
        return list(hits.values())
    one.near = next(iter(hits), None)
    return []


def _known(part: str, book: Book) -> list[Synonym]:
    """What a part of a heading means: by itself, or as two names of one thing ("Kinh độ/Longitude")."""
    names = [name for name in _SAME.split(part) if name.strip()]
    found = book.find(part)
    if found or len(names) < 2:
        return found
    each = [book.find(name) for name in names]
    same = {synonym.target for every in each for synonym in every}
    return each[0] if len(same) == 1 and all(each) else []


def _lists_words(part: str, layer: Layer, name: str) -> bool:
    """Whether a part of a heading only lists what may stand in its column: 2G/3G/4G, có/không."""
    if name in COORDINATES + UNIT_NAMES:
        return False
    column, words = layer.column(name), [word.strip() for word in re.split(r"[/,;|:=]", part) if word.strip()]
    if column.kind == "word":
        return all(word_of(word, layer, column) is not None for word in words)
    return column.kind == "yes_no" and all(word.casefold() in YES | NO for word in words)


def _built(judged: _Judged) -> Match:
    """The table as it is after its headings are matched; InputError with all that is in doubt."""
    raw, layer = judged.raw, judged.layer
    if len(judged.epsg) > 1:
        judged.wrong.append(judged.fault("fault.heading_two_crs", found=", ".join(sorted(judged.epsg))))
    if judged.wrong:
        raise InputError("headings.in_doubt", faults=tuple(judged.wrong), file=raw.file, layer=layer.name)
    names: list[str] = []
    known = set(targets(layer))
    for heading in judged.headings:
        name = judged.used.get(heading, heading)
        plain = "_".join(heading.casefold().replace("-", " ").split())
        if heading not in judged.used and plain in known:
            name += LEFT_ALONE
            while name in judged.headings:
                name += LEFT_ALONE
        names.append(name)
    frame = raw.frame.set_axis(pd.Index(names, dtype=object), axis=1)
    notes = list(judged.notes)
    for name, unit in judged.units.items():
        if name in COORDINATES or same_unit(layer.column(name), unit):
            continue
        changed = in_column_unit(frame[name].tolist(), layer.column(name), unit)
        frame = frame.assign(**{name: pd.Series(changed.cells, index=frame.index, dtype=object)})
        params = {"count": changed.number, "found": changed.found, "made": changed.made, "unit": unit, "name": name}
        heading = next(each for each, used in judged.used.items() if used == name)
        notes.append(judged.fault("changed.heading_unit", heading, expected=layer.column(name).unit, **params))
    crs = raw.crs or next(iter(judged.epsg), None)
    unmatched = tuple(n for n, heading in zip(names, judged.headings, strict=True) if heading not in judged.used)
    raw = replace(raw, frame=frame, crs=crs, faults=(*raw.faults, *notes))
    return Match(_without_examples(raw, judged), judged.used, unmatched, judged.score)


def _without_examples(raw: RawTable, judged: _Judged) -> RawTable:
    """The table without the example row of a template, whose key begins with the mark of examples."""
    first = judged.layer.key[0]
    if first not in raw.frame:
        return raw
    marks = tuple(key(say("form.example_mark", lang)).plain for lang in LANGS)
    ends = tuple(say("form.example_mark", lang)[-1] for lang in LANGS)
    cells = raw.frame[first].tolist()
    drop = np.array([isinstance(cell, str) and _is_example(cell, marks, ends) for cell in cells], dtype=bool)
    if not drop.any():
        return raw
    note = judged.fault("note.example_row", rows=", ".join(map(str, raw.rows[drop])))
    geometry = None if raw.geometry is None else raw.geometry[~drop]
    frame = raw.frame[~drop].reset_index(drop=True)
    return replace(raw, frame=frame, rows=raw.rows[~drop], geometry=geometry, faults=(*raw.faults, note))


def _is_example(cell: str, marks: tuple[str, ...], ends: tuple[str, ...]) -> bool:
    head = next((cell.partition(end)[0] for end in ends if end in cell), None)
    return head is not None and key(head).plain in marks
