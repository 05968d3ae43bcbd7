// `npm run package`: packs, installs the tarball into an empty folder with npm, and uses it there as a stranger would.
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { publint } from "publint";

const root = fileURLToPath(new URL("..", import.meta.url));
process.chdir(root);
const folder = mkdtempSync(join(tmpdir(), "pwh-package-"));
/** @param {string} command @param {string[]} args @param {string} [cwd] */
const run = (command, args, cwd = folder) =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });

/** The project in examples/, with the packed package, as its author would work on it. @param {string} tarball */
function example(tarball) {
  const project = join(folder, "example");
  cpSync(join(root, "examples/go-filter"), project, {
    recursive: true,
    filter: (path) => !/\/(node_modules|build)$/.test(path),
  });
  let go = "";
  try {
    go = run("go", ["env", "GOVERSION"], project).trim();
  } catch {
    // none
  }
  if (!/^go1\.(2[4-9]|[3-9]\d)/.test(go)) {
    console.log(
      `package check: examples/go-filter is skipped, since it wants Go 1.24 or newer, and there is ${go || "none"}`,
    );
    return;
  }
  const wanted = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));
  wanted.devDependencies = { "proxy-wasm-harness": `file:${join(folder, tarball)}` }; // vitest is ours, below
  writeFileSync(join(project, "package.json"), JSON.stringify(wanted));
  run("npm", ["install", "--no-audit", "--no-fund"], project);
  symlinkSync(join(root, "node_modules/vitest"), join(project, "node_modules/vitest"), "dir");
  run("npm", ["run", "--silent", "build"], project);
  const tested = run("npx", ["--no-install", "pwh", "test", "tests"], project);
  const vitest = run(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run"], project);
  if (!/^5 passed/m.test(tested) || !/1 passed/.test(vitest))
    throw new Error(`examples/go-filter: ${tested}\n${vitest}`);
  console.log("package check: examples/go-filter builds, and its tests pass");
}

try {
  run("npm", ["run", "--silent", "build"], root);
  const { messages } = await publint({ pkgDir: root, level: "suggestion", strict: true });
  for (const { type, code, args } of messages) console.error(`publint ${type}: ${code} ${JSON.stringify(args)}`);
  if (messages.length > 0) throw new Error("publint has something to say");

  run("npm", ["pack", "--silent", "--pack-destination", folder], root);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module", private: true }));
  const manifest = JSON.parse(readFileSync("package.json", "utf8"));
  // no flag is given: what breaks for a user breaks here
  run("npm", ["install", "--no-audit", "--no-fund", `./${manifest.name}-${manifest.version}.tgz`]);

  const version = run("npx", ["--no-install", "pwh", "--version"]).trim();
  if (version !== manifest.version) throw new Error(`pwh --version printed ${version}`);
  const fixture = join(root, "fixtures/http-headers/http-headers.wasm");
  const report = JSON.parse(run("npx", ["--no-install", "pwh", "run", fixture, "--json"]));
  if (report.outcome !== "forwarded") throw new Error(`pwh run ended with ${report.outcome}`);
  run("npx", ["--no-install", "pwh", "inspect", fixture]);

  const subpaths = Object.keys(manifest.exports);
  const unchecked = subpaths.filter((path) => !path.endsWith(".json") && manifest.exports[path].types === undefined);
  if (unchecked.length > 0) throw new Error(`exports without types: ${unchecked.join(", ")}`);
  // what is only for a test runner wants to have it: ours stands in for the user's
  const ofRunner = new Set(["./vitest"]);
  const bare = subpaths.filter((path) => !ofRunner.has(path));
  const imports = bare.map((path) => {
    const name = path.replace(/^\./, manifest.name);
    return path.endsWith(".json")
      ? `import ${JSON.stringify(name)} with { type: "json" };`
      : `import ${JSON.stringify(name)};`;
  });
  writeFileSync(join(folder, "use.mjs"), imports.join("\n"));
  run(process.execPath, ["--no-warnings", "use.mjs"]);

  // types resolve without our dev dependencies, as a strict ESM project sees them
  const typed = bare
    .filter((path) => !path.endsWith(".json"))
    .map((path, i) => `import * as m${i} from "${path.replace(/^\./, manifest.name)}"; void m${i};`);
  const test =
    'import { loadPlugin } from "proxy-wasm-harness"; const p = await loadPlugin("x.wasm"); const n: number = p.logs.length; void n;';
  writeFileSync(join(folder, "use.ts"), [...typed, test].join("\n"));
  const tsc = createRequire(import.meta.url)
    .resolve("typescript/package.json")
    .replace(/package\.json$/, "bin/tsc");
  const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2023", "--skipLibCheck", "false"];
  const types = [
    "--types",
    "node",
    "--typeRoots",
    join(root, "node_modules/@types"),
    "--lib",
    "es2023,esnext.disposable",
  ];
  run(process.execPath, [tsc, ...options, ...types, "use.ts"]);
  symlinkSync(join(root, "node_modules/vitest"), join(folder, "node_modules/vitest"), "dir");
  const matching =
    'import { expect, test } from "vitest"; import { headers } from "proxy-wasm-harness"; import "proxy-wasm-harness/vitest";' +
    'test("typed", () => { expect(headers({ a: "b" })).toHaveHeader("a", "b"); });\n' +
    "// @ts-expect-error -- a status is a number\n" +
    'void (() => expect(1).toReplyWith({ status: "200" }));';
  writeFileSync(join(folder, "use.test.ts"), matching);
  const lenient = options.with(options.indexOf("--skipLibCheck") + 1, "true");
  run(process.execPath, [tsc, ...lenient, ...types, "use.test.ts"]);
  run(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run", "use.test.ts"]);
  console.log(`package check: ${manifest.name} ${version} installs, runs and type-checks`);
  example(`${manifest.name}-${manifest.version}.tgz`);
} catch (thrown) {
  const { stdout, stderr, message } = /** @type {{ stdout?: string, stderr?: string, message: string }} */ (thrown);
  console.error(["package check failed:", message, stdout, stderr].filter(Boolean).join("\n"));
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
