"""Rules for Prometheus, and what writes those that are too regular to be written by hand."""
