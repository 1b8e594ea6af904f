"""Antenna patterns of MSI/Planet (.msi, .pln, and the same text under other names) in: a file, or a study's folder."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from phusong.layers.errors import Fault, InputError, MissingError
from phusong.layers.messages import Text
from phusong.layers.patterns import Patterns

DIPOLE_DBI = 2.15  # 0 dBd
GAIN_DBI = (-10.0, 40.0)  # as a sector's own
STEPS_PER_DEG = (1, 2, 5, 10)
WIDEST_HOLE_DEG = 10.0
STEEPEST_TILT_DEG = 30
ELSEWHERE_DB = 3.0  # a cut so much weaker near the horizon ahead points elsewhere
MOST_LOSS_DB = 200.0
FREQUENCIES_MHZ = (10.0, 1e6)
LARGEST_FILE_BYTES = 1_000_000  # both cuts at a tenth of a degree take 100 kB
CUTS = ("HORIZONTAL", "VERTICAL")
KEYS = (
    *("HORIZONTAL", "VERTICAL", "NAME", "MAKE", "FREQUENCY", "H_WIDTH", "V_WIDTH", "FRONT_TO_BACK", "GAIN", "TILT"),
    *("ELECTRICAL_TILT", "POLARIZATION", "COMMENT"),
)
UNSIGNED = r"(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
NUMBER = re.compile(rf"[-+]?{UNSIGNED}", re.ASCII)


@dataclass(frozen=True)
class Pattern:
    """A measured pattern: losses against the highest gain, dB, at equal steps round the circle.

    ``horizontal_db`` from boresight clockwise; ``vertical_db`` from the horizon ahead downwards (90: straight down).
    ``gain_dbi``, ``frequencies_mhz`` (lowest and highest) and ``electrical_tilt_deg`` (that it was measured with) are
    None where the file does not say. ``notes``: what was read otherwise than written, or looks odd.
    """

    name: str
    frequencies_mhz: tuple[float, float] | None
    gain_dbi: float | None
    electrical_tilt_deg: float | None
    horizontal_db: NDArray[np.float64]
    vertical_db: NDArray[np.float64]
    notes: tuple[Fault, ...] = ()


def read_pattern(path: str | Path) -> Pattern:
    """A pattern from a text file of MSI/Planet; MissingError if there is none, InputError with every fault found.

    A gain without unit is in dBd. Losses written as negative gains are read without their sign; a vertical cut whose
    beam points up although a downtilt is stated is mirrored; a tilt with a minus sign over a beam that points down is
    read without it. These are noted, and a vertical cut that is weak near the horizon ahead.
    """
    path = Path(path)
    if not path.is_file():
        raise MissingError("read.file_missing", file=path.name)
    if path.stat().st_size > LARGEST_FILE_BYTES:
        raise InputError("link.pattern.not_pattern", file=path.name, missing=", ".join(CUTS))
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252", errors="replace")  # degree signs in makers' comments; numbers are ASCII
    head, cuts, faults = _split(text, file=path.name)
    notes: list[Fault] = []
    losses = {name: _circle(name, cuts[name], file=path.name, faults=faults, notes=notes) for name in CUTS}
    gain = _gain_dbi(head.get("GAIN", ""), file=path.name, faults=faults)
    frequencies = _frequencies_mhz(head.get("FREQUENCY", ""), file=path.name, faults=faults)
    tilt = _tilt_deg(head, file=path.name, faults=faults)
    if faults:
        raise InputError("link.pattern.broken", faults=tuple(faults), file=path.name)
    vertical, tilt = _downwards(losses["VERTICAL"], tilt, file=path.name, notes=notes)
    name = head.get("NAME") or head.get(TITLE) or path.stem
    return Pattern(name, frequencies, gain, tilt, losses["HORIZONTAL"], vertical, tuple(notes))


def pattern_files(folder: str | Path) -> dict[str, Path]:
    """The files of a patterns folder by name: only those that lie in it themselves, hidden ones left out."""
    folder = Path(folder)
    if not folder.is_dir():
        return {}
    there = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    return {path.name: path for path in there if path.resolve().parent == folder.resolve()}


def read_patterns(folder: str | Path, names: Iterable[str]) -> tuple[Patterns, list[Fault]]:
    """Those of the files named that are there and can be read, by name, and what is wrong with the others or noted.

    A file finer than a degree is read at whole degrees. Names that are no file of the folder are passed over.
    """
    files = pattern_files(folder)
    faults: list[Fault] = []
    read: dict[str, Pattern] = {}
    for name in sorted(set(names) & set(files)):
        try:
            read[name] = read_pattern(files[name])
            faults += read[name].notes
        except InputError as error:
            faults += error.faults or [Fault(error.code, file=name, params=error.params)]
    if not read:
        return Patterns(), faults
    whole = [(_whole(one.horizontal_db), _whole(one.vertical_db)) for one in read.values()]
    horizontal, vertical = (np.stack(cuts).astype(np.float32) for cuts in zip(*whole, strict=True))
    gain = np.array([np.nan if one.gain_dbi is None else one.gain_dbi for one in read.values()])
    stated = [one.electrical_tilt_deg for one in read.values()]
    tilt = np.array(
        [_beam_deg(one.vertical_db) if at is None else at for one, at in zip(read.values(), stated, strict=True)]
    )
    band = np.array([one.frequencies_mhz or (np.nan, np.nan) for one in read.values()])
    return Patterns(tuple(read), horizontal, vertical, gain, tilt, band), faults


def _whole(cut: NDArray[np.float64]) -> NDArray[np.float64]:
    """A cut at whole degrees."""
    return cut[:: cut.size // 360]


def _beam_deg(vertical: NDArray[np.float64]) -> float:
    """The middle of where a vertical cut is strongest near the horizon ahead, degrees downwards."""
    ahead = np.arange(-STEEPEST_TILT_DEG, STEEPEST_TILT_DEG + 1)
    losses = _whole(vertical)[ahead]
    return float(ahead[losses <= losses.min() + 1e-9].mean())


TITLE = ""
"""Key of a first line that is none of ``KEYS``."""
Points = list[tuple[int, float, float]]
"""Row in the file, angle in degrees, loss in dB."""


def _split(text: str, *, file: str) -> tuple[dict[str, str], dict[str, Points], list[Fault]]:
    """Head by upper-case key, and the points of each cut; a first line without a known key is the title."""
    head: dict[str, str] = {}
    cuts: dict[str, Points] = {}
    announced: dict[str, int] = {}
    faults: list[Fault] = []
    cut = ""
    for row, line in enumerate(text.splitlines(), start=1):
        words = line.replace(",", " ").split() if cut else line.split()
        if not words:
            continue
        key = words[0].upper()
        if key in CUTS:
            if key in cuts:
                faults.append(Fault("link.pattern.cut_twice", file=file, row=row, params={"cut": key}))
            cut, cuts[key] = key, []
            announced[key] = int(words[1]) if len(words) > 1 and re.fullmatch(r"[0-9]{1,6}", words[1]) else 360
        elif cut and (len(cuts[cut]) < announced[cut] or not key[0].isalpha()) and key not in KEYS:
            try:
                angle, loss = float(words[0]), float(words[1])
            except (ValueError, IndexError):
                angle = loss = float("nan")
            if len(words) == 2 and abs(angle) <= 360.0 and abs(loss) <= MOST_LOSS_DB:
                cuts[cut].append((row, angle, loss))
            else:
                faults.append(Fault("link.pattern.line", file=file, row=row, params={"found": line.strip()[:40]}))
        elif not head and key not in KEYS:
            head[TITLE] = line.strip()
        else:
            cut = ""
            head.setdefault(key, " ".join(words[1:]))
    for name in CUTS:
        if name not in cuts:
            raise InputError("link.pattern.not_pattern", file=file, missing=name)
        broken = sum(1 for fault in faults if fault.row is not None)
        if not broken and len(cuts[name]) != announced[name]:
            params = {"cut": name, "announced": announced[name], "found": len(cuts[name])}
            faults.append(Fault("link.pattern.count", file=file, params=params))
    return head, cuts, faults


def _circle(cut: str, points: Points, *, file: str, faults: list[Fault], notes: list[Fault]) -> NDArray[np.float64]:
    """Losses at equal steps from 0, the step 1 degree or the finest that the file has."""
    at: dict[float, float] = {}
    for row, angle, loss in points:
        turn = angle % 360.0 % 360.0  # the least angle below 0 becomes 360 at first
        if at.setdefault(turn, loss) != loss:
            params = {"cut": cut, "angle": f"{turn:g}"}
            faults.append(Fault("link.pattern.angle_twice", file=file, row=row, params=params))
    angles = np.array(sorted(at))
    losses = np.array([at[angle] for angle in angles])
    if losses.size and losses.min() < 0.0:
        if losses.max() > 0.0:
            faults.append(Fault("link.pattern.mixed_signs", file=file, params={"cut": cut}))
        else:
            losses = -losses
            notes.append(Fault("changed.pattern_negative", file=file, params={"cut": cut}))
    steps = np.diff(np.append(angles, angles[:1] + 360.0))
    if not steps.size or steps.max() > WIDEST_HOLE_DEG:
        gap = f"{steps.max() if steps.size else 360.0:g}"
        params = {"cut": cut, "gap": gap, "most": f"{WIDEST_HOLE_DEG:g}"}
        faults.append(Fault("link.pattern.coarse", file=file, params=params))
        return np.zeros(360)
    per_deg = next((n for n in STEPS_PER_DEG if steps.min() * n >= 1.0 - 1e-6), STEPS_PER_DEG[-1])
    even: NDArray[np.float64] = np.interp(np.arange(360 * per_deg) / per_deg, angles, losses, period=360.0)
    return even


def _gain_dbi(text: str, *, file: str, faults: list[Fault]) -> float | None:
    number = NUMBER.match(text)
    unit = text[number.end() :].strip().lower() if number else ""
    if number and unit in ("", "dbd", "dbi"):
        gain = float(number[0]) + (0.0 if unit == "dbi" else DIPOLE_DBI)
        if GAIN_DBI[0] <= gain <= GAIN_DBI[1]:
            return gain
    if text:
        _misread("GAIN", text, Text("link.pattern.expected.gain"), file=file, faults=faults)
    return None


def _frequencies_mhz(text: str, *, file: str, faults: list[Fault]) -> tuple[float, float] | None:
    """The lowest and the highest that are named (one, a range, several ranges), MHz, or GHz where it says so."""
    ghz = "ghz" in text.lower()
    doubtful = ghz and ("mhz" in text.lower() or re.search(r"\d,\d", text))  # 2,1 GHz is not 1 to 2 GHz
    found = [float(number) * (1e3 if ghz else 1.0) for number in re.findall(UNSIGNED, text, re.ASCII)]
    if found and not doubtful and FREQUENCIES_MHZ[0] <= min(found) <= max(found) <= FREQUENCIES_MHZ[1]:
        return min(found), max(found)
    if text:
        _misread("FREQUENCY", text, Text("link.pattern.expected.frequency"), file=file, faults=faults)
    return None


def _tilt_deg(head: dict[str, str], *, file: str, faults: list[Fault]) -> float | None:
    """The electrical tilt: ELECTRICAL_TILT, else TILT if it is a number (it may be the word ELECTRICAL)."""
    for key in ("ELECTRICAL_TILT", "TILT"):
        text = head.get(key, "")
        found = [float(number) for number in NUMBER.findall(text)]
        if not found or "MECH" in text.upper():
            continue
        if len(found) == 1 and abs(found[0]) <= 90.0:
            return found[0]
        _misread(key, text, Text("link.pattern.expected.tilt"), file=file, faults=faults)
        return None
    return None


def _misread(key: str, found: str, expected: Text, *, file: str, faults: list[Fault]) -> None:
    params = {"key": key, "found": found[:40], "expected": expected}
    faults.append(Fault("link.pattern.value", file=file, params=params))


def _downwards(
    vertical: NDArray[np.float64], tilt: float | None, *, file: str, notes: list[Fault]
) -> tuple[NDArray[np.float64], float | None]:
    """The vertical cut and the stated tilt, with the beam on the side of the tilt; what was turned for it is noted."""
    beam = _beam_deg(vertical)
    if tilt is not None and min(abs(tilt), abs(beam)) >= 1.0 and tilt * beam < 0.0:
        params = {"found": f"{abs(beam):g}", "stated": f"{tilt:g}"}
        if tilt > 0.0:
            notes.append(Fault("changed.pattern_mirrored", file=file, params=params))
            vertical = np.roll(vertical[::-1], 1)
        else:
            notes.append(Fault("changed.pattern_minus", file=file, params=params))
            tilt = -tilt
    whole = _whole(vertical)
    if whole[np.arange(-STEEPEST_TILT_DEG, STEEPEST_TILT_DEG + 1)].min() > whole.min() + ELSEWHERE_DB:
        params = {"angle": f"{int(np.argmin(whole))}", "most": f"{STEEPEST_TILT_DEG}"}
        notes.append(Fault("note.pattern_elsewhere", file=file, params=params))
    return vertical, tilt
