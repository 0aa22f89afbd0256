/**
 * Declaration of a stream: reserved members of its metadata that describe every payload (docs/protocol.md, "Declared
 * content"). Other programs may store anything there, so invalid members have no effect when they are read.
 */
import { isObject } from "../is-object.ts";
import { shown } from "../shown.ts";
import { MAX_TYPE_CHARACTERS, parseMediaType } from "./media-type.ts";

/** Schema of the payloads, in the terms of MCAP. */
export interface Schema {
  readonly name: string;
  /** `jsonschema`, `protobuf`, `flatbuffer`, `ros2msg`, …; absent if only the name is known. */
  readonly encoding?: string;
  /** The schema itself: text, or base64 if the encoding is binary. */
  readonly data?: string;
}

/** Units: one per JSON path, or one for all values. */
export type Units = string | Readonly<Record<string, string>>;

/** Reserved members of a stream's metadata. */
export interface Declaration {
  /** Media type of every payload. */
  readonly contentType?: string;
  readonly schema?: Schema;
  readonly units?: Units;
  /** Coordinate frame. */
  readonly frameId?: string;
  /** Short name for people. */
  readonly title?: string;
  readonly description?: string;
}

/** Encodings whose schemas are binary (MCAP registry, "Schema encodings"). */
const BINARY_ENCODINGS: readonly string[] = ["protobuf", "flatbuffer"];

/** Whether schemas in this encoding are binary. Their data is base64. */
export const isBinarySchema = (encoding: string): boolean => BINARY_ENCODINGS.includes(encoding);

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Maximum number of units, and lengths in characters. */
const MAX_UNITS = 1000;
const MAX_NAME_CHARACTERS = 200;
const MAX_TEXT_CHARACTERS = 10_000;

/** A valid value, or its problem. */
type Checked<T> = { readonly value: T } | { readonly problem: string };

const text =
  (max: number) =>
  (value: unknown): Checked<string> =>
    typeof value === "string" && value.length <= max
      ? { value }
      : { problem: `must be a string of at most ${max} characters` };

function checkContentType(value: unknown): Checked<string> {
  const type = typeof value === "string" ? parseMediaType(value) : undefined;
  return type === undefined
    ? { problem: `must be a media type of at most ${MAX_TYPE_CHARACTERS} characters, such as image/jpeg` }
    : { value: type };
}

/** Checks a schema: a name, with an encoding and data or without. */
export function checkSchema(value: unknown): Checked<Schema> {
  if (!isObject(value)) return { problem: 'must be {"name": …, "encoding": …, "data": …}' };
  const { name, encoding, data } = value;
  if (!isName(name)) return { problem: `must have a name of 1 to ${MAX_NAME_CHARACTERS} characters` };
  if (encoding === undefined)
    return data === undefined ? { value: { name } } : { problem: "must have an encoding with its data" };
  if (!isName(encoding))
    return { problem: `must have an encoding of 1 to ${MAX_NAME_CHARACTERS} characters` };
  if (data === undefined) return { value: { name, encoding } };
  if (typeof data !== "string") return { problem: "must have data that is a string" };
  if (isBinarySchema(encoding) && !BASE64.test(data))
    return { problem: `must have data in base64, because ${encoding} is binary` };
  if (encoding === "jsonschema" && !isJson(data)) return { problem: "must have data that is valid JSON" };
  return { value: { name, encoding, data } };
}

const isName = (value: unknown): value is string =>
  typeof value === "string" && value.length >= 1 && value.length <= MAX_NAME_CHARACTERS;

function isJson(data: string): boolean {
  try {
    JSON.parse(data);
    return true;
  } catch {
    return false;
  }
}

function checkUnits(value: unknown): Checked<Units> {
  const isUnit = (unit: unknown) => typeof unit === "string" && unit.length <= MAX_NAME_CHARACTERS;
  if (isUnit(value)) return { value: value as string };
  if (isObject(value)) {
    const units = Object.values(value);
    if (units.length <= MAX_UNITS && units.every(isUnit)) return { value: value as Record<string, string> };
  }
  return { problem: "must be a unit, or an object from JSON path to unit" };
}

const CHECKS = {
  contentType: checkContentType,
  schema: checkSchema,
  units: checkUnits,
  frameId: text(MAX_NAME_CHARACTERS),
  title: text(MAX_NAME_CHARACTERS),
  description: text(MAX_TEXT_CHARACTERS),
} as const satisfies { readonly [N in keyof Declaration]-?: (value: unknown) => Checked<Declaration[N]> };

/** Names of the reserved members. */
export const DECLARED_MEMBERS = Object.keys(CHECKS) as readonly (keyof Declaration)[];

/** The valid members of a declaration, and a list of invalid ones. */
export interface ReadDeclaration {
  readonly declaration: Declaration;
  /** One message per invalid member; each begins with the member's name. */
  readonly problems: readonly string[];
}

/** Declarations by metadata: a schema is checked once, which takes milliseconds if it is large. */
const known = new WeakMap<object, ReadDeclaration>();

/**
 * Reads the reserved members of a stream's metadata (any JSON). A member that is null counts as absent.
 *
 * @param meta must not be changed afterwards
 */
export function readDeclaration(meta: unknown): ReadDeclaration {
  const members = isObject(meta) ? meta : NO_MEMBERS;
  const read = known.get(members) ?? declarationOf(members);
  known.set(members, read);
  return read;
}

const NO_MEMBERS = {};

function declarationOf(members: Readonly<Record<string, unknown>>): ReadDeclaration {
  const declaration: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const name of DECLARED_MEMBERS) {
    const given = Object.hasOwn(members, name) ? members[name] : undefined;
    if (given === undefined || given === null) continue;
    const checked = CHECKS[name](given);
    if ("value" in checked) declaration[name] = checked.value;
    else problems.push(`${name} ${checked.problem}, got ${shown(given)}`);
  }
  return { declaration, problems };
}
