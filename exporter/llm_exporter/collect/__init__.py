"""Failed answers kept as test cases: which traces failed an evaluation or got a negative vote, as lines of JSON."""
