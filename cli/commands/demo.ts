/** `demo`: plays a device until it is stopped, so that there is something to look at. */
import type { CommandRow } from "../command.ts";
import { openStreamer } from "../connection.ts";
import { startDemoDevice } from "../demo/demo-device.ts";
import type { ConnectionFlags } from "../options.ts";

interface Flags extends ConnectionFlags {
  readonly device: string;
}

/** The command. */
export const demo: CommandRow = {
  name: "demo",
  group: "Samples",
  summary: "play a rover: camera, boxes, IMU, microphone, GPS, state, log",
  details: "The rover drives in a circle, and tips over once in 40 s. It sends until Ctrl-C.",
  options: [{ flags: "--device <id>", doc: "device id of the rover", fallback: "rover" }],
  async run(io, _args, flags: Flags) {
    const { device, url } = flags;
    const { signal, terminal } = io;
    const streamer = openStreamer(flags);
    // Reports a gateway that is not there or rejects the client, before anything is started.
    await streamer.server({ signal });
    terminal.note(`device ${JSON.stringify(device)} is sending to ${url}; Ctrl-C ends it`);
    let stop = async () => {};
    // Until Ctrl-C, or an error that a retry cannot fix.
    const failure = await new Promise<{ readonly error: unknown } | undefined>((resolve) => {
      stop = startDemoDevice(streamer, { device, onError: (error) => resolve({ error }) });
      signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
    await stop();
    if (failure !== undefined) throw failure.error;
  },
};
