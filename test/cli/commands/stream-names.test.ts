/** Stream names on the command line are literal, for push and for pull. */
import { expect, test } from "vitest";
import { createProgram } from "../../../cli/program.ts";
import { openOwnGateway } from "../../support/gateway/own-gateway.ts";
import { testIo } from "../../support/programs/command-line.ts";

const { gateway } = await openOwnGateway();

async function run(...args: string[]): Promise<string[]> {
  const printed: string[] = [];
  const io = testIo({ print: (line) => void printed.push(line) });
  await createProgram(io).parseAsync([...args, "--url", gateway.http], { from: "user" });
  return printed.map((line) => line.replace(/: \d+-\d+ /, " "));
}

test("a plus belongs to the name; several streams are several arguments", async () => {
  await run("push-increment", "a+b", "--count", "2");
  await run("push-increment", "c", "--count", "1");
  const pulled = await run("pull-raw", "a+b", "c", "--last-entry-id", "0", "--count", "3");
  expect(pulled.sort()).toEqual(["a+b | 0", "a+b | 1", "c | 0"]);
});
