"""A gateway: its address, credentials and backoff, and requests to it over HTTP/1.1."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import ssl as tls
from typing import (
    Any,
    AsyncIterator,
    Awaitable,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)
from urllib.parse import quote, urlencode, urlsplit

from ._compat import (
    USER_AGENT,
    Connection,
    UnreadableResponse,
    abort,
    next_of,
    open_connection,
    within,
)
from .errors import (
    FOREIGN_CODES,
    StreamerError,
    bad_message,
    bad_parameter,
    error_from_handshake,
    error_from_response,
    not_a_gateway,
    unreachable,
)

Token = Union[str, Callable[[], Union[str, Awaitable[str]]]]
Query = Mapping[str, Any]  # str, int, float, bool or None

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 15.0
_REQUEST_S = 20.0  # limit for a request
_PROBE_S = 5.0  # limit for the request after a failed handshake
_MOST_HEADERS = 1000
_MOST_HEADER_BYTES = 256 * 1024  # of one header
_PART_BYTES = 1024 * 1024  # of a body that is passed on, at most


def backoff_s(failures: int, fraction: float) -> float:
    """Returns the delay after consecutive failures: random between half of a bound that doubles, and the bound.

    Args:
        failures: number of failed attempts before this one.
        fraction: random number from 0 to below 1.
    """
    bound = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2.0 ** min(failures, 30))
    return bound / 2 + bound / 2 * fraction


def streams_segment(streams: Sequence[str]) -> str:
    """Returns the path segment for stream names: percent-encoded and joined by ``+``. Raises InvalidRequest."""
    _check_names(streams)
    segment = "+".join(quote(stream, safe="!'()*") for stream in streams)
    if "" in streams or segment in ("", ".", ".."):
        raise bad_parameter(f'a stream name must not be empty, "." or "..", got "{segment}"')
    return segment


def group_segment(group: str) -> str:
    """Returns the path segment for the name of a consumer group. Raises InvalidRequest."""
    if group in ("", ".", ".."):
        raise bad_parameter(f'a group name must not be empty, "." or "..", got "{group}"')
    return quote(group, safe="!'()*")


def stream_names(streams: Union[str, Sequence[str]]) -> List[str]:
    """Returns the names of streams that a caller joins by ``+`` or lists, each once. Raises InvalidRequest."""
    names: List[Any]
    if isinstance(streams, str):
        names = streams.split("+")
    else:
        names = list(streams) if isinstance(streams, Iterable) else [streams]
        if not names:
            raise bad_parameter("at least one stream must be named")
    _check_names(names)
    return list(dict.fromkeys(names))


def _check_names(names: Iterable[object]) -> None:
    for name in names:
        if not isinstance(name, str):
            raise bad_parameter(f"a stream name must be str, got {type(name).__name__}")
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise bad_parameter(f"a stream name must be valid Unicode, got {name!r}") from error


def query_text(query: Query) -> str:
    """Returns a query string with its question mark. Members that are None are omitted; flags are 1 or 0."""
    given = {
        name: int(value) if isinstance(value, bool) else value
        for name, value in query.items()
        if value is not None
    }
    return f"?{urlencode(given)}" if given else ""


class Response(NamedTuple):
    headers: Dict[str, str]
    body: bytes


class Gateway:
    """A gateway and how to connect to it. It holds no connection."""

    def __init__(self, url: str, token: Optional[Token], ssl: Optional[tls.SSLContext]) -> None:
        if not isinstance(url, str):
            raise bad_parameter(f"the gateway's URL must be str, got {type(url).__name__}")
        if not (token is None or isinstance(token, str) or callable(token)):
            raise bad_parameter(f"the token must be str or a function, got {type(token).__name__}")
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname:
            raise bad_parameter(
                f"the gateway's URL must start with http://, https://, ws:// or wss:// and a host, got {url!r}"
            )
        try:
            port = parts.port
        except ValueError as error:
            raise bad_parameter(f"the port of the gateway's URL {url!r} is not valid: {error}") from None
        self.is_secure = parts.scheme in ("https", "wss")
        self.url = f"{'https' if self.is_secure else 'http'}://{parts.netloc}{parts.path.rstrip('/')}"
        self._host = parts.hostname
        self._netloc = parts.netloc.rpartition("@")[2]
        self._port = port or (443 if self.is_secure else 80)
        self._path = parts.path.rstrip("/")
        self._token = token
        self._ssl = (ssl or tls.create_default_context()) if self.is_secure else None
        self._was_reached = False

    async def _current_token(self) -> Optional[str]:
        given = self._token() if callable(self._token) else self._token
        token = given if given is None or isinstance(given, str) else await given
        if token is not None and not (token.isascii() and token.isprintable()):
            raise bad_parameter("the token must have printable ASCII characters only")
        return token

    def may_retry(self, error: StreamerError) -> bool:
        """Whether a new connection may succeed: also after an expired token, if a function returns a new one."""
        return error.retryable or (callable(self._token) and error.close_code == 4401)

    async def connect(self, path: str, query: Query, encoded: str = "") -> Connection:
        """Opens a WebSocket. Raises StreamerError, also if the gateway does not know a parameter.

        Args:
            encoded: further parameters, ``"&exclude=a+b"``.
        """
        target = f"{path}{query_text(query)}{encoded}"
        url = f"{self.url.replace('http', 'ws', 1)}/{target}"
        try:
            connection = await open_connection(url, await self._current_token(), self._ssl)
        except UnreadableResponse as error:
            raise self._judged(await self._failed_handshake(url, target)) from error
        except StreamerError as error:
            self._judged(error)
            raise
        if "unknown parameter" in connection.warnings:
            await connection.close()
            raise bad_parameter(
                f"the gateway does not support this: {'; '.join(json.loads(connection.warnings))}"
            )
        self._was_reached = True
        return connection

    def _judged(self, error: StreamerError) -> StreamerError:
        """Makes a response of another server retryable, if the gateway was reached before: it will be again."""
        error.retryable = error.retryable or (self._was_reached and error.code in FOREIGN_CODES)
        return error

    async def _failed_handshake(self, url: str, target: str) -> StreamerError:
        """Returns the error of a handshake whose response websockets did not read.

        Another server may have sent HTTP/1.0, or no HTTP, or the connection closed. The response to a plain request shows which.
        """
        where = url.partition("?")[0]
        try:
            async with self._sent("GET", target, None, _PROBE_S) as (_, status, headers):
                if status == 426 or "x-connection-id" in headers:  # the gateway is back
                    return unreachable(where, EOFError("the connection closed during the handshake"))
                return error_from_handshake(where, status, None, is_of_gateway=False)
        except StreamerError as error:
            return error
        except (OSError, EOFError, asyncio.TimeoutError) as error:
            return unreachable(where, error)

    async def request(
        self, path: str, query: Query, body: Any = None, method: Optional[str] = None
    ) -> Response:
        """Sends a request. Raises StreamerError.

        Args:
            body: value to send as JSON.
            method: by default GET, and with a body POST.
        """
        parts: List[bytes] = []
        exchange = self._exchange(path + query_text(query), body, method, parts.append, None)
        try:
            headers = await within(_REQUEST_S, exchange)
        except StreamerError as error:
            self._judged(error)
            raise
        except (OSError, EOFError, asyncio.TimeoutError) as error:
            raise unreachable(self.url, error) from error
        return Response(headers, b"".join(parts))

    async def download(
        self, path: str, query: Query, write: Callable[[bytes], object], encoded: str = ""
    ) -> None:
        """Sends a GET, and passes the body on part by part, in any time. Raises StreamerError if it is not complete.

        Args:
            encoded: further parameters, ``"&exclude=a+b"``.
        """
        target = path + query_text(query) + encoded
        try:
            await self._exchange(target, None, None, write, _REQUEST_S)
        except StreamerError:
            raise
        except (OSError, EOFError, asyncio.TimeoutError) as error:
            raise unreachable(self.url, error) from error

    async def _exchange(
        self,
        target: str,
        body: Any,
        method: Optional[str],
        write: Callable[[bytes], object],
        silence_s: Optional[float],
    ) -> Dict[str, str]:
        """Sends a request, passes the body of a response on, and returns its headers.

        Args:
            silence_s: time limit for each step of the response.
        """
        method = method or ("GET" if body is None else "POST")
        async with self._sent(method, target, body, silence_s) as (reader, status, headers):
            is_rejected = not 200 <= status < 300
            rejection: List[bytes] = []
            parts = _body_parts(reader, headers)
            while (part := await within(silence_s, next_of(parts))) is not None:
                (rejection.append if is_rejected else write)(part)
        if is_rejected:
            where = f"{self.url}/{target.partition('?')[0]}"
            raise error_from_response(where, status, b"".join(rejection))
        return headers

    @contextlib.asynccontextmanager
    async def _sent(
        self, method: str, target: str, body: Any, silence_s: Optional[float]
    ) -> AsyncIterator[Tuple[asyncio.StreamReader, int, Dict[str, str]]]:
        """Sends a request. Yields the reader of the response's body, its status, and its headers."""
        token = await self._current_token()
        payload = b"" if body is None else json.dumps(body).encode()
        lines = [
            f"{method} {self._path}/{target} HTTP/1.1",
            f"Host: {self._netloc}",
            f"User-Agent: {USER_AGENT}",
            "Connection: close",
            *([] if token is None else [f"Authorization: Bearer {token}"]),
            *([] if body is None else ["Content-Type: application/json"]),
            *([] if method == "GET" else [f"Content-Length: {len(payload)}"]),
        ]
        opening = asyncio.open_connection(self._host, self._port, ssl=self._ssl, limit=_MOST_HEADER_BYTES)
        reader, writer = await within(silence_s, opening, lambda opened: abort(opened[1].transport))
        try:
            writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + payload)
            yield (reader, *await within(silence_s, _read_head(reader, self.url)))
        finally:
            abort(writer.transport)


