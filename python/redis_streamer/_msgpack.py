"""MessagePack, as far as the gateway's messages need it (docs/protocol.md, "Formats"). No extension types."""

from __future__ import annotations

import struct
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from ._declared import DeclaredType, StreamTypes
from .entry import NO_FIELDS, Entry, Gap
from .errors import bad_message

FieldValue = Union[bytes, str, Sequence[Union[bytes, str]]]

_from_bytes = int.from_bytes
_NUMBERS: Dict[int, struct.Struct] = {
    0xCA: struct.Struct(">f"),
    0xCB: struct.Struct(">d"),
    0xCC: struct.Struct(">B"),
    0xCD: struct.Struct(">H"),
    0xCE: struct.Struct(">I"),
    0xCF: struct.Struct(">Q"),
    0xD0: struct.Struct(">b"),
    0xD1: struct.Struct(">h"),
    0xD2: struct.Struct(">i"),
    0xD3: struct.Struct(">q"),
}
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
# Bytes of the length, by first byte.
_BIN = {0xC4: 1, 0xC5: 2, 0xC6: 4}
_STR = {0xD9: 1, 0xDA: 2, 0xDB: 4}
_LIST = {0xDC: 2, 0xDD: 4}
_MAP = {0xDE: 2, 0xDF: 4}
_DEEPEST = 200


def decode(message: bytes) -> Any:
    """Decodes one value. Raises ValueError if the bytes are not exactly one."""
    try:
        value, at = _value(message, 0, 0)
    except (IndexError, struct.error, UnicodeDecodeError, TypeError) as error:
        raise ValueError(f"not valid MessagePack: {error}") from error
    if at != len(message):
        raise ValueError("not valid MessagePack: more or fewer bytes than one value")
    return value


def _value(message: bytes, at: int, depth: int) -> Tuple[Any, int]:
    kind = message[at]
    at += 1
    if kind < 0x80:
        return kind, at
    if kind >= 0xE0:
        return kind - 0x100, at
    if kind < 0x90:
        return _map(message, at, kind & 0x0F, depth)
    if kind < 0xA0:
        return _list(message, at, kind & 0x0F, depth)
    if kind < 0xC0:
        end = at + (kind & 0x1F)
        return _text(message[at:end]), end
    if kind in _CONSTANTS:
        return _CONSTANTS[kind], at
    if kind in _NUMBERS:
        number = _NUMBERS[kind]
        return number.unpack_from(message, at)[0], at + number.size
    for widths, read in _READERS:
        if kind in widths:
            start = at + widths[kind]
            if start > len(message):
                break
            return read(message, start, _from_bytes(message[at:start], "big"), depth)
    raise ValueError(f"not valid MessagePack: unexpected byte 0x{kind:02x}")


def _bin(message: bytes, at: int, size: int, _depth: int) -> Tuple[Any, int]:
    return message[at : at + size], at + size


def _str(message: bytes, at: int, size: int, _depth: int) -> Tuple[Any, int]:
    return _text(message[at : at + size]), at + size


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _list(message: bytes, at: int, count: int, depth: int) -> Tuple[Any, int]:
    _check(message, at, depth)
    items = []
    for _ in range(count):
        item, at = _value(message, at, depth + 1)
        items.append(item)
    return items, at


def _map(message: bytes, at: int, count: int, depth: int) -> Tuple[Any, int]:
    _check(message, at, depth)
    members = {}
    for _ in range(count):
        name, at = _value(message, at, depth + 1)
        members[name], at = _value(message, at, depth + 1)
    return members, at


def _check(message: bytes, at: int, depth: int) -> None:
    if depth > _DEEPEST:
        raise ValueError("not valid MessagePack: nested too deeply")


_Reader = Callable[[bytes, int, int, int], Tuple[Any, int]]
_READERS: Tuple[Tuple[Dict[int, int], _Reader], ...] = (
    (_BIN, _bin),
    (_STR, _str),
    (_LIST, _list),
    (_MAP, _map),
)


def decode_notice(message: bytes) -> Optional[Dict[str, Any]]:
    """Decodes a notice, such as ``{"gap": {…}}``. Returns None if the message is a batch."""
    if not message or message[0] & 0xF0 != 0x80:
        return None
    try:
        value: Dict[str, Any] = decode(message)
    except ValueError as error:
        raise bad_message(f"a notice that is {error}") from error
    return value


def decode_batch(message: bytes, gaps: Dict[str, Gap], types: Optional[StreamTypes] = None) -> List[Entry]:
    """Decodes a batch of entries. The first entry of a stream in ``gaps`` takes its gap from there."""
    try:
        entries = _entries(message, types)
    except (IndexError, ValueError, TypeError, AttributeError, struct.error) as error:
        raise bad_message(f"a message that is not a batch of entries: {error}") from error
    if gaps:
        for entry in entries:
            gap = gaps.pop(entry.stream, None)
            if gap is not None:
                entry.gap = gap
    return entries


