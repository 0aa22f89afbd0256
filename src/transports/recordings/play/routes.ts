/** Routes that play recordings (docs/protocol.md, "Playing a recording"). */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { authorize } from "../../../access/identity/authorize.ts";
import { ownerOf } from "../../../access/owner.ts";
import { playTargets } from "../../../recordings/play/targets.ts";
import type { PlaybackChange } from "../../../recordings/playback-status.ts";
import type { RecordingStatus } from "../../../recordings/recording-status.ts";
import type { TransportParts } from "../../parts.ts";
import type { Recordings } from "../recordings.ts";
import { readPlaybackRequest } from "./playback-request.ts";

/** Dependencies of the routes. */
export interface PlayRoutesParts {
  readonly recordings: Recordings;
  /** Finds a recording that the client may read. @throws GatewayError NOT_FOUND */
  readonly find: (request: FastifyRequest, reply: FastifyReply, name: string) => Promise<RecordingStatus>;
  /** Returns the part of a status that the client may see. @throws GatewayError NOT_FOUND if there is none */
  readonly shown: (
    request: FastifyRequest,
    name: string,
    status: RecordingStatus | undefined,
  ) => RecordingStatus;
}

type Named = { Params: { name: string } };

/** Adds the routes. */
export function addPlayRoutes(
  app: FastifyInstance,
  { recordings, find, shown }: PlayRoutesParts,
  { access, config }: TransportParts,
): void {
  app.post<Named>("/recordings/:name/play", async (request, reply) => {
    const { visitor, body } = request;
    const { name } = request.params;
    const found = await find(request, reply, name);
    const wanted = readPlaybackRequest(Buffer.isBuffer(body) ? body.toString() : "");
    const targets = [...playTargets(found, wanted, config).values()];
    authorize(visitor.identity, "write", targets);
    for (const key of targets) access.limits.useStream(visitor, key);
    const playing = shown(request, name, await recordings.play(name, wanted, ownerOf(visitor)));
    return reply.code(201).header("location", `${config.pathPrefix}/recordings/${name}`).send(playing);
  });

  const change = (wanted: PlaybackChange) => async (request: FastifyRequest<Named>, reply: FastifyReply) => {
    const { name } = request.params;
    const { playback } = await find(request, reply, name);
    authorize(request.visitor.identity, "write", Object.values(playback?.streams ?? {}));
    return reply.send(shown(request, name, await recordings.changePlayback(name, wanted)));
  };
  app.post("/recordings/:name/play/pause", change("pause"));
  app.post("/recordings/:name/play/continue", change("continue"));
  app.post("/recordings/:name/play/stop", change("stop"));
}
