// Builds dist/: tsc for everything, then wasi-js bundled into the one file that uses it (why: src/RATIONALE.md).
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
rmSync("dist", { recursive: true, force: true });
const tsc = createRequire(import.meta.url)
  .resolve("typescript/package.json")
  .replace(/package\.json$/, "bin/tsc");
const { status } = spawnSync(process.execPath, [tsc, "-p", "src/tsconfig.json"], { stdio: "inherit" });
if (status !== 0) process.exit(status ?? 1);
buildSync({
  entryPoints: ["dist/wasi/wasi-js.js"],
  outfile: "dist/wasi/wasi-js.js",
  allowOverwrite: true,
  bundle: true,
  external: ["../vm/*"],
  platform: "node",
  format: "esm",
  target: "node20",
  minify: true,
  legalComments: "none",
  banner: {
    js:
      "// Contains wasi-js 1.7.3 and what it needs: licences in NOTICE\n" +
      // it is CommonJS and asks for built-ins of Node by `require`
      'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
  },
  logLevel: "warning",
});
mkdirSync("dist/schemas", { recursive: true });
for (const file of readdirSync("src/schemas")) {
  if (file.endsWith(".json")) copyFileSync(`src/schemas/${file}`, `dist/schemas/${file}`);
}
// the schema of scenario files comes from the very description that they are read by
const { scenarioSchema } = await import("../dist/scenario/schema.js");
writeFileSync("dist/schemas/scenario.json", `${JSON.stringify(scenarioSchema(), undefined, 2)}\n`);
chmodSync("dist/cli/main.js", 0o755);
