"""Quick look at streams: ``python -m redis_streamer ls``, ``pull STREAM``, ``push STREAM < lines``."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Iterable, Iterator, List, Optional

from . import BlockingClient, Entry, StreamerError, __version__, open


def main(arguments: Optional[List[str]] = None) -> int:
    """Runs the command line. Returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        with open(options.url, options.token) as client:
            options.run(client, options)
    except StreamerError as error:
        print(f"redis_streamer: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of the output has ended. Python would report it again at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m redis_streamer", description="Quick look at streams.")
    parser.add_argument("--version", action="version", version=__version__)
    parser.add_argument("--url", default=os.environ.get("REDIS_STREAMER_URL", "http://127.0.0.1:8000"))
    parser.add_argument("--token", help="API key or JSON Web Token, if the gateway requires one")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    ls = commands.add_parser("ls", help="list streams: key, entries, time of the last one")
    ls.add_argument("match", nargs="?", help='pattern for keys, such as "rover:*"')
    ls.set_defaults(run=_ls)
    pull = commands.add_parser("pull", help="print entries: id and payload")
    pull.add_argument("stream")
    pull.add_argument("--device")
    pull.add_argument(
        "--last-entry-id", default="$", help="cursor: an entry id, 0 (the beginning) or $ (now)"
    )
    pull.add_argument("--latest", action="store_true", help="skip to the newest entry")
    pull.add_argument("--count", type=_count, help="stop after this many entries, at least 1")
    pull.set_defaults(run=_pull)
    push = commands.add_parser("push", help="store each line of the standard input as an entry")
    push.add_argument("stream")
    push.add_argument("--device")
    push.set_defaults(run=_push)
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a number from 1, got {text!r}")
    return int(text)


def _ls(client: BlockingClient, options: argparse.Namespace) -> None:
    for stream in client.streams(options.match):
        time = f"{stream.last_time:%Y-%m-%d %H:%M:%S}" if stream.last_time else ""
        print(f"{stream.key}\t{stream.length}\t{time}")


def _pull(client: BlockingClient, options: argparse.Namespace) -> None:
    entries = client.pull(
        options.stream, device=options.device, last_entry_id=options.last_entry_id, latest=options.latest
    )
    for entry in _first(entries, options.count):
        is_text = entry.content_type.startswith(("text/", "application/json"))
        shown = entry.text() if is_text else f"({len(entry.bytes)} bytes, {entry.content_type})"
        print(entry.id, shown, flush=True)


def _first(entries: Iterable[Entry], count: Optional[int]) -> Iterator[Entry]:
    for number, entry in enumerate(entries, 1):
        yield entry
        if number == count:
            return


def _push(client: BlockingClient, options: argparse.Namespace) -> None:
    with client.push(options.stream, device=options.device) as push:
        for line in sys.stdin.buffer:
            push.put(line.rstrip(b"\r\n"))


if __name__ == "__main__":
    sys.exit(main())
