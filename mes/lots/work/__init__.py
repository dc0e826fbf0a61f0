"""Runs: tracked in, reported or told by a person, tracked out."""
