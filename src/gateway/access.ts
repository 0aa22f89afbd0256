/** Opens the access part of a gateway, which authenticates, authorizes and limits clients. */
import { createAdmission } from "../access/admission.ts";
import { createBrowserGuard } from "../access/browser-guard.ts";
import { createForwarding, createProxyTest } from "../access/forwarding.ts";
import { createAuthenticator } from "../access/identity/authenticator.ts";
import { createTickets } from "../access/identity/tickets.ts";
import { createClientMemory } from "../access/limits/client-memory.ts";
import { createLimits } from "../access/limits/limits.ts";
import { createOwnUsage, type Usage } from "../access/limits/usage.ts";
import { Sessions } from "../access/sessions.ts";
import type { Logger } from "../domain/logger.ts";
import type { Turns } from "../domain/scheduling/turns.ts";
import { createTicketStore } from "../redis/registry/tickets.ts";
import type { Settings } from "../settings.ts";
import { isViewerUrl } from "../transports/foxglove/viewer-path.ts";
import type { Access } from "../transports/parts.ts";
import { withoutPrefix } from "../transports/request/path-prefix.ts";
import { createClosing } from "../transports/response/closing.ts";
import { SocketDeadlines } from "../transports/response/sockets/socket-deadlines.ts";
import type { Closers } from "./closers.ts";
import type { Storage } from "./storage.ts";

/** The access part, and the function that signals shutdown. */
export interface GatewayAccess extends Access {
  beginClosing(): void;
}

/** Opens the part. @param usage usage of clients in all workers, if there are several */
export function openAccess(
  settings: Settings,
  { store }: Storage,
  logger: Logger,
  closers: Closers,
  turns: Turns,
  usage: Usage = createOwnUsage(),
): GatewayAccess {
  const tickets = createTickets(createTicketStore(store.reads), settings.ticketTtlMs);
  const authenticator = createAuthenticator({
    isOn: settings.auth,
    keysFile: settings.authKeysFile,
    secret: settings.jwtSecret,
    keys: settings.jwtKeys,
    audience: settings.jwtAudience,
    issuer: settings.jwtIssuer,
    clockToleranceMs: settings.jwtClockToleranceMs,
    tickets,
    logger,
  });
  closers.push(() => authenticator.close());
  const limits = createLimits(settings, usage);
  const sessions = new Sessions(authenticator, limits);
  closers.push(() => sessions.close());
  const guard = createBrowserGuard({ ...settings, listenHost: settings.host });
  const isProxy = createProxyTest(settings.trustProxy);
  const forwarding = createForwarding(isProxy);
  const acceptsLinkKey = (url: string) => isViewerUrl(withoutPrefix(url, settings.pathPrefix));
  const admission = createAdmission({ authenticator, guard, forwarding, acceptsLinkKey });
  const memory = createClientMemory({
    ...settings,
    onStalledUpload: () => limits.hit("upload_time"),
  });
  const deadlines = new SocketDeadlines({
    ...settings,
    isShort: memory.isShort,
    onWriteTimeout: () => limits.hit("write_time"),
    logger,
  });
  closers.push(() => deadlines.close());
  const { closing, close } = createClosing();
  return {
    admission,
    authenticator,
    tickets,
    guard,
    sessions,
    limits,
    memory,
    isProxy,
    usage,
    deadlines,
    turns,
    addressOf: (request) => forwarding(request).address,
    closing,
    beginClosing() {
      close();
      deadlines.beginClosing();
    },
  };
}
