// docs/lint.md says what the rules say.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { ruleFamilies, rules } from "../../src/lint/rules.js";
import { lintPage, lintPagePath } from "../../tools/lint-docs.mjs";

test("docs/lint.md is what tools/lint-docs.mjs writes (npm run build && node tools/lint-docs.mjs)", () => {
  expect(readFileSync(lintPagePath, "utf8")).toBe(lintPage(ruleFamilies));
});

test("every rule has an id of its own, and says what, why and what to do", () => {
  expect(new Set(rules.map(({ id }) => id)).size).toBe(rules.length);
  for (const { id, title, why, fix } of rules) {
    expect(id).toMatch(/^M-[A-Z]\d+$/);
    for (const text of [title, why, fix]) expect(text.trim(), id).not.toBe("");
  }
});
