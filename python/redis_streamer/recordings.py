"""Recordings of the gateway, and exports: MCAP files that outlive the streams (docs/recordings.md)."""

from __future__ import annotations

import json
import math
import os
import pathlib
from datetime import datetime
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Union
from urllib.parse import quote

from ._gateway import Gateway, Query, stream_names, streams_segment
from .errors import bad_message
from .history import Bound, bound_text

Path = Union[str, "os.PathLike[str]"]


class RecordingFile(NamedTuple):
    """One file of a recording.

    Attributes:
        file: name of the file.
        state: ``"recording"``, ``"finished"``, ``"interrupted"`` (its gateway was killed, and the next one completed it) or
            ``"damaged"``.
        bytes: size.
        entries: number of entries.
        gaps: number of ranges of ids in which entries may be missing.
        first_time, last_time: times of the first and the last entry, UTC; None without entries.
    """

    file: str
    state: str
    bytes: int
    entries: int
    gaps: int
    first_time: Optional[datetime]
    last_time: Optional[datetime]


class RecordingGap(NamedTuple):
    """Ids of a stream, neither included, between which entries may be missing."""

    stream: str
    after: str
    before: str


class RecordingPlayback(NamedTuple):
    """A playback of a recording: the gateway stores its entries again.

    Attributes:
        state: ``"playing"``, ``"paused"``, ``"finished"``, ``"stopped"``, ``"failed"`` or ``"interrupted"`` (its gateway ended).
        error: why it failed or was interrupted; while it is playing, what it waits for.
        started, ended: times of the playback, UTC.
        rate, loop, dedupe: what was requested.
        first_time, last_time, position: range and position, as times of the recording, UTC.
        streams: keys of the streams that the entries are stored in, by recorded key.
        stored, bytes: entries that are stored, and the size of their payloads.
        not_stored: entries that were due when it ended, and are not known to be stored.
        passes: completed passes, more than one with ``loop``.
    """

    state: str
    error: Optional[str]
    started: Optional[datetime]
    ended: Optional[datetime]
    rate: float
    loop: bool
    dedupe: Optional[str]
    first_time: Optional[datetime]
    last_time: Optional[datetime]
    position: Optional[datetime]
    streams: Dict[str, str]
    stored: int
    bytes: int
    not_stored: int
    passes: int


class Recording(NamedTuple):
    """A recording.

    Attributes:
        name: its name.
        state: ``"recording"``, ``"stopped"`` or ``"failed"``.
        reason: why it stopped: ``"request"``, ``"maxBytes"`` or ``"maxSeconds"``.
        error: why it failed; while it is recording, what it waits for.
        slowed: whether it reads stored entries slowly, because the gateway serves clients.
        started, ended: times of the recording, UTC.
        streams: keys of the streams that are recorded; in a list of recordings, the first 16 KiB of them.
        streams_total: number of the streams that are recorded.
        bytes, entries, gaps, first_time, last_time: as of its files, together.
        newest_gaps: the newest gaps. The files have all.
        files: its files in order.
        playback: its playback, the present or the last one; None if it was not played.
    """

    name: str
    state: str
    reason: Optional[str]
    error: Optional[str]
    slowed: bool
    started: Optional[datetime]
    ended: Optional[datetime]
    streams: List[str]
    bytes: int
    entries: int
    gaps: int
    first_time: Optional[datetime]
    last_time: Optional[datetime]
    newest_gaps: List[RecordingGap]
    files: List[RecordingFile]
    playback: Optional[RecordingPlayback]
    streams_total: int


