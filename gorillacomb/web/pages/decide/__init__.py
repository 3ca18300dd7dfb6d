"""The pages on which people decide, and undo: plans, their review, runs, the quarantine, marks."""
