"""Choose which copy of each content to keep, by named rules that give their reasons."""
