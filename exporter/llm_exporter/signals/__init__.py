"""Cheap readings of what was asked and answered: no model needed, and no text is kept."""
