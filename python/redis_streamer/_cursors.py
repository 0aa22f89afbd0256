"""Position of a pull: the cursor of each stream, kept over reconnects.

A cursor ``$`` (now) is sent once. Sent again after a reconnect, it would skip what was added while disconnected.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence, Set, Tuple, Union
from urllib.parse import quote

from .errors import bad_message, bad_parameter

Cursor = Union[str, int, Mapping[str, Union[str, int]]]
Change = Tuple[str, str]  # "joined" or "left", and the stream


def has_pattern(streams: Sequence[str], device: Optional[str]) -> bool:
    """Whether names or a device contain a pattern."""
    return any("*" in name for name in (*streams, device or ""))


def start_cursors(streams: Sequence[str], cursor: Cursor) -> Dict[str, str]:
    """Returns the cursor of each stream. Raises InvalidRequest.

    Args:
        cursor: one for all streams; one per stream, joined by ``+``; or a mapping by stream name, where streams that it
            does not name start at ``$``.
    """
    if isinstance(cursor, Mapping):
        return {stream: str(cursor.get(stream, "$")) for stream in streams}
    parts = str(cursor).split("+")
    if len(parts) not in (1, len(streams)):
        raise bad_parameter(
            f"last_entry_id must have one value, or one per stream ({len(streams)}), got {len(parts)}"
        )
    return dict(zip(streams, parts * len(streams) if len(parts) == 1 else parts))


class NamedPosition:
    """Position of a pull of named streams. It never changes its streams."""

    wants_joins = False

    def __init__(self, names: Sequence[str], cursor: Cursor, is_playback: bool) -> None:
        self.names = names
        self.has_several = len(names) > 1
        self._cursors = start_cursors(names, cursor)
        if is_playback:
            # `start` is where it begins. After a reconnect, a cursor is where it continues.
            self._cursors = {name: "0" if at == "$" else at for name, at in self._cursors.items()}

    @property
    def streams(self) -> List[str]:
        """The streams that are read."""
        return list(self._cursors)

    @property
    def text(self) -> str:
        """The cursors, as ``last_entry_id``."""
        return "+".join(self._cursors.values())

    @property
    def unresolved(self) -> List[str]:
        """Streams whose ``$`` the client has to resolve."""
        return [stream for stream, cursor in self._cursors.items() if cursor == "$"]

    def resolve(self, cursors: Mapping[str, str]) -> None:
        """Replaces each ``$`` by an id."""
        self._cursors.update(cursors)

    def advance(self, stream: str, entry_id: str) -> None:
        """Moves the cursor of a stream to an entry. Raises BadMessage."""
        if stream not in self._cursors:
            raise bad_message(f'an entry of "{stream}", which was not requested')
        self._cursors[stream] = entry_id

    def take(self, notice: Mapping[str, Any]) -> List[Change]:
        """Returns nothing: the streams do not change."""
        return []

    def __str__(self) -> str:
        return ", ".join(f"{stream} after {cursor}" for stream, cursor in self._cursors.items())


class PatternPosition:
    """Position of a pull with a pattern. The gateway resolves ``$``, and reports the streams and their cursors when a
    connection opens, and each stream that joins or leaves. A stream that appears while the client is disconnected is read
    from its first entry.
    """

    wants_joins = True
    has_several = True
    unresolved: Sequence[str] = ()

    def __init__(self, names: Sequence[str], cursor: Cursor, is_playback: bool) -> None:
        self.names = names
        self._is_playback = is_playback
        self._streams: Optional[Set[str]] = None  # None until the gateway has reported them
        self._cursors: Dict[str, str] = {}
        self._others = str(cursor)  # of the streams without a cursor
        if isinstance(cursor, Mapping):
            self._cursors = {name: str(at) for name, at in cursor.items() if name not in names}
            self._others = "+".join(str(cursor.get(name, "$")) for name in names)
        if is_playback:
            self._others = self._others.replace("$", "0")

    @property
    def streams(self) -> List[str]:
        """The streams that are read, as far as the gateway has reported them."""
        return sorted(self._streams or ())

    @property
    def text(self) -> str:
        """The cursors with their names, as ``last_entry_id``."""
        named = "".join(f"{quote(name, safe='')}={at}+" for name, at in self._cursors.items())
        return named + self._others

    def resolve(self, cursors: Mapping[str, str]) -> None:
        """Does nothing: the gateway resolves ``$``."""

    def advance(self, stream: str, entry_id: str) -> None:
        """Moves the cursor of a stream to an entry. Raises BadMessage."""
        if self._streams is None or stream not in self._streams:
            raise bad_message(f'an entry of "{stream}", which has not joined')
        self._cursors[stream] = entry_id

    def take(self, notice: Mapping[str, Any]) -> List[Change]:
        """Reads a notice about streams. Returns the changes. Raises BadMessage."""
        try:
            if "streams" in notice:
                return self._replace(dict(notice["streams"]))
            if "joined" in notice:
                return self._join(notice["joined"]["stream_id"])
            if "left" in notice:
                return self._leave(notice["left"]["stream_id"])
        except (KeyError, TypeError, ValueError) as error:
            raise bad_message(f"a notice without its members: {error!r}") from error
        return []

    def _replace(self, cursors: Dict[str, str]) -> List[Change]:
        before, self._streams = self._streams, set(cursors)
        if not self._is_playback:
            # All cursors are known by name now. A stream that appears later is read from its first entry.
            self._cursors, self._others = cursors, "0"
        if before is None:
            return []
        left, joined = sorted(before - self._streams), sorted(self._streams - before)
        return [("left", name) for name in left] + [("joined", name) for name in joined]

    def _join(self, stream: str) -> List[Change]:
        self._known().add(stream)
        if not self._is_playback:
            self._cursors[stream] = "0-0"
        return [("joined", stream)]

    def _leave(self, stream: str) -> List[Change]:
        self._known().discard(stream)
        self._cursors.pop(stream, None)
        return [("left", stream)]

    def _known(self) -> Set[str]:
        if self._streams is None:
            self._streams = set()
        return self._streams

    def __str__(self) -> str:
        known = "" if self._streams is None else f" ({len(self._streams)} streams)"
        return f"{'+'.join(self.names)}{known}"
