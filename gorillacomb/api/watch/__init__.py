"""Keep watch: the watcher and its pulse, reading files again, and repairing damage."""
