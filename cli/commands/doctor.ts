/** `doctor`: checks the connection to a gateway, its Redis and its streams, and reports unusual values. */
import { request } from "../../client/gateway/request.ts";
import { type Streamer, StreamerError, type StreamInfo } from "../../client/index.ts";
import { readVersion } from "../../src/version.ts";
import type { CommandRow } from "../command.ts";
import { explained, openGateway, openStreamer } from "../connection.ts";
import { CommandError } from "../exit-codes.ts";
import type { ConnectionFlags } from "../options.ts";
import type { Io } from "../output/io.ts";
import { ageText, countText, durationText } from "../output/quantities.ts";

/** Outcome of a check. */
interface Finding {
  readonly name: string;
  readonly state: "ok" | "unusual" | "failed";
  readonly text: string;
}

/** Difference of clocks that is unusual, ms. The gateway reports its own in whole seconds. */
const MAX_SKEW_MS = 2_000;
/** Samples of the round trip. */
const SAMPLES = 5;

/** The command. */
export const doctor: CommandRow = {
  name: "doctor",
  group: "Gateway",
  summary: "check connection, credentials, clocks, Redis, retention",
  details:
    "check the connection, credentials, clocks, round trip, Redis and retention, and name what is unusual; exit code 1 if a check fails",
  run: (io, _args, flags: ConnectionFlags) => runDoctor(io, flags),
};

async function runDoctor({ terminal, signal }: Io, flags: ConnectionFlags): Promise<void> {
  let failed = 0;
  const report = async ({ name, state, text }: Finding) => {
    if (state === "failed") failed++;
    const mark = state === "ok" ? "ok     " : state === "unusual" ? "unusual" : "FAILED ";
    await terminal.print(`${mark}  ${name.padEnd(12)} ${text}`);
  };
  const streamer = openStreamer(flags);
  try {
    for await (const finding of reachable(flags, signal)) await report(finding);
    for await (const finding of identified(streamer, flags, signal)) await report(finding);
    for (const finding of retained(await streamer.streams({ signal }))) await report(finding);
  } catch (error) {
    if (signal.aborted || !(error instanceof StreamerError) || error.code === "BAD_URL") throw error;
    const { message } = explained(error, flags) as Error;
    await report({ name: nameOf(error), state: "failed", text: message });
  }
  if (failed > 0) throw new CommandError("a check failed; the checks after it were not run");
}

/** Returns the check that an error fails. */
function nameOf({ code, status }: StreamerError): string {
  if (status === 401 || status === 403) return "credentials";
  if (code === "UNTRUSTED_CERTIFICATE") return "transport";
  return code === "REDIS_UNAVAILABLE" ? "Redis" : "connection";
}

/** Checks the connection, the round trip and the clocks. */
async function* reachable(flags: ConnectionFlags, signal: AbortSignal): AsyncGenerator<Finding> {
  const gateway = openGateway(flags);
  const url = gateway.address.http("healthz", {});
  const times: number[] = [];
  let skewMs = 0;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const startMs = performance.now();
    const { headers } = await request(gateway, url, { signal });
    times.push(performance.now() - startMs);
    skewMs = Date.parse(headers.get("date") ?? "") - Date.now();
  }
  yield { name: "connection", state: "ok", text: `${flags.url} responds` };
  const [fastest = 0] = times.sort((a, b) => a - b);
  yield {
    name: "round trip",
    state: fastest > 200 ? "unusual" : "ok",
    text: `${durationText(fastest)} (best of ${SAMPLES} HTTP requests)`,
  };
  const isSkewed = !(Math.abs(skewMs) <= MAX_SKEW_MS);
  yield {
    name: "clocks",
    state: isSkewed ? "unusual" : "ok",
    text: isSkewed
      ? `the gateway's clock differs by ${durationText(skewMs)}; --since and ages are wrong by as much`
      : "the clocks of the gateway and of this machine agree to the second",
  };
  yield transport(flags);
  await request(gateway, gateway.address.http("readyz", {}), { signal });
  yield { name: "Redis", state: "ok", text: "responds and accepts writes" };
}

function transport({ url, token }: ConnectionFlags): Finding {
  const { protocol, hostname } = new URL(url);
  const isPlain = protocol === "http:" || protocol === "ws:";
  const isLocal = /^(localhost|127\..*|\[::1\])$/.test(hostname);
  if (!isPlain) return { name: "transport", state: "ok", text: "encrypted, and the certificate is trusted" };
  if (isLocal) return { name: "transport", state: "ok", text: "not encrypted, on this machine" };
  const what = token === undefined ? "entries" : "entries and the key";
  return { name: "transport", state: "unusual", text: `not encrypted: ${what} can be read on the network` };
}

/** Checks credentials and versions. */
async function* identified(
  streamer: Streamer,
  { token }: ConnectionFlags,
  signal: AbortSignal,
): AsyncGenerator<Finding> {
  const { version, uptimeSeconds, redisVersion, redisMode } = await streamer.server({ signal });
  const how = token === undefined ? "none are required" : "accepted";
  yield { name: "credentials", state: "ok", text: how };
  const own = readVersion();
  yield {
    name: "version",
    state: version === own || version === "test" ? "ok" : "unusual",
    text: `gateway ${version}, this command ${own}; up for ${ageText(uptimeSeconds * 1e3)}`,
  };
  const isOld = Number.parseInt(redisVersion, 10) < 7;
  yield {
    name: "Redis",
    state: isOld ? "unusual" : "ok",
    text: `${redisVersion}, ${redisMode}${isOld ? "; versions before 7 do not count added entries" : ""}`,
  };
}

/** Checks the streams and their retention. */
function* retained(streams: readonly StreamInfo[]): Generator<Finding> {
  const entries = streams.reduce((sum, { length }) => sum + length, 0);
  yield {
    name: "streams",
    state: "ok",
    text: `${countText(streams.length)} with ${countText(entries)} entries`,
  };
  const short = streams.filter(isShort).map(({ key }) => key);
  if (short.length > 0)
    yield {
      name: "retention",
      state: "unusual",
      text: `${short.length === 1 ? "1 stream keeps" : `${countText(short.length)} streams keep`} less than a minute: ${short.slice(0, 5).join(", ")}${short.length > 5 ? ", …" : ""}`,
    };
  const ahead = streams.find(({ lastId }) => Number.parseInt(lastId, 10) > Date.now() + MAX_SKEW_MS);
  if (ahead !== undefined)
    yield { name: "entry ids", state: "unusual", text: `${ahead.key} has entries from the future` };
}

/** Whether entries were trimmed, and less than a minute is left. */
const isShort = ({ added, length, firstId, lastId }: StreamInfo): boolean =>
  added > length && length > 1 && Number.parseInt(lastId, 10) - Number.parseInt(firstId, 10) < 60_000;
