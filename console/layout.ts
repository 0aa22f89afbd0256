/**
 * Which streams are open, with which viewers: kept in the address behind `#`, so that it survives a reload and can be
 * sent to somebody. `#open=rover:camera&view=image&open=rover:imu&view=auto`, in order.
 */
import { type ReadonlySignal, signal } from "@preact/signals";

/** The viewers by name; `auto` is what fits the content. */
export const VIEWS = ["auto", "image", "plot", "audio", "text", "msgpack", "hex"] as const;

/** A viewer's name. */
export type View = (typeof VIEWS)[number];

/** One open stream. */
export interface Pane {
  /** The stream's key. */
  readonly key: string;
  readonly view: View;
}

/** What is open. */
export interface Layout {
  readonly panes: ReadonlySignal<readonly Pane[]>;
  open(key: string): void;
  close(key: string): void;
  setView(key: string, view: View): void;
  stop(): void;
}

/** Reads panes out of the part behind `#`. What is no viewer is `auto`; a stream is open once. */
export function parsePanes(hash: string): readonly Pane[] {
  const panes = new Map<string, View>();
  let key: string | undefined;
  for (const [name, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (name === "open" && value !== "") {
      key = value;
      panes.set(key, "auto");
    } else if (name === "view" && key !== undefined) {
      panes.set(key, VIEWS.find((view) => view === value) ?? "auto");
    }
  }
  return [...panes].map(([open, view]) => ({ key: open, view }));
}

/** Writes panes. */
export const formatPanes = (panes: readonly Pane[]): string =>
  new URLSearchParams(
    panes.flatMap(({ key, view }) => [
      ["open", key],
      ["view", view],
    ]),
  ).toString();

/** Follows the address, and changes it. */
export function followAddress(): Layout {
  const panes = signal(parsePanes(location.hash));
  const follow = () => {
    panes.value = parsePanes(location.hash);
  };
  addEventListener("hashchange", follow);
  const set = (changed: readonly Pane[]) => {
    panes.value = changed;
    history.replaceState(null, "", changed.length === 0 ? location.pathname : `#${formatPanes(changed)}`);
  };
  return {
    panes,
    open(key) {
      if (!panes.value.some((pane) => pane.key === key)) set([...panes.value, { key, view: "auto" }]);
    },
    close: (key) => set(panes.value.filter((pane) => pane.key !== key)),
    setView: (key, view) => set(panes.value.map((pane) => (pane.key === key ? { key, view } : pane))),
    stop: () => removeEventListener("hashchange", follow),
  };
}
