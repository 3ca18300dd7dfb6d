"""Hand out tasks to workers, collect the results, and survive the death of some workers.

If a worker dies, another one takes over its tasks; after the third death the run ends.
"""

from __future__ import annotations

from collections.abc import Callable

from gorillacomb.errors import ExitCode, GorillaCombError
from gorillacomb.log import log_warning
from gorillacomb.progress import Progress
from gorillacomb.workers.worker import WorkerDied, WorkerResult, Workers, WorkerTask

_MOST_DEATHS = 3


class WorkersFailed(GorillaCombError):
    """Worker processes keep dying, for lack of memory or because someone kills them."""

    exit_code = ExitCode.INCOMPLETE


class ResilientDispatcher:
    """Runs one stage after another on the same workers, and survives the death of some."""

    def __init__(self, workers: Workers, progress: Progress) -> None:
        self._workers = workers
        self._progress = progress
        self._again: list[WorkerTask] = []
        self._deaths = 0

    def run(
        self,
        next_task: Callable[[], WorkerTask | None],
        take: Callable[[WorkerResult], None],
        meanwhile: Callable[[], None] | None = None,
        ahead: int = 1,
    ) -> None:
        """Hand out tasks from ``next_task`` until it returns None while no worker is busy.

        None while a worker is busy means: nothing now, perhaps later. ``meanwhile`` is called once,
        as soon as the workers have something to do. At most ``ahead`` tasks wait for each worker: a
        higher number keeps it busy for longer while results are not collected, but spreads long
        tasks less evenly.
        """
        while True:
            while self._workers.room(ahead) > 0:
                task = self._again.pop() if self._again else next_task()
                if task is None:
                    break
                self._guarded(lambda task=task: self._workers.submit(task))  # type: ignore[misc]
            if meanwhile is not None:
                meanwhile()
                meanwhile = None
            if not self._workers.busy:
                if self._again:
                    continue
                return
            self._guarded(lambda: self._take_news(take))

    def _take_news(self, take: Callable[[WorkerResult], None]) -> None:
        for news in self._workers.results():
            if isinstance(news, int):
                self._progress.advance(0, news)
            else:
                take(news)

    def _guarded(self, step: Callable[[], None]) -> None:
        """Run a step; if a worker dies in it, give its tasks to another."""
        try:
            step()
        except WorkerDied as death:
            self._again += death.tasks
            self._deaths += 1
            if self._deaths >= _MOST_DEATHS or not self._workers.alive:
                raise WorkersFailed(
                    f"Some files were not read: {self._deaths} worker processes died (the last"
                    f" one with exit code {death.process_code}).",
                    "Results so far are kept. Free some memory and run the same command again.",
                ) from death
            log_warning(
                "A worker process died with exit code %s: another one takes over its tasks.",
                death.process_code,
            )
