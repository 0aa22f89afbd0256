// @ts-check
/**
 * Packs the npm packages into `dist/packages`: `redis-streamer`, the gateway with its command line, and
 * `redis-streamer-client`, the TypeScript client alone. Each is staged in a folder of its own, with only the files that it runs, so
 * that neither has benchmarks, build information, or output of sources that were deleted.
 */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build as bundle } from "vite";
import { build, isCurrent } from "./build.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const OUTPUT = join(ROOT, "dist/packages");
/** Scripts that an installed gateway runs. */
const SCRIPTS = ["start.js", "build.js", "provision.js", "apt-install.sh", "check-health.js"];
/** Folders of the modules that make up the TypeScript client. */
const CLIENT_SOURCES = ["client", "src/wire", "src/domain"];
/** Members of package.json that both packages share. */
const SHARED = ["version", "license", "engines", "keywords"];

/**
 * Packs both packages.
 *
 * @param {string} [output] folder of the tarballs
 * @returns {Promise<{ gateway: string; client: string }>} paths of the tarballs
 */
export async function packAll(output = OUTPUT) {
  if (!isCurrent()) build();
  mkdirSync(output, { recursive: true });
  const stage = join(output, ".stage");
  rmSync(stage, { recursive: true, force: true });
  try {
    const gateway = pack(stageGateway(join(stage, "gateway")), output);
    return { gateway, client: pack(await stageClient(join(stage, "client")), output) };
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** @param {string} folder @returns {string} the folder */
function stageGateway(folder) {
  for (const name of ["README.md", "LICENSE", "CHANGELOG.md", "deploy"]) copy(name, folder);
  for (const name of SCRIPTS) copy(`scripts/${name}`, folder);
  copy("dist/bin", folder);
  copy("dist/pages", folder);
  for (const name of CLIENT_SOURCES) {
    for (const file of filesIn(name)) {
      const output = `dist/${file.replace(/\.ts$/, "")}`;
      copy(`${output}.js`, folder);
      copyTypes(`${output}.d.ts`, join(folder, output));
    }
  }
  const manifest = readJson("package.json");
  delete manifest.devDependencies;
  delete manifest.files;
  manifest.scripts = { start: manifest.scripts.start };
  const lock = shrinkwrap();
  // npm reads the shrinkwrap of a package from a registry, but not that of a tarball: there, at least these are exact.
  for (const group of [manifest.dependencies, manifest.optionalDependencies])
    for (const name of Object.keys(group)) group[name] = lock.packages[`node_modules/${name}`].version;
  Object.assign(lock.packages[""], {
    dependencies: manifest.dependencies,
    optionalDependencies: manifest.optionalDependencies,
  });
  writeJson(join(folder, "package.json"), manifest);
  writeJson(join(folder, "npm-shrinkwrap.json"), lock);
  return folder;
}

/** @returns {any} the lock file without development dependencies, so that an installation has the versions of the tests */
function shrinkwrap() {
  const lock = readJson("package-lock.json");
  const packages = Object.entries(lock.packages).filter(([, { dev }]) => dev !== true);
  lock.packages = Object.fromEntries(packages);
  delete lock.packages[""].devDependencies;
  return lock;
}

/**
 * Bundles the client, so that it has no dependency in a browser. In Node it uses `ws` if it is installed.
 *
 * @param {string} folder @returns {Promise<string>} the folder
 */
async function stageClient(folder) {
  copy("LICENSE", folder);
  for (const name of ["index", "browser"]) await bundleClient(name, folder);
  for (const root of CLIENT_SOURCES)
    for (const file of filesIn(root)) {
      const output = file.replace(/\.ts$/, "");
      copyTypes(`dist/${output}.d.ts`, join(folder, "types", output));
    }
  cpSync(join(ROOT, "node_modules/@msgpack/msgpack/LICENSE"), join(folder, "LICENSE.msgpack"));
  const manifest = readJson("package.json");
  const shared = Object.fromEntries(SHARED.map((name) => [name, manifest[name]]));
  writeJson(join(folder, "package.json"), {
    name: "redis-streamer-client",
    description:
      "Client of the Redis Streamer gateway for Node and browsers: push, pull, play back and work queues",
    ...shared,
    type: "module",
    sideEffects: false,
    exports: {
      ".": {
        types: "./types/client/index.d.ts",
        browser: "./browser.js",
        default: "./index.js",
      },
      "./package.json": "./package.json",
    },
    optionalDependencies: { ws: manifest.dependencies.ws },
  });
  writeFileSync(join(folder, "README.md"), CLIENT_README);
  return folder;
}

const CLIENT_README = `# redis-streamer-client

Client of a [Redis Streamer](https://www.npmjs.com/package/redis-streamer) gateway, for Node 20 and later and for browsers.

\`\`\`js
import { connect } from "redis-streamer-client";

const streamer = connect("http://127.0.0.1:8000");
const push = streamer.push("imu");
await push.send(JSON.stringify({ x: 1 }));
await push.close();
for await (const entry of streamer.pull("imu", { from: "0" })) console.log(entry.id, entry.json());
\`\`\`

Pulls reconnect and resume by themselves, without gaps or repeats. The types document all options.
`;

/** @param {string} name @param {string} folder */
async function bundleClient(name, folder) {
  await bundle({
    configFile: false,
    logLevel: "warn",
    root: ROOT,
    build: {
      lib: { entry: join(ROOT, `dist/client/${name}.js`), formats: ["es"], fileName: () => `${name}.js` },
      outDir: folder,
      emptyOutDir: false,
      minify: false,
      target: "es2023",
      rolldownOptions: { external: [/^node:/, "ws"] },
    },
  });
}

/** @param {string} folder @param {string} output @returns {string} path of the tarball */
function pack(folder, output) {
  const args = ["pack", "--json", "--ignore-scripts", "--pack-destination", output];
  const printed = execFileSync("npm", args, {
    cwd: folder,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [{ filename } = { filename: "" }] = Object.values(JSON.parse(printed));
  return join(output, filename);
}

/** @param {string} folder @returns {string[]} the sources in it, as paths in the repository */
function filesIn(folder) {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && !entry.name.endsWith(".d.ts"))
    .map(({ parentPath, name }) => relative(ROOT, join(parentPath, name)));
}

/** @param {string} name path in the repository @param {string} folder */
function copy(name, folder) {
  const target = join(folder, name);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(ROOT, name), target, { recursive: true });
}

/** Copies declarations, with specifiers that every setting of TypeScript resolves. @param {string} name @param {string} output */
function copyTypes(name, output) {
  if (!existsSync(join(ROOT, name))) return;
  mkdirSync(dirname(output), { recursive: true });
  const text = readFileSync(join(ROOT, name), "utf8").replace(/(["']\.{1,2}\/[^"']+)\.ts(["'])/g, "$1.js$2");
  writeFileSync(`${output}.d.ts`, text);
}

/** @param {string} name @returns {any} */
function readJson(name) {
  return JSON.parse(readFileSync(join(ROOT, name), "utf8"));
}

/** @param {string} file @param {object} value */
function writeJson(file, value) {
  writeFileSync(file, `${JSON.stringify(value, undefined, 2)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { gateway, client } = await packAll();
  process.stdout.write(`${gateway}\n${client}\n`);
}
