"""The commands, a module each, in folders by subject."""
