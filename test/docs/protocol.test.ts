/** The tables of `docs/protocol.md` and of the settings against the tables in the code: neither side lacks a row. */
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { TICKET_ROUTES } from "../../src/access/identity/ticket-scope.ts";
import { ERRORS } from "../../src/domain/errors.ts";
import { gatewayErrorOf } from "../../src/redis/reply-errors.ts";
import { ReplyError } from "../../src/redis/resp/reader.ts";
import { SETTINGS } from "../../src/settings.ts";
import { openApiDocument } from "../../src/transports/http/openapi/document.ts";
import type { Parameter } from "../../src/transports/request/parameters/parameter-types.ts";
import { type ParameterRoute, rowsOf } from "../../src/transports/request/parameters/parameters.ts";
import { PROTOCOL_CLOSE } from "../../src/transports/websocket-protocol/frames/protocol-error.ts";
import {
  CLEAN_FORMAT_NAMES,
  cleanFormat,
  EVENT_FORMAT_NAMES,
  FILE_FORMAT,
  RAW_TYPE,
} from "../../src/wire/formats.ts";
import { hasDoc, plain, readDoc, sectionOf, tableOf } from "../support/data/markdown.ts";

const protocol = readDoc("docs/protocol.md");

/** The section of each data route. */
const SECTIONS = {
  push: "## WebSocket push",
  pull: "## WebSocket pull",
  get: "## GET entries",
  post: "## POST entries",
  entries: "## History",
  entry: "## One entry",
  density: "## Density",
  events: "## Server-sent events",
  mjpeg: "## MJPEG",
  work: "## Work queues",
  next: "## Next entries of a group",
  settle: "## Settling entries",
  groups: "## Groups",
  foxglove: "## Foxglove",
} as const satisfies Record<ParameterRoute, string>;

const code = (value: unknown): string => `\`${String(value)}\``;

function defaultOf({ type, fallback, fallbackNote }: Parameter<unknown>): string {
  if (fallbackNote !== undefined) return plain(fallbackNote);
  if (fallback === undefined) return "";
  return String(type === "flag" ? Number(fallback) : fallback);
}

function rangeOf({ choices, min, max }: Parameter<unknown>): string {
  if (choices !== undefined) return choices.map(code).join(", ");
  return min === undefined ? "" : `${code(min)} to ${code(max)}`;
}

describe("parameters", () => {
  it.each(Object.entries(SECTIONS))(
    "of %s have the documented names, defaults and ranges",
    (route, heading) => {
      const documented = tableOf(sectionOf(protocol, heading), "parameter").map(
        ([name, type, fallback, range]) => [plain(name ?? ""), type, plain(fallback ?? ""), range],
      );
      const parsed = Object.entries(rowsOf(route as ParameterRoute)).map(([name, row]) => [
        name,
        row.type,
        defaultOf(row),
        rangeOf(row),
      ]);
      expect(documented).toEqual(parsed);
    },
  );
});

