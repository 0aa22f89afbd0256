/** A nats-server for one run, with WebSocket and with JetStream in a folder of its own. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../load/processes/free-port.ts";
import type { Children, Server } from "../../load/processes/process.ts";

/** Starts one; the port is that of its WebSocket listener. Debian installs it in /usr/sbin, which may be missing on the PATH. */
export async function startNats(children: Children): Promise<Server> {
  const dir = mkdtempSync(join(children.dir, "nats-"));
  const port = await freePort();
  const config = join(dir, "nats.conf");
  writeFileSync(
    config,
    `listen: "127.0.0.1:-1"
websocket { listen: "127.0.0.1:${port}", no_tls: true, compression: false }
jetstream { store_dir: "${join(dir, "jetstream")}" }
`,
  );
  const ready = () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
  const env = { PATH: `${process.env.PATH ?? ""}:/usr/sbin` };
  const child = await children.start("nats-server", ["-c", config], env, ready);
  return { ...child, port };
}
