/** Settings of authentication: API keys, tokens and tickets. */
import { flag, text, whole } from "./parsers.ts";
import { row } from "./row.ts";

/** Settings of authentication: API keys, tokens and tickets. */
export const AUTH = {
  auth: row(
    "AUTH",
    flag,
    "0",
    "",
    "1: clients must present an API key, a JSON Web Token or a ticket, and may do only what it permits",
  ),
  authKeysFile: row(
    "AUTH_KEYS_FILE",
    text,
    "./keys.json",
    "",
    "File with hashed API keys, written by redis-streamer keys; reloaded when it changes",
  ),
  jwtSecret: row("JWT_SECRET", text, "", "", "Secret for tokens signed with HS256, at least 32 bytes"),
  jwtKeys: row(
    "JWT_KEYS",
    text,
    "",
    "",
    "Keys for tokens signed with RS256 or ES256: the URL of a JWKS, or a file with a JWKS, public key or certificate",
  ),
  jwtAudience: row("JWT_AUDIENCE", text, "", "", "Required audience of a token; empty accepts any"),
  jwtIssuer: row("JWT_ISSUER", text, "", "", "Required issuer of a token; empty accepts any"),
  jwtClockToleranceMs: row(
    "JWT_CLOCK_TOLERANCE_MS",
    whole(0, 600_000),
    "5000",
    "ms",
    "Maximum clock difference between a token's issuer and the gateway",
  ),
  ticketTtlMs: row(
    "TICKET_TTL_MS",
    whole(1000, 3_600_000),
    "30000",
    "ms",
    "Lifetime of a ticket, which is valid once",
  ),
} as const;
