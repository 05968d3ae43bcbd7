// What counters may do to a module: nothing that it or its host can see. What they count is read off the text of small modules.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createProxy } from "../../src/index.js";
import { Coverage } from "../../src/vm/coverage.js";
import { instrument } from "../../src/vm/instrument.js";
import { loadWithCounters } from "../../src/vm/loaded-module.js";
import { readModule } from "../../src/vm/module-info.js";
import { fixture, goMissing, httpHeaders, httpHeadersModule } from "../support/fixtures.js";
import { assemble } from "./support.js";

type Call = (...args: number[]) => unknown;

/** Its exports, with a coverage that listens to them. */
async function counted(wat: string): Promise<{ coverage: Coverage; exports: Record<string, Call> }> {
  const coverage = new Coverage();
  const { compiled } = await loadWithCounters(await assemble(wat), coverage);
  const { exports } = new WebAssembly.Instance(compiled as WebAssembly.Module);
  coverage.listenTo(exports);
  return { coverage, exports: exports as Record<string, Call> };
}

/** How much was new. */
function taken(coverage: Coverage): { edges: number; rounds: number } | undefined {
  const news = coverage.take();
  return news && { edges: news.edges.size, rounds: news.rounds };
}

const modules = readdirSync(fixture("."), { recursive: true, encoding: "utf8" }).filter(
  (file) => file.endsWith(".wasm") && !file.includes("node_modules"),
);

test.each(modules)("%s with counters is valid", (file) => {
  const bytes = new Uint8Array(readFileSync(fixture(file)));
  const { bytes: withCounters, kinds } = instrument(bytes, readModule(bytes));
  expect(kinds.length).toBeGreaterThan(0);
  expect(WebAssembly.validate(withCounters as BufferSource)).toBe(true);
});

describe.each(httpHeaders)("http-headers in %s", (language) => {
  test("makes the same callbacks and hostcalls with counters, and leaves the same memory", async (context) => {
    const module = httpHeadersModule(language);
    if (module === undefined) return context.skip(goMissing);
    const exchange = async (coverage?: Coverage) => {
      await using proxy = await createProxy({
        filters: [{ module, configuration: { header: "x-a", value: "b" }, ...(coverage && { coverage }) }],
        upstreams: { upstream: { headers: [["x-powered-by", "upstream"]], body: "answer" } },
        trace: true,
      });
      const { response } = await proxy.send({
        method: "POST",
        path: "/",
        headers: [["x-team", "edge"]],
        body: "b",
      });
      const memory = Buffer.from(proxy.engine.worker.vms[0]!.memory.whole);
      return { status: response.status, headers: response.headers.pairs(), trace: proxy.trace, memory };
    };
    const coverage = new Coverage();
    const [plain, withCounters] = [await exchange(), await exchange(coverage)];
    expect(withCounters.memory.equals(plain.memory)).toBe(true);
    expect(withCounters.trace).toEqual(plain.trace);
    expect([withCounters.status, withCounters.headers]).toEqual([plain.status, plain.headers]);
    const { functions, edges } = coverage.counts();
    expect(functions.all).toBe(readModule(new Uint8Array(readFileSync(module))).functionCount.own);
    for (const { reached, all } of [functions, edges]) {
      expect(reached).toBeGreaterThan(0);
      expect(reached).toBeLessThan(all);
    }
  });
});

test("a trap tells the same frames with counters as without", async () => {
  const details = async (coverage?: Coverage): Promise<readonly string[]> => {
    const module = fixture("buggy/empty-header-faulty.wasm");
    await using proxy = await createProxy({
      filters: [{ module, ...(coverage && { coverage }) }],
      upstreams: { upstream: {} },
    });
    const failure = await proxy.send({ headers: [["x-api-key", ""]] }).then(
      () => undefined,
      (thrown: unknown) => thrown as { readonly details: readonly string[] },
    );
    return failure!.details;
  };
  const plain = await details();
  expect(plain.join("\n")).toContain("0x");
  expect(await details(new Coverage())).toEqual(plain);
});

