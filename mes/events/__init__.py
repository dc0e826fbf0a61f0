"""Delivery of what happened: a reader of the outbox that skips nothing, and one feed per process that wakes pages."""
