import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { readTests } from "../../src/scenario/run-tests.js";
import { scenarioSchema } from "../../src/scenario/schema.js";

const good = ["good/http-headers.pwh.yaml", "good/probe.pwh.yaml"].map((name) =>
  fileURLToPath(new URL(name, import.meta.url)),
);
const all = await Promise.all(good.map((file) => readTests(file)));

describe.each(all)("$file", ({ tests }) => {
  test.each(tests.filter(({ skip }) => skip === undefined))("$name", async (one) => {
    const { outcome, failures } = await one.run();
    expect(failures).toEqual([]);
    expect(outcome).toBe("passed");
  });
});

describe("the JSON Schema", () => {
  const validate = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true }).compile(scenarioSchema());
  test.each(good)("takes %s", (file) => {
    validate(parse(readFileSync(file, "utf8")));
    expect(validate.errors).toBeNull();
  });
  test.each([
    ["an unknown key", { tests: [{ name: "a", reqest: "GET /" }] }],
    ["a case without a name", { tests: [{ request: "GET /" }] }],
    ["a status that is text", { tests: [{ name: "a", expect: { response: { status: "ok" } } }] }],
    ["no cases", { tests: [] }],
    ["an unknown condition", { tests: [{ name: "a", expect: { response: { body: { contain: "a" } } } }] }],
  ])("refuses %s", (_, file) => {
    expect(validate(file)).toBe(false);
  });
});
