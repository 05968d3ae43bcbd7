// The snippets of the README and of docs/ are run as they stand, from the project's root.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { afterAll, describe, expect, test } from "vitest";
import { root } from "./support/pwh.js";

const pages = ["README.md", ...readdirSync(`${root}docs`).map((file) => `docs/${file}`)].filter((file) =>
  file.endsWith(".md"),
);
const snippets = pages.flatMap((page) =>
  [...readFileSync(root + page, "utf8").matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code], i) => ({
    name: /test\("(.+?)"/.exec(code!)?.[1] ?? `snippet ${i}`,
    code: code!,
    file: `${root}test/support/${page.replaceAll(/[/.]/g, "-")}-${i}.snippet.test.ts`,
    page,
  })),
);
afterAll(() => snippets.forEach(({ file }) => rmSync(file, { force: true })));

/** Where a sub-path of the package lies in the sources. */
const sources: Readonly<Record<string, string>> = {
  "proxy-wasm-harness": "index.js",
  "proxy-wasm-harness/vitest": "matchers/vitest.js",
  "proxy-wasm-harness/assert": "matchers/assert.js",
  "proxy-wasm-harness/bench": "bench/index.js",
  "proxy-wasm-harness/lint": "lint/index.js",
  "proxy-wasm-harness/fuzz": "fuzz/index.js",
};
const withSources = (code: string): string =>
  code.replaceAll(/"(proxy-wasm-harness[^"]*)"/g, (_, name: string) => `"../../src/${sources[name]}"`);

test("the README opens with a test and has the two commands", () => {
  const text = readFileSync(`${root}README.md`, "utf8");
  expect(text.indexOf("```ts")).toBeLessThan(text.indexOf("```sh"));
  expect(text).toContain("npm ci && npm start");
  expect(text).toContain("npm ci && npm test");
});

test("pages have snippets", () => {
  const count = (page: string): number => snippets.filter((one) => one.page === page).length;
  expect(count("README.md")).toBeGreaterThanOrEqual(2);
  expect(count("docs/guide.md")).toBeGreaterThanOrEqual(4);
});

describe("snippets", () => {
  test.each(snippets)("$page: $name", ({ code, file }) => {
    writeFileSync(file, withSources(code));
    const args = ["node_modules/vitest/vitest.mjs", "run", file, "--reporter=json", "--pool=threads"];
    const ran = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8", timeout: 60_000 });
    const { numPassedTests, numFailedTests } = JSON.parse(ran.stdout) as Record<string, number>;
    expect({ numPassedTests, numFailedTests }, ran.stdout).toEqual({
      numPassedTests: code.match(/^test\(/gm)?.length,
      numFailedTests: 0,
    });
  });
});
