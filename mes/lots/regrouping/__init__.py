"""Substrates that go to another lot, or back on their route: split, merge, rework."""
