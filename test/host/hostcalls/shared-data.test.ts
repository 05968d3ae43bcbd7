import { describe, expect, test } from "vitest";
import { Status } from "../../../src/abi/enums.js";
import type { RelayGuest } from "../../../src/harness/relay.js";
import { relay } from "../../../src/harness/relay.js";
import { end } from "../support.js";

/** Stores `value` under `key`. */
function set(guest: RelayGuest, key: string, value: string, cas = 0): number {
  const size = guest.write(0, key);
  return guest.call("proxy_set_shared_data", 0, size, 50, guest.write(50, value), cas);
}

/** The value and its cas, or the status that says why there is none. */
function get(guest: RelayGuest, key: string): readonly [value: string, cas: number] | number {
  const status = guest.call("proxy_get_shared_data", 0, guest.write(0, key), 100, 104, 108);
  return status === Status.Ok ? [guest.text(guest.u32(100), guest.u32(104)), guest.u32(108)] : status;
}

describe("proxy_get_shared_data (v0.2.1 #shared-key-value-store)", () => {
  test.each([
    { claim: "a key never set", args: [0, 3, 100, 104, 108], status: Status.NotFound },
    { claim: "an empty key never set", args: [0, 0, 100, 104, 108], status: Status.NotFound },
    { claim: "a key past the end", args: [end, 1, 100, 104, 108], status: Status.InvalidMemoryAccess },
    { claim: "a size of 2^32 - 1", args: [0, -1, 100, 104, 108], status: Status.InvalidMemoryAccess },
  ])("$claim answers $status, outputs untouched", async ({ args, status }) => {
    const guest = await relay();
    expect(guest.call("proxy_get_shared_data", ...args)).toBe(status);
    expect(guest.text(100, 12)).toBe("?".repeat(12));
  });

  test("an absent key is told before bad outputs are seen", async () => {
    const guest = await relay();
    expect(guest.call("proxy_get_shared_data", 0, 1, end, end, end)).toBe(Status.NotFound);
  });

  test("hands out the value in memory of the allocator, exactly so long", async () => {
    const guest = await relay();
    set(guest, "k", "value");
    const heap = guest.heap;
    expect(guest.call("proxy_get_shared_data", 0, 1, 100, 104, 108)).toBe(Status.Ok);
    expect([guest.u32(100), guest.u32(104)]).toEqual([heap, 5]);
    expect(guest.text(heap - 1, 7)).toBe("?value?");
    expect(guest.heap).toBe(heap + 5);
  });

  test("an empty value is OK with pointer 0 and size 0, and the allocator is not asked", async () => {
    const guest = await relay();
    set(guest, "k", "");
    const heap = guest.heap;
    expect(guest.call("proxy_get_shared_data", 0, 1, 100, 104, 108)).toBe(Status.Ok);
    expect([guest.u32(100), guest.u32(104), guest.heap]).toEqual([0, 0, heap]);
  });

  test("value and size are written before a bad cas pointer is noticed", async () => {
    const guest = await relay();
    set(guest, "k", "v");
    expect(guest.call("proxy_get_shared_data", 0, 1, 100, 104, end)).toBe(Status.InvalidMemoryAccess);
    expect(guest.u32(104)).toBe(1);
  });

  test("the pointer is written before a bad size pointer is noticed", async () => {
    const guest = await relay();
    set(guest, "k", "v");
    const heap = guest.heap;
    expect(guest.call("proxy_get_shared_data", 0, 1, 100, end, 108)).toBe(Status.InvalidMemoryAccess);
    expect([guest.u32(100), guest.text(108, 4)]).toEqual([heap, "????"]);
  });
});

describe("proxy_set_shared_data (v0.2.1 #shared-key-value-store)", () => {
  test("every write has another cas, of one counter for all keys, from 1", async () => {
    const guest = await relay();
    set(guest, "a", "1");
    set(guest, "b", "2");
    expect([get(guest, "a"), get(guest, "b")]).toEqual([
      ["1", 1],
      ["2", 2],
    ]);
    set(guest, "a", "3");
    expect(get(guest, "a")).toEqual(["3", 3]);
  });

  test.each([
    { claim: "cas 0 always writes", cas: 0, status: Status.Ok },
    { claim: "the right cas writes", cas: 1, status: Status.Ok },
    { claim: "another cas does not", cas: 2, status: Status.CasMismatch },
    { claim: "cas 2^32 - 1 does not", cas: -1, status: Status.CasMismatch },
  ])("$claim", async ({ cas, status }) => {
    const guest = await relay();
    set(guest, "k", "old");
    expect(set(guest, "k", "new", cas)).toBe(status);
    expect(get(guest, "k")).toEqual(status === Status.Ok ? ["new", 2] : ["old", 1]);
  });

  test("an absent key accepts any cas", async () => {
    const guest = await relay();
    expect(set(guest, "k", "v", 77)).toBe(Status.Ok);
    expect(get(guest, "k")).toEqual(["v", 1]);
  });

  test("a failed write uses up no cas", async () => {
    const guest = await relay();
    set(guest, "k", "v");
    set(guest, "k", "w", 9);
    set(guest, "k", "x");
    expect(get(guest, "k")).toEqual(["x", 2]);
  });

  test("keys are bytes: NUL and high bytes count, and an empty key is one", async () => {
    const guest = await relay();
    set(guest, "k\0", "nul");
    set(guest, "\xff", "high");
    set(guest, "", "empty");
    expect([get(guest, "k\0"), get(guest, "\xff"), get(guest, ""), get(guest, "k")]).toEqual([
      ["nul", 1],
      ["high", 2],
      ["empty", 3],
      Status.NotFound,
    ]);
  });
});

describe("shared data between VMs", () => {
  test("VMs of one vm_id share it, also the empty one", async () => {
    const one = await relay();
    const two = await relay({ beside: one });
    set(one, "k", "v");
    expect(get(two, "k")).toEqual(["v", 1]);
  });

  test("another vm_id has a store of its own, with the same counter", async () => {
    const one = await relay({ vmId: "one" });
    const two = await relay({ vmId: "two", beside: one });
    set(one, "k", "v");
    expect(get(two, "k")).toBe(Status.NotFound);
    set(two, "k", "w");
    expect(get(two, "k")).toEqual(["w", 2]);
  });

  test("goes with the last VM of its vm_id, and not before", async () => {
    const one = await relay({ vmId: "v" });
    const two = await relay({ vmId: "v", beside: one });
    set(one, "k", "v");
    one.close();
    expect(get(two, "k")).toEqual(["v", 1]);
    two.close();
    const three = await relay({ vmId: "v", beside: one });
    expect(get(three, "k")).toBe(Status.NotFound);
  });
});
