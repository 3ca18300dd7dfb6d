"""Nodes that keep watch over each other: the use cases of the mesh."""
