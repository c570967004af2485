"""Tests of parts by themselves."""
