"""Errors of the client. An error that the gateway reported carries the gateway's stable code and message."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, Optional, Sequence, Tuple, Type

__all__ = [
    "AccessDenied",
    "AppendUnknown",
    "BadMessage",
    "Closed",
    "InvalidRequest",
    "NotStored",
    "StreamerError",
    "Unavailable",
]


class StreamerError(Exception):
    """An error of the client, or one that the gateway reported.

    Attributes:
        code: stable code, such as ``"BAD_PARAMETER"``; docs/protocol.md lists the gateway's codes.
        message: sentence for people.
        retryable: whether a retry without a change may succeed, and cannot store an entry twice.
        status: HTTP status of a rejected request or handshake.
        close_code: WebSocket close code.
        ids: after a failed ``send``, the id of each of its entries, and None for each that was not stored.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        status: Optional[int] = None,
        close_code: Optional[int] = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retryable = retryable
        self.status = status
        self.close_code = close_code
        self.ids: Sequence[Optional[str]] = ()

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"

    def __repr__(self) -> str:
        retry = ", retryable" if self.retryable else ""
        return f"<{type(self).__name__} {self.code}: {self.message}{retry}>"

    def __reduce__(self) -> Tuple[Any, ...]:
        # The default passes only the message to the constructor.
        return (_restored, (type(self), self.__dict__))


def _restored(kind: Type[StreamerError], state: Dict[str, Any]) -> StreamerError:
    error = kind(state["code"], state["message"])
    error.__dict__.update(state)
    return error


class InvalidRequest(StreamerError, ValueError):
    """A parameter, entry or header is not valid, or exceeds a limit. The same request fails again."""


class AccessDenied(StreamerError, PermissionError):
    """The token is missing, invalid or expired, or does not permit the operation."""

    __str__ = StreamerError.__str__


class Unavailable(StreamerError, ConnectionError):
    """The gateway or its Redis cannot be reached, or is overloaded. A retry may succeed."""

    __str__ = StreamerError.__str__


class NotStored(StreamerError):
    """Redis rejected the entry or command."""


class AppendUnknown(StreamerError):
    """The entry may or may not be stored: the connection closed, or its number is too old to be recognized."""


class BadMessage(StreamerError):
    """A message of the gateway violates docs/protocol.md."""


class Closed(StreamerError):
    """The client, push or pull is closed."""


_KINDS: Dict[str, Type[StreamerError]] = {
    **dict.fromkeys(
        ("UNAUTHENTICATED", "FORBIDDEN", "FORBIDDEN_ORIGIN", "FORBIDDEN_HOST", "NOT_ENABLED"), AccessDenied
    ),
    **dict.fromkeys(("REDIS_REFUSED", "REDIS_FULL", "ID_NOT_ABOVE_LAST", "WRONG_TYPE"), NotStored),
    **dict.fromkeys(("APPEND_UNKNOWN", "DEDUPE_TOO_OLD"), AppendUnknown),
    "BAD_MESSAGE": BadMessage,
    "CLOSED": Closed,
}

# Codes that are retryable in an acknowledgement or a GraphQL response, which have no status of their own.
RETRYABLE_CODES = frozenset(
    (
        "REQUEST_TIMEOUT",
        "TOO_MANY_REQUESTS",
        "TOO_MANY_CONNECTIONS",
        "INTERNAL",
        "REDIS_UNAVAILABLE",
        "REDIS_FULL",
        "AUTH_UNAVAILABLE",
        "OVERLOADED",
        "SHUTTING_DOWN",
    )
)

# Close codes after which the same request fails again: unsupported data, invalid request, too large, access.
_FINAL_CLOSE_CODES = frozenset((1003, 1008, 1009, 4401, 4403))

# 4xx statuses that are worth a retry: request timeout, too early, too many requests.
_RETRYABLE_STATUSES = frozenset((408, 425, 429))

# Codes of a rejected handshake whose body websockets before 13 does not show.
_CODES_BY_STATUS = {401: "UNAUTHENTICATED", 403: "FORBIDDEN", 404: "NOT_FOUND", 429: "TOO_MANY_CONNECTIONS"}


def error_of(
    code: str,
    message: str,
    *,
    retryable: bool,
    status: Optional[int] = None,
    close_code: Optional[int] = None,
) -> StreamerError:
    """Returns the error of the class that belongs to a code."""
    kind = _KINDS.get(code) or (Unavailable if retryable else InvalidRequest)
    return kind(code, message, retryable=retryable, status=status, close_code=close_code)


def error_from_close(close_code: int, reason: str) -> StreamerError:
    """Converts a WebSocket close. The gateway's reason is ``CODE: message``."""
    found = re.match(r"([A-Z][A-Z_]+)(?:: ?|$)(.*)$", reason, re.DOTALL)
    code, message = (found[1], found[2] or found[1]) if found else ("CONNECTION_LOST", reason)
    return error_of(
        code,
        message or f"the connection closed ({close_code})",
        retryable=close_code not in _FINAL_CLOSE_CODES or code == "REQUEST_TIMEOUT",
        close_code=close_code,
    )


def error_from_response(status: int, body: bytes) -> StreamerError:
    """Converts an HTTP response other than 2xx. Its body is JSON if the gateway sent it."""
    try:
        code, message = read_error_body(json.loads(body))
    except ValueError:
        code, message = None, ""
    return error_of(
        code or "REFUSED",
        message or f"the gateway responded with status {status}",
        retryable=status >= 500 or status in _RETRYABLE_STATUSES,
        status=status,
    )


def error_from_handshake(status: int, body: Optional[bytes]) -> StreamerError:
    """Converts a rejected handshake. The body is None if websockets does not show it."""
    error = error_from_response(status, body or b"")
    if error.code != "REFUSED" or status not in _CODES_BY_STATUS:
        return error
    return error_of(_CODES_BY_STATUS[status], error.message, retryable=error.retryable, status=status)


def read_error_body(value: object) -> Tuple[Optional[str], str]:
    """Reads ``{"error": message, "code": code}``. Either member may be missing."""
    if not isinstance(value, dict):
        return None, ""
    code, message = value.get("code"), value.get("error")
    return code if isinstance(code, str) else None, message if isinstance(message, str) else ""


def bad_message(problem: str) -> StreamerError:
    """Error for a message that violates docs/protocol.md. A retry would receive the same message."""
    return BadMessage("BAD_MESSAGE", f"the gateway sent {problem}")


def bad_parameter(message: str) -> StreamerError:
    """Error for an argument of the caller."""
    return InvalidRequest("BAD_PARAMETER", message)


def unreachable(where: str, cause: BaseException) -> StreamerError:
    """Error for a connection that could not be opened."""
    problem = str(cause) or type(cause).__name__
    return Unavailable("UNREACHABLE", f"cannot connect to {where}: {problem}", retryable=True)
