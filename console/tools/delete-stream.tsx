/** Deletes a stream. The user must type its name, because deletion cannot be undone. */
import { useSignal } from "@preact/signals";
import { errorText } from "../page/format.ts";
import type { ToolProps } from "./tool-props.ts";

/** Renders the form. */
export function DeleteStream({ name, streamKey, streamer, listing }: ToolProps) {
  const typed = useSignal("");
  const message = useSignal("");

  async function remove(event: Event): Promise<void> {
    event.preventDefault();
    if (typed.value !== streamKey) return;
    try {
      const existed = await streamer.deleteStream(name.stream, { device: name.device });
      message.value = existed ? "Deleted." : "The stream does not exist.";
      typed.value = "";
      listing.refresh();
    } catch (error) {
      message.value = `Not deleted: ${errorText(error)}`;
    }
  }

  return (
    <form onSubmit={remove}>
      <label>
        Deletes all entries and the metadata, for all users. Type <code>{streamKey}</code> to delete it:{" "}
        <input
          value={typed.value}
          autocomplete="off"
          onInput={({ currentTarget }) => {
            typed.value = currentTarget.value;
          }}
        />
      </label>{" "}
      <button type="submit" class="danger" disabled={typed.value !== streamKey}>
        Delete
      </button>
      <p role="status">{message}</p>
    </form>
  );
}
