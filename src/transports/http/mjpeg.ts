/** `GET /data/{stream_id}/mjpeg`: the newest picture, again and again, so that `<img src>` shows a camera. */
import type { FastifyInstance } from "fastify";
import { badParameter } from "../../domain/errors.ts";
import type { Encoder } from "../../live/encoder.ts";
import {
  imageTypeOf,
  MJPEG_CONTENT_TYPE,
  MJPEG_PART_END,
  MJPEG_START,
  mjpegPartStart,
} from "../../wire/mjpeg.ts";
import type { Chunks } from "../byte-sink.ts";
import { readWantedStreams, resolveCursors } from "../read-request.ts";
import { type RouteParts, targetOf } from "./context.ts";
import { sendLive, textChunks } from "./live-response.ts";

const MOST_FPS = 1000;
const partEnd = Buffer.from(MJPEG_PART_END);

const encoder: Encoder<Chunks> = {
  form: "mjpeg",
  encode(streams) {
    const parts = streams.flatMap(({ entries }) =>
      entries.flatMap(({ id, data }) => [
        Buffer.from(mjpegPartStart(imageTypeOf(data), data.length, id)),
        data,
        partEnd,
      ]),
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
        contentType: MJPEG_CONTENT_TYPE,
        streams: await resolveCursors(wanted, parts.log),
        encoder,
        turns: { count: 1, latest: true },
        opening: textChunks(MJPEG_START),
        maxFps: query.number("max_fps", 0, 0, MOST_FPS),
      },
      parts,
    );
  });
}
