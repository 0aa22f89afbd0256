/**
 * Requests whose body is being received. They are answered before the body is complete if the key is revoked, or if the
 * grace period of a shutdown ends.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Sessions } from "../../../access/sessions.ts";
import type { GatewayError } from "../../../domain/errors.ts";
import { hasBody } from "../../request/request-head.ts";

/** Uploads in progress of a server. */
export interface Uploads {
  /** Number of bodies being received. */
  size(): number;
  /** Sends an error to all of them and closes their connections. */
  end(error: GatewayError): void;
}

/** Watches the uploads of all routes. To be called after the hook that identifies the client. */
export function addUploads(app: FastifyInstance, sessions: Pick<Sessions, "whileGood">): Uploads {
  /** Open uploads; `release` stops the watch of the credentials. */
  const open = new Map<FastifyRequest, { readonly reply: FastifyReply; readonly release: () => void }>();

  function cut(reply: FastifyReply, error: GatewayError): void {
    forget(reply.request);
    if (!reply.sent) reply.header("connection", "close").send(error);
  }

  function forget(request: FastifyRequest): void {
    open.get(request)?.release();
    open.delete(request);
  }

  app.addHook("onRequest", (request, reply, done) => {
    if (hasBody(request.headers)) {
      const release = sessions.whileGood(request.visitor, (error) => cut(reply, error));
      open.set(request, { reply, release });
      reply.raw.once("close", () => forget(request));
    }
    done();
  });
  // The next hook after the body was received and parsed.
  app.addHook("preValidation", (request, _reply, done) => {
    if (open.size > 0) forget(request);
    done();
  });

  return {
    size: () => open.size,
    end(error) {
      for (const { reply } of [...open.values()]) cut(reply, error);
    },
  };
}
