/** Inspector of the selected stream: its facts, and its tools. */
import { useComputed } from "@preact/signals";
import { readDeclaration } from "../../src/domain/content/declaration.ts";
import { ElidedName } from "../design/elided-name.tsx";
import { Fact } from "../design/fact.tsx";
import { Icon } from "../design/icon.tsx";
import { bytesText, countText, dayAndTime, msOfId, rateText, spanText } from "../page/format.ts";
import { may } from "../shell/session.ts";
import type { ListedStream } from "../stream-list/listing.ts";
import { absenceText } from "../workspace/absence.ts";
import type { Workspace } from "../workspace/workspace.ts";
import { StreamTools } from "./stream-tools.tsx";
import "./inspector.css";

/** Renders the inspector. */
export function Inspector({ workspace }: { readonly workspace: Workspace }) {
  const { listing, layout, streamer, session } = workspace;
  const info = useComputed(() => listing.streams.value?.find(({ key }) => key === layout.selectedKey.value));
  const stream = info.value;
  const key = layout.selectedKey.value;
  const mayWrite = key !== undefined && may(session.value, "write", key);
  return (
    <section class="inspector" aria-label="Inspector">
      {key === undefined ? (
        <p class="hint center">Select a pane to see what its stream stores, its metadata and its code.</p>
      ) : (
        <>
          <h2 title={key}>
            <Icon of="activity" />
            <ElidedName name={key} />
          </h2>
          {stream === undefined ? (
            <p class="hint">{absenceText(session.value, key)}</p>
          ) : (
            <Facts stream={stream} isUtc={workspace.isUtc.value} />
          )}
          {(stream !== undefined || mayWrite) && (
            <StreamTools
              // Forms belong to their stream.
              key={key}
              name={{ device: "", stream: key }}
              sampleName={{ device: stream?.device, stream: stream?.stream ?? key }}
              streamKey={key}
              openStream={(other) => layout.openStream(other)}
              mayWrite={mayWrite}
              mayAdminister={may(session.value, "admin", key)}
              streamer={streamer}
              listing={listing}
            />
          )}
        </>
      )}
    </section>
  );
}

function Facts({ stream, isUtc }: { readonly stream: ListedStream; readonly isUtc: boolean }) {
  const { declaration } = readDeclaration(stream.meta);
  const firstMs = msOfId(stream.firstId);
  const lastMs = msOfId(stream.lastId);
  const rows: readonly (readonly [string, string | undefined])[] = [
    ["Title", declaration.title],
    ["Entries", `${countText(stream.length)} stored, ${countText(stream.added)} added`],
    ["Kept", firstMs === undefined || lastMs === undefined ? "nothing" : spanText(lastMs - firstMs)],
    ["Rate", `${rateText(stream.rate)}/s`],
    ["Bytes", stream.bytesRate === undefined ? undefined : `${bytesText(stream.bytesRate)}/s`],
    ["Last size", bytesText(stream.lastBytes)],
    ["First", firstMs === undefined ? undefined : dayAndTime(firstMs, isUtc).join(" ")],
    ["Last", lastMs === undefined ? undefined : dayAndTime(lastMs, isUtc).join(" ")],
    ["Last id", stream.lastId || undefined],
    ["Type", declaration.contentType],
    ["Schema", declaration.schema?.name],
  ];
  return (
    <>
      {declaration.description && <p>{declaration.description}</p>}
      <dl class="facts-list">
        {rows.map(([name, value]) =>
          value === undefined ? null : (
            <Fact key={name} name={name}>
              {value}
            </Fact>
          ),
        )}
      </dl>
    </>
  );
}
