"""Tests of access tokens: what they say, who may sign them, what is refused."""
