"""Alerts of jobs that were not started when they were expected."""

from notifier.jobs.overdue import overdue, started_again
from notifier.jobs.register import JobRegister
from notifier.producer.client import Client


class JobWatch:
    """Raises one alert for each job that is overdue, until it is started again. Several workers may do so at once."""

    def __init__(self, register: JobRegister, client: Client) -> None:
        self._register = register
        self._client = client

    def report(self) -> None:
        """Raise what is to be raised.

        Raises:
            BrokerUnavailable: Redis did not answer. What was not raised then is raised later.
        """
        for name, due_at in self._register.take_overdue().items():
            job = self._register.get(name)
            if job is None or job.due_at != due_at:
                continue
            self._client.submit(overdue(job, due_at))
            if not self._register.told(name, due_at):  # it was started meanwhile, and nothing was told then
                self._client.submit(started_again(job))
