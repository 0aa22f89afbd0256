/** List of streams with search, filter and sort order. */
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { countText, msOfId } from "../page/format.ts";
import type { Layout } from "../page/layout.ts";
import { pageUrl } from "../page/urls.ts";
import type { ListedStream, Listing } from "./listing.ts";
import { type Column, type Sort, StreamTable } from "./stream-table.tsx";

/** Sort orders: names ascending, all others descending. */
const ORDERS: Readonly<Record<Column, (a: ListedStream, b: ListedStream) => number>> = {
  name: (a, b) => (a.key < b.key ? -1 : 1),
  rate: (a, b) => (b.rate ?? -1) - (a.rate ?? -1),
  bytes: (a, b) => (b.bytesRate ?? -1) - (a.bytesRate ?? -1),
  length: (a, b) => b.length - a.length,
  age: (a, b) => (msOfId(b.lastId) ?? 0) - (msOfId(a.lastId) ?? 0),
};

interface StreamListProps {
  readonly listing: Listing;
  readonly layout: Layout;
}

/** Renders the list. */
export function StreamList({ listing, layout }: StreamListProps) {
  const search = useSignal("");
  const device = useSignal("");
  const sort = useSignal<Sort>({ column: "name", reverse: false });
  const rows = useComputed(() => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const { column, reverse } = sort.value;
    const found = (listing.streams.value ?? []).filter(
      ({ key, device: owner }) =>
        (device.value === "" || owner === device.value) &&
        words.every((word) => key.toLowerCase().includes(word)),
    );
    const sign = reverse ? -1 : 1;
    return found.sort((a, b) => sign * (ORDERS[column](a, b) || ORDERS.name(a, b)));
  });
  const all = listing.streams.value;
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const seek = (event: KeyboardEvent) => {
      const isTyping = (event.target as HTMLElement).closest("input, select, textarea") !== null;
      if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      field.current?.focus();
    };
    document.addEventListener("keydown", seek);
    return () => document.removeEventListener("keydown", seek);
  }, []);

  return (
    <section class="list" aria-label="Streams">
      <div class="filters">
        <label>
          Search{" "}
          <input
            ref={field}
            type="search"
            placeholder="name, device …"
            title="Search streams ( / )"
            value={search.value}
            onInput={({ currentTarget }) => {
              search.value = currentTarget.value;
            }}
          />
        </label>
        <DeviceChoice listing={listing} device={device.value} choose={(id) => (device.value = id)} />
      </div>
      <p class="count" role="status">
        {all === undefined
          ? "loading …"
          : `${countText(rows.value.length)} of ${countText(all.length)} streams`}
      </p>
      {all?.length === 0 ? (
        <p class="hint">
          There are no streams yet. Push a first entry:{" "}
          <code>curl --data-binary hello {pageUrl("data/my-stream")}</code>
        </p>
      ) : (
        <StreamTable
          rows={rows.value}
          devices={new Set(listing.devices.value.filter(({ connected }) => connected).map(({ id }) => id))}
          layout={layout}
          sort={sort.value}
          sortBy={(column) => {
            sort.value = { column, reverse: sort.value.column === column && !sort.value.reverse };
          }}
        />
      )}
    </section>
  );
}

interface DeviceChoiceProps {
  readonly listing: Listing;
  readonly device: string;
  readonly choose: (id: string) => void;
}

function DeviceChoice({ listing, device, choose }: DeviceChoiceProps) {
  const ids = new Set(listing.devices.value.map(({ id }) => id));
  for (const { device: owner } of listing.streams.value ?? []) if (owner) ids.add(owner);
  if (ids.size === 0) return null;
  const connected = new Set(listing.devices.value.filter((one) => one.connected).map(({ id }) => id));
  return (
    <label>
      Device{" "}
      <select value={device} onChange={({ currentTarget }) => choose(currentTarget.value)}>
        <option value="">all</option>
        {[...ids].sort().map((id) => (
          <option key={id} value={id}>
            {connected.has(id) ? `${id} (connected)` : id}
          </option>
        ))}
      </select>
    </label>
  );
}
