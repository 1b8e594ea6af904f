"""A gazetteer of units: finds the unit that a name means within a district or province, or says that it cannot tell.

A score says how far what was found lies from the name as written: the product of what differs (``NO_TONES`` the name
has none, ``OTHER_TONES``, ``OTHER_KIND`` a township where a commune was written, ``AREA_UNKNOWN`` the district named is
none of the gazetteer's). Several units of the same score are all told and none is taken; below LEAST none is taken.
"""

from __future__ import annotations

import difflib
import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from phusong.layers.errors import Fault, InputError
from phusong.layers.readers.raw import RawTable
from phusong.layers.schema import Layer
from phusong.layers.vietnamese.spelling import LONGEST, Name, key, toneless

__all__ = ["Found", "Gazetteer", "Name", "key", "matches", "resolved", "toneless"]

LEAST = 0.7
NO_TONES = 0.95
OTHER_TONES = 0.85
OTHER_TONES_ANYWHERE = 0.65  # no district narrows the choice
OTHER_KIND = 0.9
AREA_UNKNOWN = 0.8
ELSEWHERE = 0.6  # the district named has no such unit, the province has
DISTRICTS_UNTIL = pd.Timestamp("2025-07-01")  # units of that day and later have no districts
COLUMNS = ("unit_name", "district_name", "province_name")
_NEAR = 0.6  # likeness of keys from which a name is worth naming
_MOST_COMPARED = 2000
_WORDS = {"commune": "commune", "ward": "ward", "township": "township"}


@dataclass(frozen=True)
class Found:
    """What a name means: the codes of all units it may be, the score (0-1) and how it was found: words of "name",
    "tones", "kind", "area", "former", "elsewhere", "nothing", joined by blanks. ``near`` names the units meant, or the
    nearest name where there is none."""

    codes: tuple[str, ...]
    score: float
    how: str
    near: str = ""

    @property
    def code(self) -> str | None:
        """The code, if it is one and sure enough."""
        return self.codes[0] if len(self.codes) == 1 and self.score >= LEAST else None


@dataclass(frozen=True)
class _Entry:
    """A name a unit bears or bore."""

    text: str
    name: Name
    codes: tuple[str, ...]
    area: int  # place of its district among the gazetteer's
    former: bool = False


@dataclass(frozen=True)
class _Area:
    """The districts in the areas named (None: any), those in all but the smallest, and whether an area is not known."""

    districts: set[int] | None
    around: set[int] | None
    unknown: bool


