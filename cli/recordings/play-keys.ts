/** Keys of `play` and `record` on a terminal: space pauses, arrows seek. */
import type { Input } from "../output/io.ts";

/** Actions of the keys. */
export interface PlayKeys {
  pause(): void;
  /** @param seconds negative to go back */
  seek(seconds: number): void;
  stop(): void;
}

const SEEK_SECONDS = 10;
/** Bytes that terminals send for keys (ECMA-48, xterm). */
const LEFT = "\u001b[D";
const RIGHT = "\u001b[C";
const CTRL_C = "\u0003";

/** Reads keys, if the input is a terminal. @returns a function that stops it and restores the terminal */
export function readKeys(input: Input, keys: PlayKeys): () => void {
  if (input.isTTY !== true) return () => undefined;
  const onData = (chunk: Uint8Array) => {
    const text = Buffer.from(chunk).toString();
    if (text.includes(CTRL_C) || text === "q") keys.stop();
    else if (text === " ") keys.pause();
    else if (text === LEFT || text === RIGHT) keys.seek(text === LEFT ? -SEEK_SECONDS : SEEK_SECONDS);
  };
  input.setRawMode?.(true);
  input.on("data", onData);
  return () => {
    input.off("data", onData);
    input.setRawMode?.(false);
    input.pause();
  };
}
