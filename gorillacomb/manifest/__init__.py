"""The clean manifest: what is to be deployed, signed; and whether it still is as it was."""
