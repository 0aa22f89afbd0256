/** Load of many streams, each with a low rate and one reader of its own. */
import { setTimeout as sleep } from "node:timers/promises";
import { openMany } from "./clients/websocket.ts";
import { openReader } from "./clients/websocket-reader.ts";
import { openDevice, sensorStream } from "./device.ts";
import { drained } from "./drain.ts";
import { sendAtRate } from "./fixed-rate.ts";
import { type Busy, type Pids, watchBusy } from "./measurement/busy.ts";
import { type Spread, spreadOf } from "./measurement/rounds.ts";
import { createSamples } from "./measurement/statistics.ts";

/** Options of the load. */
export interface ManyStreamsLoad {
  readonly port: number;
  readonly devices: number;
  /** Streams of each device; a batch of the device has one entry for each. */
  readonly sensors: number;
  readonly entriesPerSecond: number;
  readonly entryBytes: number;
  /** Number of windows of one continuous run; each has its own p99. */
  readonly windows: number;
  readonly windowSeconds: number;
  readonly pids: Pids;
}

/** Result of the load. */
export interface ManyStreamsResult {
  readonly sent: number;
  readonly delivered: number;
  /** p99 from push to pull in the windows, ms. */
  readonly p99: Spread;
  readonly busy: Busy;
}

const START_SECONDS = 2;
const ENOUGH_SAMPLES = 2 ** 21;

/** Opens all connections, sends for a warm-up that is not measured and `windows * windowSeconds`, and closes them. */
export async function manyStreams(load: ManyStreamsLoad): Promise<ManyStreamsResult> {
  const { port, devices: deviceCount, sensors } = load;
  const latencies = createSamples(ENOUGH_SAMPLES);
  const readers = await openMany(deviceCount * sensors, (i) => {
    const deviceId = `device-${Math.floor(i / sensors)}`;
    const path = `/data/${sensorStream(i % sensors)}/pull?header=0&device_id=${deviceId}`;
    return openReader({ port, path }, latencies);
  });
  const devices = await openMany(deviceCount, (i) =>
    openDevice(port, `device-${i}`, sensors, load.entryBytes),
  );
  try {
    await sleep(500);
    const batchesPerSecond = deviceCount * load.entriesPerSecond;
    const push = (seconds: number) =>
      sendAtRate(batchesPerSecond, batchesPerSecond * seconds, (i) => devices[i % deviceCount]?.push());
    await push(START_SECONDS);
    const busy = watchBusy(load.pids);
    const p99: number[] = [];
    const marks = [latencies.count];
    for (let window = 0; window < load.windows; window++) {
      await push(load.windowSeconds);
      marks.push(latencies.count);
    }
    const shares = busy();
    for (let window = 0; window < load.windows; window++)
      p99.push(latencies.percentile(0.99, marks[window], marks[window + 1]));
    const sent = devices.reduce((sum, device) => sum + device.batches, 0) * sensors;
    const delivered = () => readers.reduce((sum, reader) => sum + reader.entries, 0);
    await drained(
      () => {
        for (const one of [...readers, ...devices]) one.check();
        return delivered() === sent;
      },
      () => `${delivered()} of ${sent} entries are delivered`,
    );
    return { sent, delivered: delivered(), p99: spreadOf(p99), busy: shares };
  } finally {
    for (const one of [...readers, ...devices]) one.close();
  }
}
