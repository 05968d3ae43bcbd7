import { describe, expect, test } from "vitest";
import { moduleFeatures, unsupportedFeatures } from "../../src/vm/features.js";
import type { FeatureName } from "../../src/vm/module-info.js";
import { readModule } from "../../src/vm/module-info.js";
import { assemble, bytesOfFile } from "./support.js";

/** A module for each feature that shows by structure. */
const structural: readonly { feature: FeatureName; wat: string }[] = [
  { feature: "mutable-globals", wat: `(module (import "a" "b" (global (mut i32))))` },
  { feature: "mutable-globals", wat: `(module (global (export "g") (mut i32) (i32.const 0)))` },
  { feature: "bulk-memory", wat: `(module (memory 1) (data "passive"))` },
  { feature: "reference-types", wat: "(module (table 1 externref))" },
  { feature: "reference-types", wat: "(module (func (param externref)))" },
  { feature: "reference-types", wat: "(module (table 1 funcref) (table 1 funcref))" },
  { feature: "multivalue", wat: "(module (func (result i32 i64) i32.const 0 i64.const 0))" },
  { feature: "simd128", wat: "(module (func (param v128)))" },
  { feature: "simd128", wat: "(module (global v128 (v128.const i64x2 0 0)))" },
  { feature: "atomics", wat: "(module (memory 1 1 shared))" },
  { feature: "exception-handling", wat: "(module (tag))" },
  { feature: "exnref", wat: "(module (table 1 exnref))" },
  {
    feature: "extended-const",
    wat: `(module (import "a" "b" (global i32)) (memory 1) (data (offset global.get 0 i32.const 8 i32.add) "x"))`,
  },
  { feature: "extended-const", wat: "(module (global i64 (i64.mul (i64.const 2) (i64.const 3))))" },
  {
    feature: "extended-const",
    wat: "(module (table 9 funcref) (func) (elem (offset i32.const 1 i32.const 1 i32.add) func 0))",
  },
  { feature: "multimemory", wat: "(module (memory 1) (memory 1))" },
  { feature: "memory64", wat: "(module (memory i64 1))" },
  { feature: "table64", wat: "(module (table i64 1 funcref))" },
  { feature: "gc", wat: "(module (type (struct (field i32))))" },
  { feature: "gc", wat: "(module (global i31ref (ref.i31 (i32.const 1))))" },
  { feature: "custom-page-sizes", wat: "(module (memory 1 (pagesize 1)))" },
];

/** And for each that only function bodies use: compilers declare those. */
const declared: readonly { feature: FeatureName; func: string }[] = [
  { feature: "sign-ext", func: "(param i32) (result i32) local.get 0 i32.extend8_s" },
  { feature: "nontrapping-fptoint", func: "(param f32) (result i32) local.get 0 i32.trunc_sat_f32_s" },
  { feature: "tail-call", func: "return_call 0" },
  { feature: "relaxed-simd", func: "(param v128) (result v128) local.get 0 local.get 0 i8x16.relaxed_swizzle" },
  { feature: "wide-arithmetic", func: "(param i64 i64) (result i64 i64) local.get 0 local.get 1 i64.mul_wide_s" },
];

const byte = (n: number): string => `\\${n.toString(16).padStart(2, "0")}`;

function targetFeatures(...names: string[]): string {
  const entries = names.map((one) => one[0] + byte(one.length - 1) + one.slice(1));
  return `(@custom "target_features" "${byte(names.length)}${entries.join("")}")`;
}

describe("moduleFeatures() sees that a module needs", () => {
  test.each(structural)("$feature: $wat", async ({ feature, wat }) => {
    const bytes = await assemble(wat);
    expect(moduleFeatures(readModule(bytes), bytes)).toContainEqual({ name: feature, how: "needed" });
  });

  test("nothing beyond WebAssembly 1.0", async () => {
    const bytes = await assemble(`(module (memory (export "m") 1) (table 1 funcref) (global (mut i32) (i32.const 0))
      (func (export "f") (param i64) (result f32) f32.const 0) (elem (i32.const 0) func 0) (data (i32.const 0) "x"))`);
    expect(moduleFeatures(readModule(bytes), bytes)).toEqual([]);
  });
});

describe("moduleFeatures() reads what is declared", () => {
  test("used and required, not what is forbidden, and names it does not know", async () => {
    const bytes = await assemble(`(module ${targetFeatures("+sign-ext", "=simd128", "-atomics", "+new-thing")})`);
    const names = ["sign-ext", "simd128", "new-thing"];
    expect(moduleFeatures(readModule(bytes), bytes)).toEqual(names.map((name) => ({ name, how: "declared" })));
    expect(unsupportedFeatures(readModule(bytes), bytes)).toEqual([]);
  });

  test("by clang 16 without options", () => {
    const bytes = bytesOfFile("test/vm/dwarf/frames-4.wasm");
    const names = moduleFeatures(readModule(bytes), bytes).map(({ name }) => name);
    expect(names).toEqual(["mutable-globals", "sign-ext"]); // LLVM 16 WebAssembly.td, processor "generic"
  });

  test("nothing when the section is damaged", async () => {
    const bytes = await assemble(String.raw`(module (@custom "target_features" "\ff\ff\ff\ff\0f+\7f"))`);
    expect(moduleFeatures(readModule(bytes), bytes)).toEqual([]);
  });
});

describe("unsupportedFeatures() names a feature exactly when this Node refuses a module with it", () => {
  test.each([
    ...structural,
    ...declared.map(({ feature, func }) => ({
      feature,
      wat: `(module (func ${func}) ${targetFeatures(`+${feature}`)})`,
    })),
  ])("$feature: $wat", async ({ feature, wat }) => {
    const bytes = await assemble(wat);
    const names = unsupportedFeatures(readModule(bytes), bytes).map(({ name }) => name);
    expect(names).toEqual(WebAssembly.validate(bytes as BufferSource) ? [] : [feature]);
  });

  const isNode20 = process.versions.node.startsWith("20.");
  test.runIf(isNode20).each([
    {
      wat: "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))",
      said: "extended-const: run on Node 22 or newer",
    },
    { wat: "(module (table i64 1 funcref))", said: "table64: run on Node 24 or newer" },
    { wat: "(module (memory 1 (pagesize 1)))", said: "custom-page-sizes: no Node has it yet; build without it" },
  ])("and advises on Node 20: $said", async ({ wat, said }) => {
    const bytes = await assemble(wat);
    expect(unsupportedFeatures(readModule(bytes), bytes).map((one) => one.advice)).toEqual([said]);
  });
});