class RecordingMethods:
    """Methods of a client that record streams into files of the gateway, or export them into files here."""

    _gateway: Gateway

    def _check_open(self) -> None:
        raise NotImplementedError

    async def record(
        self,
        stream: Union[str, Sequence[str]],
        name: Optional[str] = None,
        *,
        device: Optional[str] = None,
        prefix: Optional[str] = None,
        exclude: Union[str, Sequence[str]] = (),
        last_entry_id: Union[str, int] = "$",
        max_bytes: Optional[int] = None,
        max_seconds: Optional[float] = None,
        compression: str = "zstd",
        notes: Optional[Mapping[str, str]] = None,
    ) -> Recording:
        """Starts to record streams into an MCAP file of the gateway, and returns the recording.

        It continues when this program ends, and when the gateway restarts, until ``stop_recording`` or a limit.

        Args:
            stream: a name, several joined by ``+``, or a list of names. ``*`` stands for any characters: ``"cam-*"`` records
                all streams that match, and those that appear later.
            name: name of the recording and of its files; by default the device and the time.
            device: device of the streams; "" if names are whole Redis keys. By default "default".
            prefix: text before each name in its Redis key.
            exclude: names and patterns of streams to leave out, joined by ``+`` or as a list.
            last_entry_id: cursor; entries after it are recorded: ``"0"`` is everything that is stored, ``"$"`` is from now on.
            max_bytes, max_seconds: size of the files and time at which it stops, in whole seconds.
            compression: ``"zstd"`` or ``"none"``.
            notes: texts about the recording by key, which its files have as a metadata record.

        Raises StreamerError, such as RECORDING_EXISTS if the name is taken.
        """
        body = {
            "streams": stream_names(stream),
            "name": name,
            "device": device,
            "prefix": prefix,
            "exclude": stream_names(exclude) if exclude else None,
            "from": str(last_entry_id),
            "maxBytes": max_bytes,
            "maxSeconds": None if max_seconds is None else math.ceil(max_seconds),
            "compression": compression,
            "notes": None if notes is None else dict(notes),
        }
        given = {member: value for member, value in body.items() if value is not None}
        return _recording(await self._request_recordings("", "POST", given))

    async def recordings(self) -> List[Recording]:
        """Lists the recordings that the client may read."""
        found = await self._request_recordings("")
        if not isinstance(found, list):
            raise bad_message("a list of recordings that is not a list")
        return [_recording(one) for one in found]

    async def recording(self, name: str) -> Recording:
        """Returns a recording. Raises InvalidRequest (NOT_FOUND) if there is none of this name."""
        return _recording(await self._request_recordings(_segment(name)))

    async def stop_recording(self, name: str) -> Recording:
        """Stops a recording, and returns it when its file is complete."""
        return _recording(await self._request_recordings(f"{_segment(name)}/stop", "POST"))

    async def play_recording(
        self,
        name: str,
        *,
        rate: float = 1,
        device: Optional[str] = None,
        stream: Union[str, Sequence[str]] = (),
        exclude: Union[str, Sequence[str]] = (),
        start: Optional[Bound] = None,
        end: Optional[Bound] = None,
        loop: bool = False,
        dedupe: Optional[str] = None,
    ) -> Recording:
        """Stores the entries of a recording again, at their pace, and returns the recording with its playback.

        It continues when this program ends, until the end of the recording or ``stop_playback``.

        Args:
            rate: speed, 0.1 to 100; 0 is as fast as possible.
            device: device to store the streams under; "" for their own. By default ``{name}-replay``.
            stream: names and patterns of the streams to play, joined by ``+`` or as a list; by default all.
            exclude: names and patterns of streams to leave out, joined by ``+`` or as a list.
            start, end: first and last time to play, included: a datetime, milliseconds, an ISO 8601 time or an entry id.
            loop: begin again at the end.
            dedupe: key under which each entry is stored once, so that an interrupted playback can be repeated.

        Raises StreamerError, such as RECORDING_BUSY if it is being played.
        """
        body = {
            "rate": rate,
            "device": device,
            "streams": stream_names(stream) if stream else None,
            "exclude": stream_names(exclude) if exclude else None,
            "from": None if start is None else bound_text(start),
            "to": None if end is None else bound_text(end),
            "loop": loop,
            "dedupe": dedupe,
        }
        given = {member: value for member, value in body.items() if value is not None}
        return _recording(await self._request_recordings(f"{_segment(name)}/play", "POST", given))

    async def pause_playback(self, name: str) -> Recording:
        """Pauses the playback of a recording."""
        return _recording(await self._request_recordings(f"{_segment(name)}/play/pause", "POST"))

    async def continue_playback(self, name: str) -> Recording:
        """Continues the playback of a recording."""
        return _recording(await self._request_recordings(f"{_segment(name)}/play/continue", "POST"))

    async def stop_playback(self, name: str) -> Recording:
        """Stops the playback of a recording, and returns the recording when it is over."""
        return _recording(await self._request_recordings(f"{_segment(name)}/play/stop", "POST"))

    async def delete_recording(self, name: str) -> None:
        """Deletes a recording with its files. Requires the permission ``admin``."""
        self._check_open()
        await self._gateway.request(f"recordings/{_segment(name)}", {}, method="DELETE")

    async def save_recording(self, name: str, folder: Path = ".") -> List[pathlib.Path]:
        """Downloads the files of a recording into a folder, and returns their paths."""
        paths = []
        for one in (await self.recording(name)).files:
            path = pathlib.Path(folder) / pathlib.PurePosixPath(one.file).name
            await self._save(f"recordings/{_segment(one.file)}", {}, path)
            paths.append(path)
        return paths

    async def export(
        self,
        stream: Union[str, Sequence[str]],
        path: Path,
        *,
        device: Optional[str] = None,
        prefix: Optional[str] = None,
        exclude: Union[str, Sequence[str]] = (),
        start: Bound = "-",
        end: Bound = "+",
    ) -> int:
        """Writes a range of streams into an MCAP file here, and returns its size in bytes.

        Args:
            stream: a name, several joined by ``+``, or a list of names. ``*`` stands for any characters.
            path: the file. It is complete, or does not exist.
            exclude: names and patterns of streams to leave out, joined by ``+`` or as a list.
            start, end: bounds, as for ``entries``.
        """
        query = {
            "format": "mcap",
            "start": bound_text(start),
            "end": bound_text(end),
            "device_id": device,
            "prefix": prefix,
        }
        excluded = f"&exclude={streams_segment(stream_names(exclude))}" if exclude else ""
        return await self._save(
            f"data/{streams_segment(stream_names(stream))}/entries", query, path, excluded
        )

    async def _request_recordings(
        self, path: str, method: Optional[str] = None, body: Optional[Mapping[str, Any]] = None
    ) -> Any:
        self._check_open()
        target = f"recordings/{path}" if path else "recordings"
        response = await self._gateway.request(target, {}, body, method=method)
        try:
            return json.loads(response.body)
        except ValueError as error:
            raise bad_message("a recording that is not JSON") from error

    async def _save(self, target: str, query: Query, path: Path, encoded: str = "") -> int:
        """Downloads a file. A download that fails leaves nothing behind."""
        self._check_open()
        whole = pathlib.Path(path)
        part = whole.with_name(f"{whole.name}.part")
        try:
            with part.open("wb") as file:
                await self._gateway.download(target, query, file.write, encoded)
                size = file.tell()
            part.replace(whole)
            return size
        finally:
            part.unlink(missing_ok=True)


