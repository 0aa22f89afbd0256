/** The user of this page: permissions, and whether the login has expired. */
import { type ReadonlySignal, signal } from "@preact/signals";
import { may, parseSession, type Session } from "../shell/session.ts";

/** Follows the session. */
export class Account {
  readonly #request: () => Promise<Pick<Response, "ok" | "status" | "json">>;
  readonly #session = signal<Session | undefined>(undefined);
  readonly #needsLogin = signal(false);

  /** @param request requests `/session` */
  constructor(request: () => Promise<Pick<Response, "ok" | "status" | "json">>) {
    this.#request = request;
  }

  get needsLogin(): ReadonlySignal<boolean> {
    return this.#needsLogin;
  }

  /** Requests the session again: browsers do not report why a WebSocket was rejected. */
  async check(): Promise<void> {
    try {
      const response = await this.#request();
      this.#needsLogin.value = response.status === 401;
      if (response.ok) this.#session.value = parseSession(await response.json());
    } catch {
      // The gateway is unreachable, which the connections report.
    }
  }

  /** Returns why a stream cannot be written; undefined if it can, and while the permissions are not known. */
  forbidden(key: string): string | undefined {
    const session = this.#session.value;
    if (may(session, "write", key)) return undefined;
    const writable = session?.permissions.filter((one) => /^(write|admin)(:|$)/.test(one)) ?? [];
    const allowed =
      writable.length === 0 ? "It may not write any stream." : `Its permissions: ${writable.join(", ")}.`;
    return `The key ${session?.identity ?? ""} may not write the stream ${key}. ${allowed}`;
  }
}
