"""Keeps Snakemake's scheduler idle while a job uses all cores."""

import functools
import inspect
import threading
from typing import Any


def let_scheduler_rest() -> None:
    """Let Snakemake's scheduler check for jobs to start only when a job can start.

    While jobs wait, each check of Snakemake 9 starts a timer for the next one, because its limit of jobs per time span
    may allow more jobs then. Each finished job adds a check: after a hundred jobs there are a hundred timers, and the
    driver takes a quarter of a core from the job that uses all cores. One timer is enough, and none is needed while all
    cores are in use, because the end of a job triggers a check anyway.

    The function has no effect if Snakemake's scheduler has another interface.
    """
    try:
        from snakemake.scheduling.job_scheduler import JobScheduler

        start_timer = JobScheduler._schedule_reevalutation
        arguments = list(inspect.signature(start_timer).parameters)
    except (ImportError, AttributeError):
        return
    if arguments != ["self", "delay"] or hasattr(start_timer, "__wrapped__"):
        return

    @functools.wraps(start_timer)
    def start_timer_if_needed(self: Any, delay: float) -> None:
        if not (hasattr(self, "_open_jobs") and isinstance(getattr(self, "resources", None), dict)):
            start_timer(self, delay)
            return
        delays: set[float] = vars(self).setdefault("_delays_of_timers", set())
        if self.resources.get("_cores") == 0 or any(other <= delay for other in delays):
            return

        def look() -> None:
            delays.discard(delay)  # first, because the check may start the next timer
            self._open_jobs.release()

        timer = threading.Timer(delay, look)
        timer.daemon = True  # the driver does not wait for it
        delays.add(delay)
        timer.start()

    JobScheduler._schedule_reevalutation = start_timer_if_needed
