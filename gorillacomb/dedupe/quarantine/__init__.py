"""Keep what was set aside, with a journal that suffices to put it back."""
