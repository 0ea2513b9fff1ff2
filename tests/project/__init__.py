"""Tests of the project around the code: documents, catalogue, packaging, scripts."""
