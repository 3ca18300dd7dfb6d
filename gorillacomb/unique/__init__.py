"""Find what exists nowhere else, and check the copies that the index knows."""
