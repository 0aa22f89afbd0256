/** A gateway for a test, in this process, on a free port and the test's own Redis. */
import type { Logger } from "../../../src/domain/logger.ts";
import { type Gateway, startGateway } from "../../../src/gateway.ts";
import { readSettings } from "../../../src/settings.ts";
import { silent } from "../redis/redis.ts";

/** A gateway with its addresses. */
export interface TestGateway extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  readonly http: string;
  /** `ws://127.0.0.1:port` */
  readonly ws: string;
  close(): Promise<void>;
}

/** Starts a gateway. @param env settings by environment variable */
export async function startTestGateway(
  redisUrl: string,
  env: Record<string, string> = {},
  logger: Logger = silent,
): Promise<TestGateway> {
  const settings = readSettings([], {
    ...{ PORT: "0", REDIS_URL: redisUrl },
    // Otherwise a test without a directory of its own would record into the working directory.
    RECORDINGS_DIR: "/dev/null/recordings",
    ...env,
  });
  const gateway: Gateway = await startGateway(settings, logger, "test");
  let closed: Promise<void> | undefined;
  const close = () => (closed ??= gateway.close());
  return { http: gateway.url, ws: gateway.url.replace("http", "ws"), close, [Symbol.asyncDispose]: close };
}
