// Modules that a host refuses, or takes although they look doubtful: each is loaded by a real Envoy (test/recordings/loading.json).
import { gzipSync } from "node:zlib";
import { assemble, hex } from "../vm/support.js";

interface Parts {
  /** In front of everything: types and imports. */
  readonly first?: string;
  readonly marker?: string;
  readonly memory?: string;
  readonly malloc?: string;
  readonly rest?: string;
}

/** A plugin that loads, with some of its parts replaced. */
const plugin = ({
  first = "",
  marker = `(func (export "proxy_abi_version_0_2_1"))`,
  memory = `(memory (export "memory") 1)`,
  malloc = `(func (export "malloc") (param i32) (result i32) i32.const 0)`,
  rest = "",
}: Parts): string => `(module ${first} ${memory} ${marker} ${malloc} ${rest})`;

const wasi = (name: string, type: string, module = "wasi_snapshot_preview1"): string =>
  plugin({ first: `(import "${module}" "${name}" (func ${type}))` });
const env = (name: string, type: string, marker?: string): string =>
  plugin({ first: `(import "env" "${name}" (func ${type}))`, ...(marker !== undefined && { marker }) });
const marked = (version: string): string => `(func (export "proxy_abi_version_${version}"))`;
const callback = (name: string, type: string): string =>
  plugin({ rest: `(func (export "${name}") ${type} unreachable)` });

