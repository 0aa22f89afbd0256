/**
 * Limits the nesting depth and the number of aliases of an operation. Fields in fragments are counted, but each fragment
 * is visited only once, so that counting is cheap even for a malicious document.
 */
import type { DocumentNode, FragmentDefinitionNode, GraphQLError, SelectionSetNode } from "graphql";
import { graphqlError } from "../errors.ts";

/** Limits of a document. */
export interface DocumentLimits {
  readonly graphqlMaxDepth: number;
  readonly graphqlMaxAliases: number;
}

interface Size {
  /** Nesting depth of fields. */
  readonly depth: number;
  /** Number of aliased fields, each counted as often as it is selected. */
  readonly aliases: number;
  /** Number of `__schema` and `__type` fields and aliases below them, each counted as often as it is selected. */
  readonly introspections: number;
}

const NOTHING: Size = { depth: 0, aliases: 0, introspections: 0 };

/**
 * Maximum of `introspections` in an operation. graphql-js resolves introspection in one turn, and each field can list the
 * whole schema again. Tools select one `__schema` or `__type` without aliases below it.
 */
const MAX_INTROSPECTIONS = 3;

/**
 * Checks a document, which need not be valid. A fragment that spreads itself is not followed.
 *
 * @param document one that may still be invalid; a fragment that spreads itself is not followed
 * @returns the error, or undefined if the document is within the limits
 */
export function limitError(document: DocumentNode, limits: DocumentLimits): GraphQLError | undefined {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const one of document.definitions)
    if (one.kind === "FragmentDefinition") fragments.set(one.name.value, one);
  const sizes = new Map<string, Size>();

  function sizeOf(set: SelectionSetNode | undefined): Size {
    let depth = 0;
    let aliases = 0;
    let introspections = 0;
    for (const selection of set?.selections ?? []) {
      const inner =
        selection.kind === "FragmentSpread"
          ? sizeOfFragment(selection.name.value)
          : sizeOf(selection.selectionSet);
      const isField = selection.kind === "Field";
      depth = Math.max(depth, inner.depth + (isField ? 1 : 0));
      aliases += inner.aliases + (isField && selection.alias !== undefined ? 1 : 0);
      const isIntrospection =
        isField && (selection.name.value === "__schema" || selection.name.value === "__type");
      introspections += isIntrospection ? 1 + inner.aliases : inner.introspections;
    }
    return { depth, aliases, introspections };
  }

  function sizeOfFragment(name: string): Size {
    const known = sizes.get(name);
    if (known !== undefined) return known;
    // Placeholder, for fragments that spread themselves. Validation rejects those later.
    sizes.set(name, NOTHING);
    const size = sizeOf(fragments.get(name)?.selectionSet);
    sizes.set(name, size);
    return size;
  }

  for (const definition of document.definitions) {
    if (definition.kind !== "OperationDefinition") continue;
    const { depth, aliases, introspections } = sizeOf(definition.selectionSet);
    if (depth > limits.graphqlMaxDepth)
      return graphqlError(
        "GRAPHQL_LIMIT_EXCEEDED",
        `the operation must nest at most ${limits.graphqlMaxDepth} fields, got ${depth}`,
      );
    if (aliases > limits.graphqlMaxAliases)
      return graphqlError(
        "GRAPHQL_LIMIT_EXCEEDED",
        `the operation must have at most ${limits.graphqlMaxAliases} aliases, got ${aliases}`,
      );
    if (introspections > MAX_INTROSPECTIONS)
      return graphqlError(
        "GRAPHQL_LIMIT_EXCEEDED",
        `the operation must have at most ${MAX_INTROSPECTIONS} __schema and __type fields and aliases below them, got ${introspections}`,
      );
  }
  return undefined;
}
