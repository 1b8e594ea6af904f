"""Files from elsewhere, before anything reads them: hostile ones are refused by limits, in bounded memory.

What is looked at is the content, not the ending. The limits are constants here; each stands far above what a province
sends and below what a desk computer holds in memory.
"""

from __future__ import annotations

import re
import stat
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, NoReturn
from xml.parsers import expat
from zipfile import BadZipFile, LargeZipFile, ZipFile, ZipInfo

import numpy as np

from phusong.layers.errors import InputError, MissingError

LARGEST_FILE_BYTES = 4 * 2**30
LARGEST_TEXT_BYTES = 256 * 2**20
"""Of files that are read whole: tables, workbooks, XML, JSON."""
MOST_UNPACKED_BYTES = 2 * 2**30
MOST_RATIO = 200
"""Unpacked over packed bytes of an entry; office files reach 10 to 50, deflate at most 1,032."""
RATIO_FROM_BYTES = 16 * 2**20
"""Smaller entries may have any ratio: they cannot fill the memory."""
MOST_ENTRIES = 10_000
MOST_NESTING = 200
"""Elements of XML, or brackets of JSON, within one another."""
MOST_COLUMNS = 2_000
MOST_ROWS = 2_000_000
MOST_CELLS = 20_000_000
MOST_ODD_CELLS = 5_000_000
"""Cells of a sheet that show percent, zeros in front or an error: each is remembered by its place."""
MOST_SHEET_TEXT = 200_000_000
"""Characters of all cells of a sheet, a text counted as often as it is used."""
LONGEST_LINE_BYTES = 1_000_000
LONGEST_TEXT_BYTES = 16 * 2**20
"""Of one text within JSON."""
LONGEST_NAME = 200

ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CHUNK = 2**20
_ENTRY = b"PK\x01\x02"
_HEAD_BYTES = 4096
_HTML = re.compile(
    rb"(<\?xml[^>]*>\s*)?(<!--([^-]|-(?!->))*-->\s*)*"
    rb"<(!doctype\s+html|html|head|body|meta|title|style|script|link|base|table|tr|div|span|center|font|form|b|p|br|h[1-6])\b",
    re.IGNORECASE,
)
_ROOTS = frozenset({"kml", "gpx", "osm"})
_ZIPPED = (".xlsx", ".xlsm", ".ods", ".kmz")
_WHOLE = frozenset({".csv", ".tsv", ".txt", ".xls", ".xlsx", ".xlsm", ".ods", ".kmz"})
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_ELSEWHERE = re.compile(r"/+vsi|[A-Za-z][A-Za-z0-9_+.-]+:")
"""A virtual file or a connection of GDAL, a web address; a drive is one letter."""
_STEPS = np.zeros(256, dtype=np.int8)
_STEPS[list(b"[{")], _STEPS[list(b"]}")] = 1, -1


def guard(path: str | Path) -> None:
    """Let a file through, or refuse it: InputError that says which limit it breaks; MissingError if there is none.

    Refused are names that mean something else than a file (``/vsi...``, connections), links and what is no plain file,
    empty and cut-off files, files over the limits, archives whose entries leave their folder, are links, lie about
    their size, come twice or unpack beyond measure, XML with a document type or entities or of a kind that points to
    other sources (VRT), brackets nested without end, and web pages under another ending.
    """
    if _ELSEWHERE.match(str(path)):
        raise InputError("guard.name", file=Path(path).name)
    try:
        _judge(Path(path))
    except OSError as error:
        place = Path(path).name[:LONGEST_NAME]
        raise InputError("guard.not_opened", file=place, reason=error.strerror or str(error)) from error


