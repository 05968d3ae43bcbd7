// Functions that a test adds to the host, imported by a module written by hand; and what happens without them.
import { describe, expect, expectTypeOf, test } from "vitest";
import { hostFunction, kinds, loadPlugin, Status } from "../../src/index.js";
import type { PluginOptions } from "../../src/index.js";
import { assemble } from "../vm/support.js";

/** A plugin whose on_configure calls `my_call("hello", 7, -1)` and logs the bytes it gets, or traps on a status. */
const wat = `(module
  (import "env" "my_call" (func $my_call (param i32 i32 i32 i64 i32 i32 i32) (result i32)))
  (import "vendor" "count" (func $count (param i32) (result i32)))
  (import "vendor" "note" (func $note (param i64)))
  (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "hello")
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "malloc") (param i32) (result i32) (i32.const 4096))
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (if (call $my_call (i32.const 0) (i32.const 5) (i32.const 7) (i64.const -1) (i32.const 64) (i32.const 68) (i32.const 72))
      (then (unreachable)))
    (drop (call $log (i32.const 2) (i32.load (i32.const 64)) (i32.load (i32.const 68))))
    (call $note (i64.load (i32.const 72)))
    (call $count (i32.const 41))))`;

const seen: unknown[] = [];
const functions: NonNullable<PluginOptions["hostFunctions"]> = {
  env: {
    my_call: hostFunction(
      { name: kinds.text, id: kinds.u32, big: kinds.u64, answer: kinds.returnBytes, number: kinds.returnU64 },
      ({ name, id, big }, call) => {
        expectTypeOf(name).toEqualTypeOf<string>();
        expectTypeOf(id).toEqualTypeOf<number>();
        expectTypeOf(big).toEqualTypeOf<bigint>();
        seen.push([name, id, big, call.acting.id, call.memory.text(0, 4)]);
        return { answer: `${name} ${id}`, number: 5n };
      },
    ),
  },
  vendor: {
    count: hostFunction({ from: kinds.i32 }, ({ from }) => from + 1, { result: "value" }),
    note: hostFunction({ what: kinds.i64 }, ({ what }) => void seen.push(what), { result: "none" }),
  },
};

describe("hostFunction()", () => {
  test("reads arguments, writes results and answers values", async () => {
    seen.length = 0;
    const plugin = await loadPlugin(await assemble(wat), { hostFunctions: functions, trace: true });
    expect(seen).toEqual([["hello", 7, 2n ** 64n - 1n, 1, "hell"], 5n]);
    expect(plugin.logs.map(({ message }) => message)).toEqual(["hello 7"]);
    const calls = plugin.trace.filter(({ kind }) => kind === "hostcall");
    expect(calls.map((event) => "descriptor" in event && event.descriptor.name)).toEqual(["my_call", "note", "count"]);
  });

  test("a status goes back to the guest, and a pointer outside of memory is INVALID_MEMORY_ACCESS", async () => {
    const statuses: number[] = [];
    const module = await assemble(`(module
      (import "env" "f" (func $f (param i32 i32) (result i32)))
      (import "env" "tell" (func $tell (param i32)))
      (memory (export "memory") 1)
      (func (export "proxy_abi_version_0_2_1"))
      (func (export "malloc") (param i32) (result i32) (i32.const 0))
      (func (export "_initialize") (call $tell (call $f (i32.const 0) (i32.const 1))) (call $tell (call $f (i32.const 65536) (i32.const 1)))))`);
    await loadPlugin(module, {
      hostFunctions: {
        env: {
          f: hostFunction({ bytes: kinds.blob }, () => Status.BadArgument),
          tell: hostFunction({ status: kinds.i32 }, ({ status }) => void statuses.push(status), { result: "none" }),
        },
      },
    });
    expect(statuses).toEqual([Status.BadArgument, Status.InvalidMemoryAccess]);
  });

  test("what it throws ends the guest, and is the cause", async () => {
    const my_call = hostFunction(functions["env"]!["my_call"]!.params, () => {
      throw new Error("not today");
    });
    const loading = loadPlugin(await assemble(wat), { hostFunctions: { ...functions, env: { my_call } } });
    await expect(loading).rejects.toMatchObject({ code: "GUEST_TRAPPED" });
    await expect(loading).rejects.toThrow("not today");
  });

  test("a capability list does not forbid it", async () => {
    const capabilities = ["proxy_on_configure"];
    const plugin = await loadPlugin(await assemble(wat), { hostFunctions: functions, capabilities });
    expect(plugin.failure).toBeUndefined();
    expect(plugin.logs.map(({ message }) => message)).toEqual([
      "Attempted call to restricted proxy-wasm capability: proxy_log",
    ]);
  });

  test("another signature than the module's is refused before anything runs", async () => {
    const hostFunctions = { ...functions, env: { my_call: hostFunction({ name: kinds.text }, () => Status.Ok) } };
    const loading = loadPlugin(await assemble(wat), { hostFunctions });
    await expect(loading).rejects.toMatchObject({ code: "IMPORT_TYPE" });
    await expect(loading).rejects.toThrow("the host provides i32 i32 -> i32");
  });

  test("a name that is almost right is told", async () => {
    const { my_call } = functions["env"]!;
    const loading = loadPlugin(await assemble(wat), { hostFunctions: { ...functions, env: { my_cal: my_call! } } });
    await expect(loading).rejects.toThrow(/env\.my_call.*my_cal/);
  });
});

describe("unknownImports", () => {
  const module = (name: string, type: string, call: string): string => `(module
    (import "env" "${name}" ${type})
    (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 0))
    (func (export "proxy_on_configure") (param i32 i32) (result i32) ${call} (i32.const 1)))`;
  const wide = module("wide", "(func $f (result i64))", "(if (i64.ne (call $f) (i64.const 12)) (then (unreachable)))");

  test("unimplemented: a function with a result of 64 bits answers 12 too, and each call is reported", async () => {
    const plugin = await loadPlugin(await assemble(wide), { unknownImports: "unimplemented" });
    expect(plugin.diagnostics.map(({ message }) => message)).toEqual(["env.wide was called; no host provides it"]);
  });

  test("no policy stands in for what is no function", async () => {
    const global = await assemble(module("g", "(global i32)", ""));
    for (const unknownImports of ["refuse", "trap", "unimplemented"] as const) {
      const loading = loadPlugin(global, { unknownImports });
      await expect(loading).rejects.toMatchObject({ code: "IMPORT_MISSING" });
    }
  });
});
