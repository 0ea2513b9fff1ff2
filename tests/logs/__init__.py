"""Calls that arrive as log records."""
