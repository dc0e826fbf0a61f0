"""Who may start what: people are certified for classes of equipment and for operations, until a time."""
