// What may be called while `_start`, `_initialize` or the allocator runs, and what an allocator can do wrong.
// proxy-wasm-abi.md §2.2, §3.2, §9.5
import { describe, expect, test } from "vitest";
import { Status } from "../../src/abi/enums.js";
import type { RelayGuest } from "../../src/harness/relay.js";
import { loadPlugin } from "../../src/harness/plugin.js";
import { relay, relayedNames } from "../../src/harness/relay.js";
import { hostcalls } from "../../src/host/hostcalls/index.js";
import { wasiFunctions } from "../../src/wasi/index.js";
import { assemble } from "../vm/support.js";
import { end, held, request } from "./support.js";

/** [H] Everything of WASI but these may be called while the module starts. */
const notAtStart = new Set(["fd_read", "fd_seek", "fd_close", "path_open", "proc_exit", "sched_yield"]);
const inAllocator = new Set(["proxy_log", "fd_write", "clock_time_get", "poll_oneoff"]);

const names = [...new Set([...relayedNames("0.1.0"), ...relayedNames("0.2.1")])];
const abiOf = (name: string): "0.1.0" | "0.2.1" => (relayedNames("0.2.1").includes(name) ? "0.2.1" : "0.1.0");
const bare = (name: string): string => name.replace(/^wasi_unstable\./, "");
const startsWith = (name: string): boolean =>
  name === "proxy_log" ||
  name === "emscripten_notify_memory_growth" ||
  (wasiFunctions.has(bare(name)) && !notAtStart.has(bare(name)));

test("the lists mean all functions there are", () => {
  expect(names).toHaveLength(hostcalls.size + 2 + 2 * wasiFunctions.size);
});

describe("while _initialize runs", () => {
  test.each(names.map((name) => ({ name, allowed: startsWith(name) })))(
    "$name: allowed is $allowed",
    async ({ name, allowed }) => {
      let status: number | undefined;
      const loading = relay({
        abi: abiOf(name),
        start: ["_initialize"],
        during: { _initialize: (guest) => (status = guest.call(name)) },
      });
      if (allowed) {
        await expect(loading).resolves.toBeDefined();
        expect(status).toBeDefined();
      } else {
        await expect(loading).rejects.toMatchObject({ code: "GUEST_TRAPPED" });
        await expect(loading).rejects.toThrow("restricted_callback");
        expect(status).toBeUndefined();
      }
    },
  );
});

describe("while the allocator runs", () => {
  test.each(names.map((name) => ({ name, allowed: inAllocator.has(bare(name)) })))(
    "$name: allowed is $allowed",
    async ({ name, allowed }) => {
      const guest = await relay({ abi: abiOf(name), vmConfiguration: "vm" });
      guest.allocator = "ask";
      const seen = guest.during("malloc", () => void guest.call(name));
      expect(read(guest)).toBe(allowed ? Status.Ok : Status.InvalidMemoryAccess);
      expect(seen).toHaveLength(allowed ? 1 : 0);
      expect(guest.vm.failed).toBe(!allowed);
      if (!allowed) expect(guest.vm.failure!.trap!.reason).toBe("Uncaught Error: restricted_callback");
    },
  );
});

/** Reads the VM configuration: the simplest call that needs the allocator. */
const read = (guest: RelayGuest): number => guest.call("proxy_get_buffer_bytes", 6, 0, -1, 100, 104);

