"""Tools that wear: collets, blades, stencils, probe cards. What they have done is counted, and they end."""