async def _read_head(reader: asyncio.StreamReader, url: str) -> Tuple[int, Dict[str, str]]:
    """Returns the status and the headers of a response. Raises EOFError if they are cut off."""
    lines: List[bytes] = []
    while not lines or lines[-1].strip():
        try:
            lines.append(await reader.readline())
        except ValueError as error:
            raise not_a_gateway(url, f"responded with headers that are too large: {error}") from error
        # A first line that is cut off may be the start of HTTP.
        if not b"HTTP/".startswith(lines[0][:5]):
            raise not_a_gateway(url, f"responded with {lines[0][:60]!r}, which is not HTTP")
        if not lines[-1].endswith(b"\n"):
            raise EOFError("the connection closed before the end of the response headers")
        if len(lines) > _MOST_HEADERS:
            raise not_a_gateway(url, f"responded with more than {_MOST_HEADERS} headers")
    try:
        status = int(lines[0].split(b" ")[1])
    except (IndexError, ValueError) as error:
        raise not_a_gateway(url, f"responded with {lines[0][:60]!r}, which has no status") from error
    pairs = (line.decode("latin-1").partition(":") for line in lines[1:-1])
    return status, {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _body_parts(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> AsyncIterator[bytes]:
    """Yields the parts of a body. Raises EOFError if it is not complete."""
    if "chunked" in headers.get("transfer-encoding", "").lower():
        while size := await _chunk_size(reader):
            async for part in _parts(reader, size):
                yield part
            await reader.readexactly(2)
    elif "content-length" in headers:
        async for part in _parts(reader, int(headers["content-length"])):
            yield part
    else:
        while part := await reader.read(_PART_BYTES):
            yield part


async def _chunk_size(reader: asyncio.StreamReader) -> int:
    line = await reader.readline()
    try:
        return int(line.partition(b";")[0], 16)
    except ValueError as error:
        if line.endswith(b"\n"):
            raise bad_message(f"a chunk of the size {line[:60]!r}") from error
        raise EOFError("the connection closed in the middle of a response") from error


async def _parts(reader: asyncio.StreamReader, size: int) -> AsyncIterator[bytes]:
    while size > 0:
        part = await reader.readexactly(min(size, _PART_BYTES))
        size -= len(part)
        yield part


def jitter() -> float:
    """Returns a random fraction for the backoff."""
    return random.random()
