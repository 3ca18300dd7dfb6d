"""The command `dedupe`, a module for each thing that it does."""
