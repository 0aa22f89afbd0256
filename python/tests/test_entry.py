"""Entries: decoding of payloads, content types, images bit by bit."""

from __future__ import annotations

import builtins
import pickle
import sys
from datetime import datetime, timezone
from typing import Any

import numpy
import pytest
import redis_streamer as rs
from redis_streamer import _msgpack, images
from support import collect

RANDOM = numpy.random.default_rng(7)
COLOR = RANDOM.integers(0, 256, (48, 65, 3), dtype=numpy.uint8)
ALPHA = RANDOM.integers(0, 256, (9, 7, 4), dtype=numpy.uint8)
GRAY = RANDOM.integers(0, 256, (13, 17), dtype=numpy.uint8)
DEEP = RANDOM.integers(0, 65536, (11, 5), dtype=numpy.uint16)


def entry(data: bytes, **fields: Any) -> rs.Entry:
    return rs.Entry(
        "cam", "1732791745123-4", data, {name.replace("_", "-"): value for name, value in fields.items()}
    )


def test_decodes_text_json_and_arrays() -> None:
    assert entry("ü".encode()).text() == "ü"
    assert entry(b'{"x": [1]}').json() == {"x": [1]}
    samples = entry(bytes([1, 0, 255, 255, 2, 0, 3, 0])).array("<i2", (2, -1))
    assert samples.tolist() == [[1, -1], [2, 3]]
    assert entry(b"").time == datetime(2024, 11, 28, 11, 2, 25, 123000, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "read",
    [lambda one: one.text(), lambda one: one.json(), lambda one: one.array("<i2"), lambda one: one.image()],
)
def test_names_the_entry_that_it_cannot_decode(read: Any) -> None:
    with pytest.raises(rs.InvalidRequest, match='entry 1732791745123-4 of "cam" is not ') as failed:
        read(entry(b"\xff\x00\xfe"))
    assert failed.value.code == "BAD_PAYLOAD"


@pytest.mark.parametrize(
    "data, kind",
    [
        (images.encode(COLOR), "image/jpeg"),
        (images.encode(COLOR, "png"), "image/png"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"GIF89a", "image/gif"),
        (b' {"x": 1}\n', "application/json"),
        (b"[1, 2]", "application/json"),
        (b"21.5", "application/json"),
        (b"{broken", "text/plain"),
        (b"\x82\xa1x\x01\xa1y\xcb\x40\x04\x00\x00\x00\x00\x00\x00", "application/msgpack"),
        (b"\xdc\x00\x01\xc4\x01\xff", "application/msgpack"),
        (b"\x91\xc7\x02\x05\xaa\xbb", "application/msgpack"),
        (b"\x91\x91" * 10_000, "application/msgpack"),
        (b"\x92\x01", "application/octet-stream"),
        (b"\x91\x01\x02", "application/octet-stream"),
        (b"\x91\xc1", "application/octet-stream"),
        (b"\xdd\xff\xff\xff\xff\x00", "application/octet-stream"),
        ("größer ".encode() * 20_000, "text/plain"),
        (b"[" + b"1," * 50_000 + b"1]", "application/json"),
        (b"\x00\x01", "application/octet-stream"),
        (b"\xff\xfe", "application/octet-stream"),
        (b"", "application/octet-stream"),
    ],
)
def test_guesses_the_content_type(data: bytes, kind: str) -> None:
    assert entry(data).content_type == kind


def test_value_follows_the_content_type() -> None:
    assert entry(b'{"x":1}').value() == {"x": 1}
    assert entry(b'{"x":1}', content_type=b"text/plain; charset=utf-8").value() == '{"x":1}'
    assert entry(
        b"\x81\xa1x\x92\x01\xcb\x40\x04\x00\x00\x00\x00\x00\x00", content_type=b"application/msgpack"
    ).value() == {"x": [1, 2.5]}
    assert (entry(images.encode(COLOR, "png")).value() == COLOR).all()
    assert entry(b"\x00\x01").value() == b"\x00\x01"
    assert entry(b"\x81\xa1x\x01").value() == {"x": 1}
    # The declared type of the stream, which the field of an entry overrides.
    assert entry(b"123").value() == 123
    assert entry(b"123").value("text/plain") == "123"
    assert entry(b"123", content_type=b"application/json").value("text/plain") == 123
    assert entry(b"5").value("application/geo+json; x=1") == 5
    assert entry(b"\x05").value("application/vnd.msgpack") == 5
    assert entry(b"ab").value("video/h264") == b"ab"
    with pytest.raises(rs.InvalidRequest, match="is not JSON"):
        entry(b"no").value("application/json")
    # A guess may be wrong.
    assert entry(b"\x91\xc7\x02\x05\xaa\xbb").value() == b"\x91\xc7\x02\x05\xaa\xbb"
    long = b"[" + b"x" * 70_000 + b"]"
    assert entry(long).value() == long.decode()


