"""Commands of the signed record: trace and keys."""
