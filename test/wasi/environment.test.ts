// Arguments, environment, clocks and random bytes. proxy-wasm-abi.md §4.14
import { expect, test } from "vitest";
import { relay } from "../../src/harness/relay.js";
import { end, Errno, inBothModules } from "./support.js";

const environment = { A: "1", LONG_NAME: "with spaces", EMPTY: "", UTF: "ä" };

inBothModules("environ_sizes_get and environ_get", (as) => {
  test("without variables: 0 and 0, and nothing is written", async () => {
    const guest = await relay();
    expect(guest.call(as("environ_sizes_get"), 101, 105)).toBe(0);
    expect([guest.u32(101), guest.u32(105)]).toEqual([0, 0]);
    expect(guest.call(as("environ_get"), 200, 300)).toBe(0);
    expect(guest.text(200, 200)).toBe("?".repeat(200));
  });

  test("bytes count name, =, value and a NUL of each", async () => {
    const guest = await relay({ environment: { A: "1", BC: "" } });
    guest.call(as("environ_sizes_get"), 100, 104);
    expect([guest.u32(100), guest.u32(104)]).toEqual([2, 4 + 4]);
  });

  test("a pointer for each, then NAME=VALUE with a NUL, packed, and not a byte more than announced", async () => {
    const guest = await relay({ environment });
    guest.call(as("environ_sizes_get"), 100, 104);
    const [count, size] = [guest.u32(100), guest.u32(104)];
    expect(guest.call(as("environ_get"), 200, 301)).toBe(0);
    const texts = Array.from({ length: count }, (_, i) => {
      const at = guest.u32(200 + 4 * i);
      return Buffer.from(guest.text(at, guest.text(at, 100).indexOf("\0")), "latin1").toString();
    });
    expect(texts.sort()).toEqual(["A=1", "EMPTY=", "LONG_NAME=with spaces", "UTF=ä"]);
    expect(guest.text(301 + size - 1, 2)).toBe("\0?");
    expect(guest.text(200 + 4 * count, 1)).toBe("?");
  });

  test.each([
    { name: "environ_sizes_get", args: [end - 3, 100] },
    { name: "environ_sizes_get", args: [100, end] },
    { name: "environ_sizes_get", args: [-1, 100] },
    { name: "environ_get", args: [end - 3, 100] },
    { name: "environ_get", args: [100, end - 2] },
    { name: "environ_get", args: [-1, -1] },
  ])("$name($args) is a fault", async ({ name, args }) => {
    const guest = await relay({ environment });
    expect(guest.call(as(name), ...args)).toBe(Errno.fault);
    expect(guest.vm.failed).toBe(false);
  });

  test("works while the module starts, and after the memory grew", async () => {
    const statuses: number[] = [];
    const guest = await relay({
      environment,
      start: ["_initialize"],
      during: {
        _initialize: (guest) => {
          statuses.push(guest.call(as("environ_sizes_get"), 100, 104));
          guest.grow(1);
          statuses.push(guest.call(as("environ_sizes_get"), end + 100, end + 104));
        },
      },
    });
    expect([statuses, guest.u32(end + 100)]).toEqual([[0, 0], 4]);
  });
});

inBothModules("args_sizes_get and args_get", (as) => {
  test("there are no arguments", async () => {
    const guest = await relay();
    expect([guest.call(as("args_sizes_get"), 100, 104), guest.call(as("args_get"), 200, 300)]).toEqual([0, 0]);
    expect([guest.u32(100), guest.u32(104), guest.text(200, 200)]).toEqual([0, 0, "?".repeat(200)]);
  });
});

inBothModules("clock_time_get and clock_res_get", (as) => {
  test("clock 0 is the wall clock, 1 counts on, others are not supported", async () => {
    const guest = await relay();
    expect(guest.call(as("clock_time_get"), 0, 0n, 100)).toBe(0);
    expect(guest.u64(100)).toBe(guest.plugin.clock.wallNs);
    expect(guest.call(as("clock_time_get"), 1, -1n, 109)).toBe(0);
    const before = guest.u64(109);
    guest.plugin.clock.advance(5);
    guest.call(as("clock_time_get"), 1, 0n, 109);
    expect(guest.u64(109) - before).toBeGreaterThanOrEqual(5_000_000n);
    for (const clock of [2, 3, -1]) {
      expect(guest.call(as("clock_time_get"), clock, 0n, 200)).toBe(Errno.notsup);
      expect(guest.call(as("clock_res_get"), clock, 200)).toBe(Errno.notsup);
    }
    expect(guest.text(200, 8)).toBe("????????");
  });

  test.each([0, 1])("the resolution of clock %i is a nanosecond", async (clock) => {
    const guest = await relay();
    expect(guest.call(as("clock_res_get"), clock, 100)).toBe(0);
    expect(guest.u64(100)).toBe(1n);
  });

  test("the clock is looked at before the address", async () => {
    const guest = await relay();
    expect(guest.call(as("clock_time_get"), 2, 0n, end)).toBe(Errno.notsup);
    expect(guest.call(as("clock_time_get"), 0, 0n, end - 7)).toBe(Errno.fault);
    expect(guest.call(as("clock_res_get"), 1, -8)).toBe(Errno.fault);
  });
});

inBothModules("random_get", (as) => {
  test("fills exactly so many bytes; the same seed gives the same ones", async () => {
    const [one, two, three] = [await relay({ seed: 7 }), await relay({ seed: 7 }), await relay({ seed: 8 })];
    for (const guest of [one, two, three]) expect(guest.call(as("random_get"), 101, 30)).toBe(0);
    expect(one.text(100, 32)).toBe(two.text(100, 32));
    expect(one.text(100, 32)).not.toBe(three.text(100, 32));
    expect([one.text(100, 1), one.text(131, 1)]).toEqual(["?", "?"]);
    expect(one.text(101, 30)).not.toBe("?".repeat(30));
  });

  test.each([
    { claim: "64 KiB, the most", address: 0, size: 65_536, errno: 0 },
    { claim: "a byte more", address: 0, size: 65_537, errno: Errno.inval },
    { claim: "2^32 - 1 bytes, told before the range", address: end, size: -1, errno: Errno.inval },
    { claim: "none, whatever the address", address: -1, size: 0, errno: 0 },
    { claim: "one byte at the end", address: end, size: 1, errno: Errno.fault },
    { claim: "a range over the end", address: end - 1, size: 2, errno: Errno.fault },
  ])("$claim: $errno", async ({ address, size, errno }) => {
    const guest = await relay();
    expect(guest.call(as("random_get"), address, size)).toBe(errno);
  });
});
