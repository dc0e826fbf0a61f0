"""What both sides of the wire agree on: messages, states, and how they are published."""
