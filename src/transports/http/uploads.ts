/**
 * Requests whose body is being received. Their client is answered before the end of the body when its key is revoked,
 * and when the gateway stops and cannot wait any longer.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Sessions } from "../../access/sessions.ts";
import type { GatewayError } from "../../domain/errors.ts";

/** The uploads of a server. */
export interface Uploads {
  /** How many bodies are being received now. */
  size(): number;
  /** Answers all of them with an error and closes their connections. */
  end(error: GatewayError): void;
}

const hasBody = ({ headers }: FastifyRequest): boolean =>
  headers["transfer-encoding"] !== undefined || (headers["content-length"] ?? "0") !== "0";

/** Watches the uploads of all routes. To be called after the hook that identifies the client. */
export function addUploads(app: FastifyInstance, { whileGood }: Pick<Sessions, "whileGood">): Uploads {
  /** With what releases the session's watch. */
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
    if (hasBody(request)) {
      const release = whileGood(request.visitor, (error) => cut(reply, error));
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