class Gazetteer:
    """Units by name, district and province."""

    def __init__(self, entries: Sequence[_Entry], *, districts: Sequence[tuple[str, str]]) -> None:
        self._entries = entries
        self._names = _Index([entry.name for entry in entries])
        self._districts = districts
        self._provinces = sorted({province for province, _ in districts if province})
        self._by_district = _Index([Name.of(district) for _, district in districts])
        self._by_province = _Index([Name.of(province) for province in self._provinces])
        self._texts = {entry.codes[0]: entry.text for entry in entries if not entry.former}
        self._members: dict[int, list[int]] = defaultdict(list)
        for place, entry in enumerate(entries):
            self._members[entry.area].append(place)

    @classmethod
    def of(cls, units: pd.DataFrame, *, former: pd.DataFrame | None = None, code: str = "code") -> Gazetteer:
        """Of a frame with ``code`` and ``name``; ``kind`` (the schema's words), ``district`` and ``province`` if there.

        ``former`` lists names borne before, in the same columns; its codes are those of the units that hold the land
        now, several of them joined by ";".
        """
        districts: dict[tuple[str, str], int] = {}
        entries = []
        for frame, old in ((units, False), (former, True)):
            if frame is None:
                continue
            rows = zip(
                *(_cells(frame, column) for column in (code, "name", "kind", "district", "province")), strict=True
            )
            for codes, text, kind, district, province in rows:
                parts = tuple(part.strip() for part in codes.split(";") if part.strip())
                if not text or not parts:
                    continue
                area = districts.setdefault((province, district), len(districts))
                name = Name.of(text)
                if not name.kind and kind in _WORDS:
                    name = replace(name, kind=kind)
                entries.append(_Entry(text, name, parts, area, old))
        return cls(entries, districts=list(districts))

    @property
    def has_districts(self) -> bool:
        """Whether any unit's district is known."""
        return any(district for _, district in self._districts)

    def text(self, code: str) -> str:
        """The present name of a unit, "" if there is no such code."""
        return self._texts.get(code, "")

    def find(self, name: str, *, within: str | Sequence[str | None] | None = None) -> Found:
        """The units a name means; ``within`` names the district, or district and province (None where not known);
        without it they may follow the name after commas."""
        areas: list[str | None] = [within] if isinstance(within, str) else list(within or ())
        first, *others = (
            [name] if any(areas) else name[:LONGEST].split(",")
        )  # "Xã Hải An, huyện Hải Lăng, tỉnh Quảng Trị"
        if others:
            name, areas = first, [*others]
        query = Name.of(name)
        if not query.key:
            return Found((), 0.0, "nothing")
        bare = all(text.isascii() for text in (name, *filter(None, areas)))
        area = self._area(areas, bare=bare)
        inside = self._within(area.districts)
        places, score, how = self._names.best(query, among=inside, bare=bare)
        if not places:
            return self._missed(query, inside=inside, around=self._within(area.around), bare=bare)
        if "tones" in how and not bare and (inside is None or len(inside) == len(self._entries)):
            score *= OTHER_TONES_ANYWHERE / OTHER_TONES
        if area.unknown:
            several = query.key.isdecimal() or any(map(self._is_unit, others))  # every town has a Phường 1
            score *= ELSEWHERE if several else AREA_UNKNOWN
            how.append("area")
        entries = [self._entries[place] for place in places]
        if all(entry.former for entry in entries):
            how.append("former")
        codes = tuple(sorted({code for entry in entries for code in entry.codes}))
        return Found(codes, score, " ".join(how) or "name", self._told(places))

    def _is_unit(self, text: str) -> bool:
        """Whether a text behind a comma is a second unit ("Hải An, Hải Ba") and no area."""
        name = Name.of(text)
        return name.kind in ("", *_WORDS) and bool(self._names.best(name, among=None, bare=text.isascii())[0])

    def _missed(
        self, query: Name, *, inside: Collection[int] | None, around: Collection[int] | None, bare: bool
    ) -> Found:
        """Where the area named has no such unit: the one elsewhere in the province, or the nearest name."""
        if inside is not None:
            places, score, _ = self._names.best(query, among=around, bare=bare)
            if places and score >= OTHER_KIND * NO_TONES:
                codes = tuple(sorted({code for place in places for code in self._entries[place].codes}))
                return Found(codes, score * ELSEWHERE, "elsewhere", self._told(places))
        among = range(len(self._entries)) if inside is None else inside
        start = query.key[:2] if len(among) > _MOST_COMPARED else ""
        names: dict[str, list[int]] = defaultdict(list)
        for place in among:
            if self._entries[place].name.key.startswith(start):
                names[self._entries[place].name.key].append(place)
        near = [
            place for text in difflib.get_close_matches(query.key, names, n=4, cutoff=_NEAR) for place in names[text]
        ]
        near.sort(key=lambda place: -_likeness(query, self._entries[place].name))
        return Found((), 0.0, "nothing", self._told(near[:1]))

    def _told(self, places: Sequence[int]) -> str:
        told = []
        for place in places:
            entry = self._entries[place]
            area = ", ".join(text for text in reversed(self._districts[entry.area]) if text)
            told.append(f"{entry.text} ({area}) {'/'.join(entry.codes)}" if area else f"{entry.text} {entry.codes[0]}")
        return "; ".join(dict.fromkeys(told))

    def _within(self, districts: set[int] | None) -> set[int] | None:
        """The entries of some districts."""
        return None if districts is None else {place for district in districts for place in self._members[district]}

    def _area(self, names: list[str | None], *, bare: bool) -> _Area:
        """The districts in all areas named, from the largest (the last) on; ``bare``: all is written without marks."""
        area = _Area(None, None, False)
        for place in reversed(range(len(names))):
            name = names[place]
            if not name or not Name.of(name).key:
                continue
            found = self._districts_of(Name.of(name), among=area.districts, largest=place > 0, bare=bare)
            if found:
                area = _Area(found, area.districts, area.unknown)
            elif place == 0 or self._provinces:  # a province where no unit's is known says nothing
                area = _Area(area.districts, area.around, True)
        return area

    def _districts_of(self, query: Name, *, among: set[int] | None, largest: bool, bare: bool) -> set[int]:
        """Those an area's name means: all of a province (if it is the largest area named, first), or a district."""
        provinces, score, _ = self._by_province.best(query, among=None, bare=bare)
        named = {self._provinces[place] for place in provinces} if score >= LEAST else set()
        whole = {place for place, (province, _) in enumerate(self._districts) if province in named}
        whole = whole if among is None else whole & among
        if largest and whole:
            return whole
        districts, score, _ = self._by_district.best(query, among=among, bare=bare)
        return set(districts) if score >= LEAST else whole


