// The files on docs/scenarios.md are run as they stand, from the project's root.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readScenario } from "../../src/scenario/read.js";
import { runCase } from "../../src/scenario/run-case.js";
import { expectations } from "../../src/scenario/expectation-shapes.js";
import { definitions } from "../../src/scenario/shape.js";
import { root } from "../support/pwh.js";

const page = readFileSync(join(root, "docs/scenarios.md"), "utf8");
const snippets = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text]) => text!);

describe.each(snippets.map((text, i) => [`file ${i + 1} of docs/scenarios.md`, text] as const))(
  "%s",
  async (_, text) => {
    test.each(await readScenario(text, join(root, "page.pwh.yaml")))("$name", async (one) => {
      expect((await runCase(one)).failures).toEqual([]);
    });
  },
);

test("the table names every key of expect", () => {
  expect(expectations.schema).toEqual({ $ref: "#/definitions/expectations" });
  const rows = [...page.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) =>
    [...cell!.matchAll(/`(\w+)`/g)].map(([, key]) => key),
  );
  expect(rows.sort()).toEqual(Object.keys(definitions["expectations"]!["properties"] as object).sort());
});
