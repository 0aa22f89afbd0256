/** The settings table: precedence, valid values, and the texts generated from it. */
import { availableParallelism } from "node:os";
import { describe, expect, it } from "vitest";
import { helpText, settingsTable } from "../src/settings/help.ts";
import { flagName } from "../src/settings/row.ts";
import { readSettings, SETTINGS, SettingError } from "../src/settings.ts";

const rows = Object.entries(SETTINGS);

/** Returns the error message for a command line and an environment. */
function rejection(args: readonly string[], env: Record<string, string> = {}): string {
  try {
    readSettings(args, env);
  } catch (error) {
    expect(error).toBeInstanceOf(SettingError);
    return (error as SettingError).message;
  }
  return expect.fail(`${JSON.stringify([args, env])} was taken`);
}

describe("precedence", () => {
  it("prefers the flag, then the environment, then the default", () => {
    expect(readSettings([], {}).port).toBe(8000);
    expect(readSettings([], { PORT: "8001" }).port).toBe(8001);
    expect(readSettings(["--port", "8002"], { PORT: "8001" }).port).toBe(8002);
    expect(readSettings(["--port=8002"], {}).port).toBe(8002);
  });

  it("treats an empty variable as unset, and an empty flag as an empty value", () => {
    expect(readSettings([], { PORT: "", REDIS_URL: "" })).toEqual(readSettings([], {}));
    expect(readSettings(["--redis-url", ""], { REDIS_URL: "redis://there:6379" }).redisUrl).toBe("");
  });

  it("ignores a variable that a flag overrides", () => {
    expect(readSettings(["--port", "1"], { PORT: "nonsense" }).port).toBe(1);
  });

  it("ignores unknown variables", () => {
    expect(readSettings([], { PATH: "/bin", STREAM: "x" })).toEqual(readSettings([], {}));
  });
});

describe("defaults", () => {
  it("are local, with a managed Redis and the documented values", () => {
    expect(readSettings([], {})).toMatchObject({
      host: "127.0.0.1",
      port: 8000,
      redisUrl: "",
      redisFsync: "always",
      streamMaxLength: 1000,
      noDevicePrefix: false,
      allowedOrigins: [],
      maxMessageBytes: 64 * 1024 * 1024,
    });
  });

  it.each(rows)("of %s is valid for its row", (name, { env, fallback }) => {
    const settings: Record<string, unknown> = readSettings([], {});
    if (fallback !== "") expect(readSettings([`--${flagName(env)}`, fallback], {})).toEqual(settings);
    expect(settings).toHaveProperty(name);
  });
});

describe("values", () => {
  it.each([
    ["65536", 65_536],
    ["64k", 65_536],
    ["64K", 65_536],
    ["64kb", 65_536],
    ["64KiB", 65_536],
    ["2m", 2 * 1024 ** 2],
    ["1G", 1024 ** 3],
  ])("size %s", (text, bytes) => {
    expect(readSettings(["--max-message-bytes", text], {}).maxMessageBytes).toBe(bytes);
  });

  it.each(["1", "true", "True", "YES", "on", "t", "Y"])("%s is true", (text) => {
    expect(readSettings([], { DISABLE_MULTI_DEVICE_PREFIXING: text }).noDevicePrefix).toBe(true);
  });

  it.each(["0", "false", "No", "OFF", "f", "n"])("%s is false", (text) => {
    expect(readSettings([], { DISABLE_MULTI_DEVICE_PREFIXING: text }).noDevicePrefix).toBe(false);
  });

  it("splits lists at commas and trims blanks", () => {
    expect(
      readSettings([], { ALLOWED_ORIGINS: " https://a.example, ,https://b.example ," }).allowedOrigins,
    ).toEqual(["https://a.example", "https://b.example"]);
  });

  it("parses stream classes as names and patterns", () => {
    expect(readSettings([], { METRICS_CLASSES: "cameras=*:cam*, a.b=x:=y" }).metricsClasses).toEqual([
      { name: "cameras", pattern: "*:cam*" },
      { name: "a.b", pattern: "x:=y" },
    ]);
  });

  it("accepts choices in any case", () => {
    expect(readSettings(["--redis-fsync", "EverySec"], {}).redisFsync).toBe("everysec");
  });

  it("accepts workers=auto as the number of cores", () => {
    expect(readSettings(["--workers", "Auto"], {}).workers).toBe(availableParallelism());
    expect(readSettings([], { WORKERS: "3" }).workers).toBe(3);
  });

  it.each([
    "redis://there:6379",
    "rediss://user:secret@there:6380/2",
    "unix:///run/redis.sock",
    "/run/redis.sock",
    "redis+sentinel://me:secret@there:26379,[::1]:26380/cameras/3?sentinel_password=hush",
    "rediss+sentinel://there/cameras",
    "redis+cluster://me:secret@there:7000,[::1]:7001",
    "rediss+cluster://there/",
  ])("%s is a Redis", (url) => {
    expect(readSettings([], { REDIS_URL: url }).redisUrl).toBe(url);
  });
});

