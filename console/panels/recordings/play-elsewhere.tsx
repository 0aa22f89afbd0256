/** Commands that play a recording through another gateway. */
import { useSignal } from "@preact/signals";
import type { RecordingInfo } from "../../../client/browser.ts";
import { gatewayUrl } from "../../page/urls.ts";
import { playLines } from "./play-lines.ts";

/** Renders the commands. */
export function PlayElsewhere({ recording }: { readonly recording: RecordingInfo }) {
  const message = useSignal("");
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
        <button
          type="button"
          onClick={() =>
            navigator.clipboard.writeText(text).then(
              () => (message.value = "Copied."),
              () => (message.value = "The browser does not permit copying. Select the text instead."),
            )
          }
        >
          Copy
        </button>
      </div>
      <p role="status">{message}</p>
    </details>
  );
}
