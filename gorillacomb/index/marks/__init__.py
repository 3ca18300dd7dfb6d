"""The marks of the user, as the index has them."""
