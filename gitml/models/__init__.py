"""Releases, promotion, the registry and what proves them."""
