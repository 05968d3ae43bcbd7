// The harness's own limits: a guest that goes over one fails the test with the limit's name, instead of the process.
import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { limits } from "../../src/abi/limits.js";
import { HarnessError } from "../../src/errors.js";
import { inspect } from "../../src/harness/inspect.js";
import { loadPlugin } from "../../src/harness/plugin.js";
import { relay } from "../../src/harness/relay.js";
import { assemble } from "../vm/support.js";
import { held, request } from "./support.js";

const times = (count: number, work: () => unknown): void => {
  for (let i = 0; i < count; i++) work();
};

describe("LIMIT_EXCEEDED names the limit", () => {
  test("pendingCalls", async () => {
    const guest = await relay();
    const headers = guest.write(200, Object.entries(request));
    const start = (): number => guest.call("proxy_http_call", 0, 1, 200, headers, 0, 0, 0, 0, 0, 100);
    guest.inside(() => times(limits.pendingCalls, start));
    expect(guest.plugin.calls).toHaveLength(limits.pendingCalls);
    expect(() => guest.inside(start)).toThrow(/pendingCalls/);
  });

  test("metrics", async () => {
    const guest = await relay();
    const define = (): number => guest.call("proxy_define_metric", 0, 0, 1, 100);
    guest.inside(() => times(limits.metrics, define));
    expect(guest.u32(100)).toBe(4 * limits.metrics);
    expect(() => guest.inside(define)).toThrow(/metrics 100001, at most 100000/);
  });

  test("queueItems", async () => {
    const guest = await relay();
    guest.call("proxy_register_shared_queue", 0, 1, 100);
    const enqueue = (): number => guest.call("proxy_enqueue_shared_queue", guest.u32(100), 0, 1);
    times(limits.queueItems - 1, () => guest.vm.process.queues.enqueue(1, new Uint8Array(1)));
    expect(enqueue()).toBe(0);
    expect(() => guest.inside(enqueue)).toThrow(/queueItems/);
  });

  test("deferredActions", async () => {
    const { guest, context } = await held();
    const close = (): number => guest.call("proxy_continue_stream", 1);
    expect(() => guest.inside(() => times(limits.deferredActions + 1, close), context)).toThrow(/deferredActions/);
  });

  test("sharedValueBytes", async () => {
    const pages = limits.sharedValueBytes / 65_536 + 1;
    const guest = await relay({ pages, maximumPages: pages });
    const set = (size: number): number => guest.call("proxy_set_shared_data", 0, 1, 0, size, 0);
    expect(() => set(limits.sharedValueBytes + 1)).toThrow(/sharedValueBytes/);
    expect(set(1)).toBe(0);
  });
});

