"""Files in: one module a family of formats."""