class _Index:
    """Names by key."""

    def __init__(self, names: Sequence[Name]) -> None:
        self._names = names
        self._places: dict[str, list[int]] = defaultdict(list)
        for place, name in enumerate(names):
            for text in {name.key, name.whole_key} - {""}:
                self._places[text].append(place)

    def best(self, query: Name, *, among: Collection[int] | None, bare: bool) -> tuple[list[int], float, list[str]]:
        """The places of the names nearest to the query, their score and what differs; where all is written without
        marks (``bare``), a name that has none is no nearer than one that has (Cam Thanh, Cam Thành)."""
        found = {place for text in {query.key, query.whole_key} for place in self._places.get(text, ())}
        graded = {
            place: _grade(query, self._names[place], bare=bare) for place in found if among is None or place in among
        }
        if not graded:
            return [], 0.0, []
        top = max(score for score, _ in graded.values())
        places = sorted(place for place, (score, _) in graded.items() if score == top)
        return places, top, list(graded[places[0]][1])


def _grade(query: Name, other: Name, *, bare: bool) -> tuple[float, tuple[str, ...]]:
    """How near two names of equal key are, and what differs: tones, kind."""
    ways = []
    for toned, plain, kind in _ways(query):
        for known, known_plain, known_kind in _ways(other):
            if plain != known_plain:
                continue
            score, how = 1.0, []
            if bare:
                score *= NO_TONES
            elif toned != known:
                score *= OTHER_TONES
            if toned != known:
                how.append("tones")
            if kind and known_kind and kind != known_kind:
                score *= OTHER_KIND
                how.append("kind")
            ways.append((score, tuple(how)))
    return max(ways)


def _likeness(one: Name, other: Name) -> float:
    """How alike two names of different keys are, with and without tones (0-2)."""
    pairs = ((one.key, other.key), (one.toned, other.toned))
    return sum(difflib.SequenceMatcher(None, *pair).ratio() for pair in pairs)


def _ways(name: Name) -> set[tuple[str, str, str]]:
    """A name without its prefix word, and with it (then it is no kind, but part of the name)."""
    short = (name.toned, name.key, name.kind)
    return {short} if name.whole_key == name.key else {short, (name.whole_toned, name.whole_key, "")}


def _cells(frame: pd.DataFrame, column: str) -> list[str]:
    """A column as text, "" where a cell is empty or the column is not there."""
    if column not in frame:
        return [""] * len(frame)
    return [_cell(cell) for cell in frame[column].to_numpy(dtype=object)]


def _cell(cell: Any) -> str:
    if cell is None or cell is pd.NA or (isinstance(cell, float) and not math.isfinite(cell)):
        return ""
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def matches(table: pd.DataFrame, gazetteer: Gazetteer) -> pd.DataFrame:
    """Each row of a table with unit_name (and district_name, province_name, if there) matched: columns code (None where
    no unit is taken), codes (all it may be, joined by ";"), score, how, near; index as the table's."""
    found = _found(table, gazetteer)
    rows = [(one.code, ";".join(one.codes), one.score, one.how, one.near) for one in found]
    return pd.DataFrame(rows, columns=["code", "codes", "score", "how", "near"], index=table.index, dtype=object)


def _found(table: pd.DataFrame, gazetteer: Gazetteer) -> list[Found]:
    rows = list(zip(*(_cells(table, column) for column in COLUMNS), strict=True))
    known = {row: gazetteer.find(row[0], within=row[1:]) for row in dict.fromkeys(rows)}
    return [known[row] for row in rows]


