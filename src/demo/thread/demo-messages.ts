/** Messages between the event loop and the thread that plays demo devices. */
import type { DemoEntry } from "../demo-entries.ts";

/** Starts or stops the rover. Starting it again begins another round. */
export type ToDemoThread = "start" | "stop";

/** Readings of one moment. */
export type FromDemoThread = readonly DemoEntry[];
