/** Every door of a gateway, as one function each: with what somebody shows, to what the gateway says. */

import { WebSocket } from "ws";
import type { TestGateway } from "./gateway.ts";
import { openAnswer, request } from "./http.ts";
import { connectSocket } from "./socket.ts";

/** What was said: `200`, `403 FORBIDDEN`, `4403 FORBIDDEN`. */
export type Said = string;

/** One door. */
export interface Door {
  readonly name: string;
  /** What has to be allowed on the stream, or on what stands in its place. */
  readonly needs: "read" | "write" | "change" | "metrics" | "admin" | "anybody";
  /** Knocks. @param query behind the address, as `?ticket=…` @param headers what is shown */
  knock(gateway: TestGateway, stream: string, headers: Record<string, string>, query?: string): Promise<Said>;
}

/** What an answer says. */
function said(status: number, text: string): Said {
  const code = /"code":"([A-Z_]+)"/.exec(text)?.[1];
  return code === undefined ? String(status) : `${status} ${code}`;
}

const plain =
  (method: string, path: (stream: string) => string, body?: string): Door["knock"] =>
  async ({ http }, stream, headers, query = "") => {
    const path_ = path(stream);
    const url = `${http}${path_}${query === "" ? "" : (path_.includes("?") ? "&" : "?") + query.slice(1)}`;
    const answer = await request(url, { method, headers, ...(body !== undefined && { body }) });
    return said(answer.status, answer.text);
  };

const live =
  (path: (stream: string) => string): Door["knock"] =>
  async ({ http }, stream, headers, query = "") => {
    await using answer = await openAnswer(`${http}${path(stream)}${query}`, headers);
    const first = answer.status === 200 ? "" : String(await answer.next());
    return said(answer.status, first);
  };

/** @param act what is done on an open socket; it resolves when the gateway has served it */
const socket =
  (
    path: (stream: string) => string,
    act: (one: Awaited<ReturnType<typeof connectSocket>>) => Promise<unknown>,
  ): Door["knock"] =>
  async ({ ws }, stream, headers, query = "") => {
    try {
      await using one = await connectSocket(
        `${ws}${path(stream)}${query === "" ? "" : `&${query.slice(1)}`}`,
        headers,
      );
      const served = act(one).then(
        () => "200",
        () => undefined,
      );
      const closed = one.closed.then(({ code, reason }) => `${code} ${reason.split(":")[0]}`);
      return (await Promise.race([closed, served.then((text) => text ?? closed)])) ?? "";
    } catch (error) {
      const [, status] = /Unexpected server response: (\d+)/.exec((error as Error).message) ?? [];
      if (status === undefined) throw error;
      return status;
    }
  };

/** What a GraphQL answer says: its first error's code, with 403 for one of those that are a status elsewhere. */
const graphql =
  (query: (stream: string) => string): Door["knock"] =>
  async ({ http }, stream, headers, search = "") => {
    const answer = await request(`${http}/graphql${search}`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ query: query(stream) }),
    });
    const code = /"code":"([A-Z_]+)"/.exec(answer.text)?.[1];
    return code === "FORBIDDEN" ? "403 FORBIDDEN" : said(answer.status, answer.text);
  };

/** A GraphQL subscription over a WebSocket: refused by an error, or open. */
const subscription: Door["knock"] = async ({ ws }, stream, headers, search = "") => {
  try {
    const raw = new WebSocket(`${ws}/graphql${search}`, "graphql-transport-ws", { headers });
    return await new Promise<Said>((resolve, reject) => {
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
    const [, status] = /Unexpected server response: (\d+)/.exec((error as Error).message) ?? [];
    if (status === undefined) throw error;
    return status;
  }
};

/** A GraphQL subscription whose results are events: refused by an error in the first of them, or open. */
const operationEvents: Door["knock"] = async ({ http }, stream, headers, search = "") => {
  const query = `subscription { data(streamIds: {${JSON.stringify(stream).slice(1, -1)}: "0"}) { time } }`;
  const url = `${http}/graphql?query=${encodeURIComponent(query)}${search === "" ? "" : `&${search.slice(1)}`}`;
  await using answer = await openAnswer(url, { ...headers, accept: "text/event-stream" });
  let text = "";
  while (!text.includes("data:") && !text.includes('"code"')) {
    const chunk = await answer.next();
    if (chunk === undefined) break;
    text += chunk;
  }
  return text.includes('"FORBIDDEN"') ? "403 FORBIDDEN" : said(answer.status, text);
};

/** The doors that there are. A new one that is not here is not tested. */
export const DOORS: readonly Door[] = [
  {
    name: "push",
    needs: "write",
    knock: socket(
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
    knock: socket(
      (stream) => `/data/${stream}/pull?block=1`,
      (one) => one.next(),
    ),
  },
  { name: "GET", needs: "read", knock: plain("GET", (stream) => `/data/${stream}?block=0`) },
  { name: "POST", needs: "write", knock: plain("POST", (stream) => `/data/${stream}`, "x") },
  { name: "SSE", needs: "read", knock: live((stream) => `/data/${stream}/events`) },
  { name: "MJPEG", needs: "read", knock: live((stream) => `/data/${stream}/mjpeg`) },
  { name: "history", needs: "read", knock: plain("GET", (stream) => `/data/${stream}/entries`) },
  { name: "metrics", needs: "metrics", knock: plain("GET", () => "/metrics") },
  {
    name: "GraphQL query",
    needs: "read",
    knock: graphql((stream) => `{ stream(id: "default:${stream}") { length } }`),
  },
  {
    name: "GraphQL mutation",
    needs: "write",
    knock: graphql((stream) => `mutation { append(streamId: "${stream}", entries: [{string: "x"}]) { id } }`),
  },
  {
    name: "GraphQL delete",
    needs: "change",
    knock: graphql((stream) => `mutation { deleteStream(streamId: "${stream}") }`),
  },
  { name: "GraphQL subscription", needs: "read", knock: subscription },
  { name: "GraphQL events", needs: "read", knock: operationEvents },
  { name: "connections", needs: "admin", knock: plain("GET", () => "/admin/connections") },
  { name: "end of a connection", needs: "admin", knock: plain("DELETE", () => "/admin/connections/none") },
  { name: "home", needs: "anybody", knock: plain("GET", () => "/") },
  { name: "docs", needs: "anybody", knock: plain("GET", () => "/docs/static/swagger-ui.css") },
  { name: "description", needs: "anybody", knock: plain("GET", () => "/openapi.json") },
  { name: "tickets", needs: "anybody", knock: plain("POST", () => "/tickets") },
  { name: "nothing", needs: "anybody", knock: plain("GET", () => "/nothing-here") },
];

/** What a door says to whom it lets in. */
export const welcomeOf = ({ name }: Door): Said =>
  name === "nothing" || name === "end of a connection" ? "404 NOT_FOUND" : "200";

/** The status in what was said. */
export const statusOf = (text: Said): string => text.split(" ")[0] ?? "";
