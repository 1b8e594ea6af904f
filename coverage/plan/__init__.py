"""From gaps to what to build first: candidates, costs, choice under a budget."""
