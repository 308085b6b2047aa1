"""Experiments are branches: reading them all, fast, and comparing them."""
