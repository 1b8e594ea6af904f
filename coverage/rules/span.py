"""Which values an indicator can have, and which of them a comparison leaves: intervals with their ends."""

from __future__ import annotations

import math

PERCENT = "%"
YES_NO = "yes_no"
WHOLE = (YES_NO, "points", "clusters", "sites", "bts", "communes", "operators")
"""Units of measure that count whole things."""
_SPAN = {YES_NO: (0.0, 1.0), PERCENT: (0.0, 100.0), "of_100": (0.0, 100.0)}
"""Between what values lie: yes or no, shares of a whole."""
_SIGNED = ("dBm", "m")
"""Units of levels, which may lie below 0; of all others nothing does, but a growth in % (``possible``)."""


def possible(indicator: str, unit: str) -> tuple[float, float]:
    """Least and greatest value an indicator can have: what is counted or measured is not negative, a growth may be."""
    if unit in _SIGNED or "growth" in indicator:
        return -math.inf, math.inf
    return _SPAN.get(unit, (0.0, math.inf))


Ends = tuple[float, bool, float, bool]
"""The least value and whether it belongs, the greatest and whether it does."""


def higher(ends: Ends, low: float, *, closed: bool) -> Ends:
    """``ends`` with the least value raised to ``low``."""
    if low > ends[0]:
        return low, closed, *ends[2:]
    return (low, closed and ends[1], *ends[2:]) if low == ends[0] else ends


def lower(ends: Ends, high: float, *, closed: bool) -> Ends:
    """``ends`` with the greatest value lowered to ``high``."""
    if high < ends[2]:
        return *ends[:2], high, closed
    return (*ends[:2], high, closed and ends[3]) if high == ends[2] else ends


def whole(ends: Ends) -> Ends:
    """The whole numbers of an interval, as a closed one."""
    low, low_in, high, high_in = ends
    if math.isfinite(low):
        low = float(math.ceil(low)) if low_in or low != math.ceil(low) else low + 1.0
    if math.isfinite(high):
        high = float(math.floor(high)) if high_in or high != math.floor(high) else high - 1.0
    return low, True, high, True
