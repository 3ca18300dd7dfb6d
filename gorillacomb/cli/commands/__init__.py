"""The commands, one module each, in folders by subject."""
