/** Commands that play a recording through another gateway. */
import type { RecordingInfo } from "../../../client/browser.ts";
import { CopyButton } from "../../design/copy-button.tsx";
import { gatewayUrl } from "../../page/urls.ts";
import { playLines } from "./play-lines.ts";

/** Renders the commands. */
export function PlayElsewhere({ recording }: { readonly recording: RecordingInfo }) {
  const text = playLines(recording, gatewayUrl().replace(/\/$/, "")).join("\n");
  return (
    <details>
      <summary>Play in a terminal</summary>
      <p class="hint">
        Downloads the files and stores their entries, at their pace. With another <code>--url</code>, it plays
        into another gateway.
      </p>
      <pre class="code-block">{text}</pre>
      <div class="actions">
        <CopyButton text={() => text} />
      </div>
    </details>
  );
}
