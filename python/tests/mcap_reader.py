"""Reader of MCAP files, written from the specification (https://mcap.dev/spec) alone: it shares nothing with the gateway.

Checks every checksum, offset and count of an uncompressed file.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from typing import Dict, Iterator, List, NamedTuple, Tuple

MAGIC = b"\x89MCAP0\r\n"
HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, MESSAGE_INDEX, CHUNK_INDEX = range(0x01, 0x09)
STATISTICS, METADATA, METADATA_INDEX, SUMMARY_OFFSET, DATA_END = 0x0B, 0x0C, 0x0D, 0x0E, 0x0F


class Channel(NamedTuple):
    """A channel."""

    schema_id: int
    topic: str
    encoding: str
    metadata: Dict[str, str]


class Message(NamedTuple):
    """A message."""

    channel_id: int
    sequence: int
    log_time: int
    publish_time: int
    data: bytes


@dataclass
class Contents:
    """Contents of a file."""

    library: str = ""
    schemas: Dict[int, str] = field(default_factory=dict)
    channels: Dict[int, Channel] = field(default_factory=dict)
    messages: List[Message] = field(default_factory=list)
    metadata: List[Tuple[str, Dict[str, str]]] = field(default_factory=list)


class Record:
    """Reads the members of a record one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        self.at += size
        assert self.at <= len(self.data), "the record is shorter than its members"
        return self.data[self.at - size : self.at]

    def number(self, form: str) -> int:
        [value] = struct.unpack(f"<{form}", self.take(len(struct.pack(f"<{form}", 0))))
        return int(value)

    def text(self) -> str:
        return self.take(self.number("I")).decode()

    def rest(self) -> bytes:
        return self.take(len(self.data) - self.at)

    def mapping(self) -> Dict[str, str]:
        inner = Record(self.take(self.number("I")))
        found = {}
        while inner.at < len(inner.data):
            key = inner.text()
            found[key] = inner.text()
        return found


def records(data: bytes, start: int, end: int) -> Iterator[Tuple[int, int, Record]]:
    """Yields the position, the opcode and the content of each record."""
    while start < end:
        opcode, length = struct.unpack_from("<BQ", data, start)
        assert start + 9 + length <= end, f"the record at {start} ends after its section"
        yield start, opcode, Record(data[start + 9 : start + 9 + length])
        start += 9 + length


def read_mcap(data: bytes) -> Contents:
    """Reads a file. Raises AssertionError if it does not follow the specification."""
    assert data.startswith(MAGIC) and data.endswith(MAGIC)
    contents = Contents()
    footer_at = len(data) - len(MAGIC) - 9 - 20
    [(_, opcode, footer)] = records(data, footer_at, len(data) - len(MAGIC))
    assert opcode == FOOTER
    summary_start, _, summary_crc = footer.number("Q"), footer.number("Q"), footer.number("I")
    assert summary_crc == zlib.crc32(data[summary_start : footer_at + 9 + 16])
    chunks: Dict[int, List[int]] = {}
    last_chunk = 0
    for at, opcode, record in records(data, len(MAGIC), summary_start):
        assert (at == len(MAGIC)) == (opcode == HEADER)
        if opcode == HEADER:
            assert record.text() == ""
            contents.library = record.text()
        elif opcode == SCHEMA:
            schema_id = record.number("H")
            contents.schemas[schema_id] = record.text()
        elif opcode == CHANNEL:
            channel_id = record.number("H")
            channel = Channel(record.number("H"), record.text(), record.text(), record.mapping())
            assert channel.schema_id == 0 or channel.schema_id in contents.schemas
            contents.channels[channel_id] = channel
        elif opcode == CHUNK:
            chunks[at] = read_chunk(record, contents)
            last_chunk = at
        elif opcode == MESSAGE_INDEX:
            assert set(index_offsets(record)) <= set(chunks[last_chunk])
        elif opcode == METADATA:
            contents.metadata.append((record.text(), record.mapping()))
        elif opcode == DATA_END:
            assert record.number("I") in (0, zlib.crc32(data[:at]))
    check_summary(data, summary_start, footer_at, contents, list(chunks))
    return contents


def read_chunk(chunk: Record, contents: Contents) -> List[int]:
    """Reads the messages of a chunk. Returns their positions in it."""
    first, last = chunk.number("Q"), chunk.number("Q")
    size, crc, compression = chunk.number("Q"), chunk.number("I"), chunk.text()
    assert compression == "", "this reader cannot decompress"
    data = chunk.take(chunk.number("Q"))
    assert (len(data), zlib.crc32(data)) == (size, crc)
    offsets = []
    times = []
    for at, opcode, record in records(data, 0, len(data)):
        assert opcode == MESSAGE
        message = Message(
            record.number("H"), record.number("I"), record.number("Q"), record.number("Q"), record.rest()
        )
        assert message.channel_id in contents.channels
        contents.messages.append(message)
        offsets.append(at)
        times.append(message.log_time)
    assert (min(times), max(times)) == (first, last)
    return offsets


def index_offsets(index: Record) -> Iterator[int]:
    """Yields the positions that a message index states."""
    index.number("H")
    entries = Record(index.take(index.number("I")))
    while entries.at < len(entries.data):
        entries.number("Q")
        yield entries.number("Q")


def check_summary(data: bytes, start: int, end: int, contents: Contents, chunks: List[int]) -> None:
    """Compares the summary with the data of the file."""
    indexed = []
    for _, opcode, record in records(data, start, end):
        if opcode == STATISTICS:
            counts = [record.number(form) for form in ("Q", "H", "I", "I", "I", "I")]
            have = [
                len(contents.messages),
                len(contents.schemas),
                len(contents.channels),
                0,
                len(contents.metadata),
            ]
            assert counts == [*have, len(chunks)]
        elif opcode == CHUNK_INDEX:
            record.take(16)
            indexed.append(record.number("Q"))
        elif opcode == METADATA_INDEX:
            assert data[record.number("Q")] == METADATA
    assert indexed == chunks
