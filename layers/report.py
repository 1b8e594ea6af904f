"""What an import or a check found, told once for all forms: counts that add up, and faults by kind.

One ImportReport a table (a sheet, a layer of a file, a layer of a study). ``lines`` says reports on a terminal,
``as_json`` for programs; pages and workbooks are in ``writers.report``. Nothing here looks at the clock: the same
import gives the same report.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np

from phusong.layers.checks.validate import Checked
from phusong.layers.errors import ComputeError, Fault, PhusongError
from phusong.layers.messages import LANGS, Lang, Text, say
from phusong.layers.messages.format import number
from phusong.layers.readers.raw import RawTable
from phusong.layers.schema import LAYERS

Kind = Literal["refused", "rejected", "changed", "noted"]
"""What was done: the table was refused whole, a row was rejected, all was kept but read otherwise, or a remark made."""
KINDS: tuple[Kind, ...] = get_args(Kind)

SCHEMA = "phusong-import-report/1"
LONGEST_TEXT = 300
"""Characters of a parameter that are told; a cell may hold a book."""
TEXTS_TOLD = 3
"""Different texts of one group that a terminal shows in full."""
RANGES_TOLD = 12
_UNSEEN = re.compile(  # controls, signs without a shape, signs that turn the direction, and what is no character
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
    "\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]"
)
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, kw_only=True)
class ImportReport:
    """What became of one table: ``kept + rejected = read`` rows, whatever happened.

    ``already`` of the kept rows stood in the study before, alike. ``used``: heading in the file -> column of the
    schema; ``unmatched``: headings that are none. ``operation``: the PROJ operation. Each rejected row is named by a
    fault and each row named by one is rejected, unless the table is refused whole: then none is kept. ComputeError if
    that does not hold.
    """

    file: str
    layer: str
    read: int
    kept: int
    rejected: int
    sha256: str = ""
    sheet: str = ""
    already: int = 0
    used: Mapping[str, str] = field(default_factory=dict)
    unmatched: tuple[str, ...] = ()
    operation: str = ""
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        named = len(rejected_rows(self.faults))
        counts = (self.read, self.kept, self.rejected, self.already)
        fits = self.kept == 0 if self.refused else named == self.rejected
        if min(counts) < 0 or self.kept + self.rejected != self.read or self.already > self.kept or not fits:
            read, kept, rejected, already = counts
            raise ComputeError(
                "import_report.sum",
                file=self.file,
                layer=self.layer,
                read=read,
                kept=kept,
                rejected=rejected,
                already=already,
                named=named,
            )

    @property
    def refused(self) -> bool:
        """Whether nothing of the table was taken."""
        return any(fault.fatal for fault in self.faults)


@dataclass(frozen=True)
class Group:
    """Faults of one kind, code, place and column; ``column`` as the file heads it."""

    kind: Kind
    code: str
    file: str
    sheet: str
    layer: str
    column: str
    faults: tuple[Fault, ...]

    @property
    def rows(self) -> list[int]:
        """The rows concerned, each once, in order."""
        return sorted({fault.row for fault in self.faults if fault.row is not None})


def kind_of(fault: Fault) -> Kind:
    """What was done about a fault, by its code and place."""
    if fault.fatal:
        return "refused"
    if fault.code.startswith("note."):
        return "noted"
    if fault.code.startswith("changed."):
        return "changed"
    return "refused" if fault.row is None else "rejected"


def rejected_rows(faults: Iterable[Fault]) -> list[int]:
    """The rows that faults reject, as the user counts them, each once, in order."""
    return sorted({fault.row for fault in faults if fault.row is not None and kind_of(fault) == "rejected"})


def report_of(
    raw: RawTable,
    checked: Checked,
    *,
    sha256: str = "",
    already: int = 0,
    used: Mapping[str, str] | None = None,
    unmatched: Sequence[str] = (),
    operation: str = "",
) -> ImportReport:
    """The report on a table as its reader gave it (``raw``) and as it was judged in the end.

    Rows that the reader refused itself and left out of ``raw`` count as read. ComputeError if a row is missing from
    ``checked`` and no fault names it.
    """
    refused = set(rejected_rows(checked.faults))
    read = len(raw.rows) + len(refused.difference(raw.rows.tolist()))
    kept = 0 if checked.fatal else len(checked.rows)
    return ImportReport(
        file=raw.file,
        sheet=raw.sheet,
        layer=checked.layer,
        sha256=sha256,
        read=read,
        kept=kept,
        rejected=read - kept,
        already=0 if checked.fatal else already,
        used=dict(used or {}),
        unmatched=tuple(unmatched),
        operation=operation,
        faults=checked.faults,
    )


def refusal(error: PhusongError, *, file: str, layer: str, read: int = 0, sha256: str = "") -> ImportReport:
    """The report on a file that was refused by an error: the error as a fatal fault, then the faults it carries."""
    whole = Fault(error.code, file, layer, fatal=True, params=error.params)
    faults = (whole, *error.faults)
    return ImportReport(file=file, layer=layer, sha256=sha256, read=read, kept=0, rejected=read, faults=faults)


def check_reports(faults: Iterable[Fault], *, kept: Mapping[str, int]) -> list[ImportReport]:
    """One report for each layer of a study that was checked: ``kept`` rows by layer, and all faults.

    Rasters, settings and layers with faults alone have reports too; they come after the layers, which are in the
    schema's order. Of a layer refused whole only the rows that faults name are counted as read.
    """
    by_layer: dict[tuple[str, str], list[Fault]] = {}
    for name in sorted(kept, key=_place_in_schema):
        by_layer[name, ""] = []
    for fault in sorted(faults, key=lambda fault: _place_in_schema(fault.layer)):
        by_layer.setdefault((fault.layer, "" if fault.layer in LAYERS else fault.file), []).append(fault)
    reports = []
    for (layer, _), own in by_layer.items():
        rejected = len(rejected_rows(own))
        taken = 0 if any(fault.fatal for fault in own) else kept.get(layer, 0)
        file = own[0].file if own else ""
        reports.append(
            ImportReport(
                file=file, layer=layer, read=taken + rejected, kept=taken, rejected=rejected, faults=tuple(own)
            )
        )
    return reports


def _place_in_schema(layer: str) -> int:
    return list(LAYERS).index(layer) if layer in LAYERS else len(LAYERS)


def grouped(report: ImportReport) -> list[Group]:
    """The report's faults in groups, the gravest kind first, within a kind as they were found."""
    named = headings(report.faults, report.used)
    groups: dict[tuple[Kind, str, str, str, str, str], list[Fault]] = {}
    for fault in report.faults:
        key = (kind_of(fault), fault.code, fault.file, fault.sheet, fault.layer, fault.column)
        groups.setdefault(key, []).append(fault)
    ordered = sorted(groups.items(), key=lambda item: KINDS.index(item[0][0]))
    return [
        Group(kind, code, file, sheet, layer, named[column], tuple(faults))
        for (kind, code, file, sheet, layer, column), faults in ordered
    ]


