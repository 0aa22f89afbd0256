/** List of devices and streams with search and sort order. */
import { type Signal, useComputed, useSignal } from "@preact/signals";
import { SearchField } from "../design/search-field.tsx";
import { countText } from "../page/format.ts";
import { isAuthenticated } from "../shell/session.ts";
import { demoOffer } from "../workspace/demo.ts";
import type { Workspace } from "../workspace/workspace.ts";
import { StreamTree } from "./stream-tree.tsx";
import { foundStreams, ORDERS, type Order, treeRows } from "./tree-rows.ts";
import { ViewersMenu } from "./viewers-menu.tsx";
import "./stream-list.css";

const ORDER_TITLES: Readonly<Record<Order, string>> = {
  name: "name",
  rate: "entries/s",
  bytes: "bytes/s",
  length: "entries",
  age: "last entry",
};

interface StreamListProps {
  readonly workspace: Workspace;
  /** Called after a stream was opened. */
  readonly opened: () => void;
}

/** Renders the list. */
export function StreamList({ workspace: { listing, layout, session, demo }, opened }: StreamListProps) {
  const search = useSignal("");
  const order = useSignal<Order>("name");
  const folded = useSignal<ReadonlySet<string>>(new Set());
  const found = useComputed(() => foundStreams(listing.streams.value ?? [], search.value));
  const rows = useComputed(() =>
    treeRows(found.value, { search: search.value, order: order.value, folded: folded.value }),
  );
  const all = listing.streams.value;
  const offer = demoOffer(demo.state.value, session.value, all ?? []);
  const demoProblem = useSignal("");
  return (
    <section class="list" aria-label="Stream list">
      <div class="list-head">
        <SearchField
          text={search}
          id="search"
          aria-label="Search"
          placeholder="Search streams and devices"
          title="Search streams ( / )"
        />
        <div class="hint counts">
          <span role="status">
            {all === undefined
              ? "loading …"
              : `${countText(found.value.length)} of ${countText(all.length)} streams`}
          </span>
          <OrderChoice order={order} />
          <ViewersMenu hasLogin={isAuthenticated(session.value)} />
        </div>
      </div>
      {demoProblem.value !== "" && (
        <p class="problem" role="status">
          {demoProblem.value}
        </p>
      )}
      <StreamTree
        rows={rows.value}
        connected={new Set(listing.devices.value.filter(({ connected }) => connected).map(({ id }) => id))}
        open={new Set(layout.panes.value.map(({ key }) => key))}
        selectedKey={layout.selectedKey.value}
        isCurrent={listing.problem.value === undefined}
        resetOn={order.value}
        demo={offer}
        changeDemo={({ action }) => {
          demoProblem.value = "";
          demo[action]().catch((error: Error) => {
            const done = action === "stop" ? "stopped" : "started";
            demoProblem.value = `The demo device was not ${done}: ${error.message}`;
          });
        }}
        openStream={(key) => {
          layout.openStream(key);
          opened();
        }}
        fold={(device, isOpen) => {
          const next = new Set(folded.value);
          if (isOpen) next.delete(device);
          else next.add(device);
          folded.value = next;
        }}
      />
    </section>
  );
}

function OrderChoice({ order }: { readonly order: Signal<Order> }) {
  return (
    <label>
      by{" "}
      <select
        class="quiet"
        aria-label="Sort by"
        value={order.value}
        onChange={({ currentTarget }) => {
          order.value = ORDERS.find((one) => one === currentTarget.value) ?? "name";
        }}
      >
        {ORDERS.map((one) => (
          <option key={one} value={one}>
            {ORDER_TITLES[one]}
          </option>
        ))}
      </select>
    </label>
  );
}
