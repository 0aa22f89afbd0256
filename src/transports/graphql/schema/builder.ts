/** GraphQL schema builder and the scalar types shared by all parts of the schema. */
import SchemaBuilder from "@pothos/core";
import { GraphQLScalarType, Kind, type ValueNode, valueFromASTUntyped } from "graphql";
import { valueOfNumber } from "../../request/exact-numbers.ts";
import type { OperationContext } from "../execution/context.ts";

/** Types that the builder checks against. */
export interface SchemaTypes {
  Context: OperationContext;
  DefaultFieldNullability: false;
  Scalars: {
    JSON: { Input: unknown; Output: unknown };
    Count: { Input: number; Output: number };
    StringOrList: { Input: string; Output: string | readonly (string | null)[] };
  };
}

/** Builder shared by all parts of the schema. */
export type Builder = PothosSchemaTypes.SchemaBuilder<PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>>;

/** Returns the value of a literal. Numbers that JavaScript cannot represent are marked. */
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

/** Creates a builder with the scalar types. */
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
      description: "An integer from 0 to 2^53. `Int` holds only 32 bits.",
      serialize: Number,
    }),
  );
  builder.addScalarType(
    "StringOrList",
    new GraphQLScalarType<string, string | readonly (string | null)[]>({
      name: "StringOrList",
      description: "A string if the payload is one entry, a list of strings if `count` is given.",
      serialize: (value) => value as string | readonly (string | null)[],
    }),
  );
  return builder;
}

/**
 * Adds the device argument, unless keys have no device prefix. The resolver then receives undefined, which means
 * no device as well.
 */
export const alsoDevice = <A extends object, D extends object>(
  withDevices: boolean,
  args: A,
  device: D,
): A & D => (withDevices ? { ...args, ...device } : args) as A & D;
