"""From rows to decisions: groups of identical files and the canonical choice."""
