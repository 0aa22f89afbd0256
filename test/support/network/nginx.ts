/** nginx in front of a gateway, with the configuration in docs/operating.md. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../../bench/load/processes/free-port.ts";
import { request } from "../clients/http.ts";
import type { TestGateway } from "../gateway/gateway.ts";
import { until } from "../until.ts";

/** A running nginx. */
export interface TestNginx extends AsyncDisposable {
  /** URL of the gateway behind it: `http://127.0.0.1:port/streams`. */
  readonly http: string;
  readonly ws: string;
}

/** The `location` of docs/operating.md. */
function documentedLocation(): string {
  const text = readFileSync("docs/operating.md", "utf8");
  const [, location] = /```text\n(location \/streams\/ \{[^`]*\})\n```/.exec(text) ?? [];
  if (location === undefined) throw new Error("docs/operating.md has no configuration for nginx");
  return location;
}

/** Starts nginx in front of a gateway that has `PATH_PREFIX=/streams` and `TRUST_PROXY=loopback`. */
export async function startNginx(gateway: TestGateway): Promise<TestNginx> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "nginx-"));
  const location = documentedLocation().replace("http://127.0.0.1:8000", new URL(gateway.http).origin);
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join("\n");
  writeFileSync(
    join(folder, "nginx.conf"),
    // If started by root, its workers would run as a user without write access to the folder.
    `${process.getuid?.() === 0 ? "user root;" : ""} daemon off; pid ${folder}/pid; error_log ${folder}/error.log; worker_processes 1;
events {}
http { access_log off; ${temporary}
server { listen 127.0.0.1:${port};
${location}
} }`,
  );
  const nginx = spawn("/usr/sbin/nginx", ["-p", folder, "-c", join(folder, "nginx.conf")], {
    stdio: "ignore",
  });
  const origin = `127.0.0.1:${port}/streams`;
  await until("nginx answers", async () => {
    if (nginx.exitCode !== null) throw new Error(readFileSync(join(folder, "error.log"), "utf8"));
    return request(`http://${origin}/healthz`).then(
      ({ status }) => status === 200,
      () => false,
    );
  });
  return {
    http: `http://${origin}`,
    ws: `ws://${origin}`,
    async [Symbol.asyncDispose]() {
      const ended = once(nginx, "exit");
      nginx.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
