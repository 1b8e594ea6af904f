"""Received power from transmitters over terrain: sites and a grid in, rasters out.

The seam: ``compute`` (all sites, best server), ``reach`` (a default site at a place where none stands), ``level_at``
(servers at a point), ``profile`` (one path).

Beside it, for one path and not yet behind the seam: ``delta_bullington``, ``p1812``, ``itm``, ``site_general``,
``link_budget`` and ``fit``.
"""

from phusong.coverage.radio.best_server import NO_SERVER_DBM, RadioResult, compute
from phusong.coverage.radio.candidates import Reached, reach
from phusong.coverage.radio.defaults import complete_sectors, radio_defaults, usable_levels
from phusong.coverage.radio.point import Profile, level_at, profile

__all__ = [
    "NO_SERVER_DBM",
    "Profile",
    "RadioResult",
    "Reached",
    "complete_sectors",
    "compute",
    "level_at",
    "profile",
    "radio_defaults",
    "reach",
    "usable_levels",
]
