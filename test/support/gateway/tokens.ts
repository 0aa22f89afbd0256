/** A gateway that requires authentication, and tokens that it accepts. */
import { createSecretKey } from "node:crypto";
import { SignJWT } from "jose";
import type { TestKeys } from "./keys.ts";

const SECRET = "a secret of more than thirty-two bytes";

/** The settings of such a gateway. */
export const guardedBy = (keys: TestKeys): Record<string, string> => ({
  AUTH: "1",
  AUTH_KEYS_FILE: keys.path,
  JWT_SECRET: SECRET,
  JWT_CLOCK_TOLERANCE_MS: "0",
});

/** Creates a token for alice. @param lifeS lifetime in seconds, up to one second more */
export const tokenFor = (permissions: readonly string[], lifeS = 60): Promise<string> =>
  new SignJWT({ permissions: [...permissions] })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("alice")
    // Rounded up, because the use of the token takes time on a busy machine.
    .setExpirationTime(Math.ceil(Date.now() / 1000) + lifeS)
    .sign(createSecretKey(Buffer.from(SECRET)));

/** The header that carries a token or key. */
export const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
