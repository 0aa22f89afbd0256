"""Declared content types of streams, which readers look up once per stream (docs/protocol.md, "Declared content")."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, Awaitable, Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from ._compat import within
from ._gateway import Query
from .errors import StreamerError

log = logging.getLogger("redis_streamer")

_LOOKUP_S = 5.0  # limit for a look-up; afterwards types are guessed
_AT_ONCE = 50  # streams in one GraphQL document
_ABSENT_S = 1.0  # age at which a stream without a type is looked up again
_PRESENT_S = 10.0  # age at which a type is looked up again
_MOST_AHEAD = 200  # streams of a pattern that are looked up before they have entries

# Executes a GraphQL operation of a stream: returns its data.
Execute = Callable[[str, Mapping[str, Any]], Awaitable[Dict[str, Any]]]


class DeclaredType:
    """Content type of one stream, shared by its entries.

    Attributes:
        value: media type; None if it is not declared, or not known.
        is_used: whether an entry needed it. Unused types are not looked up again.
    """

    __slots__ = ("value", "is_used", "due_s")

    def __init__(self) -> None:
        self.value: Optional[str] = None
        self.is_used = False
        self.due_s = 0.0


class DeclaredTypes:
    """The types that a client has looked up, by device and stream."""

    def __init__(self, execute: Execute, has_devices: Callable[[], Awaitable[bool]]) -> None:
        self._execute = execute
        self._has_devices = has_devices
        self._types: Dict[Tuple[str, str], DeclaredType] = {}

    def named(self, naming: Query) -> StreamTypes:
        """Returns the types of the streams that one reader names."""
        return StreamTypes(self, naming)

    def of(self, device: str, stream: str) -> DeclaredType:
        """Returns the type of a stream, which may not be looked up yet."""
        found = self._types.get((device, stream))
        if found is None:
            found = self._types[device, stream] = DeclaredType()
        return found

    async def look_up(self, streams: Sequence[Tuple[str, str]]) -> None:
        """Looks types up. A failure leaves them as they are until the next look-up."""
        for at in range(0, len(streams), _AT_ONCE):
            some = streams[at : at + _AT_ONCE]
            try:
                found = await within(_LOOKUP_S, self._request(some))
            except (StreamerError, asyncio.TimeoutError) as error:
                log.debug("declared content of %s: %s", some, error)
                found = [self.of(*one).value for one in some]
            now = time.monotonic()
            for one, value in zip(some, found):
                known = self.of(*one)
                known.value = value
                known.due_s = now + (_ABSENT_S if value is None else _PRESENT_S)

    async def _request(self, streams: Sequence[Tuple[str, str]]) -> List[Optional[str]]:
        with_device = await self._has_devices()
        declared: List[str] = []
        fields: List[str] = []
        variables: Dict[str, str] = {}
        for number, (device, stream) in enumerate(streams):
            variables[f"s{number}"] = stream
            declared.append(f"$s{number}: String!")
            if with_device:
                variables[f"d{number}"] = device
                declared.append(f"$d{number}: String!")
                path = f"device(id: $d{number}) {{ stream(streamId: $s{number}) {{ contentType }} }}"
            else:
                path = f"stream(id: $s{number}) {{ contentType }}"
            fields.append(f"a{number}: {path}")
        data = await self._execute(f"query({', '.join(declared)}) {{ {' '.join(fields)} }}", variables)
        return [_type_in(data.get(f"a{number}"), with_device) for number in range(len(streams))]


def _type_in(found: Any, with_device: bool) -> Optional[str]:
    stream = (found or {}).get("stream") if with_device else found
    value = (stream or {}).get("contentType")
    return value if isinstance(value, str) else None


class StreamTypes:
    """Types of the streams of one reader, by the names in its entries."""

    def __init__(self, types: DeclaredTypes, naming: Query) -> None:
        device = naming.get("device_id")
        self._types = types
        self._device = "default" if device is None else str(device)
        self._names_devices = "*" in self._device
        self._prefix = str(naming.get("prefix") or "")
        self._due: Dict[Tuple[str, str], DeclaredType] = {}

    def of(self, stream: str) -> DeclaredType:
        """Returns the type of a stream, and remembers to look it up if it is new or old."""
        device, name = self._device, stream
        if self._names_devices:
            # With a pattern of devices, entries have `device:stream`.
            device, _, name = stream.partition(":")
        key = (device, self._prefix + name)
        found = self._types.of(*key)
        if found.due_s == 0 or (found.is_used and found.due_s < time.monotonic()):
            self._due[key] = found
        return found

    @property
    def are_due(self) -> bool:
        """Whether a type must be looked up before the entries are passed on."""
        return bool(self._due)

    async def look_up(self, others: Sequence[str] = ()) -> None:
        """Looks up what is due, and streams that are likely to be due soon."""
        for stream in others:
            if len(self._due) >= _MOST_AHEAD:
                break
            self.of(stream)
        due, self._due = self._due, {}
        await self._types.look_up(list(due))
