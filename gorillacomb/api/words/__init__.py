"""Words that every front end uses for the same thing."""
