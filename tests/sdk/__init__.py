"""Tests of the metrics inside an application."""
