#!/usr/bin/env python3
"""Detects motion in a stream of images and pushes detections to another stream.

    python3 examples/detector.py camera motion --device rover

Requires the package in python/ with numpy and Pillow (Debian: python3-websockets python3-numpy python3-pil).
examples/webcam provides images, and so does `npx redis-streamer push-image camera --device rover`.

Each detection is JSON, {"frame": "1795625245785-0", "moved": 0.031, "box": [x, y, width, height]}: the fraction of the
image that moved, and its box in pixels. Its entry has the id of the frame, so that both streams can be joined, and a
detection that is sent again is stored once. It requests the newest frame when it has processed the previous one, so a
slow detector skips frames and does not lag behind. Ctrl-C stops it and prints totals.
"""

import argparse
import asyncio
import os
import signal
import sys

# In a clone, the package needs no installation.
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../python"))

try:
    import numpy
    import redis_streamer as rs
except ImportError as missing:
    sys.exit(f"{missing.name} is missing: sudo apt-get install python3-websockets python3-numpy python3-pil")

WIDTH = 160  # px; images are reduced to about this width before they are compared
THRESHOLD = 24  # of 255; smaller changes are noise


class Motion:
    """Compares each image with the previous one."""

    before = None

    def find(self, gray):
        """Returns the fraction of the image that moved and its box in pixels; None without motion."""
        scale = max(1, round(gray.shape[1] / WIDTH))
        now = gray[::scale, ::scale].astype(numpy.int16)
        before, self.before = self.before, now
        if before is None or before.shape != now.shape:
            return None
        moved = numpy.abs(now - before) > THRESHOLD
        if not moved.any():
            return None
        x, y = numpy.flatnonzero(moved.any(axis=0)), numpy.flatnonzero(moved.any(axis=1))
        box = [x[0], y[0], x[-1] - x[0] + 1, y[-1] - y[0] + 1]
        return {"moved": round(float(moved.mean()), 4), "box": [int(edge) * scale for edge in box]}


class Detector:
    """Watches one stream."""

    def __init__(self, args):
        self.args, self.motion = args, Motion()
        self.frames = self.found = self.pending = self.unreadable = 0

    async def run(self):
        args = self.args
        async with rs.connect(args.url, args.token) as s, s.push(args.found, device=args.device) as push:
            say(f"watching {args.camera} at {args.url}")
            async for frame in s.pull(args.camera, device=args.device, last_entry_id="0", latest=True):
                self.frames += 1
                try:
                    detection = self.motion.find(frame.image(mode="L"))
                except rs.InvalidRequest as error:
                    self.unreadable += 1
                    say(f"{frame.id} is not a picture: {error.message}")
                    continue
                if detection is not None:
                    await self.store(push, frame.id, detection)

    async def store(self, push, frame_id, detection):
        self.pending = 1
        try:
            await push.send({"frame": frame_id, **detection}, ids=[frame_id])
        except rs.NotStored as error:
            if error.code != "ID_NOT_ABOVE_LAST":  # it is already stored
                raise
        self.found, self.pending = self.found + 1, 0


def say(line):
    print(line, file=sys.stderr, flush=True)


async def main():
    parser = argparse.ArgumentParser(description="Detects motion in a stream of images.")
    parser.add_argument("camera", help="stream of images")
    parser.add_argument("found", help="stream of the detections")
    parser.add_argument("--device", default="default")
    parser.add_argument("--url", default=os.environ.get("REDIS_STREAMER_URL", "http://127.0.0.1:8000"))
    parser.add_argument("--token", help="API key or JSON Web Token, if the gateway requires one")
    detector = Detector(parser.parse_args())
    running = asyncio.ensure_future(detector.run())
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, running.cancel)
    try:
        await running
    except asyncio.CancelledError:
        pass
    except Exception as error:
        sys.exit(f"{error}")
    finally:
        open_end = ", 1 unknown" if detector.pending else ""
        say(
            f"{detector.frames} frames, {detector.found} with motion{open_end}, {detector.unreadable} unreadable"
        )


asyncio.run(main())
