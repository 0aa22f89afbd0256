/** One entry typed and pushed. */
import { useSignal } from "@preact/signals";
import { errorText } from "../format.ts";
import type { ToolProps } from "../stream-tools.tsx";

/** How long an entry may wait for a gateway that is away, ms: who pushes by hand wants to know. */
const PUSH_MS = 5000;

/** The form. */
export function PushEntry({ name, streamer }: ToolProps) {
  const typed = useSignal("");
  const said = useSignal("");

  async function send(event: Event): Promise<void> {
    event.preventDefault();
    const push = streamer.push(name.stream, { device: name.device, signal: AbortSignal.timeout(PUSH_MS) });
    try {
      said.value = `Stored as ${await push.send(typed.value)}.`;
    } catch (error) {
      said.value = `Not stored: ${errorText(error)}`;
    }
    await push.close();
  }

  return (
    <form onSubmit={send}>
      <textarea
        aria-label="Payload, as text"
        rows={3}
        value={typed.value}
        onInput={({ currentTarget }) => {
          typed.value = currentTarget.value;
        }}
      />
      <button type="submit">Push</button>
      <p role="status">{said}</p>
    </form>
  );
}
