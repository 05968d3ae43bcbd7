import { describe, expect, test } from "vitest";
import { HarnessError } from "../../src/errors.js";
import { lineTable } from "../../src/vm/dwarf-lines.js";
import { unsupportedFeatures } from "../../src/vm/features.js";
import { readModule } from "../../src/vm/module-info.js";
import { functionNames } from "../../src/vm/name-section.js";
import { readProducers } from "../../src/vm/producers.js";
import { guestFrames } from "../../src/vm/stack-frames.js";
import { describeToolchain } from "../../src/vm/toolchain.js";
import { bytesOfFile } from "./support.js";

/** Numbers below `limit`, the same in every run (xorshift32). */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

/** A copy with one to four wounds: a flipped bit, a number as great as can be, a run of bytes repeated, the end cut off. */
function damage(bytes: Uint8Array, below: (limit: number) => number): Uint8Array {
  let damaged = bytes.slice();
  for (let left = 1 + below(4); left > 0; left--) {
    const at = below(damaged.length);
    const kind = below(8);
    if (kind < 4) damaged[at]! ^= 1 << below(8);
    else if (kind === 4) damaged.set([0xff, 0xff, 0xff, 0xff, 0x0f].slice(0, damaged.length - at), at);
    else if (kind === 5) damaged.fill(below(256), at, at + below(16));
    else if (kind === 6) damaged.copyWithin(at, below(damaged.length), below(damaged.length));
    else if (at > 8) damaged = damaged.slice(0, at);
  }
  return damaged;
}

const error = new Error("trap");
error.stack = "Error: trap\n    at f (wasm://wasm/0a479972:wasm-function[1]:0x80)";

/** Everything that reads a module; the code of the error that refused it. */
function readAll(bytes: Uint8Array): string {
  try {
    const info = readModule(bytes);
    const lines = lineTable(info, bytes);
    for (let at = 0; at < 100; at += 7) lines.lookup(at);
    functionNames(info, bytes);
    describeToolchain(info, readProducers(info, bytes));
    unsupportedFeatures(info, bytes);
    guestFrames(error, info, bytes);
    return info.bodies.length > 0 ? "read" : "empty";
  } catch (thrown) {
    if (thrown instanceof HarnessError) return thrown.code;
    throw thrown;
  }
}

describe("every reader takes damaged modules, or refuses them with a HarnessError", () => {
  test.each([
    { path: "test/vm/dwarf/frames-4.wasm", count: 9000 },
    { path: "test/vm/dwarf/frames-5.wasm", count: 9000 },
    { path: "fixtures/http-headers-c/http-headers.wasm", count: 1500 },
    { path: "fixtures/http-headers-assemblyscript/http-headers.wasm", count: 300 },
    { path: "fixtures/http-headers/http-headers.wasm", count: 200 },
  ])(
    "$count of $path, at less than a second each",
    ({ path, count }) => {
      const bytes = bytesOfFile(path);
      const below = numbers(20_261_123);
      const outcomes = new Map<string, number>();
      let slowest = 0;
      for (let i = 0; i < count; i++) {
        const damaged = damage(bytes, below);
        const start = performance.now();
        const outcome = readAll(damaged);
        slowest = Math.max(slowest, performance.now() - start);
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
      expect(slowest).toBeLessThan(1000);
      for (const outcome of ["read", "WASM_INVALID", "WASM_TRUNCATED"])
        expect(outcomes.get(outcome)).toBeGreaterThan(0);
    },
    20_000,
  );
});
