/** Editor for a stream's metadata as JSON. */
import { useComputed, useSignal } from "@preact/signals";
import { errorText } from "../page/format.ts";
import type { ToolProps } from "./tool-props.ts";

/** Renders the editor. Changes by others do not overwrite what the user typed. */
export function MetaEditor({ name, streamKey, streamer, listing }: ToolProps) {
  const stored = useComputed(() => {
    const meta = listing.streams.value?.find(({ key }) => key === streamKey)?.meta;
    return JSON.stringify(meta ?? {}, null, 2);
  });
  const typed = useSignal<string | undefined>(undefined);
  const message = useSignal("");

  async function save(event: Event): Promise<void> {
    event.preventDefault();
    try {
      const meta: unknown = JSON.parse(typed.value ?? stored.value);
      await streamer.setMeta(name.stream, meta, { device: name.device });
      typed.value = undefined;
      message.value = "Saved.";
      listing.refresh();
    } catch (error) {
      message.value = `Not saved: ${errorText(error)}`;
    }
  }

  return (
    <form onSubmit={save}>
      <textarea
        aria-label="Metadata, as JSON"
        rows={6}
        spellcheck={false}
        value={typed.value ?? stored.value}
        onInput={({ currentTarget }) => {
          typed.value = currentTarget.value;
        }}
      />
      <button type="submit" disabled={typed.value === undefined}>
        Save
      </button>{" "}
      <button type="button" disabled={typed.value === undefined} onClick={() => (typed.value = undefined)}>
        Discard changes
      </button>
      <p role="status">{message}</p>
    </form>
  );
}
