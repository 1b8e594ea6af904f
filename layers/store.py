"""The results folder: steps by key, written aside and swapped in whole, so that a killed run leaves the last good one.

``results/`` is what users see; ``results/run.json`` is its record. A run works in ``results.new/`` and, when every step
is done, swaps the two by renames. A step whose key (inputs, parameters, code) is unchanged is taken over from either.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from threading import get_ident
from typing import Any

from phusong.layers.errors import InputError, MissingError

RECORD = "run.json"
_ENTRY = {"key", "files", "counts"}
_HASH_BYTES = 16
DELIVERED = (
    *(f"{table}.*" for table in ("gaps", "gap_villages", "gap_totals", "plan")),
    *(f"{table}.*" for table in ("targets", "progress", "pace", "districts")),
    *(f"{table}.*" for table in ("need", "ranking", "signal_chances", "reasons")),
    *(f"{table}.*" for table in ("not_judged", "comparison", "rules", "rule_notes")),
    "classes.*",
    *("units.parquet", "villages.parquet", "results.gpkg", "population.tif"),
    *(
        f"{band}{raster}_[0-9]*.tif"
        for band in ("", "band_")
        for raster in ("coverage", "second", "serving", "probability", "class")
    ),
    *(f"{raster}_[a-z]*.tif" for raster in ("travel_time", "nearest", "access")),
    *("isochrones.gpkg", "catchments.gpkg", "access.csv", "access.xlsx", "access_points.csv", "access_notes.csv"),
    "broadband_dated.csv",
    *(f"{table}.csv" for table in ("defaults_used", "link_budget", "model_limits", "clutter")),
    *("map.html", "map.png", "fit.*", RECORD),
)
"""The files that people are given; the name of a raster goes on with its technology, such as 2g, or its service.
Whatever else lies in the folder is kept for the next run: people by cell, candidate sites, and the sectors with their
exact places, to which the rasters of servers and of second servers point.
"""

LASTING = "fit.*"
"""Files of the results that no run makes and none removes."""


def content_hash(data: bytes | Path) -> str:
    """SHA-256 of bytes or of a file, hexadecimal."""
    if isinstance(data, bytes):
        return hashlib.sha256(data).hexdigest()
    with data.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def key_of(parts: Any) -> str:
    """Content hash of a JSON-able value, independent of the order of its keys."""
    return content_hash(json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str).encode())


def delivered(directory: Path) -> list[Path]:
    """The files of a results folder that people are given, by name: plain files named by ``DELIVERED``, no links."""
    found = (path for path in directory.iterdir() if any(fnmatchcase(path.name, known) for known in DELIVERED))
    return sorted(path for path in found if path.is_file() and not path.is_symlink())


class Results:
    """The results of a study, as last completed."""

    def __init__(self, study_root: Path) -> None:
        self.directory = study_root / "results"
        self._new = study_root / "results.new"
        self._old = study_root / "results.old"
        self._lock = study_root / ".lock"

    def record(self) -> dict[str, Any]:
        """run.json of the last completed run; MissingError if there was none."""
        self._mend()
        record = _read_record(self.directory)
        if record is None:
            raise MissingError("error.no_results", directory=str(self.directory.parent))
        return record

    def path(self, name: str) -> Path:
        """A file of the last completed run; MissingError if it is not there, InputError if it is not as written."""
        self.record()
        path = self.directory / name
        if not path.is_file():
            raise MissingError("error.no_result_file", name=name, directory=str(self.directory.parent))
        written = [entry["files"][name] for entry in _steps_of(self.directory).values() if name in entry["files"]]
        if written and not _whole(path, written[0]):
            raise InputError("error.result_changed", name=name, directory=str(self.directory.parent))
        return path

    def files(self) -> list[Path]:
        """The files of the last completed run that people are given, by name; MissingError if there was no run."""
        self.record()
        return delivered(self.directory)

    @contextmanager
    def draft(self) -> Iterator[Draft]:
        """Work on new results; InputError if another run is at work in the same study."""
        with self._locked() as alone:
            if not alone:
                raise InputError("error.study_busy", directory=str(self.directory.parent))
            self._recover()
            self._new.mkdir(exist_ok=True)
            yield Draft(self._new, self.directory)

    @contextmanager
    def beside(self) -> Iterator[Path]:
        """The results folder, to write the files in that no run makes (``LASTING``); InputError if a run is at work."""
        with self._locked() as alone:
            if not alone:
                raise InputError("error.study_busy", directory=str(self.directory.parent))
            self._recover()
            self.directory.mkdir(exist_ok=True)
            try:
                yield self.directory
            finally:
                if (self.directory / RECORD).exists():
                    os.utime(self.directory / RECORD)  # whoever keeps the results in memory looks again

    @contextmanager
    def _locked(self) -> Iterator[bool]:
        """Whether no other process is at work in the study; the lock falls with the process that held it."""
        with self._lock.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def _mend(self) -> None:
        """Before reading: mend a swap that was cut, unless its run is still at it (then wait for its next rename)."""
        while self._old.exists():
            with self._locked() as alone:
                if alone:
                    self._recover()
                if self.directory.exists():
                    return

    def swap(self, draft: Draft, record: dict[str, Any]) -> None:
        """Make the draft the results: drop what no step names, write the record, rename."""
        draft.tidy()
        _write_json(draft.directory / RECORD, record | {"complete": True})
        for path in self.directory.glob(LASTING):
            if path.is_file() and not path.is_symlink():
                _link(path, draft.directory / path.name)
        if self.directory.exists():
            os.rename(self.directory, self._old)
        os.rename(draft.directory, self.directory)
        _remove(self._old)

    def _recover(self) -> None:
        """Finish or undo a swap that was cut between its renames."""
        if self._old.exists():
            if self.directory.exists():
                _remove(self._old)
            elif (_read_record(self._new) or {}).get("complete"):
                os.rename(self._new, self.directory)
                _remove(self._old)
            else:
                os.rename(self._old, self.directory)


class Draft:
    """Results being made: finished steps with their files, in a folder of their own."""

    def __init__(self, directory: Path, last: Path) -> None:
        self.directory = directory
        self._last = last
        self.steps: dict[str, dict[str, Any]] = {}
        self._cut = _steps_of(directory)
        self._done = _steps_of(last)
        for path in directory.iterdir():  # what is linked to the last results would be written through to them
            if path.is_file() and path.stat().st_nlink > 1:
                _remove(path)

    def take_over(self, step: str, key: str) -> bool:
        """Use the step's files of a cut or of the last run if its key is the same and the files are whole."""
        for entries, home in ((self._cut, self.directory), (self._done, self._last)):
            entry = entries.get(step)
            if entry and entry["key"] == key and all(_whole(home / n, h) for n, h in entry["files"].items()):
                for name in entry["files"]:
                    if home != self.directory:
                        _link(home / name, self.directory / name)
                self._note(step, entry)
                return True
        return False

    def finish(self, step: str, key: str, files: list[Path], counts: dict[str, int | float]) -> None:
        """Record a step as done: its key, the content hash of each of its files, its counts."""
        hashes = {path.name: content_hash(path) for path in sorted(files)}
        self._note(step, {"key": key, "files": hashes, "counts": counts})

    def tidy(self) -> None:
        """Remove files that no finished step names."""
        named = {name for entry in self.steps.values() for name in entry["files"]}
        for path in self.directory.iterdir():
            if path.name not in named:
                _remove(path)

    def _note(self, step: str, entry: dict[str, Any]) -> None:
        self.steps[step] = entry
        _write_json(self.directory / RECORD, {"steps": self._cut | self.steps, "complete": False})