def headings(faults: Iterable[Fault], used: Mapping[str, str]) -> dict[str, str]:
    """Each column that faults name, as the file heads it, with the schema's name where it differs: "Vĩ độ (lat)"."""
    own = {meant: " ".join(found.split()) for found, meant in used.items()}
    named: dict[str, str] = {}
    for column in {fault.column for fault in faults}:
        parts = [column] if column in own else column.split(", ")
        both = [part if own.get(part, part) == part else f"{own[part]} ({part})" for part in parts]
        named[column] = tell(", ".join(both))
    return named


def tell(value: Any, lang: Lang = "en") -> str:
    """A value of a file as one line that can do no harm: no control or turning characters, not too long."""
    if type(value) is not str and isinstance(value, Text):
        value = say(value.code, lang, **told(value.params, lang))
    words = str(value)
    if len(words) > LONGEST_TEXT:
        words = f"{words[:LONGEST_TEXT]}…"
    return _harmless(words)


@lru_cache(maxsize=4096)
def _harmless(words: str) -> str:
    return _BLANKS.sub(" ", _UNSEEN.sub("\ufffd", " ".join(words.splitlines())))


def told(params: Mapping[str, Any], lang: Lang) -> dict[str, Any]:
    """Parameters of a message, every text among them made harmless; numbers keep their kind."""
    kinds = (int, float, np.number)
    return {name: value if isinstance(value, kinds) else tell(value, lang) for name, value in params.items()}


