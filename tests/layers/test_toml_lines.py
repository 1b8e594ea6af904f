"""Lines of keys in TOML texts, against files whose lines are counted by hand."""

from __future__ import annotations

import tomllib

import pytest

from phusong.layers.toml_lines import line_of

TEXT = '''name = "own"  # 1
[title]
en = "Own"
vi = """
en = "no key"
"""
[[rule]]
id = "one"
[rule.text]
en = "a"
[[rule]]
id = "two"
text.en = "b"
text.vi = "c"
[[rule.part]]
value = 1
[[rule.part]]
"value" = 2

[[class]] # a comment
any = [
  { indicator = "x" },
]
[speeds]
"road.village" = 15
'''


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("name", 1),
        ("title", 2),
        ("title.en", 3),
        ("title.vi", 4),
        ("rule.0", 7),
        ("rule.0.id", 8),
        ("rule.0.text", 9),
        ("rule.0.text.en", 10),
        ("rule.0.text.vi", 9),
        ("rule.1.id", 12),
        ("rule.1.text.en", 13),
        ("rule.1.text.vi", 14),
        ("rule.1.threshold", 11),
        ("rule.1.part.0.value", 16),
        ("rule.1.part.1.value", 18),
        ("class.0.any", 21),
        ("speeds.road.village", 25),
        ("rule", 7),
        ("nothing", None),
    ],
)
def test_a_key_is_found_where_it_stands_else_its_table(where: str, line: int | None) -> None:
    tomllib.loads(TEXT)
    assert line_of(TEXT, where.split(".")) == line
    assert line_of(TEXT.replace("\n", "\r\n"), where.split(".")) == line


@pytest.mark.parametrize(
    "before",
    [
        'a = 1 # """ a comment opens no string',
        "a = \"it's ''' text\"",
        'a = \'a """ b\'',
        "a = \"a \\\" b\" # '''",
        'a = """one line""" # """',
        'a = """\nb = 1 \\""" \n[[rule]]\n"""',
        "a = '''\n[[rule]]\nb = 1 \"\"\"\n'''",
        'a = [\n"""\n[[rule]]\nid = 1\n""",\n]',
        'a = """\nfive quotes: """""',
        'a = ""',
    ],
)
def test_a_string_of_several_lines_ends_where_it_ends(before: str) -> None:
    text = f'{before}\n[[rule]]\nid = "one"\n'
    assert [rule["id"] for rule in tomllib.loads(text)["rule"]] == ["one"]
    lines = len(text.splitlines())
    assert line_of(text, ["rule", "0", "id"]) == lines
    assert line_of(text, ["rule", "0"]) == lines - 1
    assert line_of(text, ["rule", "1"]) == lines - 1  # no second table
