"""What stands in a table: headings, closed words, numbers, days, one cell at a time."""
