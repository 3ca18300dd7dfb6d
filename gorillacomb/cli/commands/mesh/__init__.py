"""`gorillacomb mesh`: nodes that keep watch over each other."""