def resolved(
    raw: RawTable, layer: Layer, *, units: pd.DataFrame | Gazetteer, former: pd.DataFrame | None = None
) -> RawTable:
    """The table with the code of each row's unit filled in where only its name stands (unit_name, district_name,
    province_name), for a layer with a column that refers to the units' code.

    A name that means no unit or several is a fault of its row (a note where the layer allows an empty code): nothing is
    guessed. A code that stands beside a name of another unit is a fault: codes were given anew in 2025. Two notes say
    how many rows were joined and how many by another spelling. InputError if the table names districts and the units
    are of a day that has none.
    """
    target = next((column for column, (other, _) in layer.refers.items() if other == "units"), None)
    if target is None or "unit_name" not in raw.frame:
        return raw
    gazetteer = units if isinstance(units, Gazetteer) else Gazetteer.of(units, former=former)
    names, districts = _cells(raw.frame, "unit_name"), _cells(raw.frame, "district_name")
    if any(districts) and not gazetteer.has_districts and _without_districts(units):
        raise InputError("names.older_units", file=raw.file, example=next(filter(None, districts)))
    found = _found(raw.frame, gazetteer)
    given = _cells(raw.frame, target)
    codes: list[str | None] = []
    faults: list[Fault] = []
    nullable = layer.column(target).nullable
    for place, (name, code, match) in enumerate(zip(names, given, found, strict=True)):
        codes.append(code or match.code)
        if not name:
            continue
        at: dict[str, Any] = {"file": raw.file, "sheet": raw.sheet, "row": int(raw.rows[place]), "column": "unit_name"}
        if code:
            other = gazetteer.text(code)
            sure = match.code is not None and match.how == "name"
            if other and code not in match.codes and (sure or not _alike(name, other)):
                faults.append(Fault("fault.unit_code_name", **at, params={"found": name, "code": code, "name": other}))
        elif match.code is None:
            faults.append(_miss(name, districts[place], match, at, nullable=nullable))
    faults += _said(raw, names, given, found)
    frame = raw.frame.assign(**{target: pd.Series(codes, index=raw.frame.index, dtype=object)})
    return replace(raw, frame=frame, faults=(*raw.faults, *faults))


def _without_districts(units: pd.DataFrame | Gazetteer) -> bool:
    if isinstance(units, Gazetteer) or "valid_on" not in units or units.empty:
        return False
    return bool(pd.to_datetime(units["valid_on"]).min() >= DISTRICTS_UNTIL)


def _alike(name: str, other: str) -> bool:
    """Whether two names may be spellings of one."""
    return difflib.SequenceMatcher(None, key(name), key(other)).ratio() >= OTHER_TONES


def _miss(name: str, district: str, match: Found, at: Mapping[str, Any], *, nullable: bool) -> Fault:
    """Why a name was not joined, and the unit that may be meant."""
    if match.how == "elsewhere":
        code, params = "unit_elsewhere", {"found": name, "district": district, "near": match.near}
    elif len(match.codes) > 1:
        code, params = "unit_ambiguous", {"found": name, "choices": match.near}
    elif match.near:
        code, params = "unit_near", {"found": name, "nearest": match.near}
    else:
        code, params = "unit_unknown", {"found": name}
    return Fault(f"{'note' if nullable else 'fault'}.{code}", **at, params=params)


def _said(raw: RawTable, names: list[str], given: list[str], found: list[Found]) -> list[Fault]:
    """How many rows were joined by name, and how many of them by another spelling than the unit's."""
    asked = [(name, match) for name, code, match in zip(names, given, found, strict=True) if name and not code]
    if not asked:
        return []
    joined = [(name, match) for name, match in asked if match.code is not None]
    params = {"count": len(joined), "total": len(asked), "share_pct": f"{100 * len(joined) / len(asked):.2f}"}
    done = [Fault("note.unit_names", file=raw.file, sheet=raw.sheet, params=params)]
    other = [(name, match.near) for name, match in joined if match.how != "name"]
    if other:
        params = {"count": len(other), "found": other[0][0], "made": other[0][1]}
        done.append(Fault("changed.unit_spelling", file=raw.file, sheet=raw.sheet, column="unit_name", params=params))
    return done
