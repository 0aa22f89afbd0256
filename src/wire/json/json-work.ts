/** Encodes the messages of a work queue (`../work/work.ts`) as JSON. */
import type { Pieces } from "../pieces.ts";
import type { WorkItem, WorkNotice } from "../work/work.ts";
import { JsonSteps } from "./json-encode-steps.ts";

/** Encodes the entries of a stream in steps, as UTF-8. */
export function* encodeJsonWork(stream: string, items: readonly WorkItem[]): Generator<void, Pieces> {
  const out = new JsonSteps();
  const name = JSON.stringify(stream);
  out.add("[");
  let between = "";
  for (const { entry, n } of items) {
    out.add(`${between}[${name},"${entry.id}",`);
    between = ",";
    yield* out.value(entry.data);
    out.add(",");
    if (entry.fields === undefined) out.add("null");
    else yield* out.fields(entry.fields);
    out.add(`,{"n":${n}}]`);
  }
  out.add("]");
  return out.take();
}

/** Encodes a notice. */
export function encodeJsonWorkNotice(notice: WorkNotice): string {
  if ("lost" in notice) return JSON.stringify(notice);
  const { counts, late } = notice.done;
  return JSON.stringify({ done: { ...counts, late } });
}
