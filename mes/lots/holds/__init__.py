"""Holds: set and released, set for later, and the codes that say why."""
