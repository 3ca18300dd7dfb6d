"""Tests of gorillacomb.classify."""
