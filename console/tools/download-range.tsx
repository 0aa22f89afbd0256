/** Downloads a range of a stream as a file, page by page. */
import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { bytesText, countText, errorText } from "../page/format.ts";
import { saveFile } from "../page/save-file.ts";
import { EXPORT_FORMS, type FilePart } from "./export.ts";
import type { ToolProps } from "./tool-props.ts";

/** Bytes collected before they are moved into a Blob, which the browser may store on disk. */
const PART_BYTES = 4e6;
/** Entries per page: a compromise for small entries and large images. */
const PAGE_ENTRIES = 100;

/** Renders the form. */
export function DownloadRange({ name, streamKey, streamer }: ToolProps) {
  const form = useSignal("jsonl");
  const start = useSignal("");
  const end = useSignal("");
  const message = useSignal("");
  const run = useRef<AbortController | undefined>(undefined);
  const isRunning = useSignal(false);
  useEffect(() => () => run.current?.abort(), []);

  async function download(event: Event): Promise<void> {
    event.preventDefault();
    const { write, extension } = EXPORT_FORMS.find(({ id }) => id === form.value) ?? EXPORT_FORMS[0] ?? {};
    if (write === undefined) return;
    const controller = new AbortController();
    run.current = controller;
    isRunning.value = true;
    let entries = 0;
    const loop = streamer.entries(name.stream, {
      device: name.device,
      start: boundOf(start.value, "-"),
      end: boundOf(end.value, "+"),
      pageCount: PAGE_ENTRIES,
      signal: controller.signal,
    });
    async function* counted() {
      for await (const entry of loop) {
        entries++;
        yield entry;
      }
    }
    try {
      const file = await collect(write(counted()), (bytes) => {
        message.value = `${countText(entries)} entries, ${bytesText(bytes)} …`;
      });
      saveFile(file, `${streamKey}.${extension}`);
      message.value = `${countText(entries)} entries, ${bytesText(file.size)} saved.`;
    } catch (error) {
      message.value = controller.signal.aborted
        ? "Stopped. Nothing was saved."
        : `Not saved: ${errorText(error)}`;
    }
    isRunning.value = false;
  }

  return (
    <form onSubmit={download} class="fields">
      <TimeField label="From" time={start} />
      <TimeField label="Until" time={end} />
      <label>
        As{" "}
        <select
          value={form.value}
          onChange={({ currentTarget }) => {
            form.value = currentTarget.value;
          }}
        >
          {EXPORT_FORMS.map(({ id, title }) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </select>
      </label>
      {isRunning.value ? (
        <button type="button" onClick={() => run.current?.abort()}>
          Stop
        </button>
      ) : (
        <button type="submit">Download</button>
      )}
      <p class="hint">Empty fields select all stored entries. Times are in this computer's time zone.</p>
      <p role="status">{message}</p>
    </form>
  );
}

interface TimeFieldProps {
  readonly label: string;
  /** Local time, as the field displays it; empty for none. */
  readonly time: Signal<string>;
}

function TimeField({ label, time }: TimeFieldProps) {
  return (
    <label>
      {label}{" "}
      <input
        type="datetime-local"
        step="0.001"
        value={time.value}
        onInput={({ currentTarget }) => {
          time.value = currentTarget.value;
        }}
      />
    </label>
  );
}

/** Converts a field's local time to a bound of the range. */
const boundOf = (local: string, open: string): string =>
  local === "" ? open : String(new Date(local).getTime());

async function collect(parts: AsyncIterable<FilePart>, report: (bytes: number) => void): Promise<Blob> {
  let all = new Blob([]);
  let open: FilePart[] = [];
  let bytes = 0;
  for await (const part of parts) {
    open.push(part);
    bytes += part.length;
    if (bytes < PART_BYTES) continue;
    all = new Blob([all, ...open]);
    open = [];
    bytes = 0;
    report(all.size);
  }
  return new Blob([all, ...open]);
}
