/** First steps, shown while no pane is open. */
import { useComputed } from "@preact/signals";
import { Icon } from "../design/icon.tsx";
import { Loaded } from "../design/loaded.tsx";
import { countText } from "../page/format.ts";
import { presetsOf } from "./presets.ts";
import type { Workspace } from "./workspace.ts";
import "./empty-workspace.css";

const loadFirstStream = async () => (await import("./first-stream.tsx")).FirstStream;

/** Renders the way to a first stream, or to a first pane. */
export function EmptyWorkspace({ workspace }: { readonly workspace: Workspace }) {
  const { listing, layout } = workspace;
  const { left } = workspace.sides;
  const presets = useComputed(() => JSON.stringify(presetsOf(listing.streams.value ?? [])));
  const count = listing.streams.value?.length;
  if (count === undefined) return <p class="hint center">connecting to the gateway …</p>;
  if (count === 0) return <Loaded load={loadFirstStream} props={{ workspace }} />;
  const found: ReturnType<typeof presetsOf> = JSON.parse(presets.value);
  return (
    <div class="welcome">
      <Icon of="grid" />
      <h2>Select a stream to view its entries</h2>
      <p class="hint">
        {count === 1 ? "One stream is listed" : `${countText(count)} streams are listed`}. Several are shown
        side by side, at the same moment.
      </p>
      <div class="presets">
        {found.map(({ title, keys }) => (
          <button key={title} type="button" onClick={() => layout.openOnly(keys)}>
            <Icon of="layout" /> {title}
          </button>
        ))}
        {!left.isOpen.value && (
          <button type="button" onClick={() => left.toggle()}>
            <Icon of="panelLeft" /> All streams
          </button>
        )}
      </div>
      <p class="hint">
        <kbd>/</kbd> search, <kbd>space</kbd> pause and play, <kbd>←</kbd> <kbd>→</kbd> step, <kbd>g</kbd> go
        to a time, <kbd>l</kbd> live
      </p>
    </div>
  );
}
