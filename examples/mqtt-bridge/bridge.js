#!/usr/bin/env node
// @ts-check
/**
 * Brings MQTT messages into streams.
 *
 *   npm --prefix examples/mqtt-bridge ci && node examples/mqtt-bridge/bridge.js --broker mqtt://127.0.0.1:1883
 *
 * `mapping.json` says which topics go into which stream of which device: `{1}`, `{2}` and so on stand for what the topic's
 * first, second wildcard matched. A topic belongs to the first row that it fits. The payloads are stored as they come.
 *
 * Messages wait in a queue until the gateway has acknowledged them. While it is away the queue fills; when it is full,
 * the broker's messages are neither read nor acknowledged, and so wait there (Mosquitto keeps 1,000 of QoS 1 and 2 for
 * a client, also while the bridge is not running, and drops those of QoS 0). What was on the way when a connection ended
 * is sent again: a message is stored at least once, as QoS 1 has it. Ctrl-C stores what is in the queue and ends with
 * totals; lost is what the gateway refused, and what it did not take within five seconds after Ctrl-C.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import mqtt from "mqtt";
// In a project of your own: "redis-streamer/client".
import { connect } from "../../dist/client/index.js";
import { createLane } from "./ordered-publisher.js";

const { values: flags } = parseArgs({
  options: {
    broker: { type: "string", default: "mqtt://127.0.0.1:1883" },
    "client-id": { type: "string", default: "redis-streamer-bridge" },
    url: { type: "string", default: process.env.REDIS_STREAMER_URL ?? "http://127.0.0.1:8000" },
    token: { type: "string" },
    mapping: { type: "string" },
    queue: { type: "string", default: "10000" },
  },
});
const MOST_MESSAGES = Number(flags.queue);
const MOST_BYTES = 64 * 2 ** 20;
const GRACE_MS = 5_000;

/** @type {{ topic: string, qos: 0 | 1 | 2, device: string, stream: string }[]} */
const rows = JSON.parse(readFileSync(flags.mapping ?? new URL("mapping.json", import.meta.url), "utf8"));
const mapping = rows.map((row) => ({ ...row, pattern: patternOf(row.topic) }));
const say = (/** @type {string} */ line) => process.stderr.write(`${line}\n`);
const streamer = connect(flags.url, { token: flags.token });
const cut = new AbortController();
/** @type {Map<string, ReturnType<typeof createLane>>} */
const lanes = new Map();
const held = { messages: 0, bytes: 0 };
const totals = { stored: 0, again: 0, refused: 0 };
/** What reads on when there is room. @type {(() => void)[]} */
let paused = [];

/** @param {string} filter a topic filter (MQTT 3.1.1, 4.7); what its wildcards match becomes groups */
function patternOf(filter) {
  const literal = filter.replace(/[.*?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${literal.replaceAll("+", "([^/]*)").replace(/(^|\/)#$/, "(?:$1(.*))?")}$`, "s");
}

/** @param {string} topic @returns the lane of its stream; undefined where no row of the mapping fits */
function laneOf(topic) {
  for (const { pattern, device, stream } of mapping) {
    const found = pattern.exec(topic);
    if (found === null) continue;
    const [name, of] = [stream, device].map((text) => text.replace(/\{(\d+)\}/g, (_, n) => found[n] ?? ""));
    const key = `${of}:${name}`;
    const open = () => streamer.push(name || "unnamed", { device: of, signal: cut.signal, onStatus });
    const lane = lanes.get(key) ?? createLane(open, { stored, refused, again, failed }, cut.signal);
    lanes.set(key, lane);
    return lane;
  }
  return undefined;
}

function leave(/** @type {Buffer} */ payload) {
  held.messages--;
  held.bytes -= payload.length;
  if (isFull()) return;
  const resumed = paused;
  paused = [];
  for (const resume of resumed) resume();
}
const isFull = () => held.messages >= MOST_MESSAGES || held.bytes >= MOST_BYTES;
const stored = (/** @type {Buffer} */ payload) => {
  totals.stored++;
  leave(payload);
};
const refused = (/** @type {Buffer} */ payload, /** @type {string} */ why) => {
  totals.refused++;
  say(`refused: ${why}`);
  leave(payload);
};
const again = (/** @type {number} */ messages) => {
  totals.again += messages;
};
const failed = (/** @type {Error} */ error) => {
  say(`${flags.url}: ${error.message}`);
  cut.abort(error);
  void stop();
};
const onStatus = (/** @type {import("../../dist/client/index.js").Status} */ status) => {
  if (status.state === "waiting") say(`${flags.url}: ${status.error.message}; trying again`);
};

const broker = mqtt.connect(flags.broker, { clientId: flags["client-id"], clean: false });
// The broker's next message is read, and this one acknowledged, when `done` is called.
broker.handleMessage = ({ topic, payload }, done) => {
  const bytes = Buffer.from(payload);
  const lane = laneOf(topic.toString());
  if (lane !== undefined) {
    held.messages++;
    held.bytes += bytes.length;
    lane.add(bytes);
  }
  if (isFull()) paused.push(() => done());
  else done();
};
broker.on("error", (error) => say(`${flags.broker}: ${error.message || "not to be reached"}; trying again`));
broker.on("connect", () => say(`${flags.broker}: connected`));
broker.on("offline", () => say(`${flags.broker}: connection lost`));
for (const { topic, qos } of mapping)
  broker.subscribe(topic, { qos }, (error) => error && say(`${topic}: ${error.message}`));

/** @type {Promise<void> | undefined} */
let stopping;
const stop = () =>
  (stopping ??= (async () => {
    await broker.endAsync();
    setTimeout(() => cut.abort(), GRACE_MS).unref();
    await Promise.all([...lanes.values()].map((lane) => lane.close()));
    const lost = totals.refused + held.messages;
    say(`stored ${totals.stored} messages, ${totals.again} sent again, ${lost} lost`);
    process.exit(lost === 0 ? 0 : 1);
  })());
process.on("SIGINT", stop).on("SIGTERM", stop);