describe("entry points (proxy-wasm-abi.md §3.2)", () => {
  test.each([
    { exported: ["_initialize"], called: ["_initialize"] },
    { exported: ["_start"], called: ["_start"] },
    { exported: ["_initialize", "_start"], called: ["_initialize"] },
    { exported: ["_initialize", "main"], called: ["_initialize", "main"] },
    { exported: ["_initialize", "__main_void"], called: ["_initialize", "__main_void"] },
    { exported: ["_initialize", "main", "__main_void"], called: ["_initialize", "main"] },
    { exported: ["_start", "main"], called: ["_start"] },
    { exported: ["main"], called: [] },
    { exported: [], called: [] },
  ])("$exported: $called run, before any callback", async ({ exported, called }) => {
    const order: string[] = [];
    const all = ["_initialize", "_start", "main", "__main_void", "proxy_on_context_create"];
    const during = Object.fromEntries(all.map((name) => [name, () => order.push(name)]));
    await relay({ start: exported, during });
    expect(order).toEqual([...called, "proxy_on_context_create"]);
  });

  test("what they log is the VM's: no prefix", async () => {
    const guest = await relay({
      rootId: "r",
      start: ["_initialize"],
      during: { _initialize: (guest) => guest.call("proxy_log", 2, 0, 1) },
    });
    expect(guest.plugin.logs.map(({ line, contextId }) => [line, contextId])).toEqual([["wasm log: ?", 0]]);
  });

  test("what main answers is ignored", async () => {
    await expect(relay({ start: ["_initialize", "main"], answers: { main: 1 } })).resolves.toBeDefined();
  });

  test.each(["_initialize", "_start"])("a trap in %s fails the load", async (name) => {
    const loading = relay({ start: [name], during: { [name]: (guest) => guest.trap() } });
    await expect(loading).rejects.toMatchObject({ code: "GUEST_TRAPPED" });
  });

  test("what is refused at the start can be called afterwards", async () => {
    const guest = await relay({ start: ["_initialize"] });
    expect(guest.call("fd_close", 3)).toBe(0);
  });
});

describe("an allocator (proxy-wasm-abi.md §2.2)", () => {
  const fields = ["proxy_get_header_map_pairs", 0, 100, 104] as const;

  test.each([
    { mode: "zero", fails: false },
    { mode: "past the end", fails: false },
    { mode: "trap", fails: true },
    { mode: "restricted", fails: true },
  ] as const)("'$mode': the hostcall answers 6, outputs untouched; the VM fails: $fails", async ({ mode, fails }) => {
    const { guest, call } = await held();
    guest.allocator = mode;
    expect(call(...fields)).toBe(Status.InvalidMemoryAccess);
    expect(guest.text(100, 8)).toBe("????????");
    expect(guest.vm.failed).toBe(fails);
  });

  test.each([
    { claim: "an address that leaves too little room", address: end - 1 },
    { claim: "an address far outside", address: -16 },
    { claim: "the end itself", address: end },
  ])("$claim is refused", async ({ address }) => {
    const { guest, call } = await held();
    guest.allocator = "ask";
    guest.during("malloc", () => address);
    expect(call(...fields)).toBe(Status.InvalidMemoryAccess);
    expect([guest.vm.failed, guest.text(100, 8)]).toEqual([false, "????????"]);
  });

  test("an odd address is as good as any, and so is a range that ends at the end", async () => {
    const guest = await relay({ vmConfiguration: "hello" });
    guest.allocator = "ask";
    for (const address of [4097, end - 5]) {
      guest.during("malloc", () => address);
      expect(read(guest)).toBe(Status.Ok);
      expect([guest.u32(100), guest.text(address, 5)]).toEqual([address, "hello"]);
    }
  });

  test("one that grows the memory: the views are fresh, results in old and new pages", async () => {
    const guest = await relay({ vmConfiguration: "hello" });
    guest.allocator = "grow";
    expect(read(guest)).toBe(Status.Ok);
    expect(guest.text(guest.u32(100), 5)).toBe("hello");
    guest.heap = guest.memorySize - 2;
    expect(read(guest)).toBe(Status.Ok);
    expect(guest.text(guest.u32(100), 5)).toBe("hello");
  });

  test("is asked for exactly as many bytes as there are, once, and never for none", async () => {
    const { guest, call } = await held({ vmConfiguration: "hello" });
    guest.allocator = "ask";
    const asked: number[] = [];
    guest.during("malloc", (size) => (asked.push(size!), 0));
    call("proxy_get_buffer_bytes", 6, 0, -1, 100, 104);
    call("proxy_get_buffer_bytes", 6, 1, 3, 100, 104);
    call("proxy_get_buffer_bytes", 6, 5, 3, 100, 104);
    call("proxy_get_header_map_pairs", 2, 100, 104);
    expect(asked).toEqual([5, 3]);
  });

  test("a trap inside it: the guest goes on, and the stream fails when the callback returns", async () => {
    const guest = await relay({ onFailure: "policy" });
    const seen = guest.during("proxy_on_request_headers", () => {
      guest.allocator = "trap";
      return [guest.call(...fields), guest.call("proxy_log", 2, 0, 1)];
    });
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request, { endOfStream: true });
    expect(seen).toEqual([[Status.InvalidMemoryAccess, Status.Ok]]);
    expect([stream.client.status, stream.responseCodeDetails]).toEqual([503, "wasm_fail_stream"]);
  });

  test("its own hostcalls are the VM's, under no effective context", async () => {
    const { guest, call } = await held({ name: "n", rootId: "r" });
    guest.allocator = "ask";
    guest.during("malloc", () => guest.call("proxy_log", 2, 0, 1));
    call(...fields);
    expect(guest.plugin.logs.map(({ line }) => line)).toEqual(["wasm log: ?"]);
  });

  test("of two, Envoy calls malloc", async () => {
    const guest = await relay({ allocators: ["proxy_on_memory_allocate", "malloc"], vmConfiguration: "v" });
    guest.allocator = "ask";
    const preferred = guest.during("malloc", () => 0);
    const other = guest.during("proxy_on_memory_allocate", () => 0);
    read(guest);
    expect([preferred.length, other.length]).toEqual([1, 0]);
  });

  test("proxy_on_memory_allocate alone is enough; none at all is refused", async () => {
    const guest = await relay({ allocators: ["proxy_on_memory_allocate"], vmConfiguration: "v" });
    expect(read(guest)).toBe(Status.Ok);
    await expect(relay({ allocators: [] })).rejects.toMatchObject({ code: "ALLOCATOR_MISSING" });
  });
});