def _judge(path: Path) -> None:
    """``guard``, for a name that is a file's; OSError if the system does not open it."""
    if path.is_symlink():
        raise InputError("guard.link", file=path.name)
    if not path.exists():
        raise MissingError("read.file_missing", file=path.name)
    if not path.is_file():
        raise InputError("guard.no_file", file=path.name or str(path))
    size = path.stat().st_size
    if size == 0:
        raise InputError("guard.empty", file=path.name)
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    suffix = path.suffix.lower()
    whole = suffix in _WHOLE or head.startswith(OLE) or text[:1] in (b"<", b"{", b"[")
    most = LARGEST_TEXT_BYTES if whole else LARGEST_FILE_BYTES
    if size > most:
        raise InputError("guard.too_large", file=path.name, found_mb=size // 10**6, most_mb=most // 10**6)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        _archive(path)
    elif _HTML.match(text):
        raise InputError("guard.web_page", file=path.name)
    elif text[:1] == b"<" or head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        if text[:1] == b"<" or b"<" in head[2:6]:
            _xml(path)
    elif text[:1] in (b"{", b"["):
        _json(path, text)
    _uncut(path, head, size)


def kind(path: Path) -> str:
    """What a file is by its first bytes: "zip", "ole" (old Office), or "other"."""
    with path.open("rb") as file:
        head = file.read(8)
    return "zip" if head.startswith(ZIP) else "ole" if head == OLE else "other"


def unpacked(path: str | Path, *, into: str | Path) -> list[Path]:
    """Unpack a guarded zip archive below ``into``; the files in the order of their names.

    Every byte is counted while it is unpacked, so an entry that lies about its size is refused as it comes. Archives
    within the archive are refused (``guard.nested``) but for workbooks and KMZ, which are judged when they are opened.
    InputError as for ``guard``.
    """
    path, into = Path(path), Path(into)
    guard(path)
    files = []
    with ZipFile(path) as archive, path.open("rb") as raw:
        for info in sorted(archive.infolist(), key=lambda one: one.filename):
            parts = PurePosixPath(info.filename).parts
            if info.is_dir() or parts[0] == "__MACOSX" or parts[-1] in (".DS_Store", "Thumbs.db"):
                continue
            target = into.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as out:
                for k, chunk in enumerate(inflated(raw, info, file=path.name)):
                    if (
                        k == 0
                        and chunk.startswith(ZIP)
                        and target.suffix.lower() not in (".xlsx", ".xlsm", ".ods", ".kmz")
                    ):
                        raise InputError("guard.nested", file=path.name, entry=info.filename)
                    out.write(chunk)
            files.append(target)
    return files


def inflated(raw: IO[bytes], info: ZipInfo, *, file: str) -> Iterator[bytes]:
    """The content of a zip entry in chunks, from the archive opened as ``raw``; InputError if it is not as declared.

    The stream must end where the directory says and hold the bytes it says: readers that trust the stream and readers
    that trust the directory then see the same.
    """
    raw.seek(max(info.header_offset, 0))
    header = raw.read(30)
    if len(header) < 30 or header[:4] != ZIP:
        _cut(file)
    raw.seek(sum(struct.unpack("<HH", header[26:30])), 1)
    left, done, crc = info.compress_size, 0, 0
    engine = zlib.decompressobj(-15) if info.compress_type else None
    pending = b""
    while left or pending or (engine is not None and not engine.eof):
        if not pending:
            pending = raw.read(min(_CHUNK, left))
            if left and not pending:
                _cut(file)
            left -= len(pending)
        drained = not pending  # all is read, the engine may still hold some back
        try:
            chunk = pending if engine is None else engine.decompress(pending, _CHUNK)
        except zlib.error as error:
            raise InputError("guard.cut_off", file=file) from error
        if drained and not chunk and engine is not None and not engine.eof:
            _cut(file)
        pending = b"" if engine is None else engine.unconsumed_tail
        done, crc = done + len(chunk), zlib.crc32(chunk, crc)
        if done > info.file_size or (engine is not None and engine.eof and (left or engine.unused_data)):
            raise InputError("guard.lying_size", file=file, entry=info.filename)
        if chunk:
            yield chunk
    if done != info.file_size or crc != info.CRC:
        raise InputError("guard.lying_size", file=file, entry=info.filename)


def _cut(file: str) -> NoReturn:
    raise InputError("guard.cut_off", file=file)


def _archive(path: Path) -> None:
    """The directory of a zip archive: entries, names, kinds, sizes and ratios, before anything is unpacked."""
    entries, tail = 0, b""
    with path.open("rb") as raw:  # a directory of millions would fill the memory just by being read
        while chunk := raw.read(_CHUNK):
            entries += (tail + chunk).count(_ENTRY)
            tail = chunk[-(len(_ENTRY) - 1) :]
    if entries > MOST_ENTRIES:
        raise InputError("guard.entries", file=path.name, found=entries, most=MOST_ENTRIES)
    try:
        with ZipFile(path) as archive:
            infos = archive.infolist()
    except (BadZipFile, LargeZipFile, ValueError, EOFError, OSError, NotImplementedError, struct.error) as error:
        raise InputError("guard.cut_off", file=path.name) from error
    if not infos:
        raise InputError("guard.empty", file=path.name)
    seen: set[str] = set()
    for info in infos:
        fault = _entry_fault(info, seen)
        if fault:
            raise InputError(fault, file=path.name, entry=info.filename[:LONGEST_NAME])
        ratio = info.file_size / max(info.compress_size, 1)
        if info.file_size > RATIO_FROM_BYTES and ratio > MOST_RATIO:
            found = f"{ratio:.0f}"
            raise InputError("guard.ratio", file=path.name, entry=info.filename, found=found, most=MOST_RATIO)
    total, packed = sum(info.file_size for info in infos), sum(info.compress_size for info in infos)
    if total > MOST_UNPACKED_BYTES:
        raise InputError(
            "guard.unpacked", file=path.name, found_mb=total // 10**6, most_mb=MOST_UNPACKED_BYTES // 10**6
        )
    if packed > path.stat().st_size:
        raise InputError("guard.overlap", file=path.name)


def _entry_fault(info: ZipInfo, seen: set[str]) -> str:
    """The code of what makes an entry's name or kind refused, "" if nothing does."""
    name = info.filename
    plain = name.replace("\\", "/").rstrip("/")
    parts = plain.split("/")
    mode = info.external_attr >> 16
    if not plain or plain.startswith("/") or ":" in parts[0] or ".." in parts or "\0" in info.orig_filename:
        return "guard.path"
    if "" in parts or "." in parts or len(name) > LONGEST_NAME or any(ord(letter) < 32 for letter in name):
        return "guard.path"
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "guard.link_inside"
    if info.flag_bits & 1:
        return "guard.locked"
    if info.compress_type not in (0, 8):
        return "guard.method"
    if plain.casefold() in seen:
        return "guard.twice"
    seen.add(plain.casefold())
    return ""


def prolog(start: bytes, *, file: str) -> None:
    """Refuse XML that opens with a document type, or is not in an encoding whose letters are ASCII's; its first bytes.

    For parts of workbooks, whose readers know no entities: a document type can stand nowhere but before the root.
    """
    if start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"<" or b"\0" in start[:64]:
        raise InputError("guard.not_xml", file=file)
    feed(_parser(file), [start], file=file, code="guard.not_xml", whole=False)


def feed(
    parser: expat.XMLParserType,
    chunks: Iterable[bytes],
    *,
    file: str,
    code: str = "read.unreadable",
    whole: bool = True,
) -> None:
    """Give XML to a parser piece by piece; InputError ``code`` if it is broken or in an encoding nobody knows."""
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
        if whole:
            parser.Parse(b"", True)
    except InputError:
        raise
    except expat.ExpatError as error:
        raise InputError(code, file=file, row=error.lineno) from error
    except (LookupError, ValueError) as error:
        if "encoding" not in str(error):
            raise
        raise InputError(code, file=file, row=1) from error


def _parser(file: str) -> expat.XMLParserType:
    """An XML parser that stops at a document type and at an entity."""
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise InputError("guard.entities", file=file)

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    return parser


def _xml(path: Path) -> None:
    """XML as geographic files have it: whole, of a known kind, without document type, not endlessly nested."""
    parser, depth = _parser(path.name), 0

    def start(name: str, _: dict[str, str]) -> None:
        nonlocal depth
        if depth == 0 and name.rpartition(":")[2] not in _ROOTS:
            raise InputError("guard.xml_kind", file=path.name, found=name[:40])
        depth += 1
        if depth > MOST_NESTING:
            raise InputError("guard.nesting", file=path.name, most=MOST_NESTING)

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser.StartElementHandler, parser.EndElementHandler = start, end
    with path.open("rb") as file:
        feed(parser, iter(lambda: file.read(_CHUNK), b""), file=path.name, code="guard.broken_xml")


def _json(path: Path, head: bytes) -> None:
    """JSON nested no deeper than the limit and not a recipe for GDAL; brackets within texts do not count."""
    if b"gdal_streamed_alg" in head:
        raise InputError("guard.xml_kind", file=path.name, found="gdal_streamed_alg")
    depth, text = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            marks = _STRINGS.sub(b"", text + chunk)
            marks, quote, rest = marks.partition(b'"')  # a text that goes on in the next chunk
            text = quote + rest
            steps = np.cumsum(_STEPS[np.frombuffer(marks, dtype=np.uint8)], dtype=np.int64)
            if (steps.size and depth + int(steps.max()) > MOST_NESTING) or len(text) > LONGEST_TEXT_BYTES:
                raise InputError("guard.nesting", file=path.name, most=MOST_NESTING)
            depth += int(steps[-1]) if steps.size else 0


def _uncut(path: Path, head: bytes, size: int) -> None:
    """Whether a file is as long as its own head says: Shapefile, dBase table, SQLite (GeoPackage), Parquet."""
    suffix = path.suffix.lower()
    need = 0
    if suffix in (".shp", ".shx") and len(head) >= 100:
        need = 2 * struct.unpack(">i", head[24:28])[0]
    elif suffix == ".dbf" and len(head) >= 32:
        rows, start, width = struct.unpack("<IHH", head[4:12])
        need = start + rows * width
    elif head.startswith(b"SQLite format 3\0") and head[24:28] == head[92:96]:  # else the page count is not kept
        page = struct.unpack(">H", head[16:18])[0]
        need = (65536 if page == 1 else page) * struct.unpack(">I", head[28:32])[0]
    elif head.startswith(b"PAR1"):
        with path.open("rb") as file:
            file.seek(-4, 2)
            need = 0 if file.read(4) == b"PAR1" else size + 1
    if size < need:
        _cut(path.name)
