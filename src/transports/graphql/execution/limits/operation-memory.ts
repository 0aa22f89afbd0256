/**
 * Memory of an operation besides its payloads. Every selected field has a resolver with its promises while the operation runs.
 * A client can send hundreds of operations with a hundred aliases each, which all wait for Redis.
 */
import type { DocumentNode, FragmentDefinitionNode, SelectionSetNode } from "graphql";

/** Memory of a selected field while its resolver waits, in bytes. */
export const FIELD_BYTES = 1024;

/** Maximum number of counted fields: fragments that spread each other can select billions, which are rejected while they run. */
const MAX_FIELDS = 2000;

/** Returns the number of fields that the largest operation of a valid document selects, items of lists counted once. */
export function selectedFields(document: DocumentNode): number {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const one of document.definitions)
    if (one.kind === "FragmentDefinition") fragments.set(one.name.value, one);
  const known = new Map<string, number>();

  function fieldsOfFragment(name: string): number {
    const counted = known.get(name);
    if (counted !== undefined) return counted;
    const fields = fieldsOf(fragments.get(name)?.selectionSet);
    known.set(name, fields);
    return fields;
  }

  function fieldsOf(set: SelectionSetNode | undefined): number {
    let fields = 0;
    for (const selection of set?.selections ?? []) {
      if (selection.kind === "Field") fields++;
      fields +=
        selection.kind === "FragmentSpread"
          ? fieldsOfFragment(selection.name.value)
          : fieldsOf(selection.selectionSet);
    }
    return Math.min(fields, MAX_FIELDS);
  }

  const fields = document.definitions.map((one) =>
    one.kind === "OperationDefinition" ? fieldsOf(one.selectionSet) : 0,
  );
  return Math.max(0, ...fields);
}
