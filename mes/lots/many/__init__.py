"""Acts on all lots that a filter finds."""
