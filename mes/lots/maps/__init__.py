"""Maps of substrates as files and over HTTP."""
