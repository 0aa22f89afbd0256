/** Parses the metadata of listed streams, each once for all fields. Large metadata is read now, as far as there is memory for it. */
import { accountName } from "../../../access/limits/limits.ts";
import type { StreamRecord } from "../../../redis/registry/details/stream-records.ts";
import type { StoredValue } from "../../../redis/registry/stored-values.ts";
import { NO_META, ParsedMeta } from "../schema/parsed-meta.ts";
import { type LoadedMeta, loadedMeta } from "../schema/payload.ts";
import type { OperationContext } from "./context.ts";
import { EXPANSION } from "./limits/payload-budget.ts";

/** Fields that metadata declares. */
const DECLARED_FIELDS = ["contentType", "schema", "title", "units"] as const;

/** Fields that are read from the metadata. */
export const META_FIELDS = ["meta", ...DECLARED_FIELDS] as const;

/** Streams whose metadata is parsed between two looks at the clock. */
const STREAMS_PER_LOOK = 16;

/**
 * Loads the metadata of streams, in the order of their keys.
 *
 * @param records have small metadata already
 * @param fields selected fields
 * @throws GatewayError if Redis does not reply, or OVERLOADED
 */
export async function loadMetas(
  context: OperationContext,
  keys: readonly string[],
  records: readonly (StreamRecord | undefined)[],
  fields: ReadonlySet<string>,
): Promise<readonly LoadedMeta[]> {
  const { payloads, parsedMetas, access, visitor, lease } = context;
  const isDeclared = DECLARED_FIELDS.some((field) => fields.has(field));
  const load = (stored: StoredValue): LoadedMeta => {
    const loaded = loadedMeta(stored, parsedMetas, payloads.tooLarge);
    // Here and not by the fields, which are all resolved in one turn of the event loop.
    if (isDeclared && loaded instanceof ParsedMeta) loaded.readDeclaration();
    return loaded;
  };
  await payloads.hold(smallBytesOf(records) * EXPANSION);
  const slices = access.turns.slices.begin();
  const metas: LoadedMeta[] = [];
  const large = new Map<string, number[]>();
  for (let i = 0; i < keys.length; i++) {
    const meta = records[i]?.meta;
    if (i % STREAMS_PER_LOOK === 0 && slices.isOver()) await slices.next();
    metas.push(meta === "large" ? NO_META : load(meta));
    const key = keys[i] ?? "";
    // A client may name a stream twice.
    if (meta === "large") large.set(key, [...(large.get(key) ?? []), i]);
  }
  if (large.size > 0)
    await context.streams.registry.largeMetas([...large.keys()], {
      ...{ client: accountName(visitor), isWanted: () => !lease.isReleased() },
      admit: payloads.take,
      onValue(key, value) {
        const loaded = load(value);
        for (const i of large.get(key) ?? []) metas[i] = loaded;
      },
    });
  return metas;
}

function smallBytesOf(records: readonly (StreamRecord | undefined)[]): number {
  let bytes = 0;
  for (const record of records) {
    const meta = record?.meta;
    if (meta !== undefined && meta !== "large") bytes += meta.length;
  }
  return bytes;
}
