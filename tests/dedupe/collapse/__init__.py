"""Tests of making one tree of several copies."""
