/** `GET /data/{stream_id}/mjpeg`: the newest picture, again and again, so that `<img src>` shows a camera. */
import { randomUUID } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { badParameter } from "../../domain/errors.ts";
import type { Encoder } from "../../live/encoder.ts";
import { imageTypeOf, mjpegForm } from "../../wire/mjpeg.ts";
import type { Chunks } from "../byte-sink.ts";
import { readWantedStreams, resolveCursors } from "../read-request.ts";
import { type RouteParts, targetOf } from "./context.ts";
import { sendLive, textChunks } from "./live-response.ts";

const MOST_FPS = 1000;
/** One for all responses, so that readers share their frames. */
const form = mjpegForm(randomUUID());

const encoder: Encoder<Chunks> = {
  form: "mjpeg",
  encode(streams) {
    const parts = streams.flatMap(({ entries }) =>
      entries.flatMap(({ data }) => [data, Buffer.from(form.end(imageTypeOf(data)))]),
    );
    return { parts, bytes: parts.reduce((sum, part) => sum + part.length, 0) };
  },
};

/** Adds the route. */
export function addMjpeg(app: FastifyInstance, parts: RouteParts): void {
  app.get("/data/:stream_id/mjpeg", async (request, reply) => {
    const { segment, query } = targetOf(request);
    // From the beginning, of which only the newest is shown: a picture is there at once, also of a camera at rest.
    const cursor = query.text("last_entry_id", "0");
    const wanted = readWantedStreams(request.visitor.identity, segment, query, parts.limits, cursor);
    if (wanted.length > 1) throw badParameter("stream_id", "names several streams; a picture shows one");
    sendLive(
      reply,
      {
        kind: "mjpeg",
        contentType: form.contentType,
        streams: await resolveCursors(wanted, parts.log),
        encoder,
        turns: { count: 1, latest: true },
        opening: textChunks(form.start),
        maxFps: query.number("max_fps", 0, 0, MOST_FPS),
      },
      parts,
    );
  });
}
