/** Content negotiation (RFC 9110, 12.5.1), with the headers that real clients send. */
import fc from "fast-check";
import Negotiator from "negotiator";
import { describe, expect, test } from "vitest";
import {
  acceptedFormat,
  acceptsPage,
  contentFormat,
  mediaTypeOf,
} from "../../../src/transports/request/media-types.ts";
import type { BodyFormat } from "../../../src/wire/formats.ts";
import { anyString } from "../../support/data/any-string.ts";

const CHROMIUM_NAVIGATION =
  "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7";

describe("the format of a response", () => {
  test.each<[client: string, accept: string | undefined, format: BodyFormat]>([
    ["nc, HTTP/1.0 programs", undefined, "raw"],
    ["an empty header", "", "raw"],
    ["curl, requests, httpx, aiohttp, Node's and a browser's fetch", "*/*", "raw"],
    ["axios", "application/json, text/plain, */*", "raw"],
    ["superagent, Angular", "application/json, text/plain, */*", "raw"],
    ["jQuery's getJSON", "application/json, text/javascript, */*; q=0.01", "json"],
    ["Chromium, an address in the address bar", CHROMIUM_NAVIGATION, "raw"],
    ["Chromium, <img>", "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "raw"],
    ["EventSource", "text/event-stream", "raw"],
    ["Java's HttpURLConnection", "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "raw"],
    ["RestTemplate", "application/json, application/*+json", "json"],
    ["curl --json, HTTPie with a body", "application/json, */*;q=0.5", "json"],
    ["curl 7.82 --json", "application/json", "json"],
    ["OData clients", "application/json;odata=verbose", "json"],
    ["a client of the clean format", "application/msgpack", "msgpack"],
    ["both, MessagePack first", "application/msgpack, application/json;q=0.9", "msgpack"],
    ["both, JSON first", "application/json, application/msgpack;q=0.9", "json"],
    ["both alike", "application/json, application/msgpack", "msgpack"],
    ["any case", "APPLICATION/JSON", "json"],
    ["any case", "Application/MsgPack;Q=1.0", "msgpack"],
    ["a weight of zero", "application/json;q=0", "raw"],
    ["a weight of zero beside anything", "application/json;q=0, */*", "raw"],
    ["a weight of zero with decimals", "application/json;q=0.000", "raw"],
    ["a low weight", "application/json;q=0.1, */*;q=0.5", "raw"],
    ["a low weight, and nothing else", "application/json;q=0.1", "json"],
    ["bytes preferred", "application/octet-stream, application/json;q=0.9", "raw"],
    ["bytes as well", "application/json, application/octet-stream", "raw"],
    ["bytes as a last resort", "application/json, application/octet-stream;q=0.1", "json"],
    ["JSON is excluded from anything", "*/*, application/json;q=0.2", "raw"],
    ["any application type", "application/*", "raw"],
    ["JSON before any other application type", "application/json, application/*;q=0.2", "json"],
    ["another type of a similar name", "application/jsonl", "raw"],
    ["another type of a similar name", "application/json-seq, application/x-json", "raw"],
    ["another type of a similar name", "text/application/json", "raw"],
    ["a type within a parameter", 'text/plain;x="application/json"', "raw"],
    ["a weight that is none", "application/json;q=high", "raw"],
    ["a weight that is none", "application/json;q=", "raw"],
    ["a weight over 1", "application/json;q=7", "raw"],
    ["nothing between commas", ", ,application/json,,", "json"],
    ["nonsense", "application/json\"',;;=", "raw"],
  ])("%s: %s", (_client, accept, format) => {
    expect(acceptedFormat(accept)).toBe(format);
  });

  test("is the choice of negotiator if weights differ", () => {
    const types = ["application/octet-stream", "application/msgpack", "application/json"];
    const formats: readonly BodyFormat[] = ["raw", "msgpack", "json"];
    const range = fc.constantFrom(...types, "*/*", "application/*", "text/html", "text/*");
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(range, fc.integer({ min: 0, max: 1000 })), maxOf6), (members) => {
        const accept = members.map(([type, q]) => `${type};q=${q / 1000}`).join(", ");
        fc.pre(/json|msgpack/.test(accept));
        const negotiator = new Negotiator({ headers: { accept } });
        const first = negotiator.mediaTypes(types)[0];
        fc.pre(new Set(members.map(([, q]) => q)).size === members.length);
        expect(acceptedFormat(accept)).toBe(first === undefined ? "raw" : formats[types.indexOf(first)]);
      }),
    );
  });

  test("accepts any header without an error", () => {
    fc.assert(
      fc.property(anyString({ maxLength: 300 }), (text) => {
        acceptedFormat(`application/json${text}`);
        acceptedFormat(`${text},application/msgpack;${text}`);
        acceptsPage(`${text}text/html${text}`);
        contentFormat(text);
      }),
    );
    expect(acceptedFormat(`application/json${",a/b;q=0.1".repeat(10_000)}`)).toBe("json");
  });
});

const maxOf6 = { maxLength: 6, selector: ([type]: readonly [string, number]) => type };

describe("a page instead of JSON", () => {
  test.each<[accept: string | undefined, isPage: boolean]>([
    [CHROMIUM_NAVIGATION, true],
    ["text/html", true],
    ["TEXT/HTML", true],
    [undefined, false],
    ["*/*", false],
    ["application/json, text/plain, */*", false],
    ["text/html;q=0, application/json", false],
    ["application/json, text/html;q=0.5", false],
    ["text/html-sandboxed", false],
  ])("%s: %s", (accept, isPage) => {
    expect(acceptsPage(accept)).toBe(isPage);
  });
});

describe("the content type of a body", () => {
  test.each<[contentType: string | undefined, type: string, format: BodyFormat]>([
    [undefined, "", "raw"],
    ["", "", "raw"],
    ["application/json", "application/json", "json"],
    ["APPLICATION/JSON", "application/json", "json"],
    ["application/json; charset=utf-8", "application/json", "json"],
    ["application/json;charset=utf-8", "application/json", "json"],
    [" application/json ", "application/json", "json"],
    ["application/jsonl", "application/jsonl", "raw"],
    ["application/json-patch+json", "application/json-patch+json", "raw"],
    ["application/msgpack", "application/msgpack", "msgpack"],
    ["Application/MsgPack; v=5", "application/msgpack", "msgpack"],
    ["multipart/form-data; boundary=x", "multipart/form-data", "raw"],
    ["multipart/form-database", "multipart/form-database", "raw"],
    ["text/plain", "text/plain", "raw"],
    ["application/x-www-form-urlencoded", "application/x-www-form-urlencoded", "raw"],
  ])("%s", (contentType, type, format) => {
    expect(mediaTypeOf(contentType)).toBe(type);
    expect(contentFormat(contentType)).toBe(format);
  });
});
