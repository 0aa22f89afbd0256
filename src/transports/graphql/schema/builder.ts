/** The schema builder and the scalars that all topics share. */
import SchemaBuilder from "@pothos/core";
import { GraphQLScalarType, Kind, type ValueNode, valueFromASTUntyped } from "graphql";
import type { OperationContext } from "../execution/context.ts";
import { valueOfNumber } from "../execution/exact-numbers.ts";

/** What the builder knows of types. */
export interface SchemaTypes {
  Context: OperationContext;
  DefaultFieldNullability: false;
  Scalars: {
    JSON: { Input: unknown; Output: unknown };
    Count: { Input: number; Output: number };
    StringOrList: { Input: string; Output: string | readonly (string | null)[] };
  };
}

/** The builder as all topics use it. */
export type Builder = PothosSchemaTypes.SchemaBuilder<PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>>;

/** The value of a literal, with marks on numbers that JavaScript cannot hold. */
function jsonOfLiteral(node: ValueNode, variables: Record<string, unknown> | null | undefined): unknown {
  switch (node.kind) {
    case Kind.INT:
    case Kind.FLOAT:
      return valueOfNumber(node.value);
    case Kind.LIST:
      return node.values.map((one) => jsonOfLiteral(one, variables));
    case Kind.OBJECT:
      return Object.fromEntries(
        node.fields.map(({ name, value }) => [name.value, jsonOfLiteral(value, variables)]),
      );
    default:
      return valueFromASTUntyped(node, variables);
  }
}

/** Makes a builder that knows the scalars. */
export function createBuilder(): Builder {
  const builder = new SchemaBuilder<SchemaTypes>({ defaultFieldNullability: false });
  builder.addScalarType(
    "JSON",
    new GraphQLScalarType({
      name: "JSON",
      description: "Any JSON value: an object, a list, a string, a number, a boolean or null.",
      specifiedByURL: "https://www.rfc-editor.org/rfc/rfc8259",
      parseValue: (value) => value,
      parseLiteral: jsonOfLiteral,
    }),
  );
  builder.addScalarType(
    "Count",
    new GraphQLScalarType<number, number>({
      name: "Count",
      description: "A whole number from 0 to 2^53, which Int is too small for.",
      serialize: Number,
    }),
  );
  builder.addScalarType(
    "StringOrList",
    new GraphQLScalarType<string, string | readonly (string | null)[]>({
      name: "StringOrList",
      description:
        "A string where the payload is one entry, a list of strings where it is several (`count`).",
      serialize: (value) => value as string | readonly (string | null)[],
    }),
  );
  return builder;
}

/**
 * Arguments with that of the device, or without it where keys carry none: a resolver then gets undefined for it, which
 * means no device there as well.
 */
export const alsoDevice = <A extends object, D extends object>(
  withDevices: boolean,
  args: A,
  device: D,
): A & D => (withDevices ? { ...args, ...device } : args) as A & D;
