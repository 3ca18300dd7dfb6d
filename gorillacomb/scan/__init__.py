"""Turn folders on disk into index rows: walk, fingerprint, read in a worker pool, find changes."""
