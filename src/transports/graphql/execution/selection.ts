/** Finds the fields that an operation selects, so that only the data they need is requested from Redis. */
import type { GraphQLResolveInfo, SelectionSetNode } from "graphql";

/**
 * Returns the names of the fields selected below a field, including those in fragments. Directives are ignored: a skipped
 * field may cause an unnecessary request, but never a wrong result.
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
 * Counts the fields selected below a field on all levels, including those in fragments. A fragment counts as often as it
 * is spread, but is visited only once.
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
