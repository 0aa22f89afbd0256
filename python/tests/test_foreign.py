"""Servers that are not a gateway: an error if no retry can succeed, and retries while the gateway is down."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import time
from typing import Any, Dict, Iterator, List

import pytest
import redis_streamer as rs
from redis_streamer import _compat, _gateway
from support import PATIENCE_S, ROOT, Gateway, Redis, collect, following, until

VECTORS = json.loads((ROOT / "test/client/vectors.json").read_text())


class Foreign:
    """A server that responds to each connection with the same bytes, and closes it, or leaves it open."""

    def __init__(self, response: str, port: int = 0, *, closes: bool = True) -> None:
        self._response = response.encode()
        self._port = port
        self._closes = closes
        self.connections = 0
        self._open: List[asyncio.StreamWriter] = []

    async def __aenter__(self) -> Foreign:
        limit = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
                break
            except OSError:
                # The processes of a killed gateway end one after the other.
                assert time.monotonic() < limit, f"port {self._port} is not free"
                await asyncio.sleep(0.02)
        self.port = self._server.sockets[0].getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._open:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await reader.read(65536)
        writer.write(self._response)
        if self._closes:
            writer.close()
        else:
            self._open.append(writer)


@pytest.fixture(autouse=True)
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_gateway, "LONGEST_DELAY_S", 0.2)


USES = {
    "push": lambda client: client.push("imu").send("1"),
    "pull": lambda client: collect(client.pull("imu", last_entry_id=0), 1),
    "work": lambda client: collect(client.work("imu", "g"), 1),
}


@pytest.mark.parametrize("what", USES)
@pytest.mark.parametrize("vector", VECTORS["foreignResponses"], ids=lambda one: one["response"][:20])
async def test_a_foreign_server_is_an_error_with_its_url_and_response(
    vector: Dict[str, Any], what: str
) -> None:
    async with Foreign(vector["response"]) as server, rs.connect(f"http://{server.address}") as client:
        with pytest.raises(rs.StreamerError) as failed:
            await asyncio.wait_for(USES[what](client), 30)
    error = failed.value
    assert (error.code, error.retryable) == (vector["code"], False)
    assert f"//{server.address}" in error.message
    assert vector["shown"] in error.message


async def test_an_endless_response_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_compat, "_OPEN_S", 4)
    response = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n--part"
    async with (
        Foreign(response, closes=False) as server,
        rs.connect(f"http://{server.address}") as client,
    ):
        with pytest.raises(rs.InvalidRequest, match="status 200 instead of opening a WebSocket"):
            await asyncio.wait_for(client.push("imu").send("1"), 30)


async def test_a_redirect_to_a_page_is_an_error() -> None:
    response = "HTTP/1.1 302 Found\r\nLocation: http://portal.example/login\r\nContent-Length: 0\r\n\r\n"
    async with Foreign(response) as server, rs.connect(f"http://{server.address}") as client:
        with pytest.raises(
            rs.Unavailable, match="redirects to another URL: http://portal.example/login"
        ) as failed:
            await asyncio.wait_for(client.push("imu").send("1"), 30)
        assert (failed.value.code, failed.value.retryable) == ("NOT_A_GATEWAY", False)


@pytest.mark.parametrize("response", VECTORS["outageResponses"])
async def test_retries_during_an_outage_until_the_gateway_responds(
    redis: Redis, stream: str, response: str
) -> None:
    async with (
        Foreign(response) as server,
        rs.connect(f"http://{server.address}") as client,
        client.push(stream) as push,
    ):
        sending = asyncio.ensure_future(push.send("1"))
        reading = asyncio.ensure_future(collect(client.pull(stream, last_entry_id=0), 1))
        # An attempt may need a second connection, to find out what responds.
        await until("both have tried twice", lambda: server.connections >= 8)
        assert not sending.done() and not reading.done()
        await server.__aexit__()
        gateway = await asyncio.get_running_loop().run_in_executor(
            None, lambda: Gateway(redis.url, PORT=str(server.port))
        )
        try:
            assert [entry.id for entry in await reading] == await sending
        finally:
            gateway.close()


# One that is HTTP, and one that is not.
@pytest.mark.parametrize("vector", VECTORS["foreignResponses"][::4], ids=lambda one: one["response"][:20])
async def test_retries_if_another_server_responds_after_the_gateway_did(
    redis: Redis, stream: str, vector: Dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    loop = asyncio.get_running_loop()
    gateway = await loop.run_in_executor(None, lambda: Gateway(redis.url))
    try:
        async with rs.connect(gateway.url) as client, client.push(stream) as push:
            pull = client.pull(stream, last_entry_id=0)
            ids = await push.send("1")
            assert (await following(pull)).id == ids[0]
            await loop.run_in_executor(None, gateway.kill)
            async with Foreign(vector["response"], gateway.port) as server:
                sending = asyncio.ensure_future(push.send("2"))
                reading = asyncio.ensure_future(following(pull))
                for what in ("push to", "pull of"):
                    await until(
                        f"{what} has tried",
                        lambda what=what: any(
                            text.startswith(what) and vector["shown"] in text for text in caplog.messages
                        ),
                    )
                assert not sending.done() and not reading.done() and server.connections > 0
            await loop.run_in_executor(None, gateway.start)
            assert [(await reading).id] == await sending
            await pull.aclose()
    finally:
        gateway.close()


async def test_a_rejection_of_the_gateway_is_final_also_after_it_was_reached(
    client: rs.Client, stream: str
) -> None:
    async with client.push(stream) as push:
        await push.send("1")
    with pytest.raises(rs.InvalidRequest) as failed:
        await collect(client.pull(stream, last_entry_id=0, count=0), 1)
    assert failed.value.code == "BAD_PARAMETER"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dict[str, str]]:
    """A certificate that no authority has signed."""
    folder = tmp_path_factory.mktemp("certificate")
    files = {"TLS_CERT": str(folder / "cert.pem"), "TLS_KEY": str(folder / "key.pem")}
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    out = ["-keyout", files["TLS_KEY"], "-out", files["TLS_CERT"], "-days", "2"]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subprocess.run([*command, *subject, *out], check=True, capture_output=True)
    yield files


@pytest.mark.parametrize("what", USES)
async def test_a_certificate_that_is_not_trusted_is_an_error(
    redis: Redis, certificate: Dict[str, str], stream: str, what: str
) -> None:
    gateway = await asyncio.get_running_loop().run_in_executor(
        None, lambda: Gateway(redis.url, **certificate)
    )
    url = gateway.url.replace("http:", "https:")
    try:
        async with rs.connect(url) as client:
            with pytest.raises(rs.Unavailable, match="certificate of .* is not trusted") as failed:
                await asyncio.wait_for(USES[what](client), 30)
            assert (failed.value.code, failed.value.retryable) == ("UNTRUSTED_CERTIFICATE", False)
        trusted = ssl.create_default_context(cafile=certificate["TLS_CERT"])
        async with rs.connect(url, ssl=trusted) as client, client.push(stream) as push:
            assert await push.send("1")
    finally:
        gateway.close()


@pytest.mark.parametrize("what", USES)
async def test_a_server_without_tls_is_an_error(gateway: Gateway, what: str) -> None:
    async with rs.connect(gateway.url.replace("http:", "https:")) as client:
        with pytest.raises(rs.Unavailable, match="does not respond over TLS") as failed:
            await asyncio.wait_for(USES[what](client), 30)
        assert (failed.value.code, failed.value.retryable) == ("NOT_A_GATEWAY", False)


async def test_requests_name_what_another_server_responded() -> None:
    for response, shown in (
        ("SSH-2.0-OpenSSH_9.2\r\n", "'SSH-2.0-OpenSSH_9.2"),
        ("HTTP/1.0 404 File not found\r\n\r\n", "status 404"),
    ):
        async with Foreign(response) as server, rs.connect(f"http://{server.address}") as client:
            with pytest.raises(rs.StreamerError, match=shown) as failed:
                await client.streams()
            assert f"http://{server.address}" in failed.value.message
            assert not failed.value.retryable
    page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p/>"
    async with Foreign(page) as server, rs.connect(f"http://{server.address}") as client:
        for use in (client.streams(), collect(client.entries("imu"), 1), collect(client.pull("imu"), 1)):
            with pytest.raises(rs.BadMessage, match=f"check the URL http://{server.address}"):
                await use
