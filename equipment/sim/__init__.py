"""Simulated equipment: devices without network and clock, the world they share, and the line of a plant."""
