"""Ranges of a stream's history: entries page by page, and JSON entries as a pandas DataFrame."""

from __future__ import annotations

import asyncio
import importlib.util
import re
import sys
import time
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, AsyncIterator, Dict, List, Optional, Sequence, Union

from ._declared import StreamTypes
from ._gateway import Gateway, Query, Response, backoff_s, jitter, streams_segment
from ._msgpack import decode_batch
from .entry import Entry
from .errors import StreamerError, bad_message, bad_parameter

if TYPE_CHECKING:
    import pandas

Bound = Union[str, int, datetime, timedelta]

_PAGE = 1000  # entries in a page, at most
_PROGRESS_AFTER_S = 1.0
_TRIES = 5  # for each page after the first
_RELATIVE = re.compile(r"-(\d+(?:\.\d+)?)(ms|s|m|h|d)$")
_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def bound_text(bound: Bound) -> str:
    """Returns a bound of a range as the gateway reads it. Raises InvalidRequest.

    Args:
        bound: entry id, milliseconds since 1970, ISO 8601 time (UTC without a zone), ``-`` (the oldest) or ``+`` (the
            newest), each exclusive after ``(``; a time relative to now, ``"-5m"`` or a negative timedelta; or a datetime,
            which is local time without a zone.
    """
    if isinstance(bound, datetime):
        return str(round(bound.timestamp() * 1000))
    if isinstance(bound, timedelta):
        return str(round(time.time() * 1000 + bound / timedelta(milliseconds=1)))
    if isinstance(bound, int):
        return str(bound)
    if not isinstance(bound, str):
        raise bad_parameter(f"a time must be str, int, datetime or timedelta, got {type(bound).__name__}")
    relative = _RELATIVE.match(bound)
    return str(round(time.time() * 1000 - float(relative[1]) * _UNIT_MS[relative[2]])) if relative else bound


async def read_pages(
    gateway: Gateway,
    stream: str,
    *,
    start: Bound,
    end: Bound,
    reverse: bool,
    count: Optional[int],
    types: StreamTypes,
    naming: Query,
) -> AsyncIterator[List[Entry]]:
    """Yields the pages of a range. A page after the first is requested again if the gateway is unavailable."""
    if count is not None and (not isinstance(count, int) or count < 0):
        raise bad_parameter(f"count must be a whole number from 0, or None for all, got {count!r}")
    path = f"data/{streams_segment([stream])}/entries"
    first, last = bound_text(start), bound_text(end)
    left = sys.maxsize if count is None else count
    tries = 1
    while left > 0:
        query = {
            "format": "msgpack",
            "start": first,
            "end": last,
            "count": min(left, _PAGE),
            "reverse": reverse or None,
            **naming,
        }
        response = await _request(gateway, path, query, tries)
        kind = response.headers.get("content-type", "no Content-Type")
        if not kind.startswith("application/msgpack"):
            raise bad_message(f"{kind} instead of MessagePack; check the URL {gateway.url}")
        # A page of a pattern has all entries with the id of its last one.
        page = decode_batch(response.body, {}, types)[:left]
        if types.are_due:
            await types.look_up()
        if page:
            yield page
        left -= len(page)
        # A page of large entries may be shorter than requested. The header is present if there is another page.
        if not page or "link" not in response.headers:
            return
        first, last = (first, f"({page[-1].id}") if reverse else (f"({page[-1].id}", last)
        tries = _TRIES


async def _request(gateway: Gateway, path: str, query: Query, tries: int) -> Response:
    for failures in range(tries - 1):
        try:
            return await gateway.request(path, query)
        except StreamerError as error:
            if not error.retryable:
                raise
            await asyncio.sleep(backoff_s(failures, jitter()))
    return await gateway.request(path, query)


class Progress:
    """Progress bar of a long read, if tqdm is installed. It appears after a second, in terminals and notebooks.

    Args:
        wanted: True to show it at once and everywhere, False to hide it.
    """

    def __init__(self, stream: str, total: Optional[int], wanted: Optional[bool]) -> None:
        self._stream = stream
        self._total = total
        is_visible = "ipykernel" in sys.modules or sys.stderr.isatty()
        self._is_due = is_visible if wanted is None else wanted
        self._from_s = time.monotonic() + (_PROGRESS_AFTER_S if wanted is None else 0)
        self._entries = 0
        self._bar: Any = None

    def add(self, entries: int) -> None:
        """Adds entries that were read."""
        self._entries += entries
        if self._bar is not None:
            self._bar.update(entries)
        elif self._is_due and time.monotonic() >= self._from_s:
            self._is_due = False
            self._bar = _bar(desc=self._stream, total=self._total, unit=" entries", leave=False)
            if self._bar is not None:
                self._bar.update(self._entries)

    def close(self) -> None:
        """Removes the bar."""
        if self._bar is not None:
            self._bar.close()


def _bar(**options: Any) -> Any:
    """Returns a bar of tqdm; None if it is not installed."""
    try:
        if "ipykernel" in sys.modules and importlib.util.find_spec("ipywidgets") is None:
            # `tqdm.auto` would warn that there are no widgets.
            from tqdm import tqdm
        else:
            from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm(**options)


class FrameRows:
    """Collects JSON entries as the rows of a DataFrame."""

    def __init__(self, fields: Optional[Sequence[str]]) -> None:
        if isinstance(fields, str):
            raise bad_parameter(f"fields must be a list of paths, got {fields!r}")
        self._fields = fields
        self._times: List[int] = []
        self._columns: Dict[str, List[Any]] = {name: [] for name in fields or ()}

    def add(self, entry: Entry) -> None:
        """Adds an entry. Raises InvalidRequest (BAD_PAYLOAD) if it is not JSON."""
        values: Dict[str, Any] = {}
        _flatten(entry.json(), "", values)
        rows = len(self._times)
        self._times.append(int(entry.id.partition("-")[0]))
        for name in values if self._fields is None else self._fields:
            column = self._columns.get(name)
            if column is None:
                column = self._columns[name] = [None] * rows
            column.append(values.get(name))
        if self._fields is None and len(values) < len(self._columns):
            for column in self._columns.values():
                column.extend([None] * (rows + 1 - len(column)))

    def frame(self) -> pandas.DataFrame:
        """Returns the rows, indexed by time."""
        import pandas

        index = pandas.to_datetime(self._times, unit="ms", utc=True)
        return pandas.DataFrame(self._columns, index=pandas.DatetimeIndex(index, name="time"))


def _flatten(value: Any, path: str, values: Dict[str, Any]) -> None:
    """Adds the leaves of a JSON value by path, ``acc.x``. A payload that is one number is ``value``."""
    if isinstance(value, (dict, list)):
        for name, member in value.items() if isinstance(value, dict) else enumerate(value):
            _flatten(member, f"{path}.{name}" if path else str(name), values)
    else:
        values[path or "value"] = value
