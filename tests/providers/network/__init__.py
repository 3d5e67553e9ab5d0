"""Tests of the kind `network`."""
