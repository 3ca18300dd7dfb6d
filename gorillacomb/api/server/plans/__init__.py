"""Plans that the server keeps: what they remove, and what people answer to them."""
