import { describe, expect, test } from "vitest";
import { MetricType, Status } from "../../../src/abi/enums.js";
import type { RelayGuest } from "../../../src/harness/relay.js";
import { relay } from "../../../src/harness/relay.js";
import { end } from "../support.js";

const { Counter, Gauge, Histogram } = MetricType;
const OK = Status.Ok;
const NF = Status.NotFound;
const BA = Status.BadArgument;
const most = 2n ** 63n - 1n;
const least = -(2n ** 63n);
const all = 2n ** 64n - 1n;

/** The metric's id. */
function define(guest: RelayGuest, type: number, name = "m"): number {
  expect(guest.call("proxy_define_metric", type, 0, guest.write(0, name), 100)).toBe(OK);
  return guest.u32(100);
}
const increment = (guest: RelayGuest, id: number, delta: bigint): number =>
  guest.call("proxy_increment_metric", id, delta);
const record = (guest: RelayGuest, id: number, value: bigint): number => guest.call("proxy_record_metric", id, value);
/** The value, or the status that says why there is none. */
function get(guest: RelayGuest, id: number): bigint | number {
  const status = guest.call("proxy_get_metric", id, 100);
  return status === OK ? guest.u64(100) : status;
}

describe("proxy_define_metric (v0.2.1 #proxy_define_metric)", () => {
  test("ids carry the type in their low bits, and each type counts by itself", async () => {
    const guest = await relay();
    const ids = [Counter, Gauge, Histogram, Counter, Gauge, Histogram].map((type, i) => define(guest, type, `m${i}`));
    expect(ids).toEqual([4, 5, 6, 8, 9, 10]);
  });

  test("a name defined again has another id, and both mean the same metric", async () => {
    const guest = await relay();
    const [one, two] = [define(guest, Counter), define(guest, Counter)];
    increment(guest, one, 2n);
    expect([one, two, get(guest, two)]).toEqual([4, 8, 2n]);
  });

  test("VMs share the metric and have ids of their own", async () => {
    const one = await relay();
    const two = await relay({ beside: one, vmId: "other" });
    increment(one, define(one, Counter), 3n);
    expect(define(two, Counter)).toBe(4);
    expect(get(two, 4)).toBe(3n);
  });

  test.each([
    { claim: "a type above 2", args: [3, 0, 1, 100], status: BA },
    { claim: "type -1", args: [-1, 0, 1, 100], status: BA },
    { claim: "the name is looked at before the type", args: [3, end, 1, 100], status: Status.InvalidMemoryAccess },
  ])("$claim: $status, the id untouched", async ({ args, status }) => {
    const guest = await relay();
    expect(guest.call("proxy_define_metric", ...args)).toBe(status);
    expect(guest.text(100, 4)).toBe("????");
  });

  test("names are bytes, the empty one too", async () => {
    const guest = await relay();
    define(guest, Counter, "");
    define(guest, Counter, "a.b;\xff");
    expect(guest.plugin.metrics.map(({ name }) => name)).toEqual(["", "a.b;\xff"]);
  });
});

describe("proxy_increment_metric (v0.2.1 #proxy_increment_metric)", () => {
  test.each([
    { claim: "a counter by 1", type: Counter, delta: 1n, status: OK, value: 1n },
    { claim: "a counter by 2^63 - 1", type: Counter, delta: most, status: OK, value: most },
    { claim: "a counter by 0", type: Counter, delta: 0n, status: BA, value: 0n },
    { claim: "a counter by -1", type: Counter, delta: -1n, status: BA, value: 0n },
    { claim: "a counter by -2^63", type: Counter, delta: least, status: BA, value: 0n },
    { claim: "a gauge by 0", type: Gauge, delta: 0n, status: OK, value: 0n },
    { claim: "a gauge by 5", type: Gauge, delta: 5n, status: OK, value: 5n },
    { claim: "a gauge by -1, which reads as 2^64 - 1", type: Gauge, delta: -1n, status: OK, value: all },
    { claim: "a gauge by -2^63", type: Gauge, delta: least, status: OK, value: 2n ** 63n },
    { claim: "a histogram", type: Histogram, delta: 1n, status: BA, value: BA },
  ])("$claim answers $status", async ({ type, delta, status, value }) => {
    const guest = await relay();
    const id = define(guest, type);
    expect(increment(guest, id, delta)).toBe(status);
    expect(get(guest, id)).toBe(value);
  });

  test("a gauge goes down again", async () => {
    const guest = await relay();
    const id = define(guest, Gauge);
    increment(guest, id, 10n);
    increment(guest, id, -3n);
    expect(get(guest, id)).toBe(7n);
  });
});

describe("proxy_record_metric (v0.2.1 #proxy_record_metric)", () => {
  test.each([
    { claim: "adds to a counter", type: Counter, values: [2n, 3n], value: 5n },
    { claim: "adds to a counter modulo 2^64", type: Counter, values: [-1n, 2n], value: 1n },
    { claim: "adds 0 to a counter", type: Counter, values: [0n], value: 0n },
    { claim: "sets a gauge", type: Gauge, values: [2n, 3n], value: 3n },
    { claim: "sets a gauge to 2^64 - 1: the value is unsigned", type: Gauge, values: [-1n], value: all },
  ])("$claim", async ({ type, values, value }) => {
    const guest = await relay();
    const id = define(guest, type);
    for (const one of values) expect(record(guest, id, one)).toBe(OK);
    expect(get(guest, id)).toBe(value);
  });

  test("records samples of a histogram, unsigned", async () => {
    const guest = await relay();
    const id = define(guest, Histogram);
    for (const one of [0n, 7n, -1n]) expect(record(guest, id, one)).toBe(OK);
    expect(guest.plugin.metrics[0]!.samples).toEqual([0n, 7n, all]);
  });
});

describe("proxy_get_metric (v0.2.1 #proxy_get_metric)", () => {
  test("writes a little-endian u64, and no more", async () => {
    const guest = await relay();
    const id = define(guest, Gauge);
    record(guest, id, 0x0102030405060708n);
    expect(guest.call("proxy_get_metric", id, 201)).toBe(OK);
    expect(guest.text(200, 10)).toBe("?\x08\x07\x06\x05\x04\x03\x02\x01?");
  });

  test("an unknown metric is told before a bad output", async () => {
    const guest = await relay();
    expect(guest.call("proxy_get_metric", 4, end)).toBe(NF);
  });
});

describe("ids that nobody defined", () => {
  test.each([
    { id: 0, increment: NF, record: NF, get: NF },
    { id: 4, increment: NF, record: NF, get: NF },
    { id: 5, increment: NF, record: NF, get: NF },
    { id: 6, increment: BA, record: NF, get: BA },
    { id: 7, increment: BA, record: NF, get: BA },
    { id: -1, increment: BA, record: NF, get: BA },
    { id: -4, increment: NF, record: NF, get: NF },
  ])("$id", async (row) => {
    const guest = await relay();
    expect([increment(guest, row.id, 1n), record(guest, row.id, 1n), get(guest, row.id)]).toEqual([
      row.increment,
      row.record,
      row.get,
    ]);
  });
});
