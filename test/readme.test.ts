// The snippets of the README are run as they stand, from the project's root.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { afterAll, describe, expect, test } from "vitest";
import { root } from "./support/pwh.js";

const text = readFileSync(`${root}README.md`, "utf8");
const snippets = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code!);
const written: string[] = [];
afterAll(() => written.forEach((file) => rmSync(file, { force: true })));

test("the README opens with a test and has the two commands", () => {
  expect(text.indexOf("```ts")).toBeLessThan(text.indexOf("```sh"));
  expect(text).toContain("npm ci && npm start");
  expect(text).toContain("npm ci && npm test");
});

describe("README.md", () => {
  test("has snippets", () => expect(snippets.length).toBeGreaterThanOrEqual(2));

  test.each(snippets.map((code, i) => ({ name: /test\("(.+?)"/.exec(code)?.[1] ?? `snippet ${i}`, code, i })))(
    "$name",
    ({ code, i }) => {
      const file = `${root}test/support/readme-${i}.snippet.test.ts`;
      written.push(file);
      writeFileSync(file, code.replaceAll('"proxy-wasm-harness"', '"../../src/index.js"'));
      const args = ["node_modules/vitest/vitest.mjs", "run", file, "--reporter=json", "--pool=threads"];
      const ran = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8", timeout: 60_000 });
      const { numPassedTests, numFailedTests } = JSON.parse(ran.stdout) as Record<string, number>;
      expect({ numPassedTests, numFailedTests }, ran.stdout).toEqual({
        numPassedTests: code.match(/^test\(/gm)?.length,
        numFailedTests: 0,
      });
    },
  );
});
