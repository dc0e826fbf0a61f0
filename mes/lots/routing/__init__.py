"""Which way substrates go on their route: what they leave out."""
