"""Settlements of a worker: what it does with its jobs, and the gateway's answers, which have the order of the messages."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any, Deque, Dict, Iterator, List, Optional, Sequence, Set, Tuple

from .errors import bad_message
from .job import Further, Job

_MOST_JOBS = 1000  # jobs in one message, at most

Settlement = Tuple[Job, "asyncio.Future[bool]"]
Name = Tuple[Optional[str], str]  # stream, which a message about one stream omits, and entry id


class Settlements:
    """Settlements that are to be sent, and those that are not answered.

    Args:
        names_streams: whether messages name the stream of a job.
    """

    def __init__(self, names_streams: bool) -> None:
        self._names_streams = names_streams
        self._unsent: Dict[Tuple[str, Further], List[Settlement]] = {}
        self._sent: Deque[List[Settlement]] = deque()

    @property
    def are_waiting(self) -> bool:
        """Whether there is something to send."""
        return bool(self._unsent)

    @property
    def are_answered(self) -> bool:
        """Whether nothing is to be sent, and no answer is due."""
        return not self._unsent and not self._sent

    def add(self, job: Job, action: str, further: Further) -> asyncio.Future[bool]:
        """Adds a settlement. Returns the future answer: whether the job still belonged to the worker."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._unsent.setdefault((action, further), []).append((job, future))
        return future

    def messages(self) -> Iterator[str]:
        """Yields the messages to send, one per action: `{"ack": ["5-1"]}`."""
        unsent, self._unsent = self._unsent, {}
        for (action, further), settlements in unsent.items():
            for at in range(0, len(settlements), _MOST_JOBS):
                part = settlements[at : at + _MOST_JOBS]
                names = [[job.stream, job.id] if self._names_streams else job.id for job, _ in part]
                self._sent.append(part)
                yield json.dumps({action: names, **dict(further)})

    def answered(self, late: Sequence[Name]) -> None:
        """Handles the answer to the oldest message. Raises BadMessage."""
        if not self._sent:
            raise bad_message("an answer to a message that was not sent")
        missed: Set[Name] = set(late)
        for job, future in self._sent.popleft():
            name = (job.stream if self._names_streams else None, job.id)
            _answer(future, name not in missed)

    def give_up(self) -> None:
        """The connection has closed: the gateway gives the jobs to other workers."""
        for settlements in (*self._sent, *self._unsent.values()):
            for _, future in settlements:
                _answer(future, False)
        self._sent.clear()
        self._unsent.clear()


def _answer(future: asyncio.Future[bool], is_mine: bool) -> None:
    if not future.done():
        future.set_result(is_mine)


def read_names(values: Any) -> List[Name]:
    """Reads entries that the gateway names: an id, or ``[stream, id]``. Raises ValueError or TypeError."""
    if not isinstance(values, list):
        raise ValueError("the entries of a notice are not a list")
    return [(None, one) if isinstance(one, str) else _name(*one) for one in values]


def _name(stream: Any, entry_id: Any) -> Name:
    if not isinstance(stream, str) or not isinstance(entry_id, str):
        raise ValueError("an entry is named by neither its id nor its stream and id")
    return stream, entry_id
