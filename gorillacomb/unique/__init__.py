"""Find what exists nowhere else, and check the copies that are said to exist."""
