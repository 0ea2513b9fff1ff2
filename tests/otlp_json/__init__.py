"""Tests of OTLP/JSON."""
