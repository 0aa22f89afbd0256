/**
 * Errors of fields, made cheaply. graphql-js makes a `GraphQLError` of the exception of a resolver: it formats the stack trace and
 * counts the lines of the document up to the field, about 0.1 ms. A list of thousands of streams may have an error in each, and
 * the event loop would stand still. But graphql-js keeps an error that has a path (its `locatedError`), so resolvers throw
 * such errors. Their locations are found when the result is serialized, in slices.
 */
import {
  type FieldNode,
  type GraphQLFieldResolver,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getLocation,
  isObjectType,
  responsePathAsArray,
  type SourceLocation,
} from "graphql";
import { withoutStack } from "../../../domain/without-stack.ts";

/** Exception of a resolver, with its field. */
export class FieldError extends Error {
  /** Keys from the root of the result to the field. */
  readonly path: readonly (string | number)[];
  readonly #node: FieldNode | undefined;

  /** @param cause exception of the resolver */
  constructor(cause: unknown, { path, fieldNodes }: GraphQLResolveInfo) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.path = responsePathAsArray(path);
    this.#node = fieldNodes[0];
  }

  /** Line and column of the field in the document; none if the document was parsed without them. */
  get locations(): readonly SourceLocation[] | undefined {
    return this.#node && locationsOf(this.#node);
  }
}

const locationsByNode = new WeakMap<FieldNode, readonly SourceLocation[]>();

function locationsOf(node: FieldNode): readonly SourceLocation[] | undefined {
  const { loc } = node;
  if (loc === undefined) return undefined;
  const known = locationsByNode.get(node) ?? [getLocation(loc.source, loc.start)];
  locationsByNode.set(node, known);
  return known;
}

/** Makes the resolvers of a schema throw a `FieldError`. Promises that are rejected are few, and remain as they are. */
export function throwFieldErrors(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type)) continue;
    for (const field of Object.values(type.getFields()))
      if (field.resolve !== undefined) field.resolve = withFieldErrors(field.resolve);
  }
  return schema;
}

function withFieldErrors<Source, Context>(
  resolve: GraphQLFieldResolver<Source, Context>,
): GraphQLFieldResolver<Source, Context> {
  return (source, args, context, info) => {
    try {
      return resolve(source, args, context, info);
    } catch (error) {
      throw withoutStack(() => new FieldError(error, info));
    }
  };
}