def text(fault: Fault, lang: Lang) -> str:
    """What is wrong and how to mend it, without the place."""
    return say(fault.code, lang, **told(fault.params, lang))


def found(fault: Fault, lang: Lang) -> str:
    """What was found, empty where the fault is about something missing."""
    return tell(fault.params["found"], lang) if "found" in fault.params else ""


def expected(fault: Fault, lang: Lang) -> str:
    """What was expected, or what the cell was read as; empty where the text alone says it."""
    params = fault.params
    for name in ("made", "expected", "words", "known", "mended"):
        if name in params:
            return tell(params[name], lang)
    low, high = (tell(params[name], lang) if name in params else "" for name in ("minimum", "maximum"))
    if not low and not high:
        return ""
    unit = tell(params.get("unit", ""), lang).strip()
    limits = f"{low} – {high}" if low and high else f"≥ {low}" if low else f"≤ {high}"
    return f"{limits} {unit}".strip()


def ranges(rows: Sequence[int], *, most: int = RANGES_TOLD) -> str:
    """Sorted row numbers in short: "3–5, 9, 12–40"; an ellipsis after ``most`` ranges."""
    if not len(rows):
        return ""
    numbers = np.asarray(rows, dtype=np.int64)
    breaks = np.flatnonzero(np.diff(numbers) > 1) + 1
    first, last = numbers[np.r_[0, breaks]], numbers[np.r_[breaks - 1, len(numbers) - 1]]
    parts = [f"{a}" if a == b else f"{a}–{b}" for a, b in zip(first[:most], last[:most], strict=True)]
    return ", ".join(parts) + (", …" if len(first) > most else "")


def title(report: ImportReport, lang: Lang) -> str:
    """Which table it is: file, sheet and layer."""
    parts = [tell(report.file)] if report.file else []
    if report.sheet:
        parts.append(say("place.sheet", lang, sheet=tell(report.sheet)))
    if report.layer:
        parts.append(say("place.layer", lang, layer=tell(report.layer)))
    return ", ".join(parts)


def counts(report: ImportReport, lang: Lang) -> str:
    """How many rows were read, kept and rejected, in one sentence."""
    params = {name: number(getattr(report, name), lang) for name in ("read", "kept", "rejected", "already")}
    if report.refused:
        return say("import_report.refused", lang, **params)
    sentence = say("import_report.counts", lang, **params)
    return f"{sentence} {say('import_report.already', lang, **params)}" if report.already else sentence


def basis(report: ImportReport, lang: Lang) -> list[tuple[str, str]]:
    """On what the rows rest, label and text: checksum, operation between coordinate systems, columns."""
    lines: list[tuple[str, str]] = []
    if report.sha256:
        lines.append(("sha256", report.sha256))
    if report.operation:
        lines.append(("operation", tell(report.operation)))
    if report.used:
        pairs = [f"{tell(one)} → {tell(other)}" for one, other in report.used.items()]
        lines.append(("used", "; ".join(pairs)))
    if report.unmatched:
        lines.append(("unmatched", "; ".join(map(tell, report.unmatched))))
    return [(say(f"import_report.basis.{code}", lang), words) for code, words in lines]


def lines(reports: Sequence[ImportReport], lang: Lang) -> list[str]:
    """The reports for a terminal: counts, then the faults by kind; many alike are one line with the rows they are in.

    Plain text without control characters; the caller escapes what its terminal library takes for markup.
    """
    out: list[str] = []
    for report in reports:
        name = title(report, lang)
        out.append(f"{name}: {counts(report, lang)}" if name else counts(report, lang))
        out += [f"  {label}: {words}" for label, words in basis(report, lang)]
        kind = ""
        for group in grouped(report):
            if group.kind != kind:
                kind = group.kind
                out.append(f"  {kind_line(report, group.kind, lang)}")
            out += [f"    {line}" for line in _group_lines(group, lang)]
    return out


