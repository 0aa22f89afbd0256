/** Named layouts, stored in the browser. Each is the text of a link. */
import { type ReadonlySignal, signal } from "@preact/signals";
import { isObject } from "../../client/gateway/graphql.ts";

/** Layout with the name that the user gave it. */
export interface NamedLayout {
  readonly name: string;
  /** URL fragment without `#`. */
  readonly link: string;
}

/** Storage of the layouts. */
type Store = Pick<Storage, "getItem" | "setItem">;

const STORED = "redis-streamer.layouts";
const MAX_LAYOUTS = 50;
const MAX_NAME_CHARACTERS = 60;

/** Named layouts in the browser's storage. */
export class LayoutStore {
  readonly #store: Store;
  readonly #layouts;

  constructor(store: Store) {
    this.#store = store;
    this.#layouts = signal<readonly NamedLayout[]>(parseLayouts(store.getItem(STORED)));
  }

  /** The layouts, by name. */
  get layouts(): ReadonlySignal<readonly NamedLayout[]> {
    return this.#layouts;
  }

  /** Saves a layout. It replaces one of the same name. */
  save(name: string, link: string): void {
    const short = name.trim().slice(0, MAX_NAME_CHARACTERS);
    if (short === "") return;
    const others = this.#layouts.value.filter((one) => one.name !== short);
    this.#set([...others.slice(-MAX_LAYOUTS + 1), { name: short, link }]);
  }

  remove(name: string): void {
    this.#set(this.#layouts.value.filter((one) => one.name !== name));
  }

  #set(layouts: readonly NamedLayout[]): void {
    this.#layouts.value = [...layouts].sort((a, b) => a.name.localeCompare(b.name));
    this.#store.setItem(STORED, JSON.stringify(this.#layouts.value));
  }
}

/** Parses stored layouts. Skips those with an invalid structure. */
export function parseLayouts(text: string | null): readonly NamedLayout[] {
  try {
    const value: unknown = JSON.parse(text ?? "[]");
    if (!Array.isArray(value)) return [];
    return value.filter(isLayout).slice(0, MAX_LAYOUTS);
  } catch {
    return [];
  }
}

const isLayout = (value: unknown): value is NamedLayout & Readonly<Record<string, unknown>> =>
  isObject(value) && typeof value.name === "string" && typeof value.link === "string";
