"""Keep quarantined items, with a journal that suffices to put them back."""
