/** Menu that adds further streams to a plot, and removes them. */
import { useSignal } from "@preact/signals";
import { Menu } from "../../design/menu.tsx";
import { SearchField } from "../../design/search-field.tsx";
import { foundStreams } from "../../stream-list/tree-rows.ts";
import type { Workspace } from "../../workspace/workspace.ts";
import type { Plot } from "./use-plot.ts";

/** Maximum number of streams in the menu. */
const MAX_LISTED = 20;

interface StreamPickerProps {
  /** Key of the pane's own stream. */
  readonly name: string;
  readonly plot: Plot;
  readonly listing: Workspace["listing"];
}

/** Renders the menu. Streams of the same device are listed first. */
export function StreamPicker({ name, plot, listing }: StreamPickerProps) {
  const search = useSignal("");
  const plotted = new Set(plot.streams.value.map(({ key }) => key));
  return (
    <Menu label="Streams of the plot" icon="plot" text="Add a stream" side="up start">
      {() => {
        const all = listing.streams.value ?? [];
        const device = all.find(({ key }) => key === name)?.device;
        const rank = (key: string, own: boolean) => (plotted.has(key) ? 0 : own ? 1 : 2);
        const found = foundStreams(all, search.value)
          .filter(({ key }) => key !== name)
          .sort((a, b) => rank(a.key, a.device === device) - rank(b.key, b.device === device));
        return (
          <>
            <SearchField text={search} aria-label="Search streams to plot" placeholder="Search streams" />
            {found.slice(0, MAX_LISTED).map(({ key }) => (
              <label key={key}>
                <input type="checkbox" checked={plotted.has(key)} onChange={() => plot.toggleStream(key)} />
                {key}
              </label>
            ))}
            {found.length > MAX_LISTED && <p class="hint">{found.length - MAX_LISTED} more: search</p>}
            {found.length === 0 && <p class="hint">No other stream.</p>}
          </>
        );
      }}
    </Menu>
  );
}
