"""Make one tree of several drifted copies."""
