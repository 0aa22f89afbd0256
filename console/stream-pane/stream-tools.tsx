/** Tools of a stream: code samples, metadata, push, download and delete. */
import { CodeLines } from "../tools/code-lines.tsx";
import { DeleteStream } from "../tools/delete-stream.tsx";
import { DownloadRange } from "../tools/download-range.tsx";
import { MetaEditor } from "../tools/meta-editor.tsx";
import { PushEntry } from "../tools/push-entry.tsx";
import type { ToolProps } from "../tools/tool-props.ts";

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
