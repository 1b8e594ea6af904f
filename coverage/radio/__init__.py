"""Received power from transmitters over terrain: sites and a grid in, rasters out.

The seam: ``compute`` (all sites, best server), ``reach`` (a default site at a place where none stands), ``level_at``
(servers at a point), ``profile`` (one path).

One mast: ``rays`` (its terrain), ``models`` (the losses along its rays), ``servers`` (the lists that masts enter). One
path: ``delta_bullington``, ``p1812``, ``itm``, ``site_general``, ``link_budget`` and ``fit``.
"""

from phusong.coverage.radio.best_server import NO_SERVER_DBM, RadioResult, ServerMap, compute
from phusong.coverage.radio.candidates import Reached, reach, site_required_dbm
from phusong.coverage.radio.defaults import complete_sectors, radio_defaults, usable_levels
from phusong.coverage.radio.models import Propagation
from phusong.coverage.radio.point import Profile, level_at, profile

__all__ = [
    "NO_SERVER_DBM",
    "Profile",
    "Propagation",
    "RadioResult",
    "Reached",
    "ServerMap",
    "complete_sectors",
    "compute",
    "level_at",
    "profile",
    "radio_defaults",
    "reach",
    "site_required_dbm",
    "usable_levels",
]
