// Hostile calls: every hostcall of every version and every WASI function with made-up arguments, inside every callback.
// A million by `npm run torture`; what a guest may do, and what the host must answer: proxy-wasm-abi.md §2, §4, §7.
import { describe, expect, test } from "vitest";
import { limits } from "../src/abi/limits.js";
import { Dice, oddAddress, oddSize, torture } from "../src/harness/hostile.js";
import { relay } from "../src/harness/relay.js";
import { request } from "./host/support.js";

test("20,000 hostile calls end in a status or a named error, and write nowhere else", async () => {
  const report = await torture({ runs: 20_000, seed: 20_261_123 });
  const { memory } = report;
  console.log(
    `torture: ${report.runs} calls in ${report.seconds.toFixed(1)} s, memory compared around ${report.compared}, ` +
      `JS heap ${[memory.start, memory.middle, memory.end].map(({ heap }) => (heap / 1048576).toFixed(1)).join(" → ")} MB`,
  );
  expect(report.failure).toBeUndefined();
  expect(report.runs).toBe(20_000);
  expect(report.compared).toBeGreaterThan(500);
  const statuses = ["Ok", "NotFound", "BadArgument", "SerializationFailure", "ParseFailure", "InvalidMemoryAccess"];
  for (const name of [...statuses, "Empty", "CasMismatch", "Unimplemented", "errno 0", "errno 21", "errno 28"]) {
    expect(report.outcomes.get(name), name).toBeGreaterThan(0);
  }
}, 60_000);

test("a call is replayed from its seed and number", async () => {
  const { last } = await torture({ runs: 4321, seed: 7 });
  const replayed = await torture({ runs: 4321, seed: 7, only: 4320 });
  expect(replayed.last).toBe(last);
  expect(replayed.runs).toBe(321);
  expect((await torture({ runs: 4321, seed: 8, only: 4320 })).last).not.toBe(last);
});

test("odd ranges begin before, at and after the end, and some of them wrap around", () => {
  const dice = new Dice(1);
  const end = 65_536;
  const seen = new Set<string>();
  for (let i = 0; i < 5000; i++) {
    const address = oddAddress(dice, end) >>> 0;
    const size = oddSize(dice, address, end) >>> 0;
    const sum = address + size;
    seen.add(address < end ? "begins before" : address === end ? "begins at" : "begins after");
    seen.add(sum < end ? "ends before" : sum === end ? "ends at" : sum === end + 1 ? "ends one after" : "ends after");
    if (sum === 2 ** 32) seen.add("is nothing in 32 bits");
    if (sum > 2 ** 32) seen.add("wraps around");
    if (size === 0) seen.add("is empty");
  }
  expect(seen.size).toBe(10);
});

/** What torture found, or could have. */
test("a path of nothing but NULs is no property, and takes no time", async () => {
  const guest = await relay();
  guest.grow(10);
  guest.vm.memory.whole.fill(0);
  const during = guest.during("proxy_on_request_headers", () => {
    const start = performance.now();
    return [guest.call("proxy_get_property", 0, guest.memorySize, 8, 12), performance.now() - start] as const;
  });
  guest.plugin.openHttpStream().requestHeaders(request);
  expect(during[0]![0]).toBe(1);
  expect(during[0]![1]).toBeLessThan(500);
});

test.each(["fd_write", "fd_pwrite"])("%s: overlapping vectors write no more than writeBytes", async (name) => {
  const guest = await relay();
  const write = (vectors: number, written: number): number =>
    name === "fd_write" ? guest.call(name, 1, 8, vectors, written) : guest.call(name, 1, 8, vectors, 0n, written);
  for (let at = 8; at + 8 <= guest.memorySize; at += 8) {
    guest.writeU32(at, 0);
    guest.writeU32(at + 4, guest.memorySize);
  }
  expect(() => write(8191, 0)).toThrow(/writeBytes 536805376, at most 67108864/);
  expect(write(limits.writeBytes / 65_536, 0)).toBe(0);
  expect(guest.u32(0)).toBe(limits.writeBytes);
});

test("an argument of more than argumentBytes is refused by name", async () => {
  const guest = await relay({ maximumPages: 8192 });
  const size = limits.argumentBytes + 1;
  const address = guest.memorySize;
  guest.grow(4096); // zeros, which nobody touches
  expect(() => guest.call("proxy_get_shared_data", address - 1, size, 0, 4, 8)).toThrow(/argumentBytes 268435457/);
  expect(() => guest.call("proxy_set_shared_data", 0, 1, address - 1, size, 0)).toThrow(/argumentBytes/);
  expect(() => guest.call("proxy_log", 2, address - 1, size)).toThrow(/argumentBytes/);
  expect(guest.vm.failed).toBe(false);
});

// A list handed over by `push(...list)` needs a stack as long as the list.
describe("two hundred thousand of them are no RangeError", () => {
  const times = 200_000;

  test("pieces of a body", async () => {
    const guest = await relay();
    guest.during("proxy_on_request_body", () => {
      for (let i = 0; i < times; i++) guest.call("proxy_set_buffer_bytes", 0, 1 << 30, 0, 0, 1);
    });
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders({ ...request, ":method": "POST" });
    stream.requestBody("abc");
    expect(stream.upstream.body).toHaveLength(times + 3);
  });

  test("samples of a histogram, in a snapshot", async () => {
    const guest = await relay();
    guest.call("proxy_define_metric", 2, 0, 1, 100);
    const metric = guest.u32(100);
    guest.inside(() => {
      for (let i = 0; i < times; i++) guest.call("proxy_record_metric", metric, 1n);
    });
    guest.plugin.restore(guest.plugin.snapshot());
    expect(guest.plugin.metrics[0]!.samples).toHaveLength(times);
  });
});
