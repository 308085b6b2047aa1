"""A git repository as experiment tracker, model registry and promotion system, on top of DVC."""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gitml.project import Project as Project
    from gitml.project import open as open


def __getattr__(name: str) -> object:
    """Import what scripts use when it is used: a hook that imports gitml pays for none of it."""
    if name in ("open", "Project"):
        from gitml import project

        return getattr(project, name)
    raise AttributeError(f"module 'gitml' has no attribute {name!r}")
