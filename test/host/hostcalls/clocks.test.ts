import { describe, expect, test } from "vitest";
import { Status } from "../../../src/abi/enums.js";
import { relay } from "../../../src/harness/relay.js";
import { end } from "../support.js";

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
