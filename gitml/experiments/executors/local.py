"""Several runs at once on this machine, each in a slot of the pool; DVC is a process of its own for each."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, NamedTuple

from gitml.errors import GitmlError
from gitml.experiments import elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from gitml.experiments.desk import Desk
    from gitml.experiments.elsewhere import Elsewhere
    from gitml.experiments.progress import State


class Job(NamedTuple):
    """One run to be made.

    Attributes
    ----------
    place
        Its number, by which whoever asked for it knows it.
    tree
        Full id of what is run.
    log
        The file for what its stages write.
    """

    place: int
    tree: str
    log: Path


class Ended(NamedTuple):
    """One run that ended.

    Attributes
    ----------
    job
        What was asked for.
    done
        What was produced; None where it failed.
    error
        Why it failed; None where it did not.
    """

    job: Job
    done: Elsewhere | None
    error: GitmlError | None


def run(
    desk: Desk,
    slug: str,
    jobs: Iterable[Job],
    at_once: int,
    tell: Callable[[Job, State], None],
    take: Callable[[Ended], None],
) -> None:
    """Run all jobs, some at once, and hand over each as soon as it ended.

    Jobs are taken while others run already, so that they may be made on the way. One that fails stops no other.

    Parameters
    ----------
    desk, slug
        As for `gitml.experiments.elsewhere.produce`.
    jobs
        What is to be run, in this order.
    at_once
        How many at a time.
    tell
        Called by several threads with how far a job is.
    take
        Called by this thread with what became of each.

    Raises
    ------
    KeyboardInterrupt
        Ctrl-C; all that ran has ended. What was done before was handed over.
    Exception
        What `take` or `jobs` raised, or a mistake of our own; all that ran has ended, too.
    """
    waiting: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
    ended: queue.SimpleQueue[Ended | BaseException] = queue.SimpleQueue()
    is_over = threading.Event()

    def work() -> None:
        while (job := waiting.get()) is not None and not is_over.is_set():
            ended.put(_outcome(desk, slug, job, tell, is_over))

    threads = [threading.Thread(target=work, name=f"sweep-{number}") for number in range(at_once)]
    for thread in threads:
        thread.start()
    try:
        left = 0
        for job in jobs:
            waiting.put(job)
            left += 1
            while not ended.empty():
                left -= _taken(ended.get(), take)
        while left:
            left -= _taken(ended.get(), take)
    except BaseException:
        is_over.set()
        raise
    finally:
        for _ in threads:
            waiting.put(None)
        for thread in threads:
            thread.join()


def _outcome(
    desk: Desk, slug: str, job: Job, tell: Callable[[Job, State], None], is_over: threading.Event
) -> Ended | BaseException:
    def look(state: State) -> None:
        if is_over.is_set():
            raise KeyboardInterrupt  # it ends DVC and all its stages, as Ctrl-C in this thread would
        tell(job, state)

    try:
        return Ended(job, elsewhere.produce(desk, slug, job.tree, look, job.log), None)
    except GitmlError as error:
        return Ended(job, None, error)
    except BaseException as error:
        return error


def _taken(one: Ended | BaseException, take: Callable[[Ended], None]) -> int:
    if isinstance(one, BaseException):
        raise one
    take(one)
    return 1
