"""Translates: command line and HTTP in, calls to the rooms, answers out."""