def kind_line(report: ImportReport, kind: Kind, lang: Lang) -> str:
    """What was done, and to how many rows (or how often, where it is not about rows)."""
    faults = sum(kind_of(fault) == kind for fault in report.faults)
    count = report.rejected if kind == "rejected" and not report.refused else faults
    done = say(f"import_report.kind.{kind}", lang)
    return say("import_report.kind_count", lang, done=done, count=number(count, lang))


def _group_lines(group: Group, lang: Lang) -> list[str]:
    """One line for each of the first different texts with its rows, one for all others."""
    by_text: dict[str, list[int]] = {}
    for fault in group.faults:
        by_text.setdefault(text(fault, lang), []).append(-1 if fault.row is None else fault.row)
    several = len(by_text) > TEXTS_TOLD + 1
    shown = list(by_text.items())[: TEXTS_TOLD if several else None]
    out = []
    for words, all_rows in shown:
        rows = sorted({row for row in all_rows if row >= 0})
        place = _where(group.column, rows, lang)
        again = f" ({number(len(all_rows), lang)} ×)" if not rows and len(all_rows) > 1 else ""
        out.append(f"{place}: {words}{again}" if place else f"{words}{again}")
    if several:
        rest = [row for rows in list(by_text.values())[TEXTS_TOLD:] for row in rows]
        rows = sorted({row for row in rest if row >= 0})
        more = say("import_report.more", lang, count=number(len(rest), lang))
        out.append(f"{_where(group.column, rows, lang)}: {more}" if rows or group.column else more)
    return out


def _where(column: str, rows: Sequence[int], lang: Lang) -> str:
    parts = [say("place.column", lang, column=column)] if column else []
    if len(rows) == 1:
        parts.append(say("place.row", lang, row=rows[0]))
    elif len(rows):
        parts.append(say("import_report.at_rows", lang, rows=ranges(rows), count=number(len(rows), lang)))
    return ", ".join(parts)


def as_json(reports: Sequence[ImportReport]) -> dict[str, Any]:
    """The reports as plain values: codes and parameters for programs, the texts in both languages for people.

    The shape is stable within one version of ``SCHEMA``.
    """
    return {
        "schema": SCHEMA,
        "reports": [{**report_json(report), "faults": list(faults_json(report))} for report in reports],
    }


def report_json(report: ImportReport) -> dict[str, Any]:
    """A report without its faults as plain values."""
    names = ("file", "sha256", "sheet", "layer", "read", "kept", "rejected", "already", "operation")
    values: dict[str, Any] = {name: getattr(report, name) for name in names}
    values["refused"] = report.refused
    values["used"] = dict(report.used)
    values["unmatched"] = list(report.unmatched)
    return values


def faults_json(report: ImportReport) -> Iterator[dict[str, Any]]:
    """The faults of a report as plain values, one after the other."""
    named = headings(report.faults, report.used)
    for fault in report.faults:
        yield {
            "code": fault.code,
            "done": kind_of(fault),
            "file": fault.file,
            "sheet": fault.sheet,
            "layer": fault.layer,
            "row": fault.row,
            "column": fault.column,
            "heading": named[fault.column],
            "found": _json(fault.params.get("found")),
            "expected": expected(fault, "en") or None,
            "params": {name: _json(value) for name, value in fault.params.items()},
            "text": {lang: text(fault, lang) for lang in LANGS},
        }


def _json(value: Any) -> Any:
    """A parameter as JSON holds it: numbers and yes or no as they are, the rest as text, cut where it is too long."""
    if type(value) is str:
        return value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}…"
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, Text):
        return {"code": value.code, "params": {name: _json(one) for name, one in value.params.items()}}
    if isinstance(value, date):
        return value.isoformat()
    return _json(str(value))
