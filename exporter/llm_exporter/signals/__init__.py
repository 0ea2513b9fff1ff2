"""What the texts of a call say without a model's help: pure detectors, and what counts their findings.

A detector takes a text and returns a small value. It does no I/O, keeps nothing, takes time that is linear in
the length of the text, and never returns a part of it.
"""
