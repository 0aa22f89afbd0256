/** Follows the streams of a pattern for a subscription of a long-lived connection. */
import type { Session, Sessions } from "../../access/sessions.ts";
import type { GatewayError } from "../../domain/errors.ts";
import type { Subscription } from "../../live/subscription.ts";
import type { PatternStreams } from "./pattern-streams.ts";

/** A subscription, its connection, and the callbacks for changes. */
export interface PatternFollower {
  readonly subscription: Pick<Subscription, "add" | "remove">;
  readonly sessions: Sessions;
  /** Undefined for a request without a session. */
  readonly session: Session | undefined;
  /** Called right before the first entry of the stream. */
  readonly onJoin?: (name: string) => void;
  /** Called after the last entry of the stream. */
  readonly onLeave?: (name: string) => void;
  /** The stream does not join: the request has its maximum number of streams. */
  readonly onLimit: (name: string) => void;
  /** A callback threw an exception: the connection must end. */
  readonly onError: (error: GatewayError) => void;
}

/** Log message of a stream that does not join. */
export const TOO_MANY_STREAMS = "a pattern selects more than MAX_STREAMS streams; further ones are not read";

/** Adds streams that appear and removes those that vanish. @returns a function that ends it */
export function startPattern(pattern: PatternStreams, follower: PatternFollower): () => void {
  const { subscription, session, sessions, onJoin, onLeave, onLimit, onError } = follower;
  const forget =
    session &&
    sessions.usePattern(session, {
      keys: () => pattern.keys(),
      onPermissions: (identity) => pattern.setPermissions(identity),
    });
  pattern.start({
    onJoin(stream) {
      onJoin?.(stream.name);
      subscription.add(stream);
    },
    onLeave({ key, name }) {
      subscription.remove(key);
      onLeave?.(name);
    },
    onLimit,
    onError,
  });
  // The permissions may have changed since the streams were listed.
  if (session !== undefined) pattern.setPermissions(session.permissions);
  return () => {
    forget?.();
    pattern.close();
  };
}
