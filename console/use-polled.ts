/** Something asked for again and again while it is shown. */
import { type ReadonlySignal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { sleep } from "../src/domain/sleep.ts";
import { errorText } from "./format.ts";

/** What was answered last, and what is wrong now; empty where nothing is. */
export interface Polled<T> {
  readonly value: ReadonlySignal<T | undefined>;
  readonly problem: ReadonlySignal<string>;
}

/** Asks at once, and then so many ms after each answer. @param ask the same function each time, or it begins anew */
export function usePolled<T>(ask: (signal: AbortSignal) => Promise<T>, periodMs: number): Polled<T> {
  const value = useSignal<T | undefined>(undefined);
  const problem = useSignal("");
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const run = async () => {
      while (!signal.aborted) {
        try {
          value.value = await ask(signal);
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
  }, [ask, periodMs]);
  return { value, problem };
}
