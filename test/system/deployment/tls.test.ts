/** TLS on both sides: clients over https and wss, and Redis over rediss with a user of few permissions. */
import { copyFileSync } from "node:fs";
import { get } from "node:https";
import { connect as connectTls, type PeerCertificate } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { freePort } from "../../../bench/load/processes/free-port.ts";
import { request } from "../../support/clients/http.ts";
import { connectSocket } from "../../support/clients/socket.ts";
import { startTestGateway } from "../../support/gateway/gateway.ts";
import { createAuthority, type TestAuthority } from "../../support/network/certificates.ts";
import { makeCluster, nodeArguments } from "../../support/redis/cluster.ts";
import { startRedis, type TestRedis } from "../../support/redis/redis.ts";
import { until } from "../../support/until.ts";

let authority: TestAuthority;
let redis: TestRedis;
let tlsPort: number;
let client: { readonly cert: string; readonly key: string };

beforeAll(async () => {
  authority = createAuthority();
  const server = authority.issue("redis");
  client = authority.issue("client");
  tlsPort = await freePort();
  redis = await startRedis(
    ...["--tls-port", String(tlsPort), "--tls-cert-file", server.cert, "--tls-key-file", server.key],
    ...["--tls-ca-cert-file", authority.path, "--tls-auth-clients", "yes"],
  );
});
afterAll(async () => {
  await redis[Symbol.asyncDispose]();
  authority[Symbol.dispose]();
});

describe("clients", () => {
  const fetchText = (url: string) =>
    new Promise<string>((resolve, reject) => {
      get(url, { ca: authority.pem, agent: false }, (response) => {
        response.setEncoding("utf8");
        let text = "";
        response.on("data", (chunk) => {
          text += chunk;
        });
        response.on("end", () => resolve(text));
      }).on("error", reject);
    });
  const certificateOf = (port: number) =>
    new Promise<PeerCertificate>((resolve, reject) => {
      const socket = connectTls({ port, host: "127.0.0.1", ca: authority.pem }, () => {
        resolve(socket.getPeerCertificate());
        socket.destroy();
      });
      socket.on("error", reject);
    });

  test("serves https and wss, and uses a renewed certificate without a restart", async () => {
    const first = authority.issue("first");
    await using gateway = await startTestGateway(redis.url, { TLS_CERT: first.cert, TLS_KEY: first.key });
    expect(gateway.http).toMatch(/^https:/);
    expect(await fetchText(`${gateway.http}/healthz`)).toContain("ok");
    const socket = new WebSocket(`${gateway.ws}/data/tls/push?header=0&ack=1`, { ca: authority.pem });
    await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
    const acked = () => new Promise((resolve) => socket.once("message", (data) => resolve(String(data))));
    socket.send("x");
    expect(await acked()).toMatch(/^\["\d+-\d+"\]$/);

    const port = Number(new URL(gateway.http).port);
    expect((await certificateOf(port)).subject.CN).toBe("first");
    const second = authority.issue("second");
    // While the two files do not match, the previous certificate stays in use.
    copyFileSync(second.cert, first.cert);
    copyFileSync(second.key, first.key);
    await until("the new one is shown", async () => (await certificateOf(port)).subject.CN === "second");
    socket.send("y");
    expect(await acked()).toMatch(/^\["\d+-\d+"\]$/);
    socket.terminate();
  });

  test("sets the login cookie as Secure", async () => {
    const { cert, key } = authority.issue("cookie");
    await using gateway = await startTestGateway(redis.url, { TRUST_PROXY: "loopback" });
    const login = async (url: string, headers: Record<string, string>) =>
      (await request(`${url}/login`, { method: "POST", body: '{"token":"x"}', headers })).headers[
        "set-cookie"
      ]?.[0];
    expect(await login(gateway.http, {})).not.toContain("Secure");
    expect(await login(gateway.http, { "x-forwarded-proto": "https" })).toContain("; Secure");
    expect(cert).not.toBe(key);
  });

  test("rejects a certificate and key that do not match at startup", async () => {
    const [one, other] = [authority.issue("one"), authority.issue("other")];
    await expect(startTestGateway(redis.url, { TLS_CERT: one.cert, TLS_KEY: other.key })).rejects.toThrow(
      /key/,
    );
  });
});

