/** Pushes one typed entry. */
import { useSignal } from "@preact/signals";
import { errorText } from "../page/format.ts";
import type { ToolProps } from "./tool-props.ts";

/** Timeout of the push if the gateway is unavailable, ms. */
const PUSH_MS = 5000;

/** Renders the form. */
export function PushEntry({ name, streamer }: ToolProps) {
  const typed = useSignal("");
  const message = useSignal("");

  async function send(event: Event): Promise<void> {
    event.preventDefault();
    const push = streamer.push(name.stream, { device: name.device, signal: AbortSignal.timeout(PUSH_MS) });
    try {
      message.value = `Stored as ${await push.send(typed.value)}.`;
    } catch (error) {
      message.value = `Not stored: ${errorText(error)}`;
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
      <p role="status">{message}</p>
    </form>
  );
}
