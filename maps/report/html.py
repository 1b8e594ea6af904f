"""A document as one HTML file: nothing is loaded from elsewhere, and it prints as it reads."""

from base64 import b64encode
from functools import cache
from html import escape
from importlib.resources import files

from phusong.layers.messages import say
from phusong.maps.report.document import Block, Bullets, Document, Heading, PageBreak, Paragraph, Picture, Table
from phusong.maps.report.layout import cell_lines, numbered, plain, running_head, under_title

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def html_text(document: Document) -> str:
    """The whole page, in UTF-8 terms; the same document gives the same text."""
    lang = document.lang
    numbers = numbered(document)
    mark = f'<p class="mark">{_t(say("map.ui.synthetic", lang))}</p>' if document.synthetic else ""
    subtitle = f'<p class="subtitle">{_t(document.subtitle)}</p>' if document.subtitle else ""
    under = "".join(f'<p class="under">{_t(line)}</p>' for line in under_title(document))
    body = "\n".join(_block(block, document, numbers.get(place)) for place, block in enumerate(document.blocks))
    small = ' class="compact"' if document.compact else ""
    turned = " landscape" if document.landscape else ""
    return (
        f'<!DOCTYPE html>\n<html lang="{lang}"{small}>\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_t(running_head(document))}</title>\n<style>\n{_style()}{_sheet(document)}</style>\n</head>\n"
        f'<body>\n{mark}\n<main class="sheet{turned}">\n<header>\n<h1 class="title">{_t(document.title)}</h1>\n'
        f"{subtitle}\n{under}\n</header>\n{body}\n</main>\n</body>\n</html>\n"
    )


@cache
def _style() -> str:
    return files("phusong.maps").joinpath("assets", "document.css").read_text(encoding="utf-8")


def _sheet(document: Document) -> str:
    """The printed sheet: how it lies, its number, and the word for synthetic data on each."""
    mark, page = (
        say(code, document.lang).replace("\\", "").replace('"', "") for code in ("map.ui.synthetic", "document.page")
    )
    head = f'@top-right {{ content: "{mark}"; font: bold 9pt serif; }} ' if document.synthetic else ""
    foot = f'@bottom-right {{ content: "{page} " counter(page) "/" counter(pages); font: 9pt serif; }} '
    return f"@page {{ {'size: A4 landscape; ' if document.landscape else ''}{head}{foot}}}\n"


def _t(text: str) -> str:
    return escape(plain(text))


def _cell(text: str) -> str:
    return "<br>".join(escape(line) for line in cell_lines(text))


def _block(block: Block, document: Document, number: int | None) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level + 1}>{_t(text)}</h{level + 1}>"
        case Paragraph(text, style):
            return f'<p class="{style}">{_t(text)}</p>'
        case Bullets(items):
            return "<ul>" + "".join(f"<li>{_t(item)}</li>" for item in items) + "</ul>"
        case PageBreak():
            return '<div class="break"></div>'
        case Picture():
            said = _caption("document.picture", document, number, block.caption)
            caption = f"<figcaption>{said}</figcaption>" if said else ""
            data = b64encode(block.png).decode("ascii")
            share = f"{100 * block.width:g}%"
            picture = f'<img src="data:image/png;base64,{data}" alt="{_t(block.alt)}" style="width: {share}">'
            return f"<figure>{picture}{caption}</figure>"
        case Table():
            return _table(block, document, number)


def _caption(kind: str, document: Document, number: int | None, text: str) -> str:
    return f"<b>{_t(say(kind, document.lang))} {number}.</b> {_t(text)}" if number is not None else ""


def _table(table: Table, document: Document, number: int | None) -> str:
    said = _caption("document.table", document, number, table.caption)
    caption = f"<caption>{said}</caption>" if said else ""
    whole = sum(column.width for column in table.columns)
    widths = "".join(f'<col style="width: {100 * column.width / whole:.3f}%">' for column in table.columns)
    head = "".join(
        f'<th scope="col" class="{column.align}">{_t(column.title)}'
        + (f'<span class="unit">{_t(column.unit)}</span>' if column.unit else "")
        + "</th>"
        for column in table.columns
    )
    rows = []
    for place, row in enumerate(table.rows):
        cells = zip(table.columns, row, strict=True)
        total = ' class="total"' if place in table.totals else ""
        rows.append(
            f"<tr{total}>" + "".join(f'<td class="{c.align}">{_cell(cell)}</td>' for c, cell in cells) + "</tr>"
        )
    note = f'<p class="note">{_t(table.note)}</p>' if table.note else ""
    body = "\n".join(rows)
    return (
        f'<div class="table"><table>{caption}<colgroup>{widths}</colgroup>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table>{note}</div>"
    )
