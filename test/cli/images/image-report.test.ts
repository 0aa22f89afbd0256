import sharp from "sharp";
import { expect, test } from "vitest";
import { frameFields } from "../../../cli/images/frame-numbers.ts";
import { createImageReport } from "../../../cli/images/image-report.ts";

const encoder = new TextEncoder();
const fieldsOf = (n: number) =>
  new Map(Object.entries(frameFields("run", n)).map(([name, value]) => [name, encoder.encode(value)]));

test("reports size, latency since the last report and skipped frames; totals of the run", async () => {
  const data = new Uint8Array(
    await sharp({ create: { width: 30, height: 20, channels: 3, background: "red" } })
      .jpeg()
      .toBuffer(),
  );
  const report = createImageReport(() => 1_000_010);
  expect(report.progress()).toBe("");
  expect(report.totals()).toBe("");
  report.add({ stream: "s", id: "1000000-0", data, fields: fieldsOf(4) });
  report.add({ stream: "s", id: "1000004-7", data, fields: fieldsOf(8) });
  expect(report.progress()).toBe(`, 30×20, ${data.length} B, latency 8 ms, dropped 3`);
  expect(report.progress()).toBe(`, 30×20, ${data.length} B, dropped 3`);
  report.add({ stream: "s", id: "1000009-0", data: Uint8Array.of(1, 2, 3) });
  expect(report.progress()).toBe(
    ", bin, 3 B, latency 1 ms, dropped 3, plus unknown around 1 unnumbered frames",
  );
  expect(report.totals()).toBe(
    ", latency 6 ms (max 10 ms), dropped 3, plus unknown around 1 unnumbered frames",
  );
});

test("reports skipped frames as unknown if no frame has a number", () => {
  const report = createImageReport(() => 5);
  report.add({ stream: "s", id: "5-0", data: new Uint8Array() });
  expect(report.totals()).toContain("dropped unknown");
});