def _segment(name: str) -> str:
    """Returns a path segment. Raises InvalidRequest, because ``..`` would be another path."""
    return quote(streams_segment([name]), safe="%!'()*")


def _time(text: Optional[str]) -> Optional[datetime]:
    # Python before 3.11 does not read a zone `Z`.
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00"))


def _recording(found: Any) -> Recording:
    try:
        return Recording(
            name=found["name"],
            state=found["state"],
            reason=found["reason"],
            error=found["error"],
            slowed=bool(found["slowed"]),
            started=_time(found["started"]),
            ended=_time(found["ended"]),
            streams=list(found["streams"]),
            streams_total=int(found.get("streamsTotal", len(found["streams"]))),
            newest_gaps=[
                RecordingGap(one["stream"], one["after"], one["before"]) for one in found["newestGaps"]
            ],
            files=[
                RecordingFile(file=one["file"], state=one["state"], **_facts(one)) for one in found["files"]
            ],
            playback=None if found["playback"] is None else _playback(found["playback"]),
            **_facts(found),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise bad_message(f"a recording that is not valid: {error!r}") from error


def _playback(found: Mapping[str, Any]) -> RecordingPlayback:
    return RecordingPlayback(
        state=found["state"],
        error=found["error"],
        started=_time(found["started"]),
        ended=_time(found["ended"]),
        rate=float(found["rate"]),
        loop=bool(found["loop"]),
        dedupe=found["dedupe"],
        first_time=_time(found["from"]),
        last_time=_time(found["to"]),
        position=_time(found["position"]),
        streams=dict(found["streams"]),
        stored=int(found["stored"]),
        bytes=int(found["bytes"]),
        not_stored=int(found["notStored"]),
        passes=int(found["passes"]),
    )


def _facts(found: Mapping[str, Any]) -> Dict[str, Any]:
    """Returns what a recording and a file have in common."""
    return {
        "bytes": int(found["bytes"]),
        "entries": int(found["entries"]),
        "gaps": int(found["gaps"]),
        "first_time": _time(found["from"]),
        "last_time": _time(found["to"]),
    }
