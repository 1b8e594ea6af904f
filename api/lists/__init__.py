"""Lists of a study as offices use them: filtered, judged anew, compared with an older one, written in every format."""

from phusong.api.lists.build import Built, build
from phusong.api.lists.filters import Filters
from phusong.api.lists.specs import SPECS
from phusong.api.lists.tables import Tables

__all__ = ["SPECS", "Built", "Filters", "Tables", "build"]
