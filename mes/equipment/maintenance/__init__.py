"""Maintenance of equipment: plans by time and by use, what is due, and what was found when it was done."""
