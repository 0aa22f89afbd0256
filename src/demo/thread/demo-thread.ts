/** Script of the thread that plays the demo rover: drawing its pictures would hold up the clients of the event loop. */
import { parentPort } from "node:worker_threads";
import { playRover } from "../demo-entries.ts";
import type { FromDemoThread, ToDemoThread } from "./demo-messages.ts";

const port = parentPort;
if (port === null) throw new Error("demo-thread.ts must run in a worker thread");

let stop: () => void = () => undefined;

port.on("message", (message: ToDemoThread) => {
  stop();
  if (message === "start") stop = playRover((entries: FromDemoThread) => port.postMessage(entries));
});
