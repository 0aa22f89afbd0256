/** Hook that polls a value while its component is mounted. */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { sleep } from "../../src/domain/scheduling/sleep.ts";
import { errorText } from "./format.ts";

/** The last value, and the message of the current problem; empty if there is none. */
export interface Polled<T> {
  readonly value: ReadonlySignal<T | undefined>;
  readonly problem: ReadonlySignal<string>;
}

/** Polls at once, and `periodMs` after each response. @param request a stable function; a new one restarts the polling */
export function usePolled<T>(request: (signal: AbortSignal) => Promise<T>, periodMs: number): Polled<T> {
  const value = useSignal<T | undefined>(undefined);
  const problem = useSignal("");
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const run = async () => {
      while (!signal.aborted) {
        try {
          value.value = await request(signal);
          problem.value = "";
        } catch (error) {
          if (signal.aborted) return;
          problem.value = errorText(error);
        }
        await sleep(periodMs, signal).catch(() => undefined);
      }
    };
    void run();
    return () => controller.abort();
  }, [request, periodMs]);
  return { value, problem };
}
