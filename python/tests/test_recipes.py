"""Runs the samples of python/README.md as they are, against the test's gateway."""

from __future__ import annotations

import pathlib
import re
import signal
import subprocess
import sys
from typing import Any, List

import numpy
import pytest
import redis_streamer as rs
from support import ROOT, Gateway, wait_for

README = (ROOT / "python/README.md").read_text()
SAMPLES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
ASYNC, BLOCKING, WEBCAM, DETECTOR, PLOT, FAN_IN, RECORDER, WORKER, RECORDING = SAMPLES
RECIPES = [WEBCAM, DETECTOR, PLOT, FAN_IN, RECORDER, WORKER]

# A camera that shows a bright square on a dark ground, in five pictures.
CAMERA = """
import cv2, numpy
class Camera:
    def __init__(self, number):
        self.left = 5
    def isOpened(self):
        return True
    def read(self):
        self.left -= 1
        picture = numpy.full((48, 64, 3), (10, 20, 30), dtype=numpy.uint8)
        picture[:12, :16] = 255
        return self.left >= 0, picture
cv2.VideoCapture = Camera
"""


class Program:
    """A sample that runs until the test interrupts it."""

    def __init__(self, code: str, url: str, folder: pathlib.Path) -> None:
        self.output = folder / "output"
        environment = {"PYTHONPATH": str(ROOT / "python"), "PYTHONUNBUFFERED": "1", "PATH": "/usr/bin"}
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code.replace("http://localhost:8000", url)],
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environment,
            )

    def text(self) -> str:
        return self.output.read_text()

    def ends(self) -> str:
        assert self.process.wait(60) == 0, self.text()
        return self.text()

    def interrupt(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
        assert self.text().rstrip().endswith("KeyboardInterrupt"), self.text()


@pytest.fixture
def s(gateway: Gateway) -> Any:
    with rs.open(gateway.url) as client:
        for stream in client.streams():
            client.delete_stream(stream.key, device="")
        yield client


def texts(entries: Any) -> List[str]:
    return [entry.text() for entry in entries]


def test_recipes_are_short() -> None:
    assert all(len(recipe.strip().splitlines()) < 20 for recipe in RECIPES)


def test_introduction(s: rs.BlockingClient, gateway: Gateway, tmp_path: pathlib.Path) -> None:
    first = Program(ASYNC, gateway.url, tmp_path).ends()
    assert re.fullmatch(r"\['\d+-\d+', '\d+-\d+'\]\n\S+ \S+ \{'x': 1.0\}\n\S+ \S+ \{'x': 2.0\}\n", first)
    second = Program(BLOCKING, gateway.url, tmp_path).ends()
    assert [line.split(" ", 1)[1] for line in second.splitlines()] == [
        "{'x': 1.0}",
        "{'x': 2.0}",
        "{'x': 3.0}",
    ]


def test_webcam_and_detector(s: rs.BlockingClient, gateway: Gateway, tmp_path: pathlib.Path) -> None:
    Program(CAMERA + WEBCAM, gateway.url, tmp_path).ends()
    pictures = list(s.entries("camera", device="desk"))
    assert len(pictures) == 5
    image = pictures[0].image().astype(int)
    assert image.shape == (48, 64, 3)
    assert abs(image[40, 40] - numpy.array([30, 20, 10])).max() < 8, "red is first"
    detector = Program(DETECTOR, gateway.url, tmp_path)
    wait_for("a detection", lambda: len(list(s.entries("boxes", device="desk"))) == 1)
    [detection] = s.entries("boxes", device="desk")
    assert detection.id == pictures[-1].id
    [box] = detection.json()["boxes"]
    assert abs(numpy.array(box) - [0, 0, 15, 11]).max() <= 1
    Program(CAMERA + WEBCAM, gateway.url, tmp_path / "..").ends()
    newest = next(s.entries("camera", device="desk", reverse=True)).id
    wait_for("the newest", lambda: next(s.entries("boxes", device="desk", reverse=True)).id == newest)
    detector.interrupt()


def test_plot_of_the_last_minutes(s: rs.BlockingClient, gateway: Gateway, tmp_path: pathlib.Path) -> None:
    with s.push("imu", device="rover") as push:
        push.send({"acc": {"x": 9, "y": 9}}, ids=["1-0"])
        push.send(*({"acc": {"x": 1, "y": number}} for number in range(4)))
    output = Program(PLOT, gateway.url, tmp_path).ends()
    assert "acc.x" in output
    assert " 1.0 " in output
    assert "9.0" not in output


def test_fan_in(s: rs.BlockingClient, gateway: Gateway, tmp_path: pathlib.Path) -> None:
    for name, value in (("imu", {"x": 1}), ("log", "hello"), ("raw", b"\x00\x01")):
        with s.push(name, device="rover") as push:
            push.send(value)
    program = Program(FAN_IN, gateway.url, tmp_path)
    wait_for("three lines", lambda: program.text().count("\n") == 3)
    found = sorted((line.split(" ")[0], line.split("+00:00 ")[1]) for line in program.text().splitlines())
    assert found == [("imu", "{'x': 1}"), ("log", "hello"), ("raw", "b'\\x00\\x01'")]
    with s.push("later", device="rover") as push:
        push.send("appeared")
    wait_for("the stream that appeared", lambda: program.text().count("\n") == 5)
    joined, entry = program.text().splitlines()[3:]
    assert joined == "new stream: later"
    assert entry.startswith("later ") and entry.endswith(" appeared")
    program.interrupt()


def test_recorder_continues_where_it_stopped(
    s: rs.BlockingClient, gateway: Gateway, tmp_path: pathlib.Path
) -> None:
    folder = tmp_path / "recording"

    def recorded() -> dict:
        return {file.stem: file.read_bytes() for file in folder.glob("*.jpg")}

    sent = {}
    for part in range(2):
        with s.push("camera", device="desk") as push:
            payloads = [b"\xff\xd8\xff%d %d" % (part, number) for number in range(20)]
            sent.update(zip(push.send(*payloads), payloads))
        program = Program(RECORDER, gateway.url, tmp_path)
        wait_for("all are recorded", lambda: len(recorded()) == len(sent))
        assert recorded() == sent
        if part == 0:
            for file in sorted(folder.glob("*.jpg"))[:5]:
                file.write_bytes(sent[file.stem] + b"!")  # recorded again, these would lose their mark
                sent[file.stem] += b"!"
        program.interrupt()


def test_workers_share_a_stream(s: rs.BlockingClient, gateway: Gateway, tmp_path: pathlib.Path) -> None:
    Program(CAMERA + WEBCAM, gateway.url, tmp_path).ends()
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    workers = [Program(WORKER, gateway.url, folder) for folder in folders]
    sent = [entry.id for entry in s.entries("camera", device="desk")]

    def processed() -> List[str]:
        # Handlers run in threads, whose line ends may come later: the next line may follow the number of deliveries, which is 1.
        return [
            line
            for worker in workers
            for line in re.findall(r"\d{13}-\d+: \d+% bright, delivery \d", worker.text())
        ]

    wait_for("all are processed", lambda: len(processed()) == len(sent))
    assert sorted(processed()) == [f"{entry_id}: 6% bright, delivery 1" for entry_id in sent]
    for worker in workers:
        worker.interrupt()


def test_recording(s: rs.BlockingClient, gateway: Gateway, tmp_path: pathlib.Path) -> None:
    with s.push("imu", device="rover") as push:
        push.send({"x": 1})
    exported, recorded = Program(RECORDING, gateway.url, tmp_path).ends().splitlines()
    assert exported == f"{(tmp_path / 'rover.mcap').stat().st_size} bytes of what is stored"
    [recording] = s.recordings()
    assert recorded == f"0 entries [PosixPath('{recording.files[0].file}')]"
    assert (tmp_path / recording.files[0].file).exists()
    s.delete_recording(recording.name)
