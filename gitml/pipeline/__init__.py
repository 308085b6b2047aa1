"""The only rooms that touch DVC."""
