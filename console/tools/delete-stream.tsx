/** Deleting a stream, which asks for its name: it cannot be taken back. */
import { useSignal } from "@preact/signals";
import { errorText } from "../format.ts";
import type { ToolProps } from "../stream-tools.tsx";

/** The form. */
export function DeleteStream({ name, streamKey, streamer, listing }: ToolProps) {
  const typed = useSignal("");
  const said = useSignal("");

  async function remove(event: Event): Promise<void> {
    event.preventDefault();
    if (typed.value !== streamKey) return;
    try {
      const wasThere = await streamer.deleteStream(name.stream, { device: name.device });
      said.value = wasThere ? "Deleted." : "There was no such stream.";
      typed.value = "";
      listing.refresh();
    } catch (error) {
      said.value = `Not deleted: ${errorText(error)}`;
    }
  }

  return (
    <form onSubmit={remove}>
      <label>
        All entries and the metadata go, for everybody. Type <code>{streamKey}</code> to delete it:{" "}
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
      <p role="status">{said}</p>
    </form>
  );
}
