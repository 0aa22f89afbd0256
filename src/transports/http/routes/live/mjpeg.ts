/** `GET /data/{stream_id}/mjpeg`: a stream of the newest picture, for `<img src>` (docs/protocol.md, "MJPEG"). */
import { randomUUID } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { imageTypeOf } from "../../../../domain/content/detection.ts";
import { badParameter } from "../../../../domain/errors.ts";
import type { Encoder } from "../../../../live/sink.ts";
import { formWithLengths, type MjpegForm, mjpegType, promptForm } from "../../../../wire/mjpeg.ts";
import { playedStream, readPlayback } from "../../../request/playback.ts";
import { cursorTimes, readNamedStreams, resolveCursors } from "../../../request/streams.ts";
import { warnOfTimes } from "../../../request/warning-headers.ts";
import { bytesOfChunks, type Chunks, chunksOf, textChunks } from "../../../response/memory/chunks.ts";
import { type RouteParts, targetOf } from "../../route.ts";
import { sendLive } from "./event-stream.ts";

/** Shared by all responses, so that readers share encoded frames. */
const BOUNDARY = randomUUID();

/** Opening bytes and encoder of one MJPEG variant. */
interface Pictures {
  readonly opening: Chunks;
  readonly encoder: Encoder<Chunks>;
}

/** Creates a variant. @param name identifies the encoder, so that readers with the same one share frames */
function picturesIn(name: string, { start, before, after }: MjpegForm): Pictures {
  return {
    opening: textChunks(start),
    encoder: {
      form: name,
      bytesOf: bytesOfChunks,
      // An entry that is not an image yields an empty frame. If it were sent, an <img> would stop updating.
      encode(streams) {
        const parts = streams.flatMap(({ entries }) =>
          entries.flatMap(({ data }) => {
            const type = imageTypeOf(data);
            return type === undefined ? [] : [before(type, data.length), data, after(type)];
          }),
        );
        return chunksOf(parts);
      },
    },
  };
}

const WITH_LENGTHS = picturesIn("mjpeg", formWithLengths(BOUNDARY));
const PROMPT = picturesIn("mjpeg prompt", promptForm(BOUNDARY));

/** Matches the `Accept` header of browsers that load an image or a page, but not of programs. */
const BROWSER_ACCEPT = /image\/(\*|avif|webp|apng)/i;

/** Adds the route. */
export function addMjpeg(app: FastifyInstance, parts: RouteParts): void {
  app.get("/data/:stream_id/mjpeg", async (request, reply) => {
    // Reads from the beginning by default and shows only the newest picture, so that an idle camera is visible immediately.
    const { segment, parameters } = targetOf(request, "mjpeg", parts.config);
    const wanted = readNamedStreams(request.visitor.identity, segment, parameters, parts.config);
    const playback = readPlayback(parameters);
    await warnOfTimes(reply, parts, cursorTimes(wanted, playback));
    if (wanted.length > 1) throw badParameter("stream_id", `must name one stream, got ${wanted.length}`);
    const streams = playback
      ? wanted.map((stream) => playedStream(stream, playback.start))
      : await resolveCursors(wanted, parts.streams.registry);
    const { opening, encoder } = BROWSER_ACCEPT.test(request.headers.accept ?? "") ? PROMPT : WITH_LENGTHS;
    sendLive(
      reply,
      {
        kind: "mjpeg",
        contentType: mjpegType(BOUNDARY),
        opened: { streams, pattern: undefined },
        encoder,
        onDemand: { count: 1, latest: true },
        ...(playback && { playback: { latest: true, count: 1, ...playback } }),
        opening,
        heartbeat: "last frame",
        maxFps: parameters.max_fps,
      },
      parts,
    );
  });
}
