"""Fixtures: one redis-server and gateway for most tests, and a name that no other test uses."""

from __future__ import annotations

import uuid
from typing import AsyncIterator, Iterator

import pytest
import pytest_asyncio
import redis_streamer as rs
from support import Gateway, Redis


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    server = Redis()
    yield server
    server.close()


@pytest.fixture(scope="session")
def gateway(redis: Redis) -> Iterator[Gateway]:
    process = Gateway(redis.url)
    yield process
    process.close()


@pytest.fixture
def stream() -> str:
    return f"stream-{uuid.uuid4().hex[:12]}"


@pytest_asyncio.fixture
async def client(gateway: Gateway) -> AsyncIterator[rs.Client]:
    async with rs.connect(gateway.url) as one:
        yield one


@pytest.fixture
def blocking(gateway: Gateway) -> Iterator[rs.BlockingClient]:
    with rs.open(gateway.url) as client:
        yield client
