/** The program's life as an operator sees it: its start, given up or not, and its stop by a signal. */
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { beginGatewayProcess, startGatewayProcess } from "../support/gateway-process.ts";
import { request } from "../support/http.ts";
import { until } from "../support/until.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "start-and-stop-"));
});
afterEach(() => {
  for (const pid of servers()) process.kill(Number(pid), "SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** The process ids of the Redis servers that work below the folder. */
function servers(): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return (
        readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("redis") &&
        readlinkSync(`/proc/${pid}/cwd`).startsWith(folder)
      );
    } catch {
      return false;
    }
  });
}

/** A PATH on which redis-server takes a millisecond for each entry that it loads; after each thousand it listens to signals. */
function slowToLoad(): string {
  const file = join(folder, "redis-server");
  writeFileSync(
    file,
    [
      "#!/bin/sh",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own
      "PATH=${PATH#*:}",
      '[ "$1" = --version ] || set -- "$@" --key-load-delay 1000',
      'exec redis-server "$@"',
    ].join("\n"),
  );
  chmodSync(file, 0o755);
  return `${folder}:${process.env.PATH}`;
}

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s while the managed Redis loads its data ends both, and the data is there at the next start",
  async (signal) => {
    {
      await using first = await startGatewayProcess({ folder });
      const body = JSON.stringify(Array.from({ length: 9000 }, (_, i) => ["s", null, String(i)]));
      expect((await request(`${first.http}/data/s?format=json`, { method: "POST", body })).status).toBe(200);
      first.signal("SIGTERM");
      expect(await first.ended).toBe(0);
    }
    await using loading = beginGatewayProcess({ folder, env: { PATH: slowToLoad(), LOG_LEVEL: "debug" } });
    await until("the managed Redis loads", () => servers().length === 1 && isLoading(loading.logged));
    loading.signal(signal);
    expect(await loading.ended).toBe(0);
    expect(loading.logged.join()).not.toMatch(/the managed Redis is ready|killing it/);
    expect(servers()).toEqual([]);
    await using third = await startGatewayProcess({ folder });
    expect((await request(`${third.http}/data/s?last_entry_id=0&latest=1`)).text).toBe("8999");
  },
);

const isLoading = (logged: readonly string[]) => logged.some((line) => /^redis: .*AOF loading/.test(line));
