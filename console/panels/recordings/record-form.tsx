/** Form that starts a recording. */
import { useComputed, useSignal } from "@preact/signals";
import { Icon } from "../../design/icon.tsx";
import { errorText, msOfId, timeText } from "../../page/format.ts";
import { useScrolledIntoView } from "../../page/use-scrolled-into-view.ts";
import { byDevice } from "../../stream-list/by-device.ts";
import type { Workspace } from "../../workspace/workspace.ts";
import { type Beginning, beginnings, cursorOf } from "./beginning.ts";
import { deviceOption, OPEN, PATTERN, recordedStreams, sourceOf } from "./source.ts";

interface RecordFormProps {
  readonly workspace: Workspace;
  /** Keys of the streams that the open panes show. */
  readonly openKeys: readonly string[];
  /** Called with the name of a recording that has started. */
  readonly started: (name: string) => void;
}

const BEGINNINGS: Readonly<Record<Exclude<Beginning, "moment">, string>> = {
  now: "now",
  stored: "at the oldest stored entry",
};

/** Renders the form. */
export function RecordForm({ workspace, openKeys, started }: RecordFormProps) {
  const { streamer, clock, isUtc, listing } = workspace;
  const { position } = clock;
  const offered = beginnings(position);
  const pattern = useSignal("*");
  const devices = useComputed(() => [...byDevice(listing.streams.value ?? []).keys()].filter(Boolean));
  const chosenSource = useSignal<string | undefined>(undefined);
  const chosen = useSignal<Beginning | undefined>(undefined);
  const message = useSignal("");
  const beginning = offered.find((one) => one === chosen.value) ?? offered[0] ?? "now";
  const source = sourceOf(chosenSource.value, openKeys, devices.value);
  async function start(form: HTMLFormElement): Promise<void> {
    const data = new FormData(form);
    const name = String(data.get("name")).trim();
    message.value = "";
    try {
      const { streams, device } = recordedStreams(source, openKeys, pattern.value);
      const recording = await streamer.record(streams, {
        device,
        name: name === "" ? undefined : name,
        from: cursorOf(beginning, position),
      });
      form.reset();
      chosen.value = undefined;
      started(recording.name);
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
      <SourceSelect
        source={source}
        openKeys={openKeys}
        devices={devices.value}
        choose={(value) => {
          chosenSource.value = value;
        }}
      />
      {source === PATTERN && (
        <label>
          Pattern
          <input
            required
            value={pattern.value}
            onInput={({ currentTarget }) => {
              pattern.value = currentTarget.value;
            }}
            placeholder="device:stream, such as rover:*"
            title="Keys of streams, device:stream; * matches any characters, such as rover:*"
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
      <Problem text={message.value} />
    </form>
  );
}

interface SourceSelectProps {
  readonly source: string;
  readonly openKeys: readonly string[];
  readonly devices: readonly string[];
  readonly choose: (source: string) => void;
}

/** Selects the streams that are recorded. */
function SourceSelect({ source, openKeys, devices, choose }: SourceSelectProps) {
  return (
    <label>
      Streams
      <select
        title={source === OPEN ? openKeys.join("\n") : undefined}
        value={source}
        onChange={({ currentTarget }) => choose(currentTarget.value)}
      >
        {openKeys.length > 0 && <option value={OPEN}>Those of the open panes ({openKeys.length})</option>}
        {devices.map((device) => (
          <option key={device} value={deviceOption(device)}>
            All of {device}
          </option>
        ))}
        <option value={PATTERN}>Pattern</option>
      </select>
    </label>
  );
}

/** Reason why a recording did not start. */
function Problem({ text }: { readonly text: string }) {
  const element = useScrolledIntoView<HTMLParagraphElement>(text);
  return (
    <p ref={element} class="problem" role="status">
      {text}
    </p>
  );
}