describe("Redis", () => {
  const USER = "on >open-sesame ~* &* +@read +@write +@connection +@transaction -@dangerous +info +eval";

  test("connects by rediss with certificates on both sides, as a user of few permissions", async () => {
    await redis.control.call("ACL", "SETUSER", "gateway", ...USER.split(" "));
    for (const tail of ["tracking", "blocking"]) {
      await using gateway = await startTestGateway(`rediss://gateway:open-sesame@localhost:${tlsPort}`, {
        REDIS_TLS_CA: authority.path,
        REDIS_TLS_CERT: client.cert,
        REDIS_TLS_KEY: client.key,
        REDIS_TAIL: tail,
      });
      await using pull = await connectSocket(`${gateway.ws}/data/${tail}/pull?header=0&last_entry_id=0`);
      const sent = await request(`${gateway.http}/data/${tail}`, { method: "POST", body: "by TLS" });
      expect(sent.status).toBe(200);
      expect(await pull.text()).toBe("by TLS");
      // Append from another connection, so that the tail has to deliver it.
      await redis.control.call("XADD", `default:${tail}`, "*", "d", "seen");
      expect(await pull.text()).toBe("seen");
      const page = await request(`${gateway.http}/data/${tail}/entries?format=json`);
      expect((page.json() as unknown[]).length).toBe(2);
    }
  });

  test("connects to a cluster by rediss+cluster, as a user of few permissions", async () => {
    const server = authority.issue("node");
    const port = await freePort();
    await using node = await startRedis(
      ...(await nodeArguments()),
      ...["--tls-port", String(port), "--tls-cert-file", server.cert, "--tls-key-file", server.key],
      ...["--tls-ca-cert-file", authority.path, "--tls-cluster", "yes"],
    );
    await makeCluster([node]);
    await node.control.call("ACL", "SETUSER", "gateway", ...`${USER} +cluster|slots`.split(" "));
    await using gateway = await startTestGateway(`rediss+cluster://gateway:open-sesame@localhost:${port}`, {
      REDIS_TLS_CA: authority.path,
      REDIS_TLS_CERT: client.cert,
      REDIS_TLS_KEY: client.key,
    });
    await using pull = await connectSocket(`${gateway.ws}/data/s/pull?header=0&last_entry_id=0`);
    await using push = await connectSocket(
      `${gateway.ws}/data/s/push?header=0&ack=1&dedupe=me&dedupe_from=0`,
    );
    push.send("by TLS");
    expect(await push.text()).toMatch(/^\["\d+-0"\]$/);
    expect(await pull.text()).toBe("by TLS");
    const clients = String(await node.control.call("CLIENT", "LIST"));
    expect(clients).toMatch(
      new RegExp(`laddr=127.0.0.1:${port} .*name=redis-streamer:appends.* user=gateway`),
    );
  });

  test("does not connect to a server whose certificate authority is not trusted", async () => {
    await using gateway = await startTestGateway(`rediss://localhost:${tlsPort}`, { REDIS_WAIT_MS: "100" });
    const answer = await request(`${gateway.http}/data/a`, { method: "POST", body: "x" });
    expect(answer.status).toBe(503);
  });

  test("rejects an entry that the Redis user is not permitted to write, and names its stream", async () => {
    await redis.control.call("ACL", "SETUSER", "narrow", "on", ">pass", "~default:mine*", "&*", "+@all");
    await using gateway = await startTestGateway(redis.url.replace("//", "//narrow:pass@"));
    expect((await request(`${gateway.http}/data/mine`, { method: "POST", body: "x" })).status).toBe(200);
    const answer = await request(`${gateway.http}/data/yours`, { method: "POST", body: "x" });
    expect(answer.status).toBe(500);
    expect(answer.text).toMatch(/REDIS_REFUSED/);
  });
});
