#!/usr/bin/env node
// @ts-check
/**
 * Bridge from MQTT topics to streams.
 *
 *   npm --prefix examples/mqtt-bridge ci && node examples/mqtt-bridge/bridge.js --broker mqtt://127.0.0.1:1883
 *
 * `mapping.json` maps topics to streams and devices. `{1}`, `{2}` and so on stand for the text that the first, second
 * wildcard of the topic matched. The first matching row applies. Payloads are stored unchanged.
 *
 * Messages stay in a queue until the gateway has acknowledged them. While the gateway is unavailable the queue fills. When
 * it is full, the bridge neither reads nor acknowledges messages of the broker, which then queues them (Mosquitto keeps
 * 1,000 messages of QoS 1 and 2 per client, also while the bridge is down, and drops those of QoS 0). Messages in flight
 * when a connection closes are sent again: delivery is at-least-once, as with QoS 1. Ctrl-C sends the queued messages and
 * prints totals. Messages that the gateway rejects, or does not store within five seconds after Ctrl-C, count as lost.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import mqtt from "mqtt";
// In a project of your own: "redis-streamer/client".
import { connect } from "../../dist/client/index.js";
import { createOrderedPublisher } from "./ordered-publisher.js";

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
const MAX_MESSAGES = Number(flags.queue);
const MAX_BYTES = 64 * 2 ** 20;
const GRACE_MS = 5_000;

/** @type {{ topic: string, qos: 0 | 1 | 2, device: string, stream: string }[]} */
const rows = JSON.parse(readFileSync(flags.mapping ?? new URL("mapping.json", import.meta.url), "utf8"));
const mapping = rows.map((row) => ({ ...row, pattern: patternOf(row.topic) }));
const log = (/** @type {string} */ line) => process.stderr.write(`${line}\n`);
const streamer = connect(flags.url, { token: flags.token });
const cut = new AbortController();
/** @type {Map<string, ReturnType<typeof createOrderedPublisher>>} */
const publishers = new Map();
const held = { messages: 0, bytes: 0 };
const totals = { stored: 0, resent: 0, rejected: 0 };
/** Callbacks that resume reading when there is room. @type {(() => void)[]} */
let paused = [];

/** @param {string} filter a topic filter (MQTT 3.1.1, 4.7); its wildcards become capture groups */
function patternOf(filter) {
  const literal = filter.replace(/[.*?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${literal.replaceAll("+", "([^/]*)").replace(/(^|\/)#$/, "(?:$1(.*))?")}$`, "s");
}

/** @param {string} topic @returns the publisher of its stream; undefined if no row of the mapping matches */
function publisherOf(topic) {
  for (const { pattern, device, stream } of mapping) {
    const found = pattern.exec(topic);
    if (found === null) continue;
    const [name, of] = [stream, device].map((text) => text.replace(/\{(\d+)\}/g, (_, n) => found[n] ?? ""));
    const key = `${of}:${name}`;
    const open = () => streamer.push(name || "unnamed", { device: of, signal: cut.signal, onStatus });
    const publisher =
      publishers.get(key) ?? createOrderedPublisher(open, { stored, rejected, resent, failed }, cut.signal);
    publishers.set(key, publisher);
    return publisher;
  }
  return undefined;
}

function release(/** @type {Buffer} */ payload) {
  held.messages--;
  held.bytes -= payload.length;
  if (isFull()) return;
  const resumed = paused;
  paused = [];
  for (const resume of resumed) resume();
}
const isFull = () => held.messages >= MAX_MESSAGES || held.bytes >= MAX_BYTES;
const stored = (/** @type {Buffer} */ payload) => {
  totals.stored++;
  release(payload);
};
const rejected = (/** @type {Buffer} */ payload, /** @type {string} */ reason) => {
  totals.rejected++;
  log(`rejected: ${reason}`);
  release(payload);
};
const resent = (/** @type {number} */ messages) => {
  totals.resent += messages;
};
const failed = (/** @type {Error} */ error) => {
  log(`${flags.url}: ${error.message}`);
  cut.abort(error);
  void stop();
};
const onStatus = (/** @type {import("../../dist/client/index.js").Status} */ status) => {
  if (status.state === "waiting") log(`${flags.url}: ${status.error.message}; retrying`);
};

const broker = mqtt.connect(flags.broker, { clientId: flags["client-id"], clean: false });
// `done` acknowledges the message and reads the next one.
broker.handleMessage = ({ topic, payload }, done) => {
  const bytes = Buffer.from(payload);
  const publisher = publisherOf(topic.toString());
  if (publisher !== undefined) {
    held.messages++;
    held.bytes += bytes.length;
    publisher.add(bytes);
  }
  if (isFull()) paused.push(() => done());
  else done();
};
broker.on("error", (error) => log(`${flags.broker}: ${error.message || "unreachable"}; retrying`));
broker.on("connect", () => log(`${flags.broker}: connected`));
broker.on("offline", () => log(`${flags.broker}: connection lost`));
for (const { topic, qos } of mapping)
  broker.subscribe(topic, { qos }, (error) => error && log(`${topic}: ${error.message}`));

/** @type {Promise<void> | undefined} */
let stopping;
const stop = () =>
  (stopping ??= (async () => {
    await broker.endAsync();
    setTimeout(() => cut.abort(), GRACE_MS).unref();
    await Promise.all([...publishers.values()].map((publisher) => publisher.close()));
    const lost = totals.rejected + held.messages;
    log(`stored ${totals.stored} messages, ${totals.resent} sent again, ${lost} lost`);
    process.exit(lost === 0 ? 0 : 1);
  })());
process.on("SIGINT", stop).on("SIGTERM", stop);
