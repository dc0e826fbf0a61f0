"""Carriers: FOUPs, magazines and boat carriers, and which substrate of which lot is in which slot."""
