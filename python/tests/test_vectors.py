"""Vectors that the TypeScript and the Python client share; `test/client/vectors.test.ts` reads the same file."""

from __future__ import annotations

import json

import pytest
import redis_streamer as rs
from redis_streamer import _gateway, _msgpack, errors, push
from support import ROOT

VECTORS = json.loads((ROOT / "test/client/vectors.json").read_text())


def hexed(entry: rs.Entry) -> dict:
    shown = {"stream": entry.stream, "id": entry.id, "data": entry.bytes.hex()}
    if entry.fields:
        values = {name: value if isinstance(value, list) else [value] for name, value in entry.fields.items()}
        shown["fields"] = [[name, [one.hex() for one in value]] for name, value in values.items()]
    return shown


@pytest.mark.parametrize("vector", VECTORS["batches"])
def test_decodes_batches(vector: dict) -> None:
    entries = _msgpack.decode_batch(bytes.fromhex(vector["message"]), {})
    assert [hexed(entry) for entry in entries] == vector["entries"]


@pytest.mark.parametrize("message", VECTORS["brokenBatches"])
def test_rejects_broken_batches(message: str) -> None:
    with pytest.raises(rs.BadMessage):
        _msgpack.decode_batch(bytes.fromhex(message), {})


@pytest.mark.parametrize("vector", VECTORS["pushes"])
async def test_encodes_pushes(vector: dict) -> None:
    one = push.Push(_gateway.Gateway("http://h", None, None), "imu", dedupe=True, naming={}, query={})
    one.start = lambda: None  # type: ignore[assignment]
    for entry in vector["entries"]:
        given = {name: [bytes.fromhex(value) for value in values] for name, values in entry.get("fields", [])}
        fields = {name: values if len(values) > 1 else values[0] for name, values in given.items()}
        one.enqueue([bytes.fromhex(entry["data"])], [entry.get("id")], fields, None)
    assert one._next_message().hex() == vector["message"]


@pytest.mark.parametrize("vector", VECTORS["closes"])
def test_converts_closes(vector: dict) -> None:
    error = errors.error_from_close(vector["close"], vector["reason"])
    found = (error.code, error.message, error.retryable)
    assert found == (vector["code"], vector["message"], vector["retryable"])


@pytest.mark.parametrize("vector", VECTORS["responses"])
def test_converts_responses(vector: dict) -> None:
    error = errors.error_from_response("http://h/data/imu", vector["status"], vector["body"].encode())
    found = (error.code, error.message, error.retryable, error.status)
    assert found == (vector["code"], vector["message"], vector["retryable"], vector["status"])


@pytest.mark.parametrize("vector", VECTORS["acknowledgements"])
def test_reads_acknowledgements(vector: dict) -> None:
    outcomes = [push._read_outcome(one) for one in push._read_ack(vector["message"]) or []]
    shown = [{"id": i} if e is None else {"code": e.code, "message": e.message} for i, e in outcomes]
    assert shown == vector["outcomes"]


@pytest.mark.parametrize("message", VECTORS["brokenAcknowledgements"])
def test_rejects_broken_acknowledgements(message: str) -> None:
    with pytest.raises(rs.BadMessage):
        for outcome in push._read_ack(message) or []:
            push._read_outcome(outcome)


@pytest.mark.parametrize("vector", VECTORS["segments"])
def test_encodes_stream_names(vector: dict) -> None:
    if "segment" in vector:
        assert _gateway.streams_segment(vector["streams"]) == vector["segment"]
    else:
        with pytest.raises(rs.InvalidRequest):
            _gateway.streams_segment(vector["streams"])


@pytest.mark.parametrize("vector", VECTORS["backoff"])
def test_delays(vector: dict) -> None:
    assert _gateway.backoff_s(vector["failures"], vector["fraction"]) * 1000 == vector["delayMs"]
