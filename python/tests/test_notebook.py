"""The package in a notebook: a real IPython kernel runs cells, and interrupts them."""

from __future__ import annotations

import inspect
import pathlib
import re
import signal
import subprocess
import sys
from typing import Iterator

import pytest
import redis_streamer as rs
import zmq
from jupyter_client.connect import write_connection_file
from jupyter_client.session import Session
from support import PATIENCE_S, ROOT, Gateway, Redis, open_sockets, wait_for

KEY = b"notebook"
SET_UP = (
    inspect.getsource(open_sockets)
    + """
import asyncio, contextlib, gc, logging, os, threading, time
import redis_streamer as rs

def left():
    tasks = [repr(task) for task in asyncio.all_tasks() if "redis_streamer" in repr(task)]
    threads = [thread.name for thread in threading.enumerate() if thread.name.startswith("redis-streamer")]
    return tasks, threads, open_sockets() - idle

async def left_soon(expected):
    "Returns what is left once it is as expected, or after seconds: a closing handshake takes some time."
    gc.collect()
    limit = time.monotonic() + 20
    while left() != expected and time.monotonic() < limit:
        await asyncio.sleep(0.01)
    return left()

idle = open_sockets()
"""
)


class Notebook:
    """A kernel, and the outputs of its cells. It uses sockets, because clients of Jupyter patch this process's asyncio."""

    def __init__(self, folder: pathlib.Path) -> None:
        path, connection = write_connection_file(str(folder / "connection.json"), key=KEY)
        self._log = folder / "log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ipykernel_launcher", "-f", path],
                env={"PATH": "/usr/bin", "HOME": str(folder), "PYTHONPATH": str(ROOT / "python")},
                cwd=folder,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._session = Session(key=KEY)
        self._context = zmq.Context()
        self._shell = self._context.socket(zmq.DEALER)
        self._shell.connect(f"tcp://127.0.0.1:{connection['shell_port']}")
        self._outputs = self._context.socket(zmq.SUB)
        self._outputs.subscribe(b"")
        self._outputs.connect(f"tcp://127.0.0.1:{connection['iopub_port']}")
        wait_for("the kernel answers", self._answers)

    def _answers(self) -> bool:
        self._session.send(self._shell, "kernel_info_request")
        return bool(self._outputs.poll(500))

    def run(self, code: str, interrupt_at: str = "") -> str:
        """Runs a cell. Returns what it displays, with its error.

        Args:
            interrupt_at: an output at which the user presses "Interrupt".
        """
        shown = ""
        is_interrupted = False
        cell = {"code": code, "silent": False, "user_expressions": {}, "stop_on_error": False}
        sent = self._session.send(self._shell, "execute_request", cell)["header"]["msg_id"]
        while True:
            assert self._outputs.poll(PATIENCE_S * 1000), (
                f"the kernel is silent: {shown}{self._log.read_text()}"
            )
            _, message = self._session.recv(self._outputs)
            if message["parent_header"].get("msg_id") != sent:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                shown += content["text"]
            elif kind == "execute_result":
                shown += content["data"]["text/plain"] + "\n"
            elif kind == "error":
                shown += f"{content['ename']}: {content['evalue']}\n"
            elif content.get("execution_state") == "idle":
                assert is_interrupted == bool(interrupt_at), shown
                return shown
            if interrupt_at and not is_interrupted and interrupt_at in shown:
                is_interrupted = True
                self._process.send_signal(signal.SIGINT)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._context.destroy(linger=0)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory, gateway: Gateway) -> Iterator[Notebook]:
    kernel = Notebook(tmp_path_factory.mktemp("notebook"))
    assert kernel.run(f"url = {gateway.url!r}\n{SET_UP}") == ""
    yield kernel
    kernel.close()


def test_awaits_at_top_level(notebook: Notebook, stream: str) -> None:
    assert notebook.run(f"s = rs.connect(url); stream = {stream!r}") == ""
    assert re.match(r"<Client of http://127.0.0.1:\d+>\n$", notebook.run("s"))
    cell = 'async with s.push(stream) as p:\n    print(await p.send({"x": 1}, {"x": 2}))'
    assert re.match(r"\['\d+-\d+', '\d+-\d+'\]\n$", notebook.run(cell))
    cell = 'async for e in s.pull(stream, last_entry_id="0"):\n    if e.json()["x"] == 2: break\ne'
    assert re.match(rf'<Entry {stream} \S+ \S+ \S+ \{{"x": ?2\}}>\n$', notebook.run(cell))
    assert notebook.run("list((await s.frame(stream)).x)") == "[1, 2]\n"
    assert notebook.run("await s.close(); await left_soon(([], [], 0))") == "([], [], 0)\n"


