// Every hostcall with addresses and sizes at, over and far over the end of memory. Which call answers what is from
// proxy-wasm-abi.md §2.3 (a range is valid when it ends at or before the end, also an empty one) and §4.
import { describe, expect, test } from "vitest";
import { Status } from "../../../src/abi/enums.js";
import { hostcalls } from "../../../src/host/hostcalls/index.js";
import type { AbiVersion } from "../../../src/abi/version.js";
import { abiTraits, hostcallBelongsTo } from "../../../src/abi/version.js";
import { end } from "../support.js";
import { prepare, sound } from "./sound.js";

/** Ranges that leave a memory of 65,536 bytes. */
const outside: readonly (readonly [what: string, address: number, size: number])[] = [
  ["one byte at the end", end, 1],
  ["nothing past the end", end + 1, 0],
  ["two bytes at the last one", end - 1, 2],
  ["a size of 2^32 - 1 at 0", 0, -1],
  ["a size of 2^31 at 0", 0, -0x80000000],
  ["nothing at 2^32 - 1", -1, 0],
  ["a range that wraps around", -1, 2],
  ["a byte at 2^31", -0x80000000, 1],
];
/** Places from which four bytes leave the memory. */
const badWords = [end - 3, end, end + 1, -1, -4, -0x80000000];

/** The input ranges of a call (position of the address, the size behind it) and its output words, with their widths. */
function places(name: string): { inputs: [string, number][]; outputs: [string, number, number][] } {
  const inputs: [string, number][] = [];
  const outputs: [string, number, number][] = [];
  let at = 0;
  for (const [parameter, { parts, decode, wasm }] of Object.entries(hostcalls.get(name)!.params)) {
    if (parts.join() === "pointer,size") inputs.push([parameter, at]);
    if (decode === undefined) {
      for (const [i, part] of parts.entries()) outputs.push([`${parameter}, ${part}`, at + i, /64/.test(part) ? 8 : 4]);
    }
    at += wasm.length;
  }
  return { inputs, outputs };
}

test("the table has every hostcall", () => {
  expect(Object.keys(sound).sort()).toEqual([...hostcalls.keys()].sort());
});

const calls = (["0.1.0", "0.2.0", "0.2.1"] as const).flatMap((abi) =>
  Object.keys(sound)
    .filter((name) => hostcallBelongsTo(name, abiTraits[abi]))
    .map((name): readonly [name: string, abi: AbiVersion] => [name, abi]),
);

test.each(calls)("%s in ABI %s answers sound arguments", async (name, abi) => {
  const { at, args } = await prepare(name, abi);
  expect(at.call(name, ...args)).toBe(sound[name]!.status);
  expect(at.guest.vm.failed).toBe(false);
});

const withPlaces = Object.keys(sound).filter((name) => {
  const { inputs, outputs } = places(name);
  return inputs.length + outputs.length > 0;
});

describe.each(withPlaces)("%s", (name) => {
  const { inputs, outputs } = places(name);
  const abi = calls.findLast(([one]) => one === name)![1];

  if (inputs.length > 0) {
    test("refuses ranges outside the memory, and writes nothing", async () => {
      const { at, args } = await prepare(name, abi);
      const before = at.guest.text(0, end);
      for (const [parameter, position] of inputs) {
        for (const [what, address, size] of outside) {
          const given = args.with(position, address).with(position + 1, size);
          expect(at.call(name, ...given), `${parameter}: ${what}`).toBe(Status.InvalidMemoryAccess);
        }
      }
      // proxy_http_call alone writes its output first, yet after the inputs were looked at
      expect(at.guest.text(0, end)).toBe(before);
    });

    test("takes an empty range that begins at the end", async () => {
      const { at, args } = await prepare(name, abi);
      for (const [, position] of inputs) {
        const status = at.call(name, ...args.with(position, end).with(position + 1, 0));
        expect(status).not.toBe(Status.InvalidMemoryAccess);
      }
    });
  }

  if (outputs.length > 0) {
    test("refuses outputs that would not lie within the memory", async () => {
      for (const [place, position, width] of outputs) {
        for (const address of badWords) {
          const { at, args } = await prepare(name, abi);
          const given = address === end - 3 ? end - width + 1 : address;
          expect(at.call(name, ...args.with(position, given)), `${place} at ${given}`).toBe(Status.InvalidMemoryAccess);
          expect(at.guest.vm.failed).toBe(false);
        }
      }
    });

    test("writes outputs that end at the end, at odd places, and at 0", async () => {
      for (const [place, position, width] of outputs) {
        for (const address of [end - width, 1001, ...(name === "proxy_call_foreign_function" ? [] : [0])]) {
          const { at, args } = await prepare(name, abi);
          // the other outputs are out of the way
          const given = args.map((one, i) => (outputs.some(([, p]) => p === i) ? 2000 + 16 * i : one));
          expect(at.call(name, ...given.with(position, address)), `${place} at ${address}`).toBe(Status.Ok);
          expect(at.guest.u32(address), "was written").not.toBe(0x3f3f3f3f);
        }
      }
    });
  }
});
