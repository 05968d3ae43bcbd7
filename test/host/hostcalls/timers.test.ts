import { describe, expect, test } from "vitest";
import { Status } from "../../../src/abi/enums.js";
import { relay } from "../../../src/harness/relay.js";
import { held } from "../support.js";

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
