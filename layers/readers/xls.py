"""What the cells of an old workbook (XLS) are beside their values, and whether its inside is sound.

The container is walked first (MS-CFB 2.2 to 2.6): sectors that follow one another in a ring would keep a reader busy
until the memory is full. Then the records of each sheet (MS-XLS 2.4): extent, errors, formulas, number formats.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from phusong.layers.errors import InputError
from phusong.layers.readers.sheets import PERCENT_FORMATS, Facts, limits, shown

_END = 0xFFFFFFFA  # this and above: no sector follows
_MINI = 4096  # smaller streams lie in the mini stream
_MOST_COLUMNS = 256
_ERRORS = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}
_BOF, _EOF, _SHEET, _PASSWORD, _SST, _CONTINUE, _FORMAT, _XF = 0x809, 0x0A, 0x85, 0x2F, 0xFC, 0x3C, 0x41E, 0xE0
_FORMULAS, _BOOLERR, _LABELSST, _MULRK = (0x06, 0x206, 0x406), 0x205, 0xFD, 0xBD
_DIMENSIONS, _ROW, _STALE = 0x200, 0x208, 0x5E
_VALUES = (0x203, 0x27E, 0x204, 0xD6, _LABELSST, _BOOLERR, *_FORMULAS)
Records = Iterator[tuple[int, bytes]]


def xls_facts(path: Path) -> list[Facts]:
    """The facts of the sheets of an XLS file, in their order; no merges.

    InputError if it is none or cut off, if its sectors run in a ring, a password locks it or it is beyond the limits.
    """
    try:
        stream = _workbook(path.read_bytes(), file=path.name)
        return _facts(stream, file=path.name)
    except (struct.error, LookupError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("guard.cut_off", file=path.name) from error


def _workbook(data: bytes, *, file: str) -> bytes:
    """The stream of the workbook out of its container."""
    size = 1 << struct.unpack_from("<H", data, 30)[0]
    first_directory, first_mini, first_more = (struct.unpack_from("<I", data, at)[0] for at in (48, 60, 68))
    claims = [struct.unpack_from("<I", data, at)[0] for at in (44, 64, 72)]  # sectors of the three tables
    if size not in (512, 4096) or max(claims) > len(data) // size:
        raise InputError("guard.cut_off", file=file)

    def sectors(chain: list[int]) -> bytes:
        parts = [data[(k + 1) * size : (k + 2) * size] for k in chain]
        if any(not part for part in parts):
            raise InputError("guard.cut_off", file=file)
        return b"".join(parts)

    tables = list(struct.unpack_from("<109I", data, 76))
    more, seen = first_more, 0
    while more < _END:
        block = struct.unpack(f"<{size // 4}I", sectors([more]))
        tables += block[:-1]
        more, seen = block[-1], seen + 1
        if seen > len(data) // size:
            raise InputError("guard.ring", file=file)
    table = _numbers(sectors([k for k in tables if k < _END]))
    _no_ring(table, file=file)
    directory = sectors(_chain(first_directory, table))
    mini = _numbers(sectors(_chain(first_mini, table)))
    _no_ring(mini, file=file)
    entries = {}
    for at in range(0, len(directory) - 127, 128):
        length = struct.unpack_from("<H", directory, at + 64)[0]
        name = directory[at : at + max(length - 2, 0)].decode("utf-16-le", "replace")
        start, length = struct.unpack_from("<IQ" if size == 4096 else "<II", directory, at + 116)
        if directory[at + 66] and length > len(data):
            raise InputError("guard.cut_off", file=file)
        entries[name] = start, length
    if "EncryptedPackage" in entries:
        raise InputError("guard.password", file=file)
    found = entries.get("Workbook") or entries.get("Book")
    if found is None:
        raise InputError("read.no_workbook", file=file)
    start, length = found
    if length >= _MINI:
        return sectors(_chain(start, table))[:length]
    small = sectors(_chain(entries["Root Entry"][0], table))
    return b"".join(small[k * 64 : (k + 1) * 64] for k in _chain(start, mini))[:length]


def _numbers(data: bytes) -> NDArray[np.uint32]:
    return np.frombuffer(data[: len(data) // 4 * 4], dtype="<u4")


def _no_ring(table: NDArray[np.uint32], *, file: str) -> None:
    """InputError if some chain of sectors never ends: after as many steps as there are sectors all must have ended."""
    end = table.size
    after = np.append(np.minimum(table, end), end).astype(np.int64)
    for _ in range(max(end, 1).bit_length()):
        after = after[after]
    if (after != end).any():
        raise InputError("guard.ring", file=file)


def _chain(start: int, table: NDArray[np.uint32]) -> list[int]:
    chain = []
    while start < table.size:
        chain.append(start)
        start = int(table[start])
    return chain


def _records(stream: bytes, at: int) -> Records:
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        yield kind, stream[at + 4 : at + 4 + length]
        at += 4 + length


def _facts(stream: bytes, *, file: str) -> list[Facts]:
    wide = struct.unpack_from("<H", stream, 4)[0] >= 0x600  # BIFF8
    sheets: list[int] = []
    formats: dict[int, str] = {}
    styles: list[int] = []
    texts: list[bytes] = []
    within = 0
    for kind, data in _records(stream, 0):
        if kind == _EOF:
            break
        if kind == _PASSWORD:
            raise InputError("guard.password", file=file)
        if kind == _SHEET:
            sheets.append(struct.unpack_from("<I", data)[0])
        elif kind == _FORMAT:
            code = data[5:].decode("utf-16-le", "replace") if wide and data[4] & 1 else data[5 if wide else 3 :]
            formats[struct.unpack_from("<H", data)[0]] = code if isinstance(code, str) else code.decode("latin-1")
        elif kind == _XF:
            styles.append(struct.unpack_from("<H", data, 2)[0])
        elif kind == _SST or (kind == _CONTINUE and within == _SST):
            texts.append(data)
        within = kind if kind != _CONTINUE else within
    how = [-1 if number in PERCENT_FORMATS else shown(formats.get(number, "")) for number in styles]
    lengths = _lengths(texts)
    left = 2 * len(stream)

    def once(at: int) -> Records:
        nonlocal left
        for kind, data in _records(stream, at):
            left -= 4 + len(data)
            if left < 0:  # every sheet begins anew in the same records
                raise ValueError("sheets over one another")
            yield kind, data

    return [_sheet(once(at), how, lengths, file=file) for at in sheets]


def _lengths(texts: list[bytes]) -> list[int]:
    """Characters of each shared text (MS-XLS 2.5.293); one that goes on in the next record begins there with a flag."""
    lengths: list[int] = []
    if texts and struct.unpack_from("<I", texts[0], 4)[0] > sum(map(len, texts)):
        raise ValueError("more texts than bytes")
    k, at = 0, 8
    while k < len(texts):
        if at >= len(texts[k]):
            k, at = k + 1, at - len(texts[k])
            continue
        count, flags = struct.unpack_from("<HB", texts[k], at)
        at += 3
        skip = 0
        if flags & 8:
            skip, at = 4 * struct.unpack_from("<H", texts[k], at)[0], at + 2
        if flags & 4:
            skip, at = skip + struct.unpack_from("<I", texts[k], at)[0], at + 4
        left = count
        while left:
            width = 2 if flags & 1 else 1
            here = min(left, (len(texts[k]) - at) // width)
            left, at = left - here, at + here * width
            if left:
                k, at = k + 1, 1
                flags = texts[k][0]
        lengths.append(count)
        at += skip
    return lengths


def _sheet(records: Records, how: list[int], lengths: list[int], *, file: str) -> Facts:
    facts, depth, text = Facts(), 0, 0
    formulas, empty, stale = 0, [], False
    for kind, data in records:
        if kind == _BOF:
            depth += 1
        elif kind == _EOF:
            depth -= 1
            if depth <= 0:
                break
        elif kind == _DIMENSIONS:  # readers make room for what it claims
            top, bottom, left, right = struct.unpack_from("<IIHH" if len(data) > 10 else "<HHHH", data)
            if top > bottom or left > right:
                raise ValueError("a sheet that ends before it begins")
            limits(bottom - top + 1, right - left + 1, file=file)
        elif kind == _STALE:  # its formulas are still to be computed
            stale = True
        elif kind == _ROW:
            if data[12] & 0x20:
                facts.hidden.add(struct.unpack_from("<H", data)[0])
        elif kind in _VALUES or kind == _MULRK:
            row, column, style = struct.unpack_from("<HHH", data)
            last = struct.unpack("<H", data[-2:])[0] if kind == _MULRK else column
            facts.rows, facts.columns = max(facts.rows, row + 1), max(facts.columns, last + 1)
            if last >= _MOST_COLUMNS:
                raise InputError("guard.columns", file=file, found=last + 1, most=_MOST_COLUMNS)
            for place in range(column, last + 1) if kind == _MULRK else (column,):
                if kind == _MULRK:
                    style = struct.unpack_from("<H", data, 4 + 6 * (place - column))[0]
                shows = how[style] if style < len(how) else 0
                if shows == -1:
                    facts.percent.add((row, place))
                elif shows:
                    facts.padded[row, place] = shows
                if shows:
                    facts.check(file=file)
            if kind == _LABELSST:
                number = struct.unpack_from("<I", data, 6)[0]
                text += lengths[number] if number < len(lengths) else 0
            elif kind == _BOOLERR and data[7]:
                facts.errors[row, column] = _ERRORS.get(data[6], "#?")
            elif kind in _FORMULAS:
                formulas += 1
                if data[12:14] == b"\xff\xff" and data[6] == 2:
                    facts.errors[row, column] = _ERRORS.get(data[8], "#?")
                elif (data[12:14] == b"\xff\xff" and data[6] == 3) or (stale and not any(data[6:14])):
                    empty.append((row, column))
    facts.check(file=file, text=text)
    if empty and len(empty) == formulas:  # a program that computes would have given one of them a value
        facts.uncomputed = empty[0]
    return facts
