/** Default metrics of the process and of Node, from the library, without waiting for the file system. */
import { readdir } from "node:fs/promises";
import { collectDefaultMetrics, Gauge, type Registry } from "prom-client";

const OPEN_FILES = "process_open_fds";

/** Adds the metrics to a registry. */
export function addProcessMetrics(register: Registry): void {
  collectDefaultMetrics({ register });
  // The library's own metric lists the files synchronously, which may take longer than a turn of the event loop.
  if (register.getSingleMetric(OPEN_FILES) === undefined) return;
  register.removeSingleMetric(OPEN_FILES);
  new Gauge({
    name: OPEN_FILES,
    help: "Number of open file descriptors.",
    registers: [register],
    async collect() {
      // Without the descriptor that lists them. A process without free descriptors keeps its last value.
      const files = await readdir("/proc/self/fd").catch(() => undefined);
      if (files !== undefined) this.set(files.length - 1);
    },
  });
}
