/** Every route of a gateway as a function from credentials to the outcome of a request. */

import { WebSocket } from "ws";
import { openAnswer, request } from "../clients/http.ts";
import { connectSocket, type TestSocket } from "../clients/socket.ts";
import type { TestGateway } from "./gateway.ts";

/** Outcome of a request: `200`, `403 FORBIDDEN`, `4403 FORBIDDEN`. */
export type Outcome = string;

/** One route. */
export interface Route {
  readonly name: string;
  /** Required permission on the stream, or on the resource of the route. */
  readonly needs: "read" | "work" | "write" | "change" | "metrics" | "admin" | "anyone";
  /** Sends a request. @param query appended to the URL, as `?ticket=…` @param headers with the credentials */
  send(
    gateway: TestGateway,
    stream: string,
    headers: Record<string, string>,
    query?: string,
  ): Promise<Outcome>;
}

/** Converts a response to an outcome. */
function outcome(status: number, text: string): Outcome {
  const code = /"code":"([A-Z_]+)"/.exec(text)?.[1];
  return code === undefined ? String(status) : `${status} ${code}`;
}

const plain =
  (method: string, path: (stream: string) => string, body?: string): Route["send"] =>
  async ({ http }, stream, headers, query = "") => {
    const path_ = path(stream);
    const url = `${http}${path_}${query === "" ? "" : (path_.includes("?") ? "&" : "?") + query.slice(1)}`;
    const answer = await request(url, { method, headers, ...(body !== undefined && { body }) });
    return outcome(answer.status, answer.text);
  };

const live =
  (path: (stream: string) => string): Route["send"] =>
  async ({ http }, stream, headers, query = "") => {
    await using answer = await openAnswer(`${http}${path(stream)}${query}`, headers);
    const first = answer.status === 200 ? "" : String(await answer.next());
    return outcome(answer.status, first);
  };

/** Returns the status with which an upgrade was rejected. @throws the error if it is another one */
function upgradeStatus(error: unknown): Outcome {
  const [, status] = /Unexpected server response: (\d+)/.exec((error as Error).message) ?? [];
  if (status === undefined) throw error;
  return status;
}

/** Runs an action on a socket. @returns its outcome, the status of a rejected upgrade, or the code and reason of a close */
async function onSocket(
  connecting: Promise<TestSocket>,
  act: (one: TestSocket) => Promise<Outcome>,
): Promise<Outcome> {
  try {
    await using one = await connecting;
    const closed = one.closed.then(({ code, reason }) => `${code} ${reason.split(":")[0]}`);
    return await Promise.race([closed, act(one).catch(() => closed)]);
  } catch (error) {
    return upgradeStatus(error);
  }
}

/** @param act action on an open socket; it resolves when the gateway has completed it */
const socket =
  (path: (stream: string) => string, act: (one: TestSocket) => Promise<unknown>): Route["send"] =>
  ({ ws }, stream, headers, query = "") =>
    onSocket(
      connectSocket(`${ws}${path(stream)}${query === "" ? "" : `&${query.slice(1)}`}`, headers),
      async (one) => {
        await act(one);
        return "200";
      },
    );

/** Converts a GraphQL response: the code of its first error, with 403 for FORBIDDEN. */
const graphql =
  (query: (stream: string) => string): Route["send"] =>
  async ({ http }, stream, headers, search = "") => {
    const answer = await request(`${http}/graphql${search}`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ query: query(stream) }),
    });
    const code = /"code":"([A-Z_]+)"/.exec(answer.text)?.[1];
    return code === "FORBIDDEN" ? "403 FORBIDDEN" : outcome(answer.status, answer.text);
  };

