/** Tools of a stream: code samples, metadata, push, download and delete. */

import type { Streamer } from "../client/browser.ts";
import type { StreamName } from "./feed.ts";
import type { Listing } from "./listing.ts";
import { CodeLines } from "./tools/code-lines.tsx";
import { DeleteStream } from "./tools/delete-stream.tsx";
import { DownloadRange } from "./tools/download-range.tsx";
import { MetaEditor } from "./tools/meta-editor.tsx";
import { PushEntry } from "./tools/push-entry.tsx";

/** Properties of each tool. */
export interface ToolProps {
  readonly name: StreamName;
  readonly streamKey: string;
  readonly streamer: Streamer;
  readonly listing: Listing;
}

/** Renders the tools, collapsed. */
export function StreamTools(props: ToolProps) {
  return (
    <div class="tools">
      <details>
        <summary>Code</summary>
        <CodeLines {...props} />
      </details>
      <details>
        <summary>Metadata</summary>
        <MetaEditor {...props} />
      </details>
      <details>
        <summary>Push an entry</summary>
        <PushEntry {...props} />
      </details>
      <details>
        <summary>Download</summary>
        <DownloadRange {...props} />
      </details>
      <details>
        <summary>Delete</summary>
        <DeleteStream {...props} />
      </details>
    </div>
  );
}
