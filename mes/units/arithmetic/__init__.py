"""Arithmetic of maps: what bins of passes and of substrates say together. Arrays in, arrays out, no database."""
