"""Tests of the online judge."""
