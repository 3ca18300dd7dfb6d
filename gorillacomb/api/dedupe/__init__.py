"""Plan what is removed, review the plan, carry it out, take it back, free the space, look back."""