/** A GraphQL subscription over a WebSocket. */
const subscription: Route["send"] = async ({ ws }, stream, headers, search = "") => {
  try {
    const raw = new WebSocket(`${ws}/graphql${search}`, "graphql-transport-ws", { headers });
    return await new Promise<Outcome>((resolve, reject) => {
      raw.on("error", reject);
      raw.on("close", (code, reason) => resolve(`${code} ${reason.toString().split(":")[0]}`));
      raw.on("open", () => raw.send('{"type":"connection_init"}'));
      raw.on("message", (data) => {
        const message = JSON.parse(String(data)) as { type: string };
        const query = `subscription { data(streamIds: {${JSON.stringify(stream).slice(1, -1)}: "0"}) { time } }`;
        if (message.type === "connection_ack")
          raw.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query } }));
        else
          resolve(
            /FORBIDDEN/.test(String(data)) ? "403 FORBIDDEN" : message.type === "next" ? "200" : String(data),
          );
      });
    }).finally(() => raw.terminate());
  } catch (error) {
    return upgradeStatus(error);
  }
};

/** A GraphQL subscription over server-sent events. */
const operationEvents: Route["send"] = async ({ http }, stream, headers, search = "") => {
  const query = `subscription { data(streamIds: {${JSON.stringify(stream).slice(1, -1)}: "0"}) { time } }`;
  const url = `${http}/graphql?query=${encodeURIComponent(query)}${search === "" ? "" : `&${search.slice(1)}`}`;
  await using answer = await openAnswer(url, { ...headers, accept: "text/event-stream" });
  let text = "";
  while (!text.includes("data:") && !text.includes('"code"')) {
    const chunk = await answer.next();
    if (chunk === undefined) break;
    text += chunk;
  }
  return text.includes('"FORBIDDEN"') ? "403 FORBIDDEN" : outcome(answer.status, text);
};

/** A viewer of Foxglove: whether the stream is among its channels. */
const foxglove: Route["send"] = ({ ws }, stream, headers, query = "") =>
  onSocket(connectSocket(`${ws}/foxglove/default${query}`, headers, ["foxglove.sdk.v1"]), async (one) =>
    (await channelsOf(one)).includes(`"topic":"/default/${stream}"`) ? "200" : "403 FORBIDDEN",
  );

/** Returns the messages that a viewer receives before the answer to its first message, which follows the channels. */
async function channelsOf(one: TestSocket): Promise<string> {
  one.send('{"op": "unsubscribe", "subscriptionIds": [1]}');
  let text = "";
  while (!text.includes("there is no subscription 1")) text += await one.text();
  return text;
}

/** Starts a recording. Test gateways have no directory for it, which the gateway finds out after it has checked the permissions. */
const record: Route["send"] = async ({ http }, stream, headers, query = "") => {
  const body = JSON.stringify({ streams: [stream] });
  const answer = await request(`${http}/recordings${query}`, { method: "POST", headers, body });
  const result = outcome(answer.status, answer.text);
  return result === "503 RECORDINGS_UNAVAILABLE" ? "200" : result;
};

