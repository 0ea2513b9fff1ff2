"""Tests of the receivers, on real sockets."""
