"""Tests of a deployed evoke, over HTTP alone."""
