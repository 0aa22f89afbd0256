/**
 * Bounds on what one operation may ask for: how deep it nests and how many aliases it has. Both are counted through
 * fragments without walking any of them twice, so that a short document cannot make the count itself the attack.
 */
import type { DocumentNode, FragmentDefinitionNode, GraphQLError, SelectionSetNode } from "graphql";
import { graphqlError } from "./errors.ts";

/** The bounds. */
export interface DocumentLimits {
  readonly graphqlMaxDepth: number;
  readonly graphqlMaxAliases: number;
}

interface Size {
  /** Fields nested in each other. */
  readonly depth: number;
  /** Aliased fields, each as often as it is selected. */
  readonly aliases: number;
  /** `__schema` and `__type` fields, and the aliases below them, each as often as it is selected. */
  readonly introspections: number;
}

const NOTHING: Size = { depth: 0, aliases: 0, introspections: 0 };

/**
 * Maximum of `introspections` in an operation. graphql-js resolves introspection at once, and each can list the whole schema
 * again. Tools select one `__schema` or `__type` without aliases below it.
 */
const MOST_INTROSPECTIONS = 3;

/**
 * Checks a document.
 *
 * @param document one that may still be invalid; a fragment that spreads itself is not followed
 * @returns the error, or undefined where it is within the bounds
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
    // Until it is known: for a fragment that spreads itself, which validation refuses.
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
        `the operation nests ${depth} fields, more than ${limits.graphqlMaxDepth}`,
      );
    if (aliases > limits.graphqlMaxAliases)
      return graphqlError(
        "GRAPHQL_LIMIT_EXCEEDED",
        `the operation has ${aliases} aliases, more than ${limits.graphqlMaxAliases}`,
      );
    if (introspections > MOST_INTROSPECTIONS)
      return graphqlError(
        "GRAPHQL_LIMIT_EXCEEDED",
        `the operation has ${introspections} fields __schema and __type with aliases below them, more than ${MOST_INTROSPECTIONS}`,
      );
  }
  return undefined;
}
