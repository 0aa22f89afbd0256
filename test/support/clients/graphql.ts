/** GraphQL over HTTP for tests. */
import type { TestGateway } from "../gateway/gateway.ts";
import { request } from "./http.ts";

/** A response as clients receive it. */
export interface GraphqlAnswer {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly (string | number)[];
    readonly extensions: { readonly code: string };
  }[];
}

/** Sends an operation by POST and returns the response, including errors. */
export async function ask(
  { http }: Pick<TestGateway, "http">,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<GraphqlAnswer> {
  const answer = await request(`${http}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  return answer.json() as GraphqlAnswer;
}

/** As `ask`, with the data alone. @throws Error where there are errors */
export async function dataOf(
  gateway: Pick<TestGateway, "http">,
  query: string,
  variables?: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const { data, errors } = await ask(gateway, query, variables);
  if (errors !== undefined || data == null) throw new Error(JSON.stringify(errors));
  return data;
}
