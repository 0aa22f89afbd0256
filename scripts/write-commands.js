#!/usr/bin/env node
// @ts-check
/** Writes the reference in docs/command-line.md from the rows of the commands. Run `npm run prepare` before it. */
import { readFileSync, writeFileSync } from "node:fs";
import { COMMANDS } from "../dist/cli/commands.js";
import { GLOBAL } from "../dist/cli/options.js";
import { commandReference } from "../dist/cli/reference.js";

const FILE = new URL("../docs/command-line.md", import.meta.url);
/** The text after this line is replaced. */
const MARK = "<!-- The reference below is written by npm run docs:commands. -->";

const [introduction = ""] = readFileSync(FILE, "utf8").split(MARK);
writeFileSync(FILE, `${introduction}${MARK}\n\n${commandReference(COMMANDS, GLOBAL)}\n`);
