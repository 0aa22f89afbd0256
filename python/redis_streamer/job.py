"""Job of a consumer group: an entry with methods that settle it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Awaitable, Callable, Coroutine, NamedTuple, Tuple, Union

from .entry import Entry

if TYPE_CHECKING:
    from .work import Work

Milliseconds = Union[int, float, timedelta]
Further = Tuple[Tuple[str, Any], ...]  # further members of a message that settles jobs


def milliseconds(value: Milliseconds) -> int:
    """Returns a time in whole milliseconds."""
    return round(value / timedelta(milliseconds=1) if isinstance(value, timedelta) else value)


class Lost(NamedTuple):
    """An entry that was trimmed before it was done."""

    stream: str
    id: str


class Job(Entry):
    """An entry to process.

    Each method sends at once, and returns an awaitable of whether the job still belonged to this worker. If not, it was too
    late, or the connection closed, and another worker receives it.

    Attributes:
        deliveries: number of deliveries of the entry, including this one.
    """

    __slots__ = ("deliveries", "work", "session", "received_s", "is_settled")

    def __init__(self, entry: Entry, deliveries: int, work: Work, session: int, received_s: float) -> None:
        super().__init__(entry.stream, entry.id, entry.bytes, entry.fields, entry.declared)
        self.deliveries = deliveries
        self.work = work
        self.session = session
        self.received_s = received_s
        self.is_settled = False

    def ack(self) -> Awaitable[bool]:
        """The job is done."""
        self.is_settled = True
        return self.work.settle(self, "ack", ())

    def nack(self, delay: Milliseconds = 0) -> Awaitable[bool]:
        """Gives the job back, to be delivered again after a delay of at most ``ack_wait``: ms, or a timedelta."""
        self.is_settled = True
        return self.work.settle(self, "nack", (("delay", milliseconds(delay)),))

    def term(self, reason: str = "") -> Awaitable[bool]:
        """Moves the job to the dead-letter stream."""
        self.is_settled = True
        return self.work.settle(self, "term", (("reason", reason),))

    def progress(self) -> Awaitable[bool]:
        """Keeps the job for another ``ack_wait``."""
        return self.work.settle(self, "progress", ())

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, delivery {self.deliveries}>".replace("<Entry", "<Job", 1)


class ThreadJob(Entry):
    """An entry to process in a thread. Its methods wait, and return whether the job still belonged to this worker.

    Attributes:
        deliveries: number of deliveries of the entry, including this one.
    """

    __slots__ = ("_job", "_wait")

    def __init__(self, job: Job, wait: Callable[[Coroutine[Any, Any, bool]], bool]) -> None:
        super().__init__(job.stream, job.id, job.bytes, job.fields, job.declared)
        self._job = job
        self._wait = wait

    @property
    def deliveries(self) -> int:
        return self._job.deliveries

    def ack(self) -> bool:
        """The job is done."""
        return self._wait(_called(self._job.ack))

    def nack(self, delay: Milliseconds = 0) -> bool:
        """Gives the job back, to be delivered again after a delay of at most ``ack_wait``: ms, or a timedelta."""
        return self._wait(_called(self._job.nack, delay))

    def term(self, reason: str = "") -> bool:
        """Moves the job to the dead-letter stream."""
        return self._wait(_called(self._job.term, reason))

    def progress(self) -> bool:
        """Keeps the job for another ``ack_wait``."""
        return self._wait(_called(self._job.progress))

    def __repr__(self) -> str:
        return repr(self._job)


async def _called(method: Callable[..., Awaitable[bool]], *arguments: Any) -> bool:
    return await method(*arguments)
