"""Real servers for the tests: redis-server, the gateway as a process, and a proxy that cuts connections."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
from typing import Any, Awaitable, Callable, Dict, List, Optional

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE_S = 60


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(what: str, condition: Callable[[], Any]) -> None:
    limit = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < limit, f"timed out: {what}"
        time.sleep(0.02)


async def until(what: str, condition: Callable[[], Any]) -> None:
    limit = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < limit, f"timed out: {what}"
        await asyncio.sleep(0.02)


def open_sockets() -> int:
    """Counts the sockets of this process."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        # A thread may have closed it in the meantime.
        with contextlib.suppress(OSError):
            count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
    return count


class Redis:
    """A redis-server with an append-only file, which survives kill -9 and a restart."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="redis-")
        self.socket = f"{self.folder}/redis.sock"
        self.url = f"unix://{self.socket}"
        self.start()

    def start(self) -> None:
        # Redis itself keeps a transaction without its end, and then loses later writes.
        manifest = f"{self.folder}/appendonlydir/appendonly.aof.manifest"
        if os.path.exists(manifest):
            check = ["redis-check-aof", "--fix", manifest]
            subprocess.run(check, check=True, capture_output=True, input="y\n", text=True)
        options = ["--port", "0", "--unixsocket", self.socket, "--dir", self.folder, "--save", ""]
        persistence = ["--appendonly", "yes", "--appendfsync", "always"]
        command = ["redis-server", *options, *persistence]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for("redis-server answers", lambda: self._answers())

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.connect(self.socket)
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")
        return False

    def command(self, *arguments: object) -> str:
        command = ["redis-cli", "-s", self.socket, *map(str, arguments)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Gateway:
    """The gateway as a process, on one port over restarts."""

    def __init__(self, redis_url: str, **settings: str) -> None:
        self._environment: Dict[str, str] = {
            "PATH": os.environ["PATH"],
            "PORT": str(free_port()),
            "LOG_FORMAT": "json",
            "REDIS_URL": redis_url,
            "REDIS_STREAM_MAXLEN": "0",
            **settings,
        }
        self.folder = tempfile.mkdtemp(prefix="gateway-")
        self.url = f"http://127.0.0.1:{self._environment['PORT']}"
        self.start()

    @property
    def port(self) -> int:
        return int(self._environment["PORT"])

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["node", str(ROOT / "scripts/start.js")],
            cwd=self.folder,
            env=self._environment,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if "url" in json.loads(line):
                break
        else:
            raise AssertionError("the gateway ended before it listened")
        # An unread pipe would block the gateway once it is full.
        subprocess.Popen(["cat"], stdin=self.process.stdout, stdout=subprocess.DEVNULL)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def restart(self) -> None:
        self.kill()
        self.start()

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Proxy:
    """A TCP proxy. `cut_after` closes connections after so many bytes of the gateway, in the middle of a message."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.cut_after: Optional[int] = None
        self.connections = 0
        self._tasks: List[asyncio.Task[None]] = []

    async def __aenter__(self) -> Proxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(OSError):
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
            ends = (writer, there_writer)
            here = asyncio.ensure_future(self._copy(reader, there_writer, ends, None))
            there = asyncio.ensure_future(self._copy(there_reader, writer, ends, self.cut_after))
            self._tasks += [here, there]

    async def _copy(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ends: Any,
        cut_after: Optional[int],
    ) -> None:
        left = cut_after
        try:
            while data := await reader.read(4096 if left is None else min(left, 4096)):
                writer.write(data)
                await writer.drain()
                left = None if left is None else left - len(data)
                if left == 0:
                    break
        except OSError:
            pass
        finally:
            for end in ends:
                end.transport.abort()


async def collect(
    entries: Any, count: int, pause: Optional[Callable[[int], Awaitable[None]]] = None
) -> List[Any]:
    """Reads `count` entries of an asynchronous iterator."""

    async def read() -> List[Any]:
        found: List[Any] = []
        async for entry in entries:
            found.append(entry)
            if pause is not None:
                await pause(len(found))
            if len(found) == count:
                break
        return found

    return await asyncio.wait_for(read(), 2 * PATIENCE_S)


async def following(entries: Any) -> Any:
    """Returns the next entry of an asynchronous iterator."""
    return await asyncio.wait_for(entries.__anext__(), PATIENCE_S)
