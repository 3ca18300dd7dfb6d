"""Record what a scan found in the trace: stamps, moves, damage."""