describe("a start section runs before the host can see the memory (proxy-wasm-abi.md §3.4)", () => {
  const module = (calls: string): Promise<Uint8Array> =>
    assemble(`(module
      (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
      (import "env" "proxy_done" (func $done (result i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
      (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
      (memory (export "memory") 1)
      (func (export "malloc") (param i32) (result i32) (i32.const 0))
      (func (export "proxy_abi_version_0_2_1"))
      (func $start ${calls})
      (start $start))`);

  test("hostcalls with addresses answer a fault, and the module loads", async () => {
    const calls = [
      "(call $log (i32.const 2) (i32.const 0) (i32.const 1))",
      "(call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 100))",
      "(call $sizes (i32.const 0) (i32.const 4))",
      "(call $environ (i32.const 0) (i32.const 4))",
      "(call $clock (i32.const 0) (i64.const 0) (i32.const 0))",
    ];
    const bytes = await module(calls.map((call, i) => `(i32.store8 (i32.const ${200 + i}) ${call})`).join(" "));
    const plugin = await loadPlugin(bytes, { environment: { A: "1" } });
    expect([...plugin.vm.memory.copy(200, 5)]).toEqual([Status.InvalidMemoryAccess, 21, 21, 21, 21]);
    expect(plugin.logs).toEqual([]);
  });

  test.each(["(drop (call $done))", "(drop (call $yield))"])("%s is a restricted callback", async (call) => {
    const loading = loadPlugin(await module(call));
    await expect(loading).rejects.toMatchObject({ code: "GUEST_TRAPPED" });
    await expect(loading).rejects.toThrow("restricted_callback");
  });
});
