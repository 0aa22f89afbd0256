// cspell:ignore AAEC
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DECLARED_MEMBERS, readDeclaration } from "../../../src/domain/content/declaration.ts";

test("reads the reserved members, and leaves all others", () => {
  const declaration = {
    contentType: "image/jpeg",
    schema: { name: "Imu", encoding: "jsonschema", data: '{"type":"object"}' },
    units: { "acc.x": "m/s^2" },
    frameId: "base_link",
    title: "Front camera",
    description: "above the windshield",
  };
  const meta = { ...declaration, sampleRate: 16_000, maxAge: "24h", title2: 5 };
  expect(readDeclaration(meta)).toEqual({ declaration, problems: [] });
  expect(Object.keys(declaration)).toEqual(DECLARED_MEMBERS);
});

test.each([undefined, null, 5, "text", [], [{ contentType: "image/jpeg" }], {}, { contentType: null }])(
  "%j declares nothing",
  (meta) => {
    expect(readDeclaration(meta)).toEqual({ declaration: {}, problems: [] });
  },
);

test("ignores members that are not the object's own", () => {
  expect(readDeclaration(Object.create({ title: "x" })).declaration).toEqual({});
  expect(readDeclaration(JSON.parse('{"__proto__":{"title":"x"}}')).declaration).toEqual({});
});

describe("reports and drops", () => {
  test.each([
    [{ contentType: 5 }, "contentType must be a media type"],
    [{ contentType: "image/jpeg\r\nx: 1" }, "contentType must be a media type"],
    [{ contentType: "x".repeat(10_000) }, "contentType must be a media type"],
    [{ schema: "Imu" }, "schema must be {"],
    [{ schema: {} }, "schema must have a name"],
    [{ schema: { name: "" } }, "schema must have a name"],
    [{ schema: { name: "Imu", data: "{}" } }, "schema must have an encoding with its data"],
    [{ schema: { name: "Imu", encoding: 5 } }, "schema must have an encoding"],
    [{ schema: { name: "Imu", encoding: "jsonschema", data: {} } }, "schema must have data that is a string"],
    [
      { schema: { name: "Imu", encoding: "jsonschema", data: "{" } },
      "schema must have data that is valid JSON",
    ],
    [
      { schema: { name: "Imu", encoding: "protobuf", data: "no base64!" } },
      "schema must have data in base64",
    ],
    [{ units: 5 }, "units must be a unit"],
    [{ units: { x: 5 } }, "units must be a unit"],
    [{ units: ["m"] }, "units must be a unit"],
    [{ title: {} }, "title must be a string"],
    [{ title: "x".repeat(201) }, "title must be a string of at most 200 characters"],
    [{ frameId: 1 }, "frameId must be a string"],
    [{ description: "x".repeat(10_001) }, "description must be a string of at most 10000 characters"],
  ])("%j", (meta, problem) => {
    const { declaration, problems } = readDeclaration({ ...meta, sampleRate: 1 });
    expect(declaration).toEqual({});
    expect(problems).toHaveLength(1);
    expect(problems[0]?.startsWith(problem)).toBe(true);
    expect(problems[0]?.length).toBeLessThan(250);
  });
});

test.each([
  [{ name: "Imu" }],
  [{ name: "Imu", encoding: "ros2msg", data: "float64 x" }],
  [{ name: "foxglove.Grid", encoding: "protobuf", data: "AAEC" }],
  [{ name: "foxglove.Grid", encoding: "protobuf", data: "" }],
])("accepts the schema %j", (schema) => {
  expect(readDeclaration({ schema })).toEqual({ declaration: { schema }, problems: [] });
});

test("property: never throws, and what it returns is valid again", () => {
  const member = fc.oneof(fc.jsonValue(), fc.constant("image/png"));
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...DECLARED_MEMBERS, "other"), member), (meta) => {
      const { declaration } = readDeclaration(meta);
      expect(readDeclaration(declaration)).toEqual({ declaration, problems: [] });
    }),
  );
});
