/** Connection of a command to its gateway. */
import { readFileSync } from "node:fs";
import { parseAddress } from "../client/gateway/address.ts";
import type { Gateway } from "../client/gateway/gateway.ts";
import { connect, type Streamer, StreamerError } from "../client/index.ts";
import { createNodeTransport } from "../client/transport/node.ts";
import { DEFAULT_BACKOFF } from "../src/domain/scheduling/backoff.ts";
import { type ContextEnvironment, type Contexts, contextOf, contextsFile, readContexts } from "./contexts.ts";
import { CommandError, usageError } from "./exit-codes.ts";
import { type ConnectionFlags, DEFAULT_URL, type GivenFlags } from "./options.ts";
import { errorText } from "./output/error-text.ts";

/**
 * Selects the gateway. A flag wins over the context, and the context over environment variables; but a URL replaces the
 * current context as a whole, so that its key is not sent to another gateway.
 *
 * @param isFlag whether an option was given as a flag, not by an environment variable
 * @throws CommandError if the context does not exist
 */
export function selectConnection(
  given: GivenFlags,
  isFlag: (name: keyof GivenFlags) => boolean,
  env: ContextEnvironment,
): ConnectionFlags {
  const { url, token, ca } = given;
  if (isFlag("url") && isFlag("context")) throw usageError("--url and --context cannot be used together");
  const file = contextsFile(env);
  const isUrlGiven = url !== undefined && (isFlag("url") || given.context === undefined);
  const contexts: Contexts = isUrlGiven ? { contexts: {} } : readContexts(file);
  const name = isUrlGiven ? undefined : (given.context ?? contexts.current);
  const credentials = { ...(token !== undefined && { token }), ...(ca !== undefined && { ca }) };
  if (name === undefined) return { url: url ?? DEFAULT_URL, ...credentials };
  return {
    ...credentials,
    ...contextOf(contexts, name, file),
    ...(isFlag("token") && token !== undefined && { token }),
    ...(isFlag("ca") && ca !== undefined && { ca }),
  };
}

/** Creates the client of the gateway that the flags select. @throws CommandError if the certificate file cannot be read */
export const openStreamer = ({ url, token, ca }: ConnectionFlags): Streamer =>
  connect(url, { token, ...(ca !== undefined && { ca: readAuthorities(ca) }) });

/** Returns the gateway that the flags select, for requests that the client has no method for. @throws CommandError */
export const openGateway = ({ url, token, ca }: ConnectionFlags): Gateway => ({
  address: parseAddress(url),
  transport: createNodeTransport(ca === undefined ? [] : [readAuthorities(ca)]),
  backoff: DEFAULT_BACKOFF,
  token,
});

/** Reads certificate authorities. @throws CommandError */
function readAuthorities(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw usageError(`--ca: ${errorText(error)}`);
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw usageError(`--ca: ${file} must contain certificates in PEM`);
}

/** Adds advice for the user to an error of the client. */
export function explained(error: unknown, { url }: Pick<ConnectionFlags, "url">): unknown {
  if (!(error instanceof StreamerError)) return error;
  const advice = ADVICE[error.code]?.(url);
  return advice === undefined ? error : new CommandError(`${error.message}; ${advice}`);
}

const ADVICE: Readonly<Record<string, (url: string) => string>> = {
  UNREACHABLE: (url) => `is a gateway running at ${url}? Start one with: redis-streamer serve`,
  UNTRUSTED_CERTIFICATE: () => "if you trust its certificate authority, pass its file with --ca",
  UNAUTHENTICATED: () => "pass a key with --token or REDIS_STREAMER_TOKEN",
};
