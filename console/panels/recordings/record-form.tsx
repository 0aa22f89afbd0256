/** Form that starts a recording. */
import { useSignal } from "@preact/signals";
import type { Streamer } from "../../../client/browser.ts";
import { Icon } from "../../design/icon.tsx";
import { errorText } from "../../page/format.ts";

interface RecordFormProps {
  readonly streamer: Streamer;
  /** Keys of the open panes. */
  readonly openKeys: readonly string[];
  /** Called when a recording has started. */
  readonly started: () => void;
}

/** Renders the form. */
export function RecordForm({ streamer, openKeys, started }: RecordFormProps) {
  const pattern = useSignal("*");
  const source = useSignal<"open" | "pattern">("open");
  const message = useSignal("");
  const isOpenChosen = source.value === "open" && openKeys.length > 0;
  async function start(form: HTMLFormElement): Promise<void> {
    const data = new FormData(form);
    const name = String(data.get("name")).trim();
    message.value = "";
    try {
      await streamer.record(isOpenChosen ? openKeys : [pattern.value], {
        device: "",
        name: name === "" ? undefined : name,
        from: data.has("stored") ? "0" : "$",
      });
      form.reset();
      started();
    } catch (error) {
      message.value = `Not recorded: ${errorText(error)}`;
    }
  }
  return (
    <form
      class="fields"
      aria-label="New recording"
      onSubmit={(event) => {
        event.preventDefault();
        void start(event.currentTarget);
      }}
    >
      <label>
        Streams
        <select
          value={isOpenChosen ? "open" : "pattern"}
          onChange={({ currentTarget }) => {
            source.value = currentTarget.value === "open" ? "open" : "pattern";
          }}
        >
          {openKeys.length > 0 && <option value="open">Open panes ({openKeys.length})</option>}
          <option value="pattern">Pattern</option>
        </select>
      </label>
      {!isOpenChosen && (
        <label>
          Pattern
          <input
            required
            value={pattern.value}
            onInput={({ currentTarget }) => {
              pattern.value = currentTarget.value;
            }}
            spellcheck={false}
          />
        </label>
      )}
      <label>
        Name
        <input name="name" placeholder="by time" autocomplete="off" spellcheck={false} />
      </label>
      <label class="check">
        <input type="checkbox" name="stored" /> with stored entries
      </label>
      <button type="submit" class="primary">
        <Icon of="record" small /> Record
      </button>
      <p class="problem" role="status">
        {message}
      </p>
    </form>
  );
}