const texts: Readonly<Record<string, string>> = {
  good: plugin({}),
  "no marker": plugin({ marker: "" }),
  "marker of an unknown version": plugin({ marker: marked("0_3_0") }),
  "marker that is a memory": plugin({ marker: `(export "proxy_abi_version_0_2_1" (memory 0))` }),
  "two markers": plugin({ marker: marked("0_2_0") + marked("0_1_0") }),
  "no allocator": plugin({ malloc: "" }),
  "allocator of another type": plugin({ malloc: `(func (export "malloc") (result i32) i32.const 0)` }),
  "proxy_on_memory_allocate alone": plugin({
    malloc: `(func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 0)`,
  }),
  "no memory": plugin({ memory: "" }),
  "memory of 16384 pages": plugin({ memory: `(memory (export "memory") 16384)` }),
  "memory of 16385 pages": plugin({ memory: `(memory (export "memory") 16385)` }),
  "imported memory": plugin({ memory: `(import "env" "memory" (memory 1))` }),
  "imported shared memory": plugin({ memory: `(import "env" "memory" (memory 1 1 shared))` }),
  "imported global": plugin({ first: `(import "env" "g" (global i32))` }),
  "unknown hostcall": env("proxy_no_such_function", ""),
  "hostcall of 0.1.0 in 0.2.1": env("proxy_clear_route_cache", "(result i32)"),
  "hostcall of 0.2.1 in 0.2.0": env("proxy_get_log_level", "(param i32) (result i32)", marked("0_2_0")),
  "hostcall of 0.2.0 in 0.1.0": env("proxy_continue_stream", "(param i32) (result i32)", marked("0_1_0")),
  "hostcall of another type": env("proxy_done", "(param i32) (result i32)"),
  "env.abort": env("abort", "(param i32 i32 i32 i32)"),
  "unknown module": plugin({ first: `(import "wasi_snapshot_preview2" "fd_write" (func))` }),
  "wasi sched_yield": wasi("sched_yield", "(result i32)"),
  "wasi fd_pwrite": wasi("fd_pwrite", "(param i32 i32 i32 i64 i32) (result i32)"),
  "wasi_unstable fd_pwrite": wasi("fd_pwrite", "(param i32 i32 i32 i64 i32) (result i32)", "wasi_unstable"),
  "wasi fd_write of another type": wasi("fd_write", "(param i32) (result i32)"),
  "wasi proc_raise": wasi("proc_raise", "(param i32) (result i32)"),
  "two bad imports": plugin({
    first: `(import "env" "proxy_done" (func (param i32) (result i32))) (import "env" "a" (func))`,
  }),
  "on_request_headers of 0.1.0": callback("proxy_on_request_headers", "(param i32 i32) (result i32)"),
  "on_configure without a result": callback("proxy_on_configure", "(param i32 i32)"),
  "on_log with i64": callback("proxy_on_log", "(param i64)"),
  "three wrong exports and no allocator": plugin({
    rest: `(func (export "proxy_on_log")) (func (export "proxy_on_tick")) (func (export "_start") (param i32))`,
    malloc: "",
  }),
  "main of another type": plugin({ rest: `(func (export "_initialize")) (func (export "main"))` }),
  "a trap in a function without a name, others have some": plugin({
    rest: `(func $named) (func (export "_start") unreachable)`,
  }),
  "start section that traps": plugin({ rest: "(func $start unreachable) (start $start)" }),
  "_start that traps": plugin({ rest: `(func (export "_start") unreachable)` }),
  "_initialize that traps": plugin({ rest: `(func (export "_initialize") unreachable)` }),
  "_start of another type": plugin({ rest: `(func (export "_start") (param i32))` }),
  "_initialize of another type": plugin({ rest: `(func (export "_initialize") (result i32) i32.const 0)` }),
  "_initialize that asks the clock of ticks": plugin({
    first: `(import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))`,
    rest: `(func (export "_initialize") i32.const 9 call $tick drop)`,
  }),
  "_initialize that exits": plugin({
    first: `(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))`,
    rest: `(func (export "_initialize") i32.const 1 call $exit)`,
  }),
  "on_vm_start refuses": plugin({
    rest: `(func (export "proxy_on_vm_start") (param i32 i32) (result i32) i32.const 0)`,
  }),
  "on_configure refuses": plugin({
    rest: `(func (export "proxy_on_configure") (param i32 i32) (result i32) i32.const 0)`,
  }),
  "body of the wrong type": plugin({ rest: "(func (result i32))" }),
  "uses mutable-globals": plugin({ rest: `(global (export "g") (mut i32) (i32.const 0))` }),
  "uses sign-ext": plugin({ rest: "(func (param i32) (result i32) local.get 0 i32.extend8_s)" }),
  "uses nontrapping-fptoint": plugin({ rest: "(func (param f32) (result i32) local.get 0 i32.trunc_sat_f32_s)" }),
  "uses bulk-memory": plugin({ rest: "(func i32.const 0 i32.const 0 i32.const 0 memory.fill)" }),
  "uses reference-types": plugin({ rest: "(table 0 externref)" }),
  "uses multivalue": plugin({ rest: "(func (result i32 i32) i32.const 0 i32.const 0)" }),
  "uses simd128": plugin({ rest: "(func (param v128))" }),
  "uses tail-call": plugin({ rest: "(func $f return_call $f)" }),
  "uses atomics": plugin({ memory: `(memory (export "memory") 1 1 shared)` }),
  "uses exception-handling": plugin({ rest: "(tag)" }),
  "uses exnref": plugin({ rest: "(table 0 exnref)" }),
  "uses extended-const": plugin({ rest: "(global i32 (i32.add (i32.const 0) (i32.const 0)))" }),
  "uses multimemory": plugin({ rest: "(memory 0)" }),
  "uses memory64": plugin({ memory: `(memory (export "memory") i64 1)` }),
  "uses table64": plugin({ rest: "(table i64 0 funcref)" }),
  "uses gc": plugin({ rest: "(type (struct))" }),
  "uses relaxed-simd": plugin({
    rest: "(func (param v128) (result v128) local.get 0 local.get 0 i8x16.relaxed_swizzle)",
  }),
  "uses custom-page-sizes": plugin({ memory: `(memory (export "memory") 1 (pagesize 1))` }),
  "uses wide-arithmetic": plugin({
    rest: "(func (param i64 i64 i64 i64) (result i64 i64) local.get 0 local.get 1 local.get 2 local.get 3 i64.add128)",
  }),
};

/** Modules by name. */
export async function loadingModules(): Promise<ReadonlyMap<string, Uint8Array>> {
  const modules = new Map<string, Uint8Array>();
  for (const [name, text] of Object.entries(texts)) modules.set(name, await assemble(text));
  const good = modules.get("good")!;
  const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
  modules.set("text of five bytes", utf8("hello"));
  modules.set("a page of HTML", utf8("<!doctype html><title>404 Not Found</title>"));
  modules.set("compressed with gzip", new Uint8Array(gzipSync(good)));
  modules.set("the magic alone", good.slice(0, 4));
  modules.set("no section at all", good.slice(0, 8));
  modules.set("cut in its exports", good.slice(0, 60));
  modules.set("cut in its last section", good.slice(0, -3));
  modules.set("a component", hex("0061736d 0d000100"));
  modules.set("version 2", new Uint8Array([...good.slice(0, 4), 2, ...good.slice(5)]));
  modules.set("a byte too much", new Uint8Array([...good, 0xff]));
  return modules;
}
