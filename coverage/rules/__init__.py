"""Dated rule packs as data, and their evaluator."""
