/** Healthy client that pushes pictures: small items of the gateway's memory budget that arrive in several chunks. */
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";

/** Connection and reports of the healthy clients. */
export interface Clients {
  readonly port: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly waited: (what: string, from: number) => void;
  readonly complain: (what: string) => void;
}

/** Maximum time (ms) in which pending responses must arrive at the end. */
export const LAST_MS = 30_000;
const PICTURE_BYTES = 100_000;
const PICTURE_MS = 250;

/** Pushes pictures, each after the acknowledgement of the one before. */
export async function startPictures({ port, headers, waited, complain }: Clients) {
  const url = `ws://127.0.0.1:${port}/data/healthy-pictures/push?header=0&ack=1`;
  const socket = new WebSocket(url, { headers, perMessageDeflate: false });
  const picture = Buffer.alloc(PICTURE_BYTES, "p");
  let isStopping = false;
  /** Ends the wait for an acknowledgement. */
  let next: () => void = () => undefined;
  const isGone = () => socket.readyState !== WebSocket.OPEN;
  socket.on("message", (data) => {
    if (!/^\["\d/.test(String(data))) complain(`picture push received ${String(data).slice(0, 200)}`);
    next();
  });
  socket.on("error", (error) => complain(`picture push: ${error.message}`));
  socket.on("close", (code, reason) => {
    if (!isStopping) complain(`picture push was closed with ${code} ${reason}`);
    next();
  });
  await new Promise((resolve) => socket.once("open", resolve).once("close", resolve));
  async function run(): Promise<void> {
    while (!isStopping && !isGone()) {
      const from = performance.now();
      const answered = new Promise<void>((resolve) => {
        next = resolve;
      });
      socket.send(picture);
      await answered;
      if (!isGone()) waited("acknowledgement of a picture", from);
      await sleep(PICTURE_MS);
    }
  }
  const running = run();
  return {
    async stop() {
      isStopping = true;
      // Without `ref`, so that the timer does not keep the finished checker running.
      await Promise.race([running, sleep(LAST_MS, undefined, { ref: false })]);
      socket.terminate();
    },
  };
}