def _entries(message: bytes, types: Optional[StreamTypes]) -> List[Entry]:
    """The hot path: consecutive entries of one stream without fields are read without a call per value."""
    kind = message[0]
    if 0x90 <= kind < 0xA0:
        count, at = kind & 0x0F, 1
    elif kind in _LIST:
        at = 1 + _LIST[kind]
        count = _from_bytes(message[1:at], "big")
    else:
        raise ValueError("it is not a list")
    entries: List[Entry] = []
    add = entries.append
    starts = message.startswith
    stream = ""
    declared: Optional[DeclaredType] = None
    no_fields = NO_FIELDS
    # The bytes that begin the next entry if it is of the same stream and has no fields.
    prefix = b"\x00"
    length = 1
    for _ in range(count):
        if not starts(prefix, at):
            item, end = _value(message, at, 1)
            entry = read_entry(item, types)
            add(entry)
            if len(item) == 3:
                stream = entry.stream
                declared = entry.declared
                prefix = message[at : _value(message, at + 1, 2)[1]]
                length = len(prefix)
            at = end
            continue
        at += length
        size = message[at] - 0xA0
        if size < 0 or size > 31:
            raise ValueError("an entry id must be a string of at most 31 bytes")
        at += 1
        start = at + size
        entry_id = message[at:start].decode("ascii")
        kind = message[start]
        if kind == 0xC4:
            at = start + 2
            end = at + message[start + 1]
        else:
            at = start + 1 + _BIN[kind]
            end = at + _from_bytes(message[start + 1 : at], "big")
        add(Entry(stream, entry_id, message[at:end], no_fields, declared))
        at = end
    if at != len(message):
        raise ValueError("it has more or fewer bytes than its entries")
    return entries


def read_entry(item: Any, types: Optional[StreamTypes]) -> Entry:
    """Reads a decoded ``[stream, id, payload]`` or ``[stream, id, payload, fields]``. Raises ValueError."""
    if not isinstance(item, list) or len(item) not in (3, 4):
        raise ValueError("an entry is not a list of three or four")
    stream, entry_id, data = item[:3]
    if not isinstance(stream, str) or not isinstance(entry_id, str):
        raise ValueError("an entry has no stream or id")
    declared = types.of(stream) if types is not None else None
    fields = read_fields(item[3]) if len(item) == 4 else NO_FIELDS
    return Entry(stream, entry_id, read_bytes(data), fields, declared)


def read_fields(fields: Mapping[str, Any]) -> Dict[str, Union[bytes, List[bytes]]]:
    """Reads decoded fields. Raises ValueError or AttributeError."""
    return {
        name: [read_bytes(one) for one in value] if isinstance(value, list) else read_bytes(value)
        for name, value in fields.items()
    }


def read_bytes(value: Any) -> bytes:
    """Returns a decoded bin or str as bytes. Raises ValueError."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    raise ValueError("a payload or field is neither bin nor str")


def list_head(count: int) -> bytes:
    """Returns the bytes that begin a list."""
    if count < 16:
        return bytes((0x90 | count,))
    return struct.pack(">BH", 0xDC, count) if count < 0x10000 else struct.pack(">BI", 0xDD, count)


def text(value: str) -> bytes:
    """Encodes a string."""
    data = value.encode("utf-8", "surrogateescape")
    size = len(data)
    if size < 32:
        return bytes((0xA0 | size,)) + data
    return _sized(0xD9, size) + data


def bin_head(size: int) -> bytes:
    """Returns the bytes that begin a payload."""
    return b"\xc4" + bytes((size,)) if size < 0x100 else _sized(0xC4, size)


def _sized(kind: int, size: int) -> bytes:
    if size < 0x100:
        return struct.pack(">BB", kind, size)
    return struct.pack(">BH", kind + 1, size) if size < 0x10000 else struct.pack(">BI", kind + 2, size)


def encode_fields(fields: Mapping[str, FieldValue]) -> bytes:
    """Encodes further fields of an entry. Text is UTF-8; a list repeats the field."""
    if not isinstance(fields, Mapping):
        raise TypeError(f"fields must be a dict, got {type(fields).__name__}")
    count = len(fields)
    parts = [bytes((0x80 | count,)) if count < 16 else struct.pack(">BH", 0xDE, count)]
    for name, value in fields.items():
        parts.append(text(name))
        if isinstance(value, (bytes, bytearray, memoryview, str)):
            parts.append(_field(value))
        elif not isinstance(value, (list, tuple)):
            raise TypeError(f"the field {name!r} must be bytes, str or a list, got {type(value).__name__}")
        else:
            parts.append(list_head(len(value)))
            parts.extend(_field(one) for one in value)
    return b"".join(parts)


def _field(value: Union[bytes, str]) -> bytes:
    data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else bytes(memoryview(value))
    return bin_head(len(data)) + data
