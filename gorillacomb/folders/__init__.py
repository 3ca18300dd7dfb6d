"""Compare whole folders by the index: identical, contained and overlapping ones."""
