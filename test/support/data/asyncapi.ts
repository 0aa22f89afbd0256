/**
 * Validation of AsyncAPI 3.0 documents: the official JSON schema, and the rules of the specification that a schema cannot
 * express: references, parameters of addresses, and messages of operations.
 */
import { createRequire } from "node:module";
import { Ajv, type AnySchema } from "ajv";
import formats from "ajv-formats";

/** The parts of a document that the rules read. */
interface Document {
  readonly channels: Readonly<
    Record<
      string,
      {
        readonly address: string;
        readonly parameters?: object;
        readonly messages: Readonly<Record<string, object>>;
      }
    >
  >;
  readonly operations: Readonly<Record<string, Operation>>;
  readonly components: { readonly messages: Readonly<Record<string, { readonly payload?: AnySchema }>> };
}

interface Reference {
  readonly $ref: string;
}

interface Exchange {
  readonly channel: Reference;
  readonly messages: readonly Reference[];
}

interface Operation extends Exchange {
  readonly reply?: Exchange;
}

const require = createRequire(import.meta.url);
const schema: AnySchema = require("@asyncapi/specs/schemas/3.0.0-without-$id.json");

// The official schema uses keywords of OpenAPI; payload schemas have examples.
const official = new Ajv({ strict: false, allErrors: true });
formats.default(official);
const isDocument = official.compile(schema);

/** Lists what is wrong with a document; empty if it is valid. */
export function problemsOf(document: unknown): readonly string[] {
  if (!isDocument(document))
    return (isDocument.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
  const known = document as Document;
  return [
    ...referencesIn(known)
      .filter((ref) => targetOf(known, ref) === undefined)
      .map((ref) => `${ref} has no target`),
    ...Object.entries(known.channels).flatMap(([name, { address, parameters = {} }]) =>
      difference(
        [...address.matchAll(/\{([^{}]*)\}/g)].map(([, one = ""]) => one),
        Object.keys(parameters),
      ).map((one) => `channel ${name}: ${one} is only in the address, or only in the parameters`),
    ),
    ...Object.entries(known.operations).flatMap(([name, operation]) =>
      [operation, operation.reply ?? []]
        .flat()
        .flatMap(({ channel, messages }) =>
          messages
            .filter(({ $ref }) => !$ref.startsWith(`${channel.$ref}/messages/`))
            .map(({ $ref }) => `operation ${name}: ${$ref} is not a message of its channel`),
        ),
    ),
    ...Object.entries(known.components.messages).flatMap(([name, { payload }]) =>
      problemsOfPayload(name, payload),
    ),
  ];
}

/** Checks that a payload is a JSON schema whose keywords exist, and whose examples and defaults match it. */
function problemsOfPayload(name: string, payload: AnySchema | undefined): readonly string[] {
  if (payload === undefined) return [`message ${name} has no payload`];
  try {
    const ajv = new Ajv({ strictTypes: false, strictTuples: false });
    formats.default(ajv);
    ajv.addFormat("binary", true);
    const isPayload = ajv.compile(payload);
    const examples = typeof payload === "object" && Array.isArray(payload.examples) ? payload.examples : [];
    return examples
      .filter((one: unknown) => !isPayload(one))
      .map((one: unknown) => `message ${name}: example ${JSON.stringify(one)} does not match`);
  } catch (error) {
    return [`message ${name}: ${(error as Error).message}`];
  }
}

function referencesIn(value: unknown): readonly string[] {
  if (typeof value !== "object" || value === null) return [];
  if ("$ref" in value && typeof value.$ref === "string") return [value.$ref];
  return Object.values(value).flatMap(referencesIn);
}

/** Returns the target of a JSON pointer in a fragment (RFC 6901); undefined if there is none. */
function targetOf(document: unknown, ref: string): unknown {
  if (!ref.startsWith("#/")) return undefined;
  let target = document;
  for (const part of ref.slice(2).split("/")) {
    const name = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof target !== "object" || target === null || !Object.hasOwn(target, name)) return undefined;
    target = (target as Record<string, unknown>)[name];
  }
  return target;
}

const difference = (one: readonly string[], other: readonly string[]): readonly string[] => [
  ...one.filter((name) => !other.includes(name)),
  ...other.filter((name) => !one.includes(name)),
];
