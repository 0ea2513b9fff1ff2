"""Tests of everything between the receivers and the pages, and the builders that all tests may use."""
