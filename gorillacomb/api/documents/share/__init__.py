"""The documents of what is shown to others."""