@pytest.mark.parametrize("library", ["Pillow", "OpenCV"])
def test_images_are_exact_through_png(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if library == "OpenCV":
        pytest.importorskip("cv2")
        without(monkeypatch, "PIL")
    assert (entry(images.encode(COLOR, "png")).image() == COLOR).all()
    for image in (COLOR, ALPHA, GRAY, DEEP):
        found = entry(images.encode(image, "png")).image(mode=None)
        assert found.dtype == image.dtype and found.shape == image.shape
        assert (found == image).all()
    assert entry(images.encode(GRAY, "png")).image().shape == (13, 17, 3)
    assert (entry(images.encode(GRAY, "png")).image(mode="L") == GRAY).all()
    assert (entry(images.encode(COLOR[::2, ::-1], "png")).image() == COLOR[::2, ::-1]).all()
    smooth = numpy.full((32, 32, 3), (200, 100, 30), dtype=numpy.uint8)
    assert abs(entry(images.encode(smooth)).image().astype(int) - smooth).max() <= 4


def without(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """Makes a package look as if it were not installed."""
    original = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.split(".")[0] == missing:
            raise ImportError(name)
        return original(name, *rest)

    for name in [name for name in sys.modules if name.split(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(builtins, "__import__", refuse)


@pytest.mark.parametrize(
    "wrong",
    [numpy.zeros((2, 2)), numpy.zeros((2, 2, 5), numpy.uint8), numpy.zeros((0, 4), numpy.uint8), DEEP],
)
def test_rejects_arrays_that_are_no_images(wrong: Any) -> None:
    with pytest.raises(TypeError, match="tobytes"):
        images.encode(wrong)
    with pytest.raises(ValueError, match="format must be"):
        images.encode(GRAY, "bmp")


async def test_images_travel_as_files(client: rs.Client, stream: str) -> None:
    from PIL import Image

    async with client.push(stream) as push:
        await push.send(COLOR, Image.fromarray(COLOR), format="png")
        await push.send(GRAY)
    png, pillow, jpeg = await collect(client.pull(stream, last_entry_id=0), 3)
    assert (png.image() == COLOR).all() and (pillow.image() == COLOR).all()
    assert (jpeg.content_type, jpeg.image().shape) == ("image/jpeg", (13, 17, 3))


def test_representations() -> None:
    assert repr(entry(b'{"x":1}')) == '<Entry cam 1732791745123-4 2024-11-28 11:02:25: {"x":1}>'
    assert repr(entry(b"\x00" * 9, unit=b"g")).endswith(": 9 bytes, application/octet-stream unit>")
    assert repr(entry(b"x" * 99)).endswith(f": {'x' * 40}…>")
    assert "18446744073709551615-0: a" in repr(rs.Entry("s", "18446744073709551615-0", b"a"))
    error = rs.Unavailable("REDIS_UNAVAILABLE", "later", retryable=True, close_code=1013)
    assert str(error) == "REDIS_UNAVAILABLE: later"
    assert repr(error) == "<Unavailable REDIS_UNAVAILABLE: later, retryable>"
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.code, again.close_code) == (rs.Unavailable, "REDIS_UNAVAILABLE", 1013)


@pytest.mark.parametrize(
    "value",
    [
        *([None, True, False, 0, 127, -1, -32, "", "ü", "x" * 40, b"", b"y" * 300, [], {}, 1.5, -1e300]),
        *(
            [
                200,
                60_000,
                2**31,
                2**63,
                -100,
                -30_000,
                -(2**31),
                -(2**62),
                ["z"] * 20,
                {str(i): i for i in range(20)},
            ]
        ),
    ],
)
def test_msgpack_agrees_with_the_library(value: Any) -> None:
    import msgpack

    assert _msgpack.decode(msgpack.packb(value)) == value


@pytest.mark.parametrize(
    "broken",
    [b"", b"\xc1", b"\xa5ab", b"\x92\x01", b"\x01\x01", b"\xcd\x01", b"\xc6\xff\xff\xff\xff", b"\x91" * 5000],
)
def test_msgpack_rejects_what_is_not_one_value(broken: bytes) -> None:
    with pytest.raises(ValueError, match="not valid MessagePack"):
        _msgpack.decode(broken)