/** All routes. A new route must be added here to be tested. */
export const ROUTES: readonly Route[] = [
  {
    name: "push",
    needs: "write",
    send: socket(
      (stream) => `/data/${stream}/push?header=0&ack=1`,
      (one) => {
        one.send(Buffer.from("x"));
        return one.next();
      },
    ),
  },
  {
    name: "pull",
    needs: "read",
    send: socket(
      (stream) => `/data/${stream}/pull?block=1`,
      (one) => one.next(),
    ),
  },
  { name: "GET", needs: "read", send: plain("GET", (stream) => `/data/${stream}?block=0`) },
  { name: "POST", needs: "write", send: plain("POST", (stream) => `/data/${stream}`, "x") },
  { name: "SSE", needs: "read", send: live((stream) => `/data/${stream}/events`) },
  { name: "MJPEG", needs: "read", send: live((stream) => `/data/${stream}/mjpeg`) },
  { name: "history", needs: "read", send: plain("GET", (stream) => `/data/${stream}/entries`) },
  { name: "entry", needs: "read", send: plain("GET", (stream) => `/data/${stream}/entries/last`) },
  { name: "density", needs: "read", send: plain("GET", (stream) => `/data/${stream}/density`) },
  {
    name: "work",
    needs: "work",
    send: socket(
      (stream) => `/data/${stream}/work/g?from=0`,
      (one) => one.next(),
    ),
  },
  {
    name: "next",
    needs: "work",
    send: plain("POST", (stream) => `/data/${stream}/work/next/next?consumer=w&from=0&delete=never`),
  },
  {
    name: "settle",
    needs: "work",
    send: plain("POST", (stream) => `/data/${stream}/work/g?consumer=w`, '{"ack": ["5-1"]}'),
  },
  {
    name: "delete acknowledged",
    needs: "write",
    send: plain("POST", (stream) => `/data/${stream}/work/g?consumer=w&delete=acked`, '{"ack": ["5-1"]}'),
  },
  { name: "record", needs: "read", send: record },
  { name: "recordings", needs: "anyone", send: plain("GET", () => "/recordings") },
  { name: "recording", needs: "anyone", send: plain("GET", () => "/recordings/none") },
  { name: "file", needs: "anyone", send: plain("GET", () => "/recordings/none.mcap") },
  { name: "stop", needs: "anyone", send: plain("POST", () => "/recordings/none/stop") },
  { name: "play", needs: "anyone", send: plain("POST", () => "/recordings/none/play") },
  { name: "pause of a playback", needs: "anyone", send: plain("POST", () => "/recordings/none/play/pause") },
  {
    name: "rest of a playback",
    needs: "anyone",
    send: plain("POST", () => "/recordings/none/play/continue"),
  },
  { name: "end of a playback", needs: "anyone", send: plain("POST", () => "/recordings/none/play/stop") },
  { name: "end of a recording", needs: "anyone", send: plain("DELETE", () => "/recordings/none") },
  { name: "demo device", needs: "anyone", send: plain("GET", () => "/demo") },
  { name: "end of a demo device", needs: "anyone", send: plain("DELETE", () => "/demo") },
  { name: "groups", needs: "work", send: plain("GET", (stream) => `/data/${stream}/work`) },
  { name: "pending", needs: "work", send: plain("GET", (stream) => `/data/${stream}/work/g/pending`) },
  { name: "end of a group", needs: "change", send: plain("DELETE", (stream) => `/data/${stream}/work/none`) },
  { name: "metrics", needs: "metrics", send: plain("GET", () => "/metrics") },
  {
    name: "GraphQL query",
    needs: "read",
    send: graphql((stream) => `{ stream(id: "default:${stream}") { length } }`),
  },
  {
    name: "GraphQL mutation",
    needs: "write",
    send: graphql((stream) => `mutation { append(streamId: "${stream}", entries: [{string: "x"}]) { id } }`),
  },
  {
    name: "GraphQL delete",
    needs: "change",
    send: graphql((stream) => `mutation { deleteStream(streamId: "${stream}") }`),
  },
  { name: "GraphQL subscription", needs: "read", send: subscription },
  { name: "GraphQL events", needs: "read", send: operationEvents },
  { name: "Foxglove", needs: "read", send: foxglove },
  { name: "connections", needs: "admin", send: plain("GET", () => "/admin/connections") },
  { name: "end of a connection", needs: "admin", send: plain("DELETE", () => "/admin/connections/none") },
  { name: "home", needs: "anyone", send: plain("GET", () => "/") },
  { name: "sender", needs: "anyone", send: plain("GET", () => "/send") },
  { name: "docs", needs: "anyone", send: plain("GET", () => "/docs/static/swagger-ui.css") },
  { name: "description", needs: "anyone", send: plain("GET", () => "/openapi.json") },
  { name: "WebSocket description", needs: "anyone", send: plain("GET", () => "/asyncapi.json") },
  { name: "tickets", needs: "anyone", send: plain("POST", () => "/tickets") },
  { name: "nothing", needs: "anyone", send: plain("GET", () => "/nothing-here") },
];

/** Returns the outcome of a route with sufficient permission. */
export const successOf = ({ name }: Route): Outcome => {
  if (name === "end of a demo device") return "204";
  return [
    ...["nothing", "end of a connection", "end of a group"],
    ...["recording", "file", "stop", "end of a recording"],
    ...["play", "pause of a playback", "rest of a playback", "end of a playback"],
  ].includes(name)
    ? "404 NOT_FOUND"
    : "200";
};

/** Returns the status in an outcome. */
export const statusOf = (text: Outcome): string => text.split(" ")[0] ?? "";
