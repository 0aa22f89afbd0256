/** Connections panel, for administrators of the gateway: clients and the streams that they read and write; closes connections. */
import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { ConfirmButton } from "../../design/confirm-button.tsx";
import { SearchField } from "../../design/search-field.tsx";
import { bytesText, countText, errorText, spanText } from "../../page/format.ts";
import { usePolled } from "../../page/use-polled.ts";
import {
  type Connection,
  type ConnectionList,
  closeConnection,
  matching,
  type Rates,
  ratesBetween,
  readConnections,
} from "./connections.ts";
import "./connections-panel.css";

const PERIOD_MS = 2000;
/** Maximum number of connections that are shown. */
const MAX_ROWS = 500;
/** Lag from which on a reader is highlighted, ms. */
const SLOW_MS = 1000;

/** Renders the panel. */
export function ConnectionsPanel() {
  const { value: list, problem } = usePolled(readConnections, PERIOD_MS);
  const before = useSignal<ConnectionList | undefined>(undefined);
  const rates = useSignal<ReadonlyMap<string, Rates>>(new Map());
  useSignalEffect(() => {
    const now = list.value;
    const earlier = before.peek();
    before.value = now;
    if (now !== undefined && earlier !== undefined) rates.value = ratesBetween(earlier, now);
  });
  const all = useComputed(() => list.value?.connections);
  const filter = useSignal("");
  const message = useSignal("");
  const found = useComputed(() => matching(all.value ?? [], filter.value));
  async function close({ id }: Connection): Promise<void> {
    message.value = "";
    try {
      await closeConnection(id);
      message.value = `The connection ${id} was closed. Its client may connect again.`;
    } catch (error) {
      message.value = `Not closed: ${errorText(error)}`;
    }
  }
  return (
    <>
      <p class="problem" role="status">
        {problem.value && `The connections cannot be read: ${problem.value}`}
      </p>
      <div class="below">
        <SearchField text={filter} aria-label="Filter connections" placeholder="Filter connections" />
        <p class="facts" role="status">
          {all.value && `${countText(found.value.length)} of ${countText(all.value.length)}`} {message}
        </p>
      </div>
      {all.value?.length === 0 && <p class="hint">No open connections.</p>}
      {found.value.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="List of connections">
          <table class="connections">
            <thead>
              <tr>
                <th>Kind</th>
                <th>Client</th>
                <th>Streams</th>
                <th title="Time from the last entry that was sent to the newest one">Lag</th>
                <th class="unsent" title="Bytes that the client has not read">
                  Unsent
                </th>
                <th class="rate">Received</th>
                <th class="rate">Sent</th>
                <th class="age">Age</th>
                <th>
                  <span class="unseen">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {found.value.slice(0, MAX_ROWS).map((connection) => (
                <Row
                  key={connection.id}
                  connection={connection}
                  rates={rates.value.get(connection.id)}
                  close={() => void close(connection)}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {found.value.length > MAX_ROWS && <p class="hint">The first {countText(MAX_ROWS)} are shown.</p>}
    </>
  );
}

interface RowProps {
  readonly connection: Connection;
  /** Undefined until it is known. */
  readonly rates: Rates | undefined;
  readonly close: () => void;
}

function Row({ connection, rates, close }: RowProps) {
  const { kind, identity, address, streams, streamCount, sinceMs, unsentBytes, lagMs } = connection;
  return (
    <tr>
      <td>{kind}</td>
      <td>
        {identity} <small>{address}</small>
      </td>
      <td title={streams.join("\n")}>
        {streams.slice(0, 2).join(", ")}
        {streamCount > 2 && ` and ${countText(streamCount - 2)} more`}
      </td>
      <td class={lagMs !== undefined && lagMs >= SLOW_MS ? "slow" : ""}>{lagText(lagMs)}</td>
      <td class={unsentBytes > 0 ? "unsent slow" : "unsent"}>
        {unsentBytes > 0 ? bytesText(unsentBytes) : "–"}
      </td>
      <td class="rate">{rateText(rates?.received)}</td>
      <td class="rate">{rateText(rates?.sent)}</td>
      <td class="age">{spanText(Date.now() - sinceMs)}</td>
      <td>
        <ConfirmButton text="Close" confirmText="Close now" action={close} />
      </td>
    </tr>
  );
}

const lagText = (ms: number | undefined): string =>
  ms === undefined ? "–" : ms < SLOW_MS ? `${ms} ms` : spanText(ms);
const rateText = (perSecond: number | undefined): string =>
  perSecond === undefined ? "…" : `${bytesText(perSecond)}/s`;
