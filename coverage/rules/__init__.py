"""Dated rule packs as data (``data/*.toml``), and which of their rules a study is judged by."""

from phusong.coverage.rules.choose import OverrideLike, RuleSet, choose_rules
from phusong.coverage.rules.pack import Pack, Rule, load_pack, pack_names, parse_pack

__all__ = [
    "OverrideLike",
    "Pack",
    "Rule",
    "RuleSet",
    "choose_rules",
    "load_pack",
    "pack_names",
    "parse_pack",
]
