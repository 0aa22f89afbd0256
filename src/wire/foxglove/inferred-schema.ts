/**
 * JSON schemas that are inferred from values, so that viewers can complete the paths of plots. Only types that viewers accept are
 * used: each member has one type, and lists contain values of one type other than lists. Members without such a type are left
 * out of the schema; viewers still show them.
 */

/** Nesting that is described. */
const MAX_DEPTH = 8;
/** Members that are described, with those of nested objects. */
const MAX_MEMBERS = 1000;
/** Items of a list that are compared. */
const MAX_ITEMS = 16;

/** Type of a value that can be described. */
type Shape =
  | { readonly type: "boolean" | "number" | "string" }
  | { readonly type: "array"; readonly items: Shape }
  | { readonly type: "object"; readonly properties: Readonly<Record<string, Shape | undefined>> };

/** Infers the schema of objects, as JSON. */
export function inferSchema(values: readonly Readonly<Record<string, unknown>>[]): string {
  const room = { left: MAX_MEMBERS };
  const shapes = values.flatMap((value) => shapeOf(value, 1, room) ?? []);
  const merged = shapes.reduce((a, b) => merge(a, b) ?? a, { type: "object", properties: {} } as Shape);
  return JSON.stringify(merged);
}

function shapeOf(value: unknown, depth: number, room: { left: number }): Shape | undefined {
  if (typeof value === "boolean" || typeof value === "number" || typeof value === "string")
    return { type: typeof value as "boolean" | "number" | "string" };
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return undefined;
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_ITEMS).map((item) => shapeOf(item, depth + 1, room));
    const [first] = items;
    if (first === undefined || first.type === "array") return undefined;
    const merged = items.reduce((a, b) => (a && b ? merge(a, b) : undefined), first);
    return merged && { type: "array", items: merged };
  }
  const properties: Record<string, Shape> = Object.create(null) as Record<string, Shape>;
  for (const [name, member] of Object.entries(value)) {
    if (room.left-- <= 0) break;
    const shape = shapeOf(member, depth + 1, room);
    if (shape !== undefined) properties[name] = shape;
  }
  return { type: "object", properties };
}

/** Returns the type of two values; undefined if they have different ones. */
function merge(a: Shape, b: Shape): Shape | undefined {
  if (a.type === "object" && b.type === "object") {
    const properties: Record<string, Shape | undefined> = Object.assign(Object.create(null), a.properties);
    for (const [name, shape] of Object.entries(b.properties)) {
      const known = properties[name];
      // A member of several types remains as undefined, which JSON leaves out.
      if (!(name in properties)) properties[name] = shape;
      else properties[name] = known && shape && merge(known, shape);
    }
    return { type: "object", properties };
  }
  if (a.type === "array" && b.type === "array") {
    const items = merge(a.items, b.items);
    return items && { type: "array", items };
  }
  return a.type === b.type ? a : undefined;
}
