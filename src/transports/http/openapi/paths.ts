/** Types of the paths in the OpenAPI document. */
import type { OpenAPIV3 } from "openapi-types";

/** Operation of the OpenAPI document: a method of a path. */
export type Operation = OpenAPIV3.OperationObject;

/** Methods that the document describes. */
export const METHODS = ["get", "post", "put", "delete"] as const;

/** Operations by path and method. */
export type Paths = Readonly<Record<string, Partial<Record<(typeof METHODS)[number], Operation>>>>;
