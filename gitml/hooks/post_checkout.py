"""post-checkout: DVC's files follow where git's changed."""


def run(old: str, new: str) -> None:
    """Bring DVC's files to what the commit `new` says, where `old` said something else."""
