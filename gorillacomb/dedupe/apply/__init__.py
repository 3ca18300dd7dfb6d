"""Apply plans, undo runs, purge quarantines, and repair damaged files."""
