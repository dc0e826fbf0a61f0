"""From what may have been bad up to every unit it touched, where these are now, and the hold of them all."""
