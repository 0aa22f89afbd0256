#!/usr/bin/env python3
"""Detects motion in a stream of images and pushes detections to another stream.

    python3 examples/detector.py camera motion --device rover

Requires websockets, numpy and Pillow (Debian: python3-websockets python3-numpy python3-pil). examples/webcam provides
images, and so does `npx redis-streamer push-image camera --device rover`.

Each detection is JSON, {"frame": "1795625245785-0", "moved": 0.031, "box": [x, y, width, height]}: the fraction of the
image that moved, and its box in pixels. Its entry has the id of the frame, so that both streams can be joined, and a
detection that is sent again is stored once. It requests the newest frame when it has processed the previous one, so a
slow detector skips frames and does not lag behind. Ctrl-C stops it and prints totals.
"""
import argparse
import asyncio
import io
import json
import os
import random
import signal
import sys
from urllib.parse import quote, urlencode

try:
    import numpy
    import websockets
    from PIL import Image
except ImportError as missing:
    sys.exit(f"{missing.name} is missing: sudo apt-get install python3-websockets python3-numpy python3-pil")

WIDTH = 160  # px; images are scaled to this width before they are compared
THRESHOLD = 24  # of 255; smaller changes are noise
FINAL = {1003, 1008, 1009, 4401, 4403}  # close codes after which a retry cannot succeed


class Motion:
    """Compares each image with the previous one."""

    before = None

    def find(self, data):
        """Returns the fraction of the image that moved and its box in pixels; None without motion."""
        picture = Image.open(io.BytesIO(data))
        scale = max(1, picture.width / WIDTH)
        size = (round(picture.width / scale), max(1, round(picture.height / scale)))
        now = numpy.asarray(picture.convert("L").resize(size), dtype=numpy.int16)
        before, self.before = self.before, now
        if before is None or before.shape != now.shape:
            return None
        moved = numpy.abs(now - before) > THRESHOLD
        if not moved.any():
            return None
        x, y = numpy.flatnonzero(moved.any(axis=0)), numpy.flatnonzero(moved.any(axis=1))
        box = [x[0], y[0], x[-1] - x[0] + 1, y[-1] - y[0] + 1]
        return {"moved": round(float(moved.mean()), 4), "box": [round(float(edge) * scale) for edge in box]}


class Detector:
    """Resumes at its position after each reconnect."""

    def __init__(self, args):
        self.args, self.motion = args, Motion()
        self.last, self.pending = "0", None  # id of the last frame; the unacknowledged detection
        self.frames = self.found = self.unreadable = 0

    def connect(self, stream, action, **query):
        url = f"{self.args.url.rstrip('/').replace('http', 'ws', 1)}/data/{quote(stream, safe='')}/{action}"
        query = urlencode({"device_id": self.args.device, "ack": 1, **query})
        protocols = ["redis-streamer", f"bearer.{self.args.token}"] if self.args.token else None
        return websockets.connect(f"{url}?{query}", subprotocols=protocols, max_size=None)

    async def watch(self):
        """Runs until a connection closes. Raises the reason."""
        async with self.connect(self.args.found, "push") as push:
            async with self.connect(self.args.camera, "pull", last_entry_id=self.last, latest=1) as pull:
                say(f"watching {self.args.camera} at {self.args.url}")
                while True:
                    await self.store(push)
                    header, data = json.loads(await pull.recv()), await pull.recv()
                    for _, frame, _ in header:  # empty on an idle stream
                        self.detect(frame, data)
                    await self.store(push)
                    await pull.send("ready for the next")

    def detect(self, frame, data):
        self.last, self.frames = frame, self.frames + 1
        try:
            detection = self.motion.find(data)
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            self.unreadable += 1
            return say(f"{frame} is no picture: {error}")
        if detection is not None:
            self.pending = {"frame": frame, **detection}

    async def store(self, push):
        if self.pending is None:
            return
        payload = json.dumps(self.pending).encode()
        await push.send(json.dumps([[self.args.found, self.pending["frame"], len(payload)]]))
        await push.send(payload)
        [answer] = json.loads(await push.recv())
        if isinstance(answer, dict) and answer.get("code") != "ID_NOT_ABOVE_LAST":  # it is already stored
            raise OSError(answer["error"])
        self.found, self.pending = self.found + 1, None

    async def run(self):
        delay = 0.5  # s
        while True:
            frames = self.frames
            try:
                await self.watch()
            except websockets.ConnectionClosed as error:
                if error.rcvd is not None and error.rcvd.code in FINAL:
                    raise
                problem = error
            except (OSError, asyncio.TimeoutError, websockets.InvalidHandshake) as error:
                response = getattr(error, "response", error)  # newer versions of websockets
                if 400 <= (getattr(response, "status_code", None) or 500) < 500:
                    raise
                problem = error
            delay = 0.5 if self.frames > frames else min(delay * 2, 15)
            say(f"{problem}; retrying")
            await asyncio.sleep(delay * random.uniform(0.5, 1))


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
        say(f"{detector.frames} frames, {detector.found} with motion{open_end}, {detector.unreadable} unreadable")


asyncio.run(main())
