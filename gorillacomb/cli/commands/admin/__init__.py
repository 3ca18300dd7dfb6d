"""Commands that administer the vault: status, roots, vault, completion, help."""
