"""Write what a scan found into the trace: stamps, moves, damage."""
