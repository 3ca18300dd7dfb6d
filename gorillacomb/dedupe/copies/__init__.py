"""Copy files out of a folder before it leaves, and take the copies back."""
