// The harness's own limits: a guest that goes over one fails the test with the limit's name, instead of the process.
import { describe, expect, test } from "vitest";
import { limits } from "../../src/abi/limits.js";
import { relay } from "../../src/harness/relay.js";
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
  // Known gap: nothing uses limits.memoryPages yet.
  test.fails("memory grows to 1 GiB, and memory.grow beyond answers -1", async () => {
    const guest = await relay({ maximumPages: 65_536 });
    expect(guest.grow(limits.memoryPages - 1)).toBe(1);
    expect(guest.grow(1)).toBe(-1);
  });
});
