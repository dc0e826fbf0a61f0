"""Experiments: plans that vary recipe or set points from substrate to substrate, signed once, known ever after."""
