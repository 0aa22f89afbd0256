/** Interface of a viewer. Each viewer is one folder; `viewers.ts` lists them. */
import type { ReadonlySignal } from "@preact/signals";
import type { ComponentType } from "preact";
import type { PulledEntry } from "../../client/browser.ts";
import type { IconName } from "../design/icon.tsx";
import type { Workspace } from "../workspace/workspace.ts";
import type { Content } from "./content.ts";
import type { StreamCounters } from "./image/skip-counter.ts";

/** Properties of each viewer. */
export interface ViewProps {
  /** The displayed entries, oldest first. */
  readonly entries: ReadonlySignal<readonly PulledEntry[]>;
  /** Entries after those of the shown moment, for viewers of a long range of the past. */
  readonly later: ReadonlySignal<readonly PulledEntry[]>;
  /** Key of the stream. */
  readonly name: string;
  /** The stream's metadata. */
  readonly meta: ReadonlySignal<unknown>;
  /** Counters of the stream while it is followed live; undefined otherwise. */
  readonly counted: ReadonlySignal<StreamCounters | undefined>;
  /** Whether the entries are live. */
  readonly isLive: ReadonlySignal<boolean>;
  readonly workspace: Workspace;
}

/** Viewer of one kind of content. */
export interface Viewer {
  /** Lower-case letters. It is part of links. */
  readonly id: string;
  readonly title: string;
  readonly icon: IconName;
  /** Whether it shows this content best. The first viewer of the list that matches is selected. */
  match(content: Content): boolean;
  /** Whether it shows only the newest entry, so that others need not be sent. */
  readonly latest?: boolean;
  /** Whether it shows a long range of the past, and not only some seconds. */
  readonly isLong?: boolean;
  /** Loads its component, on first use. */
  load(): Promise<ComponentType<ViewProps>>;
}
