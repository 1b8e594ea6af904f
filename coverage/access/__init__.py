"""Travel over a surface, and what it brings within reach of whom.

``surface`` (what one moves over), ``travel_time`` (least cost to or from points, ways, pairs in reach), ``isochrones``
(areas within limits), ``catchment`` (supply shared among the people who reach it).
"""
