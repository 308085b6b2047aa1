"""The only rooms that touch git."""
