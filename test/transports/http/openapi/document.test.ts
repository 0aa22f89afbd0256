/** Consistency of the OpenAPI document with the routes of the gateway. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { openApiDocument } from "../../../../src/transports/http/openapi/document.ts";
import { type ParameterRoute, rowsOf } from "../../../../src/transports/request/parameters/parameters.ts";
import { request } from "../../../support/clients/http.ts";
import { connectSocket } from "../../../support/clients/socket.ts";
import { openOwnGateway } from "../../../support/gateway/own-gateway.ts";

const { paths } = openApiDocument("test");

/** `GET /data/{stream_id}` and so on. */
const described = Object.entries(paths).flatMap(([path, operations]) =>
  Object.keys(operations ?? {}).map((method) => `${method.toUpperCase()} ${path}`),
);

const { gateway } = await openOwnGateway({ MAX_BATCH_ENTRIES: "50" });

test("describes exactly the routes of the source", () => {
  const folder = new URL("../../../../src/transports/", import.meta.url);
  const sources = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(new URL(name, folder), "utf8"));
  const registered = sources.flatMap((source) =>
    [...source.matchAll(/\bapp\.(get|post|put|patch|delete)(?:<[^(]*>)?\(\s*["`](\/[^"`]*)["`]/g)].flatMap(
      ([, method = "", path = ""]) => {
        const whole = path.includes("$")
          ? ["push", "pull"].map((one) => path.replace(/\$\{\w+\}/, one))
          : [path];
        return whole.map((one) => `${method.toUpperCase()} ${one.replace(/:(\w+)/g, "{$1}")}`);
      },
    ),
  );
  // The page of a library.
  expect([...registered, "GET /docs"].sort()).toEqual([...described].sort());
});

test.each(Object.keys(paths))("%s accepts exactly the described methods", async (path) => {
  const url = `${gateway.http}${path.replace("{stream_id}", "cam").replace("{id}", "none").replace("{entry_id}", "last")}`;
  const { status, headers } = await request(url, { method: "PATCH" });
  expect(status).toBe(405);
  const allowed = String(headers.allow)
    .split(", ")
    .filter((method) => method !== "HEAD")
    .map((method) => `${method} ${path}`);
  expect(allowed.sort()).toEqual(described.filter((one) => one.endsWith(` ${path}`)).sort());
});

const ROUTES = {
  push: { path: "/push", method: "GET" },
  pull: { path: "/pull", method: "GET" },
  get: { path: "", method: "GET" },
  post: { path: "", method: "POST" },
  entries: { path: "/entries", method: "GET" },
  entry: { path: "/entries/last", method: "GET" },
  density: { path: "/density", method: "GET" },
  events: { path: "/events", method: "GET" },
  mjpeg: { path: "/mjpeg", method: "GET" },
  work: { path: "/work/g", method: "GET" },
  next: { path: "/work/g/next", method: "POST" },
  settle: { path: "/work/g", method: "POST" },
  groups: { path: "/work", method: "GET" },
  foxglove: { path: "/foxglove", method: "GET" },
} as const satisfies Record<ParameterRoute, { path: string; method: string }>;

/** A value that no row of a type accepts. */
const INVALID = { flag: "maybe", integer: "1.5", number: "fast", choice: "none", names: "%zz" } as const;

const checked = Object.entries(ROUTES).flatMap(([route, { path, method }]) =>
  Object.entries(rowsOf(route as ParameterRoute)).flatMap(([name, { type }]) =>
    type === "text" || type === "name" ? [] : [{ route, path, method, name, value: INVALID[type] }],
  ),
);

/** The error that a route reports for a query. */
async function errorOf(route: string, path: string, method: string, query: string): Promise<string> {
  if (route === "push" || route === "pull" || route === "work") {
    await using socket = await connectSocket(`${gateway.ws}/data/cam${path}?${query}`);
    const { code, reason } = await socket.closed;
    return `${code} ${reason}`;
  }
  const { status, json } = await request(`${gateway.http}/data/cam${path}?${query}`, { method });
  const { code, error } = json() as { code: string; error: string };
  return `${status} ${code}: ${error}`;
}

test.each(checked)("$route reads $name", async ({ route, path, method, name, value }) => {
  expect(await errorOf(route, path, method, `${name}=${value}`)).toMatch(
    new RegExp(`^(400|1008) BAD_PARAMETER: ${name} must be .*, got "${value}"$`),
  );
});

test.each(Object.keys(ROUTES))("describes the parameters of %s as they are parsed", (route) => {
  const { path, method } = ROUTES[route as ParameterRoute];
  const described = path.replace("/last", "/{entry_id}").replace("/work/g", "/work/{group}");
  const isData = route !== "foxglove";
  const operation =
    paths[`${isData ? "/data/{stream_id}" : ""}${described}`]?.[method === "GET" ? "get" : "post"];
  const names = operation?.parameters?.map((one) => ("name" in one ? one.name : ""));
  const inPath = [
    ...(isData ? ["stream_id"] : []),
    ...[...described.matchAll(/\{(\w+)\}/g)].map(([, one]) => one),
  ];
  expect(names).toEqual([...inPath, ...Object.keys(rowsOf(route as ParameterRoute))]);
});

test("limits count to MAX_BATCH_ENTRIES", async () => {
  expect(await errorOf("get", "", "GET", "count=51")).toBe(
    '400 BAD_PARAMETER: count must be an integer between 1 and 50, got "51"',
  );
});
