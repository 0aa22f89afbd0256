"""Content type of a payload by its bytes, by the rules of the gateway (docs/protocol.md, "Declared content")."""

from __future__ import annotations

import json
from typing import Dict, Tuple

_TEXT_BYTES = 64 * 1024  # bytes of a payload that are checked for text
_MOST_VALUES = 10_000  # values of a MessagePack payload that are checked

# Control characters other than white space. Text has none.
_CONTROLS = bytes(byte for byte in range(0x20) if byte < 0x09 or byte > 0x0D)

# Bytes after the first one of a MessagePack value, by first byte.
_FIXED: Dict[int, int] = {
    **{0xC0: 0, 0xC2: 0, 0xC3: 0, 0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8},
    **{0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8, 0xD4: 2, 0xD5: 3, 0xD6: 5, 0xD7: 9, 0xD8: 17},
}
# Bytes of a length, and further ones (the type of an extension), by first byte.
_SIZED: Dict[int, Tuple[int, int]] = {
    **{0xC4: (1, 0), 0xC5: (2, 0), 0xC6: (4, 0), 0xC7: (1, 1), 0xC8: (2, 1), 0xC9: (4, 1)},
    **{0xD9: (1, 0), 0xDA: (2, 0), 0xDB: (4, 0)},
}
# Bytes of a number of items, and values per item, by first byte.
_COUNTED: Dict[int, Tuple[int, int]] = {0xDC: (2, 1), 0xDD: (4, 1), 0xDE: (2, 2), 0xDF: (4, 2)}


def content_type_of(data: bytes) -> str:
    """Guesses the media type of a payload; ``application/octet-stream`` if it is unknown."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"GIF8"):
        return "image/gif"
    if data.startswith(b"RIFF") and data[8:12] in (b"WEBP", b"WAVE"):
        return "image/webp" if data[8:12] == b"WEBP" else "audio/wav"
    start = data[:_TEXT_BYTES]
    if start and _is_text(start, is_cut=len(start) < len(data)):
        return "application/json" if _is_json(data) else "text/plain"
    return "application/msgpack" if _is_msgpack(data) else "application/octet-stream"


def _is_text(start: bytes, is_cut: bool) -> bool:
    if len(start.translate(None, _CONTROLS)) < len(start):
        return False
    try:
        start.decode()
    except UnicodeDecodeError as error:
        # The end may cut a character.
        return is_cut and error.start >= len(start) - 3 and error.reason == "unexpected end of data"
    return True


def _is_json(data: bytes) -> bool:
    if len(data) > _TEXT_BYTES:
        return (data[:_TEXT_BYTES].lstrip()[:1], data[-64:].rstrip()[-1:]) in ((b"{", b"}"), (b"[", b"]"))
    try:
        json.loads(data)
        return True
    except (ValueError, RecursionError):
        return False


def _is_msgpack(data: bytes) -> bool:
    """Whether a payload is exactly one list or map: every single byte up to 127 would be a number."""
    if not data or not (0x80 <= data[0] < 0xA0 or data[0] in _COUNTED):
        return False
    at, missing, values = 0, 1, 0
    while missing > 0 and values < _MOST_VALUES:
        # Each missing value takes at least one byte.
        if missing > len(data) - at:
            return False
        kind = data[at]
        at += 1
        missing -= 1
        values += 1
        if 0x80 <= kind < 0x90:
            missing += 2 * (kind & 0x0F)
        elif 0x90 <= kind < 0xA0:
            missing += kind & 0x0F
        elif 0xA0 <= kind < 0xC0:
            at += kind & 0x1F
        elif kind in _COUNTED:
            width, each = _COUNTED[kind]
            missing += each * int.from_bytes(data[at : at + width], "big")
            at += width
        elif kind in _SIZED:
            width, more = _SIZED[kind]
            at += width + int.from_bytes(data[at : at + width], "big") + more
        elif kind in _FIXED:
            at += _FIXED[kind]
        elif 0xC0 <= kind < 0xE0:
            return False
    return at < len(data) if missing > 0 else at == len(data)
