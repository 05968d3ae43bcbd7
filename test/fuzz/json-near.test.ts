// Bodies near an example, and of a schema; what the schema says is checked by another implementation of it.
import { Ajv } from "ajv";
import fc from "fast-check";
import { expect, test } from "vitest";
import { body, fuzz } from "../../src/fuzz/index.js";
import { Draw, numbersOf } from "../../src/fuzz/generate/draw.js";
import { jsonOfSchema } from "../../src/fuzz/generate/json-near.js";
import { fixture } from "../support/fixtures.js";

const schema = {
  $defs: { id: { type: "string", minLength: 3, maxLength: 8 } },
  type: "object",
  required: ["id", "amount"],
  properties: {
    id: { $ref: "#/$defs/id" },
    amount: { type: "integer", minimum: 1, maximum: 100 },
    tags: { type: "array", minItems: 1, maxItems: 3, items: { enum: ["a", "b"] } },
    kind: { const: "order" },
    to: { anyOf: [{ type: "null" }, { type: "object", required: ["x"], properties: { x: { type: "boolean" } } }] },
  },
};

test("jsonOfSchema() makes what the schema describes", () => {
  const isValid = new Ajv().compile(schema);
  const seen = new Set<string>();
  for (let run = 0; run < 1000; run++) {
    const value = jsonOfSchema(new Draw(numbersOf(1, run)), schema);
    expect(isValid(value), JSON.stringify(value)).toBe(true);
    for (const name of Object.keys(value as object)) seen.add(name);
  }
  expect(seen).toEqual(new Set(["id", "amount", "tags", "kind", "to"]));
});

test("bodies are near an example: one that lacks a member, one of another type, one with more", () => {
  const example = { id: "abc", items: [{ sku: 1 }] };
  const samples = fc.sample(body({ bodies: [JSON.stringify(example)] }), { seed: 1, numRuns: 2000 });
  const values = samples.flatMap((bytes) => {
    try {
      return [JSON.parse(new TextDecoder().decode(bytes)) as unknown];
    } catch {
      return [];
    }
  });
  const near = values.filter((value): value is Record<string, unknown> => typeof value === "object" && value !== null);
  expect(near.some((value) => "items" in value && !("id" in value))).toBe(true);
  expect(near.some((value) => "id" in value && typeof value["id"] !== "string")).toBe(true);
  expect(near.some((value) => Array.isArray(value["items"]) && value["items"].length === 2)).toBe(true);
  expect(near.some((value) => "idx" in value)).toBe(true);
});

test("fuzz() takes them as hints, and the words of the plugin all the same", async () => {
  const module = fixture("buggy/empty-header-faulty.wasm");
  const { findings } = await fuzz({ module, hints: { schemas: [schema] }, property: ["no-trap"], runs: 3000 });
  expect(findings).toMatchObject([{ property: "no-trap" }]);
});
