"""The wheel, which builds and installs without a network, and the command line."""

from __future__ import annotations

import pathlib
import signal
import subprocess
import sys
import zipfile

import redis_streamer as rs
from support import ROOT, Gateway, Redis


def run(*command: object, **options: object) -> str:
    done = subprocess.run([str(one) for one in command], capture_output=True, text=True, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr
    return str(done.stdout)


def test_the_wheel_works_in_a_fresh_environment(
    gateway: Gateway, redis: Redis, stream: str, tmp_path: pathlib.Path
) -> None:
    # Debian's hatchling lists a module that only editable installs need, and does not install it.
    build = ["build", "--no-isolation", "--skip-dependency-check", "--wheel"]
    run(sys.executable, "-m", *build, "--outdir", tmp_path, ROOT / "python")
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "redis_streamer/py.typed" in names
    assert {name.split("/")[0] for name in names} == {"redis_streamer", "redis_streamer-1.0.0.dist-info"}
    environment = tmp_path / "venv"
    run(sys.executable, "-m", "venv", "--system-site-packages", environment)
    python = environment / "bin/python"
    run(python, "-m", "pip", "install", "--no-index", "--disable-pip-version-check", wheel)
    code = (
        "import sys, redis_streamer as rs\n"
        "assert 'venv' in rs.__file__, rs.__file__\n"
        "with rs.open(sys.argv[1]) as s, s.push(sys.argv[2]) as p: print(p.send('from the wheel'))"
    )
    run(python, "-c", code, gateway.url, stream, cwd=tmp_path)
    assert "from the wheel" in redis.command("XRANGE", f"default:{stream}", "-", "+")


def command(gateway: Gateway, *arguments: str) -> list:
    return [sys.executable, "-m", "redis_streamer", "--url", gateway.url, *arguments]


def test_command_line(gateway: Gateway, stream: str) -> None:
    folder = ROOT / "python"
    run(*command(gateway, "push", stream, "--device", "rover"), input="one\ntwo\n", cwd=folder)
    with rs.open(gateway.url) as client:
        with client.push(stream, device="rover") as push:
            push.send(b"\x00")
        ids = [entry.id for entry in client.entries(stream, device="rover")]
    pull = ["pull", stream, "--device", "rover", "--last-entry-id", "0", "--count", "3"]
    shown = run(*command(gateway, *pull), cwd=folder)
    assert shown == f"{ids[0]} one\n{ids[1]} two\n{ids[2]} (1 bytes, application/octet-stream)\n"
    [line] = run(*command(gateway, "ls", f"rover:{stream}"), cwd=folder).splitlines()
    assert line.split("\t")[:2] == [f"rover:{stream}", "3"]


def test_command_line_reports_errors_in_one_line(gateway: Gateway) -> None:
    failed = subprocess.run(
        command(gateway, "pull", "s", "--last-entry-id", "yesterday"),
        capture_output=True,
        text=True,
        cwd=ROOT / "python",
    )
    assert failed.returncode == 1
    assert failed.stderr.startswith("redis_streamer: BAD_PARAMETER: ")
    assert failed.stderr.count("\n") == 1


def test_command_line_ends_quietly_on_an_interrupt(gateway: Gateway, stream: str) -> None:
    pull = command(gateway, "pull", stream, "--last-entry-id", "0")
    with rs.open(gateway.url) as client, client.push(stream) as push:
        push.send("one")
    program = subprocess.Popen(
        pull, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT / "python"
    )
    assert program.stdout is not None
    assert program.stdout.readline().endswith(" one\n")
    program.send_signal(signal.SIGINT)
    assert program.communicate(timeout=30) == ("", "")
    assert program.returncode == 130
