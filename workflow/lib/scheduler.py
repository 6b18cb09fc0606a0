"""Rest for Snakemake's scheduler while a job has all cores to itself."""

import functools
import inspect
import threading
from typing import Any


def let_scheduler_rest() -> None:
    """Let Snakemake's scheduler look for jobs that can start only when some may.

    While jobs wait, each look of Snakemake 9 starts a timer for the next one (its number of jobs per time span may
    allow more by then), and each job that ends adds a look: after a hundred jobs there are a hundred timers, and the
    driver takes a quarter of a core from the job that has all of them. One timer is enough, and none is needed while
    all cores are taken: the end of a job is followed by a look anyway.

    Does nothing where Snakemake's scheduler is another one.
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
            delays.discard(delay)  # first: the look may start the next timer
            self._open_jobs.release()

        timer = threading.Timer(delay, look)
        timer.daemon = True  # the driver does not wait for it to end
        delays.add(delay)
        timer.start()

    JobScheduler._schedule_reevalutation = start_timer_if_needed
