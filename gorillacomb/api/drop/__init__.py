"""Ask what of some files is in the scanned folders already, and keep the rest there."""
