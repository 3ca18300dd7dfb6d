"""Plan removals, review the plan, apply it, take it back, free the space, look back."""
