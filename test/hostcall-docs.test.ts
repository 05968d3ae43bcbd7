// docs/hostcalls.md says what the code says.
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import * as version from "../src/abi/version.js";
import { builtins } from "../src/host/builtins.js";
import { callbackDescriptors } from "../src/host/callbacks.js";
import { hostcallChapters, hostcalls } from "../src/host/hostcalls/index.js";
import { wasiFunctions } from "../src/wasi/index.js";
import { hostcallPage, pagePath, testsOf } from "../tools/hostcall-docs.mjs";

const { page, untested } = hostcallPage({
  ...version,
  builtins,
  callbackDescriptors,
  hostcallChapters,
  wasiFunctions,
} as unknown as Parameters<typeof hostcallPage>[0]);

describe("docs/hostcalls.md", () => {
  test("is what tools/hostcall-docs.mjs writes (npm run build && node tools/hostcall-docs.mjs)", () => {
    expect(readFileSync(pagePath, "utf8")).toBe(page);
  });

  test("names a test for every hostcall", () => {
    expect(untested).toEqual([]);
    for (const name of hostcalls.keys()) expect(testsOf(name).length, name).toBeGreaterThan(0);
  });

  test("has every hostcall, callback and WASI function", () => {
    for (const name of hostcalls.keys()) expect(page).toContain(`### ${name}\n`);
    for (const { name } of callbackDescriptors) expect(page).toContain(`| \`${name}\``);
    for (const name of wasiFunctions.keys()) expect(page).toContain(`| \`${name}\` |`);
  });

  test("says something of each, and links to files that exist", () => {
    expect(page).not.toMatch(/^### \w+\n\n`/m);
    expect(page).not.toMatch(/\| +\|/);
    for (const [, path] of page.matchAll(/\]\((\.\.\/[^)]+)\)/g)) {
      expect(existsSync(`${dirname(pagePath)}/${path}`), path).toBe(true);
    }
  });
});
