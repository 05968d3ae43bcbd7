import { expect, test } from "vitest";
import { lowerAscii } from "../../src/abi/bytes.js";
import { internBytes, internLower, longestInterned } from "../../src/vm/intern.js";

/** Two strings for each of many lengths and numbers, thrice as many as there are places: they drive each other out. */
const all = Array.from({ length: 24_000 }, (_, i) => {
  const length = i % (longestInterned + 1);
  return Buffer.from(Uint8Array.from({ length }, (__, at) => (at < 2 ? i >>> (8 * at) : at * 37 + (i % 7))));
});

test("a string is that of its bytes, wherever they stand and whoever had its place before", () => {
  const memory = Buffer.alloc(200);
  const view = new DataView(memory.buffer, memory.byteOffset, memory.length);
  let wrong = 0;
  for (const round of [0, 1, 2]) {
    for (const [i, bytes] of all.entries()) {
      const start = (i + round) % 9; // not aligned
      memory.set(bytes, start);
      const text = bytes.toString("latin1");
      if (internBytes(view, start, bytes.length) !== text) wrong++;
      if (internLower(view, start, bytes.length) !== lowerAscii(text)) wrong++;
    }
  }
  expect(wrong).toBe(0);
});
