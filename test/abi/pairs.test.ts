// The pairs format, proxy-wasm-abi.md §7.1: its vectors, and every violation of it.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { limits } from "../../src/abi/limits.js";
import type { Pair } from "../../src/abi/pairs.js";
import { decodePairs, encodedPairsSize, encodePairs } from "../../src/abi/pairs.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));

const vectors: readonly { readonly pairs: readonly Pair[]; readonly hex: string }[] = [
  { pairs: [], hex: "00000000" },
  {
    pairs: [
      ["a", "1"],
      ["b", "22"],
    ],
    hex: "02000000 01000000 01000000 01000000 02000000 61 00 31 00 62 00 32 32 00",
  },
  { pairs: [["x", ""]], hex: "01000000 01000000 00000000 78 00 00" },
  { pairs: [["", ""]], hex: "01000000 00000000 00000000 00 00" },
  { pairs: [["n\0", "\0v\xff"]], hex: "01000000 02000000 03000000 6e 00 00 00 76 ff 00" },
];

describe("encodePairs() and decodePairs()", () => {
  test.each(vectors)("agree on $pairs", ({ pairs, hex: wanted }) => {
    expect(hex(encodePairs(pairs))).toBe(wanted.replaceAll(" ", ""));
    expect(decodePairs(bytes(wanted))).toEqual({ pairs });
  });

  test("are each other's inverse, whatever bytes names and values have", () => {
    const byteString = fc.uint8Array({ maxLength: 40 }).map((one) => Buffer.from(one).toString("latin1"));
    fc.assert(
      fc.property(fc.array(fc.tuple(byteString, byteString), { maxLength: 50 }), (pairs) => {
        const encoded = encodePairs(pairs);
        expect(encoded).toHaveLength(encodedPairsSize(pairs));
        expect(decodePairs(encoded)).toEqual({ pairs });
      }),
    );
  });

  test("a view into the middle of memory decodes alike", () => {
    const memory = new Uint8Array(64).fill(0x3f);
    const encoded = encodePairs([["a", "1"]]);
    memory.set(encoded, 7);
    expect(decodePairs(memory.subarray(7, 7 + encoded.length)).pairs).toEqual([["a", "1"]]);
  });
});

describe("what guests send for nothing is no violation", () => {
  test.each([
    { claim: "no bytes (C++)", given: "" },
    { claim: "a count of 0 (Rust, Go, AssemblyScript)", given: "00000000" },
    { claim: "one zero byte", given: "00" },
  ])("$claim", ({ given }) => {
    expect(decodePairs(bytes(given))).toEqual({ pairs: [] });
  });
});

const good = "02000000 01000000 01000000 01000000 02000000 61 00 31 00 62 00 32 32 00";

describe("every violation is an empty list that says why", () => {
  test.each([
    { claim: "one byte that is not zero", given: "01" },
    { claim: "three bytes", given: "020000" },
    { claim: "a count without sizes", given: "01000000" },
    { claim: "half a size", given: "01000000 01000000 0000" },
    { claim: "a name beyond the end", given: "01000000 05000000 00000000 61 00 00" },
    { claim: "a value beyond the end", given: "01000000 01000000 05000000 61 00 31 00" },
    { claim: "a name of 2^32 - 1 bytes", given: "01000000 ffffffff 00000000 61 00 00" },
    { claim: "sizes that add up to 2^32", given: "01000000 ffffffff 01000000 61 00 00" },
    { claim: "no room for the NUL behind the value", given: "01000000 01000000 01000000 61 00 31" },
    { claim: "no NUL behind a name", given: "01000000 01000000 01000000 61 01 31 00" },
    { claim: "no NUL behind a value", given: "01000000 01000000 01000000 61 00 31 01" },
    { claim: "a byte behind the last value", given: `${good} 00` },
    { claim: "bytes behind a count of 0", given: "00000000 00" },
    { claim: "a count of 1025", given: "01040000 0000" },
    { claim: "a count of 2^32 - 1", given: "ffffffff 00000000" },
  ])("$claim", ({ given }) => {
    const { pairs, malformed } = decodePairs(bytes(given));
    expect(pairs).toEqual([]);
    expect(malformed).toEqual(expect.any(String));
  });

  test("more than 1,024 pairs, or more than 1 MiB", () => {
    const many = (count: number): Pair[] => Array.from({ length: count }, () => ["n", ""]);
    expect(decodePairs(encodePairs(many(1024))).pairs).toHaveLength(1024);
    expect(decodePairs(encodePairs(many(1025))).malformed).toMatch(/1025 pairs/);
    const long = (size: number): Pair[] => [["n", "v".repeat(size - 15)]];
    expect(encodePairs(long(limits.pairsBytes))).toHaveLength(1024 * 1024);
    expect(decodePairs(encodePairs(long(limits.pairsBytes))).pairs).toHaveLength(1);
    expect(decodePairs(encodePairs(long(limits.pairsBytes + 1))).malformed).toMatch(/1048577 bytes/);
  });

  test("a good list that is cut, anywhere", () => {
    const whole = bytes(good);
    for (let size = 1; size < whole.length; size++) {
      expect(decodePairs(whole.subarray(0, size)).malformed, `${size} bytes`).toBeDefined();
    }
  });

  test("any bytes decode without a throw, to pairs that encode to them or to none", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (given) => {
        const { pairs, malformed } = decodePairs(given);
        if (malformed !== undefined) expect(pairs).toEqual([]);
        else if (given.length > 1) expect(encodePairs(pairs)).toEqual(given);
      }),
    );
  });

  test("a good list with one byte changed decodes without a throw", () => {
    fc.assert(
      fc.property(fc.nat(bytes(good).length - 1), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const given = bytes(good);
        given[at] = value;
        const { pairs, malformed } = decodePairs(given);
        expect(malformed === undefined ? encodePairs(pairs) : given).toEqual(given);
      }),
    );
  });
});