/** Texts of the source as patterns, after an error code and the name of a parameter. The values of a template may be any text. */
function textsOf(folder: string): readonly RegExp[] {
  const sources = readdirSync(new URL(`../../${folder}`, import.meta.url), {
    recursive: true,
    encoding: "utf8",
  })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => readDoc(`${folder}/${path}`));
  const texts = sources.flatMap((source) => [...source.matchAll(/`([^`]+)`|"([^"\n]+)"/g)]);
  return texts
    .map(([, template = "", text = ""]) => (template || text).split(/\$\{[^}]*\}/))
    .filter((parts) => parts.join("").length >= 8)
    .map(
      (parts) =>
        new RegExp(
          `^(\\w+: (\\w+ )?)?${parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".+")}$`,
        ),
    );
}

describe("errors", () => {
  it("and close codes have an example each, in the words of the code", () => {
    const texts = textsOf("src");
    const errors = tableOf(sectionOf(protocol, "## Errors"), "code").map(
      ([name, , , , , example]) => `${plain(name ?? "")}: ${plain(example ?? "")}`,
    );
    const reasons = tableOf(sectionOf(protocol, "### Close codes"), "close code").map(([, , reason]) =>
      plain(reason ?? ""),
    );
    const inWordsOfRedis = (example: string) =>
      gatewayErrorOf(new ReplyError(example.replace(/^\w+: /, "ERR "))).code === "ID_NOT_ABOVE_LAST";
    const wrong = [...errors, ...reasons].filter(
      (example) => !texts.some((text) => text.test(example)) && !inWordsOfRedis(example),
    );
    expect(wrong).toEqual([]);
  });

  it("have the documented status and close code, and may be retried as documented", () => {
    const documented = tableOf(sectionOf(protocol, "## Errors"), "code").map(
      ([name, status, close, retry]) => [
        plain(name ?? ""),
        { status: Number(status), close: Number(close), retryable: retry === "yes" },
      ],
    );
    expect(documented).toEqual(Object.entries(ERRORS));
  });

  it("have a sentence each", () => {
    for (const [name, , , , meaning] of tableOf(sectionOf(protocol, "## Errors"), "code"))
      expect(`${name} ${meaning}`).toMatch(/^`\w+` [A-Z]/);
  });

  it("have documented close codes", () => {
    const documented = tableOf(sectionOf(protocol, "### Close codes"), "close code").map(([close]) =>
      Number(close),
    );
    const used = [...Object.values(ERRORS).map(({ close }) => close), ...Object.values(PROTOCOL_CLOSE)];
    expect(documented).toEqual([...new Set(used)].sort((a, b) => a - b));
  });
});

describe("formats", () => {
  it("have the documented media types, message types and room for notices", () => {
    const documented = tableOf(sectionOf(protocol, "## Formats"), "format").map(
      ([name, , mediaType, message, , notices]) => [
        plain(name ?? ""),
        plain(mediaType ?? ""),
        message,
        notices,
      ],
    );
    const clean = CLEAN_FORMAT_NAMES.map((name) => {
      const { mediaType, isBinary, encodeNotice } = cleanFormat(name);
      return [name, mediaType, isBinary ? "binary" : "text", encodeNotice ? "yes" : "no"];
    });
    expect(documented).toEqual([
      ["header", "", "text, then binary", "no"],
      ["raw", RAW_TYPE, "binary", "no"],
      ...clean,
      [FILE_FORMAT.name, FILE_FORMAT.mediaType, "", "no"],
    ]);
  });

  it("of events are documented", () => {
    for (const name of EVENT_FORMAT_NAMES)
      expect(sectionOf(protocol, "## Server-sent events")).toMatch(
        new RegExp(`^- Data by .*\`${name}\``, "m"),
      );
  });
});

describe("routes", () => {
  /** WebSockets, which OpenAPI describes as the GET that is upgraded; `/graphql` is described once. */
  const methodOf = (method: string) => (method === "WebSocket" ? "GET" : method);

  it("are those of the OpenAPI document", () => {
    const documented = tableOf(sectionOf(protocol, "## Routes"), "method").map(
      ([method = "", path = ""]) => `${methodOf(method)} ${plain(path)}`,
    );
    const described = Object.entries(openApiDocument("test").paths).flatMap(([path, operations]) =>
      Object.keys(operations ?? {}).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect([...new Set(documented)].sort()).toEqual(described.sort());
  });

  it("link to sections that exist", () => {
    const anchors = new Set(
      [...protocol.matchAll(/^#+ (.+)$/gm)].map(([, title = ""]) =>
        title
          .toLowerCase()
          .replace(/[^\w -]/g, "")
          .replaceAll(" ", "-"),
      ),
    );
    const links = [...protocol.matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor]) => anchor);
    expect(links.filter((anchor) => anchor === undefined || !anchors.has(anchor))).toEqual([]);
  });

  it("of tickets are documented", () => {
    const [route] = tableOf(sectionOf(protocol, "## Tickets"), "member of the body");
    expect([...(route?.[1] ?? "").matchAll(/`(\w+)`/g)].map(([, name]) => name)).toEqual([...TICKET_ROUTES]);
  });
});

describe("settings", () => {
  const file = hasDoc("docs/configuration.md") ? "docs/configuration.md" : "README.md";

  it(`are the rows of ${file}`, () => {
    const documented = [...readDoc(file).matchAll(/^\| `([A-Z_]+)` \| `--[\w-]+` \|\s*([^|]*?)\s*\|/gm)].map(
      ([, env, fallback]) => [env, plain(fallback ?? "")],
    );
    expect(documented).toEqual(Object.values(SETTINGS).map(({ env, fallback }) => [env, fallback]));
  });

  it("that the protocol names exist", () => {
    const known = new Set([...Object.values(SETTINGS).map(({ env }) => env), ...Object.keys(ERRORS)]);
    const named = [...protocol.matchAll(/`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`/g)].map(([, name]) => name ?? "");
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });
});
