/** `GET /recordings`: the list is read and sent page by page, as the client reads it. So its size costs no memory. */
import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import type { RecordingStatus } from "../../../recordings/recording-status.ts";
import type { TransportParts } from "../../parts.ts";
import { whenCut } from "../../response/closing.ts";
import { memoryOf } from "../../response/memory/response-memory.ts";
import type { Recordings } from "../recordings.ts";
import type { RecordingPage } from "./pages.ts";

/** Returns a recording as the client sees it; undefined if it may not. */
type Show = (recording: RecordingStatus) => RecordingStatus | undefined;

/** Sends the list. @throws GatewayError OVERLOADED or RECORDINGS_UNAVAILABLE */
export async function sendList(
  reply: FastifyReply,
  recordings: Recordings,
  show: Show,
  { access }: TransportParts,
): Promise<FastifyReply> {
  const lease = memoryOf(reply, access.memory);
  // A page, and its text.
  const bytes = 2 * (await recordings.pageBytes());
  await lease.grow(bytes);
  const first = await recordings.page("");
  reply.header("cache-control", "no-store");
  if (first.next === undefined) return reply.send(first.recordings.flatMap((one) => show(one) ?? []));
  const slices = access.turns.slices.begin();
  async function* pages(): AsyncGenerator<string, void> {
    // The framework has counted a stream as nothing.
    lease.set(bytes);
    let before = "[";
    for (let page: RecordingPage | undefined = first; page !== undefined; ) {
      for (const one of page.recordings) {
        if (slices.isOver()) await slices.next();
        const shown = show(one);
        if (shown === undefined) continue;
        yield before + JSON.stringify(shown);
        before = ",";
      }
      page = page.next === undefined ? undefined : await recordings.page(page.next);
    }
    yield before === "[" ? "[]" : "]";
  }
  const stream = Readable.from(pages(), { objectMode: false });
  const release = whenCut(reply, access.closing, () => stream.destroy());
  stream.once("close", release);
  return reply.header("content-type", "application/json; charset=utf-8").send(stream);
}
