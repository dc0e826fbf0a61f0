"""Labels: what a scanned code names, and what is printed to be scanned."""
