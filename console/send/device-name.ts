/** Name of this device: the first part of the keys of its streams. It is stored in the browser. */
import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";

const STORED = "redis-streamer.device";
/** Maximum number of characters of a name. */
const MAX_CHARACTERS = 64;

/** Returns why a name cannot be used; undefined if it can. */
export function problemOfName(name: string): string | undefined {
  if (name === "") return "Enter a name for this device.";
  if (name.length > MAX_CHARACTERS)
    return `The name must have at most ${MAX_CHARACTERS} characters, got ${name.length}.`;
  if (name.includes(":"))
    return "The name must not contain a colon, which separates the device from the stream.";
  if (name.includes("*")) return "The name must not contain an asterisk, which makes a pattern.";
  if (/\p{Cc}/u.test(name)) return "The name must not contain control characters.";
  return undefined;
}

/** The name as it is typed, and its problem. */
export interface DeviceName {
  readonly typed: Signal<string>;
  /** Without spaces at its ends. */
  readonly name: ReadonlySignal<string>;
  readonly problem: ReadonlySignal<string | undefined>;
  /** Stores the name, if it can be used. */
  store(): void;
}

/** Reads the stored name. @param given name in the link of the page, which precedes the stored one @param fallback of a first visit */
export function readDeviceName(
  storage: Pick<Storage, "getItem" | "setItem">,
  given: string | null,
  fallback: string,
): DeviceName {
  const typed = signal(given ?? storage.getItem(STORED) ?? fallback);
  const name = computed(() => typed.value.trim());
  const problem = computed(() => problemOfName(name.value));
  return {
    typed,
    name,
    problem,
    store() {
      if (problem.value === undefined) storage.setItem(STORED, name.value);
    },
  };
}
