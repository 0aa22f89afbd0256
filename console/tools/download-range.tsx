/** A range of the stream as a file, read page by page and written as it comes. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { EXPORT_FORMS, type FilePart } from "../export.ts";
import { bytesText, countText, errorText } from "../format.ts";
import type { ToolProps } from "../stream-tools.tsx";

/** What is collected before the browser takes it over, which may put it on a disk, bytes. */
const PART_BYTES = 4e6;
/** Entries of a page: many, but for pictures not too many bytes at once. */
const PAGE_ENTRIES = 100;

/** The form. */
export function DownloadRange({ name, streamKey, streamer }: ToolProps) {
  const form = useSignal("jsonl");
  const start = useSignal("");
  const end = useSignal("");
  const said = useSignal("");
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
        said.value = `${countText(entries)} entries, ${bytesText(bytes)} …`;
      });
      save(file, `${streamKey.replace(/[^\w.-]+/g, "_")}.${extension}`);
      said.value = `${countText(entries)} entries, ${bytesText(file.size)} saved.`;
    } catch (error) {
      said.value = controller.signal.aborted
        ? "Stopped: nothing was saved."
        : `Not saved: ${errorText(error)}`;
    }
    isRunning.value = false;
  }

  return (
    <form onSubmit={download} class="fields">
      <label>
        From{" "}
        <input
          type="datetime-local"
          step="0.001"
          value={start.value}
          onInput={({ currentTarget }) => {
            start.value = currentTarget.value;
          }}
        />
      </label>
      <label>
        Until{" "}
        <input
          type="datetime-local"
          step="0.001"
          value={end.value}
          onInput={({ currentTarget }) => {
            end.value = currentTarget.value;
          }}
        />
      </label>
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
      <p class="hint">Left empty, all that Redis keeps. Times are this computer's.</p>
      <p role="status">{said}</p>
    </form>
  );
}

/** A field's local time as the gateway reads it. */
const boundOf = (local: string, open: string): string =>
  local === "" ? open : String(new Date(local).getTime());

async function collect(parts: AsyncIterable<FilePart>, tell: (bytes: number) => void): Promise<Blob> {
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
    tell(all.size);
  }
  return new Blob([all, ...open]);
}

function save(file: Blob, name: string): void {
  const url = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
