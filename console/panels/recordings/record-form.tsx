/** Form that starts a recording. */
import { useSignal } from "@preact/signals";
import { Icon } from "../../design/icon.tsx";
import { errorText, msOfId, timeText } from "../../page/format.ts";
import type { Workspace } from "../../workspace/workspace.ts";
import { type Beginning, beginnings, cursorOf } from "./beginning.ts";

interface RecordFormProps {
  readonly workspace: Workspace;
  /** Keys of the streams that the open panes show. */
  readonly openKeys: readonly string[];
  /** Called when a recording has started. */
  readonly started: () => void;
}

const BEGINNINGS: Readonly<Record<Exclude<Beginning, "moment">, string>> = {
  now: "now",
  stored: "at the oldest stored entry",
};

/** Renders the form. */
export function RecordForm({ workspace, openKeys, started }: RecordFormProps) {
  const { streamer, clock, isUtc } = workspace;
  const { position } = clock;
  const offered = beginnings(position);
  const pattern = useSignal("*");
  const source = useSignal<"open" | "pattern">("open");
  const chosen = useSignal<Beginning | undefined>(undefined);
  const message = useSignal("");
  const beginning = offered.find((one) => one === chosen.value) ?? offered[0] ?? "now";
  const isOpenChosen = source.value === "open" && openKeys.length > 0;
  async function start(form: HTMLFormElement): Promise<void> {
    const data = new FormData(form);
    const name = String(data.get("name")).trim();
    message.value = "";
    try {
      await streamer.record(isOpenChosen ? openKeys : [pattern.value], {
        device: "",
        name: name === "" ? undefined : name,
        from: cursorOf(beginning, position),
      });
      form.reset();
      chosen.value = undefined;
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
          title={isOpenChosen ? openKeys.join("\n") : undefined}
          value={isOpenChosen ? "open" : "pattern"}
          onChange={({ currentTarget }) => {
            source.value = currentTarget.value === "open" ? "open" : "pattern";
          }}
        >
          {openKeys.length > 0 && <option value="open">Those of the open panes ({openKeys.length})</option>}
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
      <label>
        Begin
        <select
          value={beginning}
          onChange={({ currentTarget }) => {
            chosen.value = offered.find((one) => one === currentTarget.value);
          }}
        >
          {offered.map((one) => (
            <option key={one} value={one}>
              {one === "moment"
                ? `at the shown moment, ${timeText(msOfId(position ?? "") ?? 0, isUtc.value)}`
                : BEGINNINGS[one]}
            </option>
          ))}
        </select>
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
