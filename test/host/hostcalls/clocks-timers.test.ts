import { describe, expect, test } from "vitest";
import { Status } from "../../../src/abi/enums.js";
import { relay } from "../../../src/harness/relay.js";
import { end, held } from "../support.js";

describe("proxy_get_current_time_nanoseconds (v0.2.1 #clocks)", () => {
  test("writes nanoseconds since the epoch as a little-endian u64, and no more", async () => {
    const guest = await relay();
    expect(guest.call("proxy_get_current_time_nanoseconds", 101)).toBe(Status.Ok);
    expect(guest.u64(101)).toBe(guest.plugin.clock.wallNs);
    expect(guest.text(100, 1) + guest.text(109, 1)).toBe("??");
  });

  test("wants eight bytes", async () => {
    const guest = await relay();
    expect(guest.call("proxy_get_current_time_nanoseconds", end - 7)).toBe(Status.InvalidMemoryAccess);
    expect(guest.text(end - 7, 7)).toBe("???????");
    expect(guest.call("proxy_get_current_time_nanoseconds", end - 8)).toBe(Status.Ok);
  });

  test("goes with the test's clock", async () => {
    const guest = await relay();
    guest.call("proxy_get_current_time_nanoseconds", 0);
    guest.plugin.clock.advance(1500);
    guest.call("proxy_get_current_time_nanoseconds", 8);
    const passed = guest.u64(8) - guest.u64(0);
    expect(passed).toBeGreaterThanOrEqual(1_500_000_000n);
    expect(passed).toBeLessThan(1_500_100_000n);
  });
});

describe("proxy_set_tick_period_milliseconds (v0.2.1 #timers)", () => {
  const ticks = (callbacks: readonly string[]): number => callbacks.filter((one) => one === "proxy_on_tick(1)").length;

  test("ticks on the root, again and again", async () => {
    const guest = await relay();
    expect(guest.call("proxy_set_tick_period_milliseconds", 100)).toBe(Status.Ok);
    guest.plugin.clock.advance(99);
    expect(ticks(guest.callbacks)).toBe(0);
    guest.plugin.clock.advance(1);
    expect(ticks(guest.callbacks)).toBe(1);
    guest.plugin.clock.advance(300);
    expect(ticks(guest.callbacks)).toBe(4);
  });

  test("from a stream sets the root's timer", async () => {
    const { guest, call } = await held();
    expect(call("proxy_set_tick_period_milliseconds", 10)).toBe(Status.Ok);
    guest.plugin.clock.advance(10);
    expect(guest.callbacks.at(-1)).toBe("proxy_on_tick(1)");
  });

  test("0 stops it, also from within the tick", async () => {
    const guest = await relay();
    guest.call("proxy_set_tick_period_milliseconds", 10);
    guest.during("proxy_on_tick", () => guest.call("proxy_set_tick_period_milliseconds", 0));
    guest.plugin.clock.advance(100);
    expect(ticks(guest.callbacks)).toBe(1);
  });

  test("a new period starts the wait anew", async () => {
    const guest = await relay();
    guest.call("proxy_set_tick_period_milliseconds", 10);
    guest.plugin.clock.advance(9);
    guest.call("proxy_set_tick_period_milliseconds", 10);
    guest.plugin.clock.advance(9);
    expect(ticks(guest.callbacks)).toBe(0);
    guest.plugin.clock.advance(1);
    expect(ticks(guest.callbacks)).toBe(1);
  });

  test("the next tick is timed when proxy_on_tick has returned, with the period that is set then", async () => {
    const guest = await relay();
    guest.call("proxy_set_tick_period_milliseconds", 10);
    guest.during("proxy_on_tick", () => guest.call("proxy_set_tick_period_milliseconds", 50));
    guest.plugin.clock.advance(10);
    guest.plugin.clock.advance(49);
    expect(ticks(guest.callbacks)).toBe(1);
    guest.plugin.clock.advance(1);
    expect(ticks(guest.callbacks)).toBe(2);
  });

  test("a period of 2^32 - 1 is unsigned", async () => {
    const guest = await relay();
    expect(guest.call("proxy_set_tick_period_milliseconds", -1)).toBe(Status.Ok);
    guest.plugin.clock.advance(2 ** 32 - 2);
    expect(ticks(guest.callbacks)).toBe(0);
    guest.plugin.clock.advance(1);
    expect(ticks(guest.callbacks)).toBe(1);
  });

  test("without proxy_on_tick nothing fires", async () => {
    const guest = await relay({ callbacks: ["proxy_on_context_create"] });
    expect(guest.call("proxy_set_tick_period_milliseconds", 1)).toBe(Status.Ok);
    expect(guest.plugin.clock.nextDueInNs).toBeUndefined();
  });

  test("a failed VM is not ticked", async () => {
    const guest = await relay();
    guest.call("proxy_set_tick_period_milliseconds", 10);
    expect(() => guest.inside(() => guest.trap())).toThrow();
    guest.plugin.clock.advance(100);
    expect(ticks(guest.callbacks)).toBe(0);
  });
});
