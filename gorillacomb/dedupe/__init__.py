"""Plan a dedupe, apply it, and take it back."""
