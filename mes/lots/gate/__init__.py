"""The start gate: every reason why a lot may not start on an equipment, and what it looks at."""
