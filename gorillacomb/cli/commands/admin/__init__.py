"""Commands that look after the vault: status, roots, vault, completion."""
