"""Commands for the signed record: trace and keys."""
