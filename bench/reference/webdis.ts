/** webdis: an HTTP server in C that runs one Redis command per request, as a reference for `GET`. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../load/processes/free-port.ts";
import type { Children, Server } from "../load/processes/process.ts";
import type { Redis } from "../load/processes/redis.ts";

/** Starts one with the number of threads that Debian configures. */
export async function startWebdis(children: Children, redis: Redis): Promise<Server> {
  const dir = mkdtempSync(join(children.dir, "webdis-"));
  const port = await freePort();
  const config = join(dir, "webdis.json");
  writeFileSync(
    config,
    JSON.stringify({
      redis_host: redis.socketPath,
      redis_port: 0,
      http_host: "127.0.0.1",
      http_port: port,
      threads: 2,
      daemonize: false,
      database: 0,
      verbosity: 0,
      logfile: join(dir, "webdis.log"),
    }),
  );
  const ready = () =>
    fetch(`http://127.0.0.1:${port}/PING`).then(
      (response) => response.ok,
      () => false,
    );
  const child = await children.start("webdis", [config], {}, ready);
  return { ...child, port };
}
