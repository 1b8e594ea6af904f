"""Units and their dates: which became which, and tables carried from one date to another."""
