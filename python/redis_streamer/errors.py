"""Errors of the client. An error that the gateway reported carries the gateway's stable code and message."""

from __future__ import annotations

import json
import re
import ssl
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
    """The gateway or its Redis cannot be reached, or is overloaded. A retry may succeed if ``retryable`` is true."""

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
    **dict.fromkeys(("NOT_A_GATEWAY", "UNTRUSTED_CERTIFICATE"), Unavailable),
    "BAD_MESSAGE": BadMessage,
    "CLOSED": Closed,
}

# Codes of responses that are not the gateway's: a proxy, another server at its address, or the portal of a network responds.
FOREIGN_CODES = frozenset(("REFUSED", "NOT_A_GATEWAY", "UNTRUSTED_CERTIFICATE"))

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

# 5xx statuses of a server that lacks a feature: the method, the version of HTTP.
_FINAL_STATUSES = frozenset((501, 505))

# Codes of a rejected handshake, of any server.
_CODES_BY_STATUS = {401: "UNAUTHENTICATED", 403: "FORBIDDEN"}

# Reasons of a rejected handshake without a message.
_REASONS_BY_STATUS = {
    401: "requires a valid token",
    403: "does not permit this request",
}

# Codes of a handshake that the gateway rejected, whose body websockets before 13 does not show.
_CODES_OF_GATEWAY = {
    **_CODES_BY_STATUS,
    400: "BAD_PARAMETER",
    404: "NOT_FOUND",
    429: "TOO_MANY_CONNECTIONS",
    431: "HEADERS_TOO_LARGE",
}

# Reasons of OpenSSL for a server that does not respond over TLS.
_NOT_TLS = frozenset(("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"))


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


def error_from_response(where: str, status: int, body: bytes) -> StreamerError:
    """Converts an HTTP response other than 2xx. Its body is JSON if the gateway sent it.

    Args:
        where: URL of the request.
    """
    try:
        code, message = read_error_body(json.loads(body))
    except ValueError:
        code, message = None, ""
    return error_of(
        code or "REFUSED",
        message or f"{where} responded with status {status}",
        retryable=(status >= 500 and status not in _FINAL_STATUSES) or status in _RETRYABLE_STATUSES,
        status=status,
    )


def error_from_handshake(
    where: str, status: int, body: Optional[bytes], is_of_gateway: bool
) -> StreamerError:
    """Converts a rejected handshake.

    Args:
        where: URL of the handshake.
        body: None if websockets does not show it.
        is_of_gateway: whether the response has a header of the gateway.
    """
    error = error_from_response(where, status, body or b"")
    if error.code != "REFUSED":
        return error
    reason = _REASONS_BY_STATUS.get(status)
    return error_of(
        (_CODES_OF_GATEWAY if is_of_gateway else _CODES_BY_STATUS).get(status, "REFUSED"),
        f"{where} {reason} (status {status})"
        if reason
        else f"{error.message} instead of opening a WebSocket",
        retryable=error.retryable,
        status=status,
    )


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
    if isinstance(cause, ssl.SSLCertVerificationError):
        message = f"the certificate of {where} is not trusted: {problem}"
        return error_of("UNTRUSTED_CERTIFICATE", message, retryable=False)
    if isinstance(cause, ssl.SSLError) and cause.reason in _NOT_TLS:
        return not_a_gateway(where, f"does not respond over TLS: {problem}")
    return Unavailable("UNREACHABLE", f"cannot connect to {where}: {problem}", retryable=True)


def not_a_gateway(where: str, problem: str) -> StreamerError:
    """Error for a server that responds in another protocol. A retry would receive the same response."""
    return error_of("NOT_A_GATEWAY", f"{where} {problem}", retryable=False)
