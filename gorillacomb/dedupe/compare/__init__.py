"""Compare what is to be removed with what is kept, and record what was seen."""
