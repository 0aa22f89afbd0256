/** Which fields of a type an operation selects, so that only what they need is asked of Redis. */
import type { GraphQLResolveInfo, SelectionSetNode } from "graphql";

/**
 * The names of the fields selected below a field, through fragments. One that a directive leaves out counts: it may
 * cost a question too many, never an answer.
 */
export function selectedFields({ fieldNodes, fragments }: GraphQLResolveInfo): ReadonlySet<string> {
  const names = new Set<string>();
  const seen = new Set<string>();

  function collect(set: SelectionSetNode | undefined): void {
    for (const selection of set?.selections ?? []) {
      if (selection.kind === "Field") names.add(selection.name.value);
      else if (selection.kind === "InlineFragment") collect(selection.selectionSet);
      else if (!seen.has(selection.name.value)) {
        seen.add(selection.name.value);
        collect(fragments[selection.name.value]?.selectionSet);
      }
    }
  }

  for (const { selectionSet } of fieldNodes) collect(selectionSet);
  return names;
}

/**
 * Counts the fields selected below a field, on all levels, through fragments. A fragment counts as often as it is spread,
 * and is walked once.
 */
export function countFields({ fieldNodes, fragments }: GraphQLResolveInfo): number {
  const known = new Map<string, number>();

  function count(set: SelectionSetNode | undefined): number {
    let fields = 0;
    for (const selection of set?.selections ?? []) {
      if (selection.kind === "FragmentSpread") fields += countFragment(selection.name.value);
      else fields += count(selection.selectionSet) + (selection.kind === "Field" ? 1 : 0);
    }
    return fields;
  }

  function countFragment(name: string): number {
    const counted = known.get(name) ?? count(fragments[name]?.selectionSet);
    known.set(name, counted);
    return counted;
  }

  return fieldNodes.reduce((sum, { selectionSet }) => sum + count(selectionSet), 0);
}
