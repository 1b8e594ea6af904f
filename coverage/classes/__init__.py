"""Classes of communes and villages: recorded and computed kept apart, each with its evidence."""

from phusong.coverage.classes.classify import (
    CENTRES,
    CLASS_COLUMNS,
    Classes,
    default_tests,
    find_classes,
)
from phusong.coverage.rules.class_tests import VILLAGE_OWN

__all__ = ["CENTRES", "CLASS_COLUMNS", "VILLAGE_OWN", "Classes", "default_tests", "find_classes"]
