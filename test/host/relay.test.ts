// The relay guest itself: what the tests of hostcalls stand on.
import { describe, expect, test } from "vitest";
import type { AbiVersion } from "../../src/abi/version.js";
import { relay, relayedNames, relayModule } from "../../src/harness/relay.js";
import { signed, unsigned } from "../../src/vm/module-writer.js";

const versions: readonly AbiVersion[] = ["0.1.0", "0.2.0", "0.2.1"];

describe("relayModule() assembles", () => {
  test.each(versions)("a module that is valid and imports all of ABI %s", (abi) => {
    const module = new WebAssembly.Module(relayModule({ abi }) as BufferSource);
    const imported = WebAssembly.Module.imports(module).map(({ module, name }) => `${module}.${name}`);
    expect(imported).toHaveLength(relayedNames(abi).length + 1);
    expect(imported[0]).toBe("relay.callback");
    const names = WebAssembly.Module.exports(module).map(({ name }) => name);
    for (const name of relayedNames(abi)) expect(names).toContain(`call_${name}`);
  });

  test("the marker of its version, and one allocator", () => {
    const names = (options: Parameters<typeof relayModule>[0]): string[] =>
      WebAssembly.Module.exports(new WebAssembly.Module(relayModule(options) as BufferSource)).map(({ name }) => name);
    expect(names({ abi: "0.1.0" })).toContain("proxy_abi_version_0_1_0");
    expect(names({})).toContain("malloc");
    expect(names({})).not.toContain("proxy_on_memory_allocate");
    expect(names({ allocators: ["proxy_on_memory_allocate"] })).not.toContain("malloc");
  });

  test("numbers as LEB128 writes them", () => {
    expect(unsigned(0)).toEqual([0]);
    expect(unsigned(624_485)).toEqual([0xe5, 0x8e, 0x26]);
    expect(signed(-123_456)).toEqual([0xc0, 0xbb, 0x78]);
    expect(signed(63)).toEqual([0x3f]);
    expect(signed(64)).toEqual([0xc0, 0x00]);
    expect(signed(-64)).toEqual([0x40]);
    expect(signed(-1)).toEqual([0x7f]);
  });
});

describe("a relay guest", () => {
  test("has memory that is all question marks, and a heap in its upper half", async () => {
    const guest = await relay();
    expect(guest.memorySize).toBe(65_536);
    expect(guest.text(0, 65_536)).toBe("?".repeat(65_536));
    expect(guest.heap).toBe(32_768);
  });

  test("runs work inside a callback, on its context", async () => {
    const guest = await relay();
    const seen = guest.during("proxy_on_request_headers", (...args) => [guest.vm.acting.id, ...args]);
    guest.plugin.openHttpStream().requestHeaders({ ":method": "GET", ":path": "/", ":authority": "a" });
    expect(seen).toEqual([[2, 2, 3, 0, 0, 0]]);
    expect(guest.callbacks).toEqual([
      "proxy_on_context_create(1, 0)",
      "proxy_on_vm_start(1, 0)",
      "proxy_on_configure(1, 0)",
      "proxy_on_context_create(2, 1)",
      "proxy_on_request_headers(2, 3, 0)",
    ]);
  });

  test("makes a call outside callbacks on the root", async () => {
    const guest = await relay();
    const roots = [guest.inside(() => guest.vm.acting.id), guest.vm.acting.id];
    expect(roots).toEqual([1, 0]);
    expect(guest.call("proxy_set_tick_period_milliseconds", 5)).toBe(0);
    guest.plugin.clock.advance(5);
    expect(guest.callbacks.at(-1)).toBe("proxy_on_tick(1)");
  });

  test("has an allocator that grows the memory when it is full", async () => {
    const guest = await relay();
    const size = guest.write(0, "k".repeat(30_000));
    for (let i = 0; i < 4; i++) {
      guest.call("proxy_set_shared_data", 0, 1, 0, size, 0);
      expect(guest.call("proxy_get_shared_data", 0, 1, 30_004, 30_008, 30_012)).toBe(0);
      expect(guest.text(guest.u32(30_004), size)).toBe("k".repeat(size));
    }
    expect(guest.memorySize).toBe(3 * 65_536);
  });

  test("throws to the test what the guest's callback let through", async () => {
    const guest = await relay();
    expect(() => guest.inside(() => guest.trap())).toThrow("unreachable");
    expect(guest.plugin.failure?.code).toBe("GUEST_TRAPPED");
  });

  test("goes back to a snapshot, also after a trap, with a new instance", async () => {
    const guest = await relay();
    guest.write(0, "before");
    const moment = guest.plugin.snapshot();
    guest.write(0, "after!");
    guest.heap = 40_000;
    expect(() => guest.inside(() => guest.trap())).toThrow();
    guest.plugin.restore(moment);
    expect([guest.text(0, 7), guest.heap, guest.vm.failed]).toEqual(["before?", 32_768, false]);
    expect(guest.call("proxy_log", 2, 0, 6)).toBe(0);
    expect(guest.plugin.logs.map(({ message }) => message)).toEqual(["before"]);
  });

  test("is stopped when its callback takes too long", async () => {
    const guest = await relay({ budgetMs: 50 });
    guest.during("proxy_on_request_headers", () => {
      while (guest.call("proxy_get_log_level", 0) === 0);
    });
    const stream = guest.plugin.openHttpStream();
    const headers = { ":method": "GET", ":path": "/", ":authority": "a" };
    expect(() => stream.requestHeaders(headers)).toThrow(expect.objectContaining({ code: "GUEST_TIMEOUT" }));
    expect(guest.vm.failed).toBe(true);
  });
});
