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
