"""Plan a dedupe, carry it out, and take it back."""