def test_blocks_inside_the_running_loop(notebook: Notebook, stream: str) -> None:
    notebook.run(f"b = rs.open(url); stream = {stream!r}")
    assert re.match(r"<BlockingClient of http://127.0.0.1:\d+>\n$", notebook.run("b"))
    notebook.run('with b.push(stream) as p:\n    p.send("one", "two")')
    assert notebook.run("[e.text() for e in b.entries(stream)]") == "['one', 'two']\n"
    assert notebook.run('next(iter(b.pull(stream, last_entry_id="0"))).text()') == "'one'\n"
    # Both clients at the same time, in one cell.
    cell = "async with rs.connect(url) as s:\n    print([e.text() async for e in s.entries(stream)], len(b.streams()) > 0)"
    assert notebook.run(cell) == "['one', 'two'] True\n"
    assert notebook.run("b.close(); await left_soon(([], [], 0))") == "([], [], 0)\n"


def test_shows_progress_without_warnings(notebook: Notebook, gateway: Gateway, stream: str) -> None:
    with rs.open(gateway.url) as client, client.push(stream) as push:
        push.send(*map(str, range(1500)))
    notebook.run(f"s, b, stream = rs.connect(url), rs.open(url), {stream!r}")
    assert (
        notebook.run("len([e async for e in s.entries(stream)]), len(list(b.entries(stream)))")
        == "(1500, 1500)\n"
    )
    for cell in (
        "[e async for e in s.entries(stream, progress=True)]",
        "list(b.entries(stream, progress=True))",
    ):
        shown = notebook.run(f"len({cell})")
        assert re.match(rf"\r{stream}: \d+ entries \[[^\n]*\r *\r1500\n$", shown), repr(shown)
    notebook.run("await s.close(); b.close()")


# Cells that print "one" and never end, with the asynchronous client `s` or the blocking client `b`.
ENDLESS = {
    "pull": """
async for e in s.pull(stream, last_entry_id="0"):
    print(e.text())
""",
    "body of a pull": """
async for e in s.pull(stream, last_entry_id="0"):
    print(e.text())
    await asyncio.sleep(3600)
""",
    "entries": """
while True:
    print([e.text() async for e in s.entries(stream)])
""",
    "push": """
async with rs.connect("http://127.0.0.1:9") as nowhere, nowhere.push(stream) as p:
    print("one")
    await p.send("never stored")
""",
    "work": """
async for job in s.work(stream, "g", from_id="0"):
    print(job.text())
""",
    "run": """
async def handle(job):
    print(job.text())
    await asyncio.sleep(3600)
await s.work(stream, "g", from_id="0").run(handle)
""",
    "blocking pull": """
for e in b.pull(stream, last_entry_id="0"):
    print(e.text())
""",
    "body of a blocking pull": """
for e in b.pull(stream, last_entry_id="0"):
    print(e.text())
    threading.Event().wait()
""",
    "blocking entries": """
while True:
    print([e.text() for e in b.entries(stream)])
""",
    "blocking push": """
with rs.open("http://127.0.0.1:9") as nowhere, nowhere.push(stream) as p:
    print("one")
    p.send("never stored")
""",
    "blocking work": """
for job in b.work(stream, "g", from_id="0"):
    print(job.text())
""",
    "blocking run": """
def handle(job):
    print(job.text())
    threading.Event().wait()
b.work(stream, "g", from_id="0").run(handle)
""",
}


@pytest.mark.parametrize("what", ENDLESS)
def test_an_interrupted_cell_leaves_nothing_behind(
    notebook: Notebook, redis: Redis, stream: str, what: str
) -> None:
    redis.command("XADD", f"default:{stream}", "*", "d", "one")
    notebook.run(
        f"s, b, stream = rs.connect(url), rs.open(url), {stream!r}\nlogging.disable()\nidle = open_sockets()"
    )
    output = notebook.run(ENDLESS[what], interrupt_at="one")
    assert re.search(r"^(KeyboardInterrupt|CancelledError): ", output, re.MULTILINE), output
    assert notebook.run("await left_soon(([], ['redis-streamer'], 0))") == "([], ['redis-streamer'], 0)\n"
    # The clients are still usable.
    assert notebook.run("[len(await s.streams(f'*:{stream}')), len(b.streams(f'*:{stream}'))]") == "[1, 1]\n"
    assert notebook.run("await s.close(); b.close(); left()[:2]") == "([], [])\n"
