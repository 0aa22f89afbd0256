/** HTTP routes of recordings (docs/protocol.md, "Recordings"). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { authorize, may } from "../../access/identity/authorize.ts";
import { type Action, allowsGateway } from "../../access/identity/grant.ts";
import { GatewayError } from "../../domain/errors.ts";
import { isRecordingName, recordingOfFile } from "../../recordings/directory.ts";
import type { RecordingStatus } from "../../recordings/recording-status.ts";
import type { TransportParts } from "../parts.ts";
import { memoryOf } from "../response/memory/response-memory.ts";
import { sendFile } from "./download.ts";
import { sendList } from "./list/send-list.ts";
import { shortened } from "./list/shortened.ts";
import { statusBytesOf } from "./list/status-bytes.ts";
import { addPlayRoutes, type PlayRoutesParts } from "./play/routes.ts";
import { requestedStreams } from "./recorded-streams.ts";
import { readRecordingRequest } from "./recording-request.ts";
import type { Recordings } from "./recordings.ts";

/** Dependencies of the routes. */
export interface RecordingRoutesParts {
  readonly recordings: Recordings;
  /** `RECORDINGS_DIR`. */
  readonly directory: string;
}

type Named = { Params: { name: string } };

/** Returns the function that adds the routes. */
export const recordingRoutes =
  (parts: TransportParts, { recordings, directory }: RecordingRoutesParts) =>
  (app: FastifyInstance): void => {
    /** Finds a recording that the client may act on. @throws GatewayError NOT_FOUND or FORBIDDEN */
    const find = async (request: FastifyRequest, name: string, action: Action): Promise<RecordingStatus> => {
      const found = isRecordingName(name) ? await recordings.get(name) : undefined;
      if (found === undefined || !mayRead(request, found)) throw notFound(name);
      authorize(request.visitor.identity, action, found.streams);
      return found;
    };

    /** As `find`, for a response with the recording: reserves the memory of it. @throws GatewayError OVERLOADED */
    const findToShow = async (request: FastifyRequest, reply: FastifyReply, name: string) => {
      const found = await find(request, name, "read");
      await memoryOf(reply, parts.access.memory).grow(statusBytesOf(found));
      return found;
    };

    const shown: PlayRoutesParts["shown"] = (request, name, status) => {
      if (status === undefined) throw notFound(name);
      return visible(request, status);
    };

    app.post("/recordings", async (request, reply) => {
      const { identity } = request.visitor;
      const text = Buffer.isBuffer(request.body) ? request.body.toString() : "";
      const { name, request: wanted } = readRecordingRequest(text);
      requestedStreams(identity, wanted, parts);
      const owner = { name: identity.name, grants: identity.grants };
      return reply
        .code(201)
        .header("location", `${parts.config.pathPrefix}/recordings/${name}`)
        .send(await recordings.create(name, wanted, owner));
    });

    app.get("/recordings", (request, reply) => {
      const show = (one: RecordingStatus) =>
        mayRead(request, one) ? shortened(visible(request, one)) : undefined;
      return sendList(reply, recordings, show, parts);
    });

    app.get<Named>("/recordings/:name", { exposeHeadRoute: true }, async (request, reply) => {
      const { name } = request.params;
      const ofFile = recordingOfFile(name);
      if (ofFile === undefined) {
        const shown = visible(request, await findToShow(request, reply, name));
        return reply.header("cache-control", "no-store").send(shown);
      }
      const found = await find(request, ofFile, "read");
      const file = found.files.find((one) => one.file === name);
      if (file === undefined) throw notFound(name);
      return sendFile(request, reply, { directory, file, keys: found.streams }, parts);
    });

    app.post<Named>("/recordings/:name/stop", async (request, reply) => {
      const { name } = await findToShow(request, reply, request.params.name);
      return reply.send(shown(request, name, await recordings.stop(name)));
    });

    app.delete<Named>("/recordings/:name", async (request, reply) => {
      const { name } = await find(request, request.params.name, "admin");
      await recordings.remove(name);
      return reply.code(204).send();
    });

    addPlayRoutes(app, { recordings, shown, find: findToShow }, parts);
  };

/** Returns a status without the streams of its playback that the client may not read. */
function visible({ visitor: { identity } }: FastifyRequest, status: RecordingStatus): RecordingStatus {
  const { playback } = status;
  if (playback === null) return status;
  const streams = Object.entries(playback.streams).filter(([, target]) => may(identity, "read", target));
  return { ...status, playback: { ...playback, streams: Object.fromEntries(streams) } };
}

/** Whether a client may know of a recording: it may read all of its streams. One without streams belongs to its owner. */
function mayRead({ visitor: { identity } }: FastifyRequest, { streams, owner }: RecordingStatus): boolean {
  if (streams.length === 0)
    return identity.name === owner || identity.grants.some((grant) => allowsGateway(grant, "read"));
  return streams.every((key) => may(identity, "read", key));
}

const notFound = (name: string) =>
  new GatewayError("NOT_FOUND", `no recording named ${JSON.stringify(name.slice(0, 120))}`);
