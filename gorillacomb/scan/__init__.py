"""From folders on disk to rows: walk, fingerprint, the worker pool, what has changed."""
