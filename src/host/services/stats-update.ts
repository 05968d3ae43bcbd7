import type { ByteString } from "../../abi/bytes.js";
import { bytesOf } from "../../abi/bytes.js";

/** Statistics as a stats sink gets them; those that are unused are not among them. */
export interface StatsUpdate {
  /** `delta`: since the last update. */
  readonly counters?: readonly { readonly name: ByteString; readonly value: bigint; readonly delta: bigint }[];
  readonly gauges?: readonly { readonly name: ByteString; readonly value: bigint }[];
}

/**
 * An update as `envoy_on_stats_update` finds it in buffer 8: a block of counters and one of gauges. A block is its size, its type
 * (1 counters, 2 gauges) and how many there are; then for each one the length of the name, the name, zeros up to a multiple of 8,
 * the value, and for counters the delta. Values have 64 bits, all else 32. [E] buildStatsUpdate
 */
export function statsUpdateBytes({ counters = [], gauges = [] }: StatsUpdate): Uint8Array {
  const entries = (list: readonly { readonly name: ByteString }[], numbers: number): number =>
    list.reduce((at, { name }) => align(at + 4 + name.length) + 8 * numbers, 12);
  const counterSize = entries(counters, 2);
  const gaugeSize = entries(gauges, 1);
  const bytes = new Uint8Array(counterSize + gaugeSize);
  block(bytes.subarray(0, counterSize), 1, counters, ({ value, delta }) => [value, delta]);
  block(bytes.subarray(counterSize), 2, gauges, ({ value }) => [value]);
  return bytes;
}

function block<T extends { readonly name: ByteString }>(
  bytes: Uint8Array,
  type: number,
  list: readonly T[],
  numbers: (one: T) => readonly bigint[],
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  [bytes.length, type, list.length].forEach((value, i) => view.setUint32(4 * i, value, true));
  let at = 12;
  for (const one of list) {
    view.setUint32(at, one.name.length, true);
    bytes.set(bytesOf(one.name), at + 4);
    at = align(at + 4 + one.name.length);
    for (const value of numbers(one)) {
      view.setBigUint64(at, value, true);
      at += 8;
    }
  }
}

const align = (at: number): number => (at + 7) & ~7;
