/** Script of the thread that plays the demo rover: drawing its pictures would hold up the clients of the event loop. */
import { parentPort } from "node:worker_threads";
import { entriesOf, TICK_MS } from "../demo-entries.ts";
import { type Motion, motionAt } from "../rover.ts";
import type { FromDemoThread, ToDemoThread } from "./demo-messages.ts";

const port = parentPort;
if (port === null) throw new Error("demo-thread.ts must run in a worker thread");

let timer: NodeJS.Timeout | undefined;

function start(): void {
  const startMs = performance.now();
  let tick = 0;
  let before: Motion | undefined;
  timer = setInterval(() => {
    const motion = motionAt((performance.now() - startMs) / 1000);
    port?.postMessage(entriesOf(motion, tick++, before) satisfies FromDemoThread);
    before = motion;
  }, TICK_MS);
}

port.on("message", (message: ToDemoThread) => {
  clearInterval(timer);
  if (message === "start") start();
});
