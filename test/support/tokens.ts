/** A gateway that wants to know who comes, and tokens that it takes. */
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

/** A token of alice's. @param lifeS seconds that it is good for, or up to one more */
export const tokenFor = (permissions: readonly string[], lifeS = 60): Promise<string> =>
  new SignJWT({ permissions: [...permissions] })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("alice")
    // Not less than so many: what is to be done with it takes a while on a busy machine.
    .setExpirationTime(Math.ceil(Date.now() / 1000) + lifeS)
    .sign(createSecretKey(Buffer.from(SECRET)));

/** The header that shows a token or key. */
export const bearer = (text: string) => ({ authorization: `Bearer ${text}` });
