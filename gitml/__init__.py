"""A git repository as experiment tracker, model registry and promotion system, on top of DVC."""

__version__ = "0.1.0"
