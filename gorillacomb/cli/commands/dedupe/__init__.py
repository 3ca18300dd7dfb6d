"""The `dedupe` command, one module per action."""
