/** Pushes the streams of the demo rover to a gateway. */
import { type Push, type Streamer, StreamerError } from "../../client/index.ts";
import { DEMO_METAS, DEMO_STREAMS, type DemoStream, playRover } from "../../src/demo/demo-entries.ts";

/** Options of a device. */
export interface DemoOptions {
  readonly device: string;
  /** Point of its round at which it starts. @default 0 */
  readonly fromSeconds?: number;
  /** Called with each error that is not the end of the device. */
  readonly onError: (error: unknown) => void;
}

/** Starts a device. @returns a function that stops it */
export function startDemoDevice(
  streamer: Streamer,
  { device, fromSeconds, onError }: DemoOptions,
): () => Promise<void> {
  const pushes = new Map<DemoStream, Push>(
    DEMO_STREAMS.map((name) => [name, streamer.push(name, { device })]),
  );
  // A lost acknowledgement does not matter here: the next entry follows.
  const failed = (error: unknown) => {
    if (!(error instanceof StreamerError && error.code === "APPEND_UNKNOWN")) onError(error);
  };
  const described = describeStreams(streamer, device).catch(failed);
  const stop = playRover((entries) => {
    for (const [name, data] of entries) pushes.get(name)?.send(data).catch(failed);
  }, fromSeconds);
  return async () => {
    stop();
    await described;
    await Promise.all([...pushes.values()].map((push) => push.close()));
  };
}

/** Stores the metadata that viewers use. */
async function describeStreams(streamer: Streamer, device: string): Promise<void> {
  for (const [stream, meta] of DEMO_METAS) await streamer.setMeta(stream, meta, { device });
}