describe("LIMIT_EXCEEDED for what guests heap up in the host", () => {
  test("headerCount", async () => {
    const { guest, context } = await held();
    const add = (): number => guest.call("proxy_add_header_map_value", 0, 0, 1, 0, 1);
    const room = limits.headerCount - Object.keys(request).length;
    guest.inside(() => times(room, add), context);
    expect(() => guest.inside(add, context)).toThrow(/headerCount 100001, at most 100000/);
  });

  test("headerBytes", async () => {
    const { guest, context } = await held({ pages: 513, maximumPages: 513 });
    const add = (size: number): number => guest.call("proxy_add_header_map_value", 0, 0, 1, 0, size);
    expect(guest.inside(() => add(limits.headerBytes / 2), context)).toBe(0);
    expect(() => guest.inside(() => add(limits.headerBytes / 2), context)).toThrow(/headerBytes/);
  });

  test("sharedKeys: a key that is there can still be set", async () => {
    const guest = await relay();
    const { sharedData } = guest.vm.process;
    for (let i = 0; i < limits.sharedKeys - 1; i++) sharedData.set("", `key ${i}`, new Uint8Array(1), 0);
    const set = (name: string): number => guest.call("proxy_set_shared_data", 0, guest.write(0, name), 0, 1, 0);
    expect(set("the last")).toBe(0);
    expect(set("key 7")).toBe(0);
    expect(() => set("one more")).toThrow(/sharedKeys 100001, at most 100000/);
  });

  test("sharedBytes counts keys and values, and forgets what was replaced", async () => {
    const guest = await relay();
    const { sharedData } = guest.vm.process;
    const part = new Uint8Array(limits.sharedBytes / 4);
    for (const key of ["a", "b", "c"]) sharedData.set("", key, part, 0);
    const set = (key: string, size: number): number =>
      guest.call("proxy_set_shared_data", 0, guest.write(0, key), 0, size, 0);
    sharedData.set("", "d", part.subarray(4 + 10), 0); // ten bytes are left
    expect(set("e", 9)).toBe(0);
    expect(() => set("f", 0)).toThrow(/sharedBytes/);
    const again = await relay();
    again.vm.process.sharedData.set("", "a", part, 0);
    again.vm.process.sharedData.set("", "a", new Uint8Array(1), 0);
    expect(again.vm.process.sharedData.sizeWith("", "b", new Uint8Array(3))).toEqual({ keys: 2, bytes: 6 });
  });

  test("queues, and queueBytes", async () => {
    const guest = await relay();
    const { queues } = guest.vm.process;
    const owner = { queueReady: () => {} };
    for (let i = 0; i < limits.queues - 1; i++) queues.register("", `queue ${i}`, owner);
    const register = (name: string): number => guest.call("proxy_register_shared_queue", 0, guest.write(0, name), 100);
    expect(register("mine")).toBe(0);
    expect(register("mine")).toBe(0);
    expect(() => register("more")).toThrow(/queues 10001, at most 10000/);

    const token = queues.resolve("", "mine")!;
    queues.enqueue(token, new Uint8Array(limits.queueBytes - 4));
    const enqueue = (size: number): number => guest.call("proxy_enqueue_shared_queue", token, 0, size);
    expect(() => enqueue(5)).toThrow(/queueBytes/);
    queues.dequeue(token);
    expect(queues.bytes(token)).toBe(0);
  });
});

describe("limits of Envoy's host", () => {
  test("memory grows to 1 GiB, and memory.grow beyond answers -1", async () => {
    const guest = await relay({ maximumPages: 65_536 });
    expect(guest.grow(limits.memoryPages - 1)).toBe(1);
    expect(guest.grow(1)).toBe(-1);
    expect(guest.memorySize).toBe(2 ** 30);
  });

  test.each([
    ["without a maximum", '(memory (export "memory") 1)'],
    ["with 4 GiB", '(memory (export "memory") 1 65536)'],
    ["imported", '(import "env" "m" (memory 1)) (export "memory" (memory 0))'],
  ])("a memory %s has the cap too, and the module its own sha256", async (_, memory) => {
    const bytes = await assemble(`(module ${memory}
      (global $count (mut i32) (i32.const 0))
      (func (export "proxy_abi_version_0_2_1"))
      (func (export "malloc") (param i32) (result i32) (i32.const 8))
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (i32.and (i32.eq (memory.grow (i32.const 16383)) (i32.const 1)) (i32.eq (memory.grow (i32.const 1)) (i32.const -1)))))`);
    const plugin = await loadPlugin(bytes); // on_configure says whether memory.grow answered so
    expect(plugin.sha256).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  test("a memory that begins with more is refused, and inspect foretells it", async () => {
    const bytes = await assemble(`(module (memory (export "memory") 16385)
      (func (export "proxy_abi_version_0_2_1"))
      (func (export "malloc") (param i32) (result i32) (i32.const 8)))`);
    await expect(loadPlugin(bytes)).rejects.toThrow(
      /16385 pages of 64 KiB, and a VM has at most 16384 \(memoryPages\)/,
    );
    expect((await inspect(bytes)).problems).toMatchObject([{ code: "WASM_INVALID" }]);
  });

  test("trap frames keep their place in a module whose memory was capped", async () => {
    const module = (max: string): Promise<Uint8Array> =>
      assemble(`(module (memory (export "memory") 1${max})
        (func (export "proxy_abi_version_0_2_1"))
        (func (export "malloc") (param i32) (result i32) (i32.const 8))
        (func $fails (export "proxy_on_configure") (param i32 i32) (result i32) unreachable))`);
    const framesOf = async (bytes: Uint8Array) =>
      ((await loadPlugin(bytes).catch((thrown: unknown) => thrown)) as HarnessError).details.filter((line) =>
        line.includes("fails"),
      );
    const capped = await framesOf(await module(""));
    expect(capped).toHaveLength(1);
    expect(capped[0]).toContain("fails");
  });
});
