import { expect, test } from "vitest";
import { createMeter } from "../../../cli/loops/meter.ts";

test("progress has the rate of the last seconds, totals the rate of the run", () => {
  let ms = 0;
  const meter = createMeter(() => ms);
  for (let second = 0; second < 10; second++) {
    for (let n = 0; n < 100; n++) meter.add(1_000_000);
    ms += 1000;
    meter.progress();
  }
  for (let second = 0; second < 5; second++) {
    meter.add(1_000_000);
    ms += 1000;
    meter.progress();
  }
  ms += 1000;
  expect(meter.progress()).toBe("1,005 messages, 0.8/s, 0.8 MB/s");
  expect(meter.totals()).toBe("1,005 messages, 1.0 GB in 16.0 s (62.8/s, 62.8 MB/s)");
  expect(meter.messages).toBe(1005);
  expect(meter.bytes).toBe(1_005_000_000);
});

test("reports zero without messages", () => {
  const meter = createMeter(() => 5);
  expect(meter.progress()).toBe("0 messages, 0.0/s, 0.000 MB/s");
  expect(meter.totals()).toBe("0 messages, 0 B in 0 ms (0.0/s, 0.000 MB/s)");
});
