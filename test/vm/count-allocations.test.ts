// Allocators by the names that toolchains give them; the numbers are those of the calls made here.
import { describe, expect, test } from "vitest";
import { countAllocations } from "../../src/vm/count-allocations.js";
import { loadModule } from "../../src/vm/loaded-module.js";
import { readModule } from "../../src/vm/module-info.js";
import { assemble } from "./support.js";

/** Calls of an exported function, then the two counters. */
async function counted(wat: string, calls: readonly (readonly number[])[]) {
  const bytes = await assemble(wat);
  const found = countAllocations(bytes, readModule(bytes));
  if (found === undefined) return undefined;
  const { compiled, globalPrefix } = await loadModule(found.bytes);
  const { exports } = new WebAssembly.Instance(compiled as WebAssembly.Module, {});
  const results = calls.map((given) => (exports["call"] as (...args: readonly number[]) => unknown)(...given));
  const globals = Object.entries(exports).filter(([name]) => name.startsWith(globalPrefix));
  const values = globals.slice(-2).map(([, global]) => Number((global as WebAssembly.Global).value));
  return { allocator: found.allocator, values, results };
}

const first = (name: string, params = "i32 i32"): string => `(module
  (global $other (mut i32) (i32.const 7))
  (func $unrelated (param i32) (result i32) (local i64 i64 f32) local.get 0)
  (func $${name} (export "call") (param ${params}) (result i32) (local i32 i32) (local f64)
    local.get 0 i32.const 1 i32.add))`;

describe("an allocator is found by its name, and goes on doing what it did", () => {
  test.each([
    "runtime.alloc",
    "__rust_alloc",
    "_RNvCs1_7___rustc12___rust_alloc",
    "dlmalloc",
    "malloc",
    "~lib/rt/itcms/__new",
  ])("%s: the size is its first parameter", async (name) => {
    const calls = [[3, 0], [500, 0], [-1, 0]] as const; // prettier-ignore
    expect(await counted(first(name), calls)).toEqual({
      allocator: [name],
      values: [3, 503 + 0xffffffff],
      results: [4, 501, 0],
    });
  });

  test("__rust_realloc: it is the fourth", async () => {
    const calls = [[1, 2, 3, 40]] as const; // prettier-ignore
    const found = await counted(first("__rust_realloc", "i32 i32 i32 i32"), calls);
    expect(found).toMatchObject({ values: [1, 40], results: [2] });
  });

  test("Go: it is on Go's stack, behind the address to return to; a call that goes on is none", async () => {
    const wat = `(module (memory 1) (data (i32.const 108) "\\2a\\00\\00\\00\\00\\00\\00\\00")
      (global $sp (mut i32) (i32.const 100))
      (func $runtime.mallocgcTiny (export "call") (param i32) (result i32) i32.const 0))`;
    expect(await counted(wat, [[0], [1], [0]])).toMatchObject({ values: [2, 84], results: [0, 0, 0] });
  });

  test("the innermost counts alone; without a name there is none", async () => {
    const both = first("dlmalloc").replace(
      "(func $unrelated",
      "(func $malloc (param i32) (result i32) local.get 0 i32.const 0 call $dlmalloc) (func $unrelated",
    );
    expect(await counted(both, [[5, 0]])).toMatchObject({ allocator: ["dlmalloc"], values: [1, 5] });
    expect(await counted(first("allocate_things"), [])).toBeUndefined();
  });
});
