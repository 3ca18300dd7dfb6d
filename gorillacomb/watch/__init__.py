"""The watcher: keeps the index up to date as files change, and publishes its state in pulses."""
