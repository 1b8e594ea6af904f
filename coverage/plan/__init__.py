"""Where to build first: candidate sites, the people each would add, and a greedy choice under a budget."""

from phusong.coverage.plan.candidates import Reach, Reached, find_candidates
from phusong.coverage.plan.cover import Choice, choose
from phusong.coverage.plan.invest import Plan, make_plan

__all__ = ["Choice", "Plan", "Reach", "Reached", "choose", "find_candidates", "make_plan"]
