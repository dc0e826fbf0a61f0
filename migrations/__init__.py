"""The history of the schema. They go forward; a backup is the way back."""
