"""Recordings and exports without ``await``."""

from __future__ import annotations

import pathlib
from typing import List, Mapping, Optional, Sequence, Union

from ._loop_thread import LoopThread
from .history import Bound
from .recordings import Path, Recording, RecordingMethods


class BlockingRecordingMethods:
    """Methods of a blocking client that record streams into files of the gateway, or export them into files here."""

    _client: RecordingMethods
    _loop: LoopThread

    def record(
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
        """Starts to record streams into an MCAP file of the gateway; see ``Client.record``."""
        started = self._client.record(
            stream,
            name,
            device=device,
            prefix=prefix,
            exclude=exclude,
            last_entry_id=last_entry_id,
            max_bytes=max_bytes,
            max_seconds=max_seconds,
            compression=compression,
            notes=notes,
        )
        return self._loop.run(started)

    def recordings(self) -> List[Recording]:
        """Lists the recordings; see ``Client.recordings``."""
        return self._loop.run(self._client.recordings())

    def recording(self, name: str) -> Recording:
        """Returns a recording; see ``Client.recording``."""
        return self._loop.run(self._client.recording(name))

    def stop_recording(self, name: str) -> Recording:
        """Stops a recording, and returns it when its file is complete; see ``Client.stop_recording``."""
        return self._loop.run(self._client.stop_recording(name))

    def play_recording(
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
        """Stores the entries of a recording again, at their pace; see ``Client.play_recording``."""
        playing = self._client.play_recording(
            name,
            rate=rate,
            device=device,
            stream=stream,
            exclude=exclude,
            start=start,
            end=end,
            loop=loop,
            dedupe=dedupe,
        )
        return self._loop.run(playing)

    def pause_playback(self, name: str) -> Recording:
        """Pauses the playback of a recording; see ``Client.pause_playback``."""
        return self._loop.run(self._client.pause_playback(name))

    def continue_playback(self, name: str) -> Recording:
        """Continues the playback of a recording; see ``Client.continue_playback``."""
        return self._loop.run(self._client.continue_playback(name))

    def stop_playback(self, name: str) -> Recording:
        """Stops the playback of a recording; see ``Client.stop_playback``."""
        return self._loop.run(self._client.stop_playback(name))

    def delete_recording(self, name: str) -> None:
        """Deletes a recording with its files; see ``Client.delete_recording``."""
        self._loop.run(self._client.delete_recording(name))

    def save_recording(self, name: str, folder: Path = ".") -> List[pathlib.Path]:
        """Downloads the files of a recording into a folder; see ``Client.save_recording``."""
        return self._loop.run(self._client.save_recording(name, folder))

    def export(
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
        """Writes a range of streams into an MCAP file here; see ``Client.export``."""
        exported = self._client.export(
            stream, path, device=device, prefix=prefix, exclude=exclude, start=start, end=end
        )
        return self._loop.run(exported)
