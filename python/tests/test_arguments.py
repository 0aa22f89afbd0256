"""Arguments of the wrong kind: an error that names what is allowed, before anything is sent."""

from __future__ import annotations

import contextlib
import io
from typing import Any, Callable

import pytest
import redis_streamer as rs
from redis_streamer.__main__ import main

Call = Callable[[rs.BlockingClient], Any]


@pytest.mark.parametrize(
    ("call", "problem"),
    [
        (lambda s: s.frame("a", fields="acc.x"), "fields must be a list of paths, got 'acc.x'"),
        (lambda s: list(s.entries("a", count="x")), "count must be a whole number from 0"),
        (lambda s: list(s.entries("a", count=-1)), "count must be a whole number from 0"),
        (lambda s: s.set_meta("a", 5), "metadata must be a mapping, got int"),
        (lambda s: s.meta(""), "a stream name must not be empty"),
        (lambda s: s.meta("."), "a stream name must not be empty"),
        (lambda s: s.pull("a", prefix=5), "prefix must be str, got int"),
        (lambda s: s.push("a", prefix=b"p"), "prefix must be str, got bytes"),
        (lambda s: s.meta("a", prefix=5), "prefix must be str, got int"),
        (lambda s: s.meta("a", device=5), "device must be str, got int"),
        (lambda s: s.pull([]), "at least one stream must be named"),
        (lambda s: s.push("\ud800"), "a stream name must be valid Unicode"),
        (lambda s: s.pull("\ud800"), "a stream name must be valid Unicode"),
        (lambda s: list(s.entries("\ud800")), "a stream name must be valid Unicode"),
    ],
)
def test_rejects_a_wrong_argument(blocking: rs.BlockingClient, call: Call, problem: str) -> None:
    with pytest.raises(rs.InvalidRequest, match=problem):
        call(blocking)


def test_rejects_a_wrong_url_or_token() -> None:
    with pytest.raises(rs.InvalidRequest, match="the gateway's URL must be str, got int"):
        rs.open(5)  # type: ignore[arg-type]
    with pytest.raises(rs.InvalidRequest, match="the token must be str or a function, got int"):
        rs.open("http://127.0.0.1:9", token=5)  # type: ignore[arg-type]
    client = rs.open("http://127.0.0.1:9", token="a\nb")
    with client, pytest.raises(rs.InvalidRequest, match="printable ASCII"):
        client.streams()


@pytest.mark.parametrize("count", ["0", "-1", "x"])
def test_the_command_line_rejects_a_wrong_count(count: str) -> None:
    errors = io.StringIO()
    with contextlib.redirect_stderr(errors), pytest.raises(SystemExit) as exit_of:
        main(["pull", "a", f"--count={count}"])
    assert exit_of.value.code == 2
    assert "must be a number from 1" in errors.getvalue()