def _remove(path: Path) -> None:
    """A file, a link or a whole folder; what cannot be removed stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _whole(path: Path, expected: str) -> bool:
    return path.is_file() and content_hash(path) == expected


def _link(source: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)


def _read_record(directory: Path) -> dict[str, Any] | None:
    try:
        record = json.loads((directory / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def _steps_of(directory: Path) -> dict[str, dict[str, Any]]:
    """The finished steps of a record, without those that are not whole."""
    steps = (_read_record(directory) or {}).get("steps")
    if not isinstance(steps, dict):
        return {}
    whole = {name: entry for name, entry in steps.items() if isinstance(entry, dict) and entry.keys() >= _ENTRY}
    return {name: entry for name, entry in whole.items() if isinstance(entry["files"], dict)}


def _write_json(path: Path, value: Any) -> None:
    aside = path.with_name(path.name + ".part")
    aside.write_text(json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(aside, path)


class LossStore(MutableMapping[str, bytes]):
    """Path losses by the hash of what they were computed from, a file each; those of other code are not seen.

    Only speed hangs on it: a file that cannot be read or is damaged counts as absent, one that cannot be written is
    left out. Each file begins with the hash of its content: of compressed losses a flipped bit would go unnoticed.
    """

    def __init__(self, directory: Path, *, version: str) -> None:
        self._root = directory
        self._directory = directory / version[:16]
        self._used: set[str] = set()

    def __getitem__(self, key: str) -> bytes:
        try:
            found = (self._directory / key).read_bytes()
        except OSError:
            raise KeyError(key) from None
        value = found[_HASH_BYTES:]
        if found[:_HASH_BYTES] != _short_hash(value):
            raise KeyError(key)
        self._used.add(key)
        return value

    def __setitem__(self, key: str, value: bytes) -> None:
        aside = self._directory / f"{key}.{os.getpid()}-{get_ident()}.part"
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            aside.write_bytes(_short_hash(value) + value)
            os.replace(aside, self._directory / key)
        except OSError:
            _remove(aside)  # on a full disk what was written of it is in the way
            return
        self._used.add(key)

    def __delitem__(self, key: str) -> None:
        try:
            (self._directory / key).unlink()
        except OSError:
            raise KeyError(key) from None

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(path.name for path in self._directory.glob("*") if path.suffix != ".part"))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def drop_unused(self) -> None:
        """Remove what was neither read nor written since this store was opened, and that of other code."""
        for path in self._root.glob("*"):
            if path != self._directory:
                _remove(path)
        for path in self._directory.glob("*"):
            if path.name not in self._used:
                _remove(path)


def _short_hash(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=_HASH_BYTES).digest()
