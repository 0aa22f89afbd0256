#!/usr/bin/env python3
"""Shows what a device sent in the last minutes: rates, numbers as small charts, and the newest picture of each camera.

    python3 examples/dashboard.py --device rover --minutes 5

Requires the package in python/ with pandas (Debian: python3-websockets python3-pandas). The lines with `# %%` divide it into
notebook cells, which VS Code and Jupyter run one by one.
"""

# %% Connect
import argparse
import os
import pathlib
import sys

# In a clone, the package needs no installation.
sys.path.append(
    os.path.join(os.path.dirname(os.path.abspath(globals().get("__file__", "examples/x"))), "../python")
)

import redis_streamer as rs

parser = argparse.ArgumentParser(description="Shows what a device sent in the last minutes.")
parser.add_argument("--device", default="default")
parser.add_argument("--minutes", type=float, default=5)
parser.add_argument("--folder", default=".", help="where the newest pictures are written")
parser.add_argument("--url", default=os.environ.get("REDIS_STREAMER_URL", "http://127.0.0.1:8000"))
parser.add_argument("--token", help="API key or JSON Web Token, if the gateway requires one")
args = parser.parse_args([] if "ipykernel" in sys.modules else None)
since = f"-{args.minutes}m"
try:
    s = rs.open(args.url, args.token)
    streams = s.streams(f"{args.device}:*")
except rs.StreamerError as error:
    sys.exit(f"{error}")
print(f"{len(streams)} streams of {args.device}")

# %% Find out what each stream holds, from its newest entry
newest = {}
for stream in streams:
    for entry in s.entries(stream.stream, device=args.device, start=since, reverse=True, count=1):
        newest[stream.stream] = entry


# %% Numbers: a chart of each column, 40 characters wide
def chart(values, width=40):
    parts = [
        values.iloc[len(values) * i // width : max(1, len(values) * (i + 1) // width)].mean()
        for i in range(width)
    ]
    low, high = min(parts), max(parts)
    return "".join("▁▂▃▄▅▆▇█"[int(7.99 * (part - low) / (high - low or 1))] for part in parts if part == part)


for name, entry in newest.items():
    if entry.content_type != "application/json":
        continue
    frame = s.frame(name, device=args.device, start=since).select_dtypes("number")
    rate = len(frame) / (args.minutes * 60)
    print(f"{name}: {len(frame)} entries, {rate:.2f}/s")
    for column in frame:
        values = frame[column].dropna()
        print(
            f"  {column:20} {chart(values)} {values.min():.4g} to {values.max():.4g}, mean {values.mean():.4g}"
        )

# %% Pictures: the newest of each camera, as a file
for name, entry in newest.items():
    kind, _, suffix = entry.content_type.partition("/")
    if kind == "image":
        path = pathlib.Path(args.folder) / f"{name.replace('/', '_')}.{suffix}"
        path.write_bytes(entry.bytes)
        print(f"{name}: {path}, {len(entry.bytes):,} bytes, {entry.time:%H:%M:%S} UTC")

# %% Follow one stream live: interrupt the cell to stop. In a script, this part is skipped
if "ipykernel" in sys.modules and newest:
    for entry in s.pull(next(iter(newest)), device=args.device):
        print(entry)

# %% The end
s.close()
