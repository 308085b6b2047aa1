"""What git calls at the desk: the hooks, and their installation."""