it("settings survive JSON, which passes them to workers", () => {
  const settings = readSettings(["--metrics-classes", "cameras=glasses:*", "--allowed-origins", "*"], {});
  expect(JSON.parse(JSON.stringify(settings))).toEqual(settings);
});

describe("invalid values", () => {
  it.each([
    ["PORT", "65536", "integer from 0 to 65535"],
    ["PORT", "80.5", "integer"],
    ["PORT", "0x50", "integer"],
    ["PORT", "eighty", '"eighty"'],
    ["WORKERS", "0", "integer from 1"],
    ["WORKERS", "all", "or auto"],
    ["REDIS_URL", "there:6379", "redis://host:port"],
    ["REDIS_URL", "http://there", "redis://host:port"],
    ["REDIS_URL", "redis://there:port", "redis://host:port"],
    ["REDIS_URL", "redis+sentinel://there", "/master-name"],
    ["REDIS_URL", "redis+cluster://there/3", "redis+cluster://host:port,host:port"],
    ["REDIS_FSYNC", "sometimes", "always, everysec, no"],
    ["REDIS_STREAM_MAXLEN", "-5", "integer"],
    ["DISABLE_MULTI_DEVICE_PREFIXING", "perhaps", "1 or 0"],
    ["MAX_MESSAGE_BYTES", "1023", "at least 1024 bytes"],
    ["MAX_MESSAGE_BYTES", "64 megabytes", "such as 65536 or 64k"],
    ["MAX_MESSAGE_BYTES", "1.5m", "such as 65536 or 64k"],
    ["PING_INTERVAL_MS", "0", "integer from 100"],
    ["METRICS_CLASSES", "*:cam*", 'cameras=*:cam*,imus=*:imu*, got "*:cam*"'],
    ["METRICS_CLASSES", "cameras=", "cameras=*:cam*"],
    ["METRICS_CLASSES", 'a"b=*', "cameras=*:cam*"],
    ["METRICS_CLASSES", "a=*,".repeat(51), "at most 50 classes, got 51"],
    ["LOG_LEVEL", "loud", "trace, debug, info"],
  ])("%s=%s names itself and what it wants", (variable, value, wants) => {
    const inEnv = rejection([], { [variable]: value });
    expect(inEnv).toMatch(new RegExp(`^${variable} `));
    expect(inEnv).toContain(wants);
    const asFlag = rejection([`--${flagName(variable)}=${value}`]);
    expect(asFlag).toMatch(new RegExp(`^--${flagName(variable)} `));
    expect(asFlag).toContain(wants);
  });

  it.each(["me:secret@there:6379", "http://me:secret@there", "redis+cluster://me:secret@there/3"])(
    "does not print the password of %s",
    (url) => expect(rejection([], { REDIS_URL: url })).not.toContain("secret"),
  );

  it("rejects blocking reads with a cluster", () => {
    const url = "redis+cluster://there:7000";
    expect(rejection(["--redis-tail", "blocking"], { REDIS_URL: url })).toContain("with a cluster");
    expect(readSettings(["--redis-tail", "tracking"], { REDIS_URL: url }).redisUrl).toBe(url);
  });

  it("names an unknown flag, a flag without its value, and an argument that is not a flag", () => {
    expect(rejection(["--prot", "8000"])).toBe("Unknown option '--prot'; --help lists the flags");
    expect(rejection(["--port"])).toContain("--port");
    expect(rejection(["8000"])).toContain("'8000'");
    expect(rejection(["-p", "8000"])).toContain("-p");
  });
});

describe("texts", () => {
  it.each(rows)("the help and the table of settings list %s", (_, { env, doc, fallback }) => {
    const help = helpText();
    expect(help).toContain(`--${flagName(env)} `);
    expect(help).toMatch(new RegExp(`\\s${env}\\s`));
    expect(help).toContain(doc);
    const line = settingsTable()
      .split("\n")
      .find((one) => one.startsWith(`| \`${env}\` |`));
    expect(line).toContain(`\`--${flagName(env)}\``);
    expect(line).toContain(fallback);
    expect(line?.split(/(?<!\\)\|/)).toHaveLength(7);
  });

  it("gives no variable to two rows", () => {
    expect(new Set(rows.map(([, { env }]) => env)).size).toBe(rows.length);
  });
});
