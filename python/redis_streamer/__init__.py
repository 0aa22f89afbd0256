"""Client of a Redis Streamer gateway: push and pull Redis Streams, live or later, each entry once.

import redis_streamer as rs

async with rs.connect("http://localhost:8000") as s:
    async for entry in s.pull("imu", device="rover"):
        print(entry.time, entry.json())

with rs.open("http://localhost:8000") as s:
    frame = s.frame("imu", device="rover", start="-5m")
"""

from __future__ import annotations

import ssl as _tls
from typing import Optional

from ._gateway import Token
from .blocking import BlockingClient, BlockingPull, BlockingPush
from .blocking_work import BlockingWork
from .client import Client, Device, Stream
from .entry import Entry, Gap
from .errors import (
    AccessDenied,
    AppendUnknown,
    BadMessage,
    Closed,
    InvalidRequest,
    NotStored,
    StreamerError,
    Unavailable,
)
from .job import Job, Lost, ThreadJob
from .pull import Pull
from .push import Push
from .recordings import Recording, RecordingFile, RecordingGap, RecordingPlayback
from .work import Work

__version__ = "1.0.0"

__all__ = [
    "AccessDenied",
    "AppendUnknown",
    "BadMessage",
    "BlockingClient",
    "BlockingPull",
    "BlockingPush",
    "BlockingWork",
    "Client",
    "Closed",
    "Device",
    "Entry",
    "Gap",
    "InvalidRequest",
    "Job",
    "Lost",
    "NotStored",
    "Pull",
    "Push",
    "Recording",
    "RecordingFile",
    "RecordingGap",
    "RecordingPlayback",
    "Stream",
    "StreamerError",
    "ThreadJob",
    "Unavailable",
    "Work",
    "connect",
    "open",
]


def connect(url: str, token: Optional[Token] = None, *, ssl: Optional[_tls.SSLContext] = None) -> Client:
    """Returns an asynchronous client. It opens no connection yet.

    Args:
        url: address of the gateway, such as ``"http://localhost:8000"``; a path is kept.
        token: API key or JSON Web Token, or a function, sync or async, that returns one before each connection.
        ssl: TLS settings, such as those for a certificate of your own.
    """
    return Client(url, token, ssl=ssl)


def open(url: str, token: Optional[Token] = None, *, ssl: Optional[_tls.SSLContext] = None) -> BlockingClient:
    """Returns a blocking client, with the same arguments as ``connect``. It starts a thread, which ``close`` ends."""
    return BlockingClient(url, token, ssl=ssl)
