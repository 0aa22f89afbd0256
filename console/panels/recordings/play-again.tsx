/** Commands that play a recording again, and its streams while it is played. */
import { useComputed, useSignal } from "@preact/signals";
import type { RecordingInfo } from "../../../client/browser.ts";
import { Icon } from "../../design/icon.tsx";
import { gatewayUrl } from "../../page/urls.ts";
import type { Workspace } from "../../workspace/workspace.ts";
import { playDevice, playLines } from "./play-lines.ts";

interface PlayAgainProps {
  readonly recording: RecordingInfo;
  readonly workspace: Workspace;
  /** Most panes to open. */
  readonly maxPanes: number;
}

/** Renders the commands, and a button that opens the streams which they store. */
export function PlayAgain({ recording, workspace: { listing, layout, clock }, maxPanes }: PlayAgainProps) {
  const message = useSignal("");
  const device = playDevice(recording);
  const keys = useComputed(() =>
    (listing.streams.value ?? []).filter((stream) => stream.device === device).map(({ key }) => key),
  );
  const text = playLines(recording, gatewayUrl().replace(/\/$/, "")).join("\n");
  return (
    <details>
      <summary>Play again</summary>
      <p class="hint">
        In a terminal. The entries are stored again, at their pace, as streams of the device{" "}
        <code>{device}</code>.
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
        {keys.value.length > 0 && (
          <button
            type="button"
            onClick={() => {
              layout.openOnly(keys.value.slice(0, maxPanes), layout.panels.peek());
              clock.live();
            }}
          >
            <Icon of="play" small /> Show the streams of {device}
          </button>
        )}
      </div>
      <p role="status">{message}</p>
    </details>
  );
}
