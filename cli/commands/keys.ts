/** `keys add|list|revoke`: the file of API keys, which a running gateway reads again by itself. */
import { Command, Option } from "commander";
import { formatGrant, type Grant, parseGrant } from "../../src/access/grant.ts";
import { type ApiKey, makeKey, readKeyFile, writeKeyFile } from "../../src/access/key-file.ts";
import { flagValue } from "../flags.ts";
import type { Io } from "../io.ts";
import { oneLine } from "../payload-text.ts";

interface FileFlags {
  readonly file: string;
}

interface AddFlags extends FileFlags {
  readonly allow: readonly Grant[];
  /** ms since 1970. */
  readonly expires?: number;
}

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Makes the command. */
export const keys = (io: Io): Command =>
  new Command("keys")
    .description("API keys: make them, list them, take them back")
    .addCommand(add(io))
    .addCommand(list(io))
    .addCommand(revoke(io));

const add = ({ terminal }: Io): Command =>
  withFile(new Command("add"))
    .description("make a key and print it, once")
    .argument("<name>", "whom or what it is for, as the log will call it")
    .requiredOption(
      "--allow <permission...>",
      "read:, write: or admin: and a pattern of device:stream, such as read:glasses:* or write:*:imu*",
      (text: string, before: readonly Grant[] = []) => [...before, flagValue(parseGrant)(text)],
    )
    .option("--expires <time>", "when it ends: 90m, 12h, 30d from now, or a date", flagValue(parseExpiry))
    .action((name: string, { file, allow, expires }: AddFlags) => {
      const { key, secret } = makeKey({
        name,
        grants: allow,
        ...(expires !== undefined && { expiresAtMs: expires }),
      });
      writeKeyFile(file, [...readKeyFile(file), key]);
      terminal.note(`key ${key.id} for ${name} is in ${file}; this is its secret, which is shown only now:`);
      terminal.print(secret);
    });

const list = ({ terminal }: Io): Command =>
  withFile(new Command("list"))
    .description("show the keys, without their secrets")
    .action(({ file }: FileFlags) => {
      for (const key of readKeyFile(file)) terminal.print(line(key));
    });

const revoke = ({ terminal }: Io): Command =>
  withFile(new Command("revoke"))
    .description("take keys back; a running gateway closes their connections")
    .argument("<id or name...>", "the keys' ids, or names, each with all its keys")
    .action((wanted: readonly string[], { file }: FileFlags) => {
      const before = readKeyFile(file);
      const isWanted = ({ id, name }: ApiKey) => wanted.includes(id) || wanted.includes(name);
      const unknown = wanted.find((one) => !before.some(({ id, name }) => one === id || one === name));
      if (unknown !== undefined) throw new Error(`${file} has no key ${unknown}`);
      writeKeyFile(
        file,
        before.filter((key) => !isWanted(key)),
      );
      for (const { id, name } of before.filter(isWanted)) terminal.note(`revoked ${id} ${name}`);
    });

const withFile = (command: Command): Command =>
  command.addOption(
    new Option("--file <path>", "the file of keys").env("AUTH_KEYS_FILE").default("./keys.json"),
  );

const line = ({ id, name, grants, expiresAtMs }: ApiKey): string =>
  [
    id,
    oneLine(name),
    grants.map(formatGrant).map(oneLine).join(" "),
    expiresAtMs === undefined ? "" : `expires ${new Date(expiresAtMs).toISOString()}`,
  ]
    .join("  ")
    .trimEnd();

function parseExpiry(text: string): number {
  const [, amount, unit = ""] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const time = amount === undefined ? Date.parse(text) : Date.now() + Number(amount) * (UNIT_MS[unit] ?? 0);
  if (!(time > Date.now())) throw new Error(`wants a time to come, such as 30d or 2030-01-01, not "${text}"`);
  return time;
}
