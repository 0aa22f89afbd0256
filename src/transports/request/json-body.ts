/** Bodies of requests: JSON objects whose members are checked one by one. */
import { badParameter, GatewayError } from "../../domain/errors.ts";
import { isObject } from "../../domain/is-object.ts";
import { shown } from "../../domain/shown.ts";

/** JSON body of a request. */
export type Body = Readonly<Record<string, unknown>>;

/** Reads a body. @param example of a valid one @throws GatewayError BAD_BODY */
export function bodyOf(text: string, example: string): Body {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (isObject(value)) return value;
  throw new GatewayError("BAD_BODY", `the body must be a JSON object such as ${example}, got ${shown(text)}`);
}

/** Checks the names of members. @throws GatewayError BAD_PARAMETER */
export function checkMembers(body: Body, known: readonly string[]): void {
  const unknown = Object.keys(body).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw badParameter(unknown.slice(0, 60), `is not a member; the body has ${known.join(", ")}`);
}

/** Reads a text. @throws GatewayError BAD_PARAMETER */
export function optionalText(body: Body, name: string): string | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw badParameter(name, `must be a string, got ${shown(value)}`);
  return value;
}

/** Reads a list of stream ids; empty without. @throws GatewayError BAD_PARAMETER */
export function textList(body: Body, name: string): readonly string[] {
  const value = body[name] ?? [];
  if (!Array.isArray(value) || !value.every((one) => typeof one === "string" && one !== ""))
    throw badParameter(name, `must be a list of stream ids or patterns, got ${shown(value)}`);
  return value as readonly string[];
}

/** Reads a positive integer. @throws GatewayError BAD_PARAMETER */
export function optionalNumber(body: Body, name: string, max: number): number | undefined {
  const value = body[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw badParameter(name, `must be an integer between 1 and ${max}, got ${shown(value)}`);
}