describe("Coverage", () => {
  test("counts both ways of an if, with and without else", async () => {
    const { coverage, exports } = await counted(`(module (func (export "f") (param i32)
      (if (local.get 0) (then nop) (else nop))
      (if (local.get 0) (then nop))))`);
    expect(coverage.counts()).toEqual({ functions: { reached: 0, all: 1 }, edges: { reached: 0, all: 4 } });
    exports["f"]!(0);
    expect(taken(coverage)).toEqual({ edges: 3, rounds: 0 });
    exports["f"]!(0);
    expect(taken(coverage)).toBeUndefined();
    exports["f"]!(1);
    expect(taken(coverage)).toEqual({ edges: 2, rounds: 0 });
    expect(coverage.counts()).toEqual({ functions: { reached: 1, all: 1 }, edges: { reached: 4, all: 4 } });
  });

  test("counts branches taken and not taken, and keeps the values that one carries", async () => {
    const { coverage, exports } = await counted(`(module
      (func (export "plain") (param i32) (result i32)
        (block (br_if 0 (local.get 0)) (return (i32.const 1))) (i32.const 2))
      (func (export "carries") (param i32) (result i32)
        (block (result i32) (i32.const 3) (br_if 0 (local.get 0)) (drop) (i32.const 4))))`);
    expect([exports["plain"]!(0), exports["plain"]!(1)]).toEqual([1, 2]);
    expect(taken(coverage)).toEqual({ edges: 3, rounds: 0 });
    expect([exports["carries"]!(1), exports["carries"]!(0)]).toEqual([3, 4]);
    expect(coverage.counts().edges).toEqual({ reached: 3, all: 3 });
  });

  test("counts the blocks that a br_table ends at", async () => {
    const { coverage, exports } = await counted(`(module (func (export "f") (param i32) (result i32)
      (block (block (block (br_table 0 1 2 (local.get 0))) (return (i32.const 10))) (return (i32.const 11)))
      (i32.const 12)))`);
    expect([0, 1, 2, 9].map((i) => exports["f"]!(i))).toEqual([10, 11, 12, 12]);
    expect(coverage.counts().edges).toEqual({ reached: 3, all: 3 });
  });

  test("tells when a loop makes more rounds than ever, each time it is run anew", async () => {
    const { coverage, exports } = await counted(`(module (func (export "f") (param i32)
      (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`);
    exports["f"]!(1); // entry, one round, not again
    expect(taken(coverage)).toEqual({ edges: 3, rounds: 0 });
    exports["f"]!(3); // again, the second and third round
    expect(taken(coverage)).toEqual({ edges: 1, rounds: 2 });
    exports["f"]!(3);
    exports["f"]!(2);
    expect(taken(coverage)).toBeUndefined();
    exports["f"]!(4);
    expect(taken(coverage)).toEqual({ edges: 0, rounds: 1 });
  });

  test("notes nothing while it is paused, and what was passed then later", async () => {
    const { coverage, exports } = await counted(`(module (func (export "f") (param i32)
      (loop (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))`);
    coverage.paused = true;
    exports["f"]!(3);
    expect(taken(coverage)).toBeUndefined();
    expect(coverage.counts().edges.reached).toBe(0);
    coverage.paused = false;
    exports["f"]!(3);
    expect(taken(coverage)).toEqual({ edges: 4, rounds: 2 });
  });

  test("knows what another instance reached", async () => {
    const coverage = new Coverage();
    const { compiled } = await loadWithCounters(await assemble(`(module (func (export "f")))`), coverage);
    for (const wanted of [{ edges: 1, rounds: 0 }, undefined]) {
      const { exports } = new WebAssembly.Instance(compiled as WebAssembly.Module);
      coverage.listenTo(exports);
      (exports["f"] as Call)();
      expect(taken(coverage)).toEqual(wanted);
    }
  });

  test("tells whether a call reaches edges that were new, and notes nothing else then", async () => {
    const { coverage, exports } = await counted(`(module (func (export "f") (param i32) (result i32)
      (if (i32.eq (local.get 0) (i32.const 1)) (then (return (i32.const 5))))
      (if (i32.eq (local.get 0) (i32.const 2)) (then (return (i32.const 6))))
      (i32.const 7)))`);
    coverage.holdsNews = true;
    exports["f"]!(3);
    coverage.take();
    exports["f"]!(1);
    const { edges } = coverage.take()!;
    expect(coverage.reaches(edges, () => exports["f"]!(3))).toBe(false);
    expect(coverage.reaches(edges, () => exports["f"]!(1))).toBe(true);
    expect(coverage.reaches(edges, () => exports["f"]!(2))).toBe(false);
    expect(coverage.take()).toBeUndefined();
    exports["f"]!(2);
    expect(taken(coverage)).toEqual({ edges: 1, rounds: 0 });
  });

  test("runs a start section before anybody listens", async () => {
    const { exports } = await counted(`(module (global (mut i32) (i32.const 5)) (start $s)
      (func $s (global.set 0 (i32.const 6))) (func (export "f") (result i32) (global.get 0)))`);
    expect(exports["f"]!()).toBe(6);
  });

  test("knows the numbers that the module compares with", async () => {
    const { coverage } = await counted(`(module (func (export "f") (param i32 i64) (result i32)
      (i32.eq (local.get 0) (i32.const 31337)) (i64.lt_u (local.get 1) (i64.const 0x2173736170)) (i32.and)
      (i32.add (i32.const 5))))`);
    expect(coverage.compared).toEqual([31337, 0x2173736170n]);
  });

  test("handles catch clauses, vectors, tables, memory and tail calls", async () => {
    const bytes = await assemble(`(module (memory 1) (table 2 funcref) (tag $t (param i32))
      (elem $e declare func $f)
      (func $f (param i32) (result i32) (return_call $g (local.get 0)))
      (func $g (param i32) (result i32)
        (table.set (i32.const 0) (ref.func $f))
        (memory.fill (i32.const 0) (i32.const 1) (i32.const 8))
        (memory.copy (i32.const 8) (i32.const 0) (i32.const 8))
        (drop (v128.load offset=4 (i32.const 0)))
        (drop (i8x16.extract_lane_s 3 (v128.const i32x4 1 2 3 4)))
        (drop (i32.trunc_sat_f32_s (f32.const 1.5)))
        (drop (select (result f64) (f64.const 1) (f64.const 2) (local.get 0)))
        (call_indirect (param i32) (result i32) (i32.const 1) (i32.const 0))))`);
    const { bytes: withCounters } = instrument(bytes, readModule(bytes));
    expect(WebAssembly.validate(withCounters as BufferSource)).toBe(true);
  });

  test("refuses a second module", async () => {
    const coverage = new Coverage();
    await loadWithCounters(await assemble(`(module (func))`), coverage);
    await expect(loadWithCounters(await assemble(`(module (func) (func))`), coverage)).rejects.toMatchObject({
      code: "OPTION_INVALID",
    });
  });
});
