"""Jobs: what runs and ran, and what each has done, in words."""
