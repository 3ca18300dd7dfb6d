"""The watcher: keeps the index true as files change, and says every few seconds how it is."""
