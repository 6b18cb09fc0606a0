"""Two repairs of Snakemake's scheduler: it rests while a job uses all cores, and it survives SIGTERM."""

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


def let_scheduler_end() -> None:
    """Let SIGTERM end Snakemake's scheduler also while it waits for the outputs of a job.

    The handler of Snakemake 9 takes a lock that the interrupted thread, the same one, holds while it waits for missing
    outputs. It would then wait for itself for ever. In another thread, the handler waits until the lock is free.

    The function has no effect if Snakemake's scheduler has another interface.
    """
    try:
        from snakemake.scheduling.job_scheduler import JobScheduler

        handle = JobScheduler.exit_gracefully
    except (ImportError, AttributeError):
        return
    if hasattr(handle, "__wrapped__"):
        return

    @functools.wraps(handle)
    def handle_in_thread(self: Any, *arguments: Any) -> None:
        threading.Thread(target=handle, args=(self, *arguments), daemon=True).start()

    JobScheduler.exit_gracefully = handle_in_thread
