/** Links to viewers. */
import { expect, test } from "vitest";
import { recordingLinks, viewerLinks } from "../../../src/wire/foxglove/viewer-links.ts";

test.each([
  ["http://localhost:8000/", "ws%3A%2F%2Flocalhost%3A8000%2Ffoxglove"],
  ["https://lab.example/streams/", "wss%3A%2F%2Flab.example%2Fstreams%2Ffoxglove"],
])("links for %s name its WebSocket URL", (gatewayUrl, url) => {
  expect(viewerLinks(gatewayUrl)).toEqual({
    foxglove: `https://app.foxglove.dev/~/view?ds=foxglove-websocket&ds.url=${url}`,
    lichtblick: `https://lichtblick-suite.github.io/lichtblick/?ds=foxglove-websocket&ds.url=${url}`,
  });
});

test("link to a file of a recording", () => {
  expect(recordingLinks("http://h:8000/recordings/run%201.mcap").foxglove).toBe(
    "https://app.foxglove.dev/~/view?ds=remote-file&ds.url=http%3A%2F%2Fh%3A8000%2Frecordings%2Frun%25201.mcap",
  );
});
