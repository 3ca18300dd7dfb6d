"""Take care of a vault as a whole: check, back up, restore and remove it."""
