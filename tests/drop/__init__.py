"""Tests of what is dropped: what is known already, and what is kept."""
