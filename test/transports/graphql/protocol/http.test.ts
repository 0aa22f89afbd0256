/** Conformance of `/graphql` to the GraphQL-over-HTTP specification, tested with its audits. */
import { serverAudits } from "graphql-http";
import { expect, test } from "vitest";
import { request } from "../../../support/clients/http.ts";
import { openOwnGateway } from "../../../support/gateway/own-gateway.ts";

const { redis, gateway } = await openOwnGateway();

test("passes every MUST and SHOULD audit", async () => {
  const audits = serverAudits({ url: () => `${gateway.http}/graphql`, fetchFn: fetch });
  const results = await Promise.all(audits.map((audit) => audit.fn()));
  const kept = results.filter(({ status }) => status === "ok");
  const rest = results.flatMap((result) =>
    result.status === "ok" ? [] : [`${result.status}: ${result.name}: ${result.reason}`],
  );
  expect(kept.length).toBeGreaterThan(50);
  expect(rest.filter((one) => one.startsWith("error"))).toEqual([]);
  expect(rest.filter((one) => one.startsWith("warn"))).toEqual([]);
});

test("answers a query with variables sent with GET", async () => {
  await redis.control.call("XADD", "default:a", "*", "d", "x");
  const parameters = new URLSearchParams({
    query: "query Q($id: String!) { stream(id: $id) { length } }",
    variables: '{"id": "a"}',
    operationName: "Q",
  });
  const answer = await request(`${gateway.http}/graphql/?${parameters}`);
  expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
  expect(answer.json()).toEqual({ data: { stream: { length: 1 } } });
});

test("answers in the first media type of a client that accepts several", async () => {
  const url = `${gateway.http}/graphql?query=${encodeURIComponent("{ __typename }")}`;
  const typeFor = async (accept: string) =>
    (await request(url, { headers: { accept } })).headers["content-type"];
  expect(await typeFor("application/graphql-response+json, application/json, text/event-stream")).toBe(
    "application/graphql-response+json; charset=utf-8",
  );
  expect(await typeFor("text/event-stream, application/json")).toBe("text/event-stream; charset=utf-8");
});
