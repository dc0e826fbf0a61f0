"""Substrate maps as files. Start with `mapfile`: the plain data that every format shares."""
