"""Filters, order and pages of lists: plain rows in, plain rows out."""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from fastapi import Request

from phusong.api.errors import QueryError
from phusong.layers.errors import Fault
from phusong.layers.vietnamese.order import order_key

Row = dict[str, Any]


@lru_cache(maxsize=50_000)
def folded(text: str) -> str:
    """A name as people type it without tones: "Hướng Hóa" -> "huong hoa"; đ is d."""
    plain = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return " ".join("".join(c for c in plain if not unicodedata.combining(c)).split())


def named(rows: Sequence[Row], q: str | None) -> list[Row]:
    """Rows whose name holds ``q``, with or without tones, or whose code starts with it; all rows without ``q``."""
    if not q or not q.strip():
        return list(rows)
    wanted = folded(q)
    return [row for row in rows if wanted in folded(row["name"] or "") or folded(row["code"]).startswith(wanted)]


def same_text(found: str | None, wanted: str) -> bool:
    """Whether two names are the same, with or without tones."""
    return found is not None and folded(found) == folded(wanted)


def ordered(rows: list[Row], sort: str, *, columns: Collection[str]) -> list[Row]:
    """Rows by one column of the row or of its indicators, "-" first for falling; text in Vietnamese order, no data
    last, ties by code.

    QueryError with the nearest name if ``sort`` is no column of ``columns``.
    """
    name = sort.removeprefix("-")
    if name not in columns:
        near = difflib.get_close_matches(name, sorted(columns), n=1, cutoff=0.0)
        fault = Fault(
            "api.invalid.unknown_word", column="sort", params={"found": name, "nearest": near[0] if near else "-"}
        )
        raise QueryError("api.query", faults=(fault,))
    known: list[tuple[Any, str, Row]] = []
    empty: list[Row] = []
    for row in rows:
        value = row[name] if name in row else row["indicators"].get(name)
        if value is None:
            empty.append(row)
        else:
            known.append((order_key(value) if isinstance(value, str) else value, row["code"], row))
    known.sort(key=lambda item: item[1])
    known.sort(key=lambda item: item[0], reverse=sort.startswith("-"))
    return [row for _, _, row in known] + sorted(empty, key=lambda row: row["code"])


def page_of(rows: Sequence[Any], request: Request, *, limit: int, offset: int) -> tuple[Sequence[Any], dict[str, Any]]:
    """One page of the rows, and its ``total, limit, offset, links``."""
    total = len(rows)
    last = max(0, (total - 1) // limit * limit)

    def link(start: int) -> str:
        asked = [(key, value) for key, value in request.query_params.multi_items() if key not in ("limit", "offset")]
        return f"{request.url.path}?{urlencode([*asked, ('limit', limit), ('offset', start)])}"

    links = {
        "self": link(offset),
        "first": link(0),
        "prev": link(max(0, offset - limit)) if offset > 0 else None,
        "next": link(offset + limit) if offset + limit < total else None,
        "last": link(last),
    }
    return rows[offset : offset + limit], {"total": total, "limit": limit, "offset": offset, "links": links}
