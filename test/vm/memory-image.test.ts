import { expect, test } from "vitest";
import { MemoryImage } from "../../src/vm/memory-image.js";

const size = 3 * 65_536;

/** A memory with something at its very ends, at a border of pages, and much emptiness between. */
function memory(): Buffer {
  const bytes = Buffer.alloc(size);
  for (const at of [0, 1023, 1024, 5000, 65_535, 65_536, 150_000, size - 1]) bytes[at] = (at % 255) + 1;
  return bytes;
}

test("An image holds the content and not the emptiness", () => {
  expect(new MemoryImage(Buffer.alloc(size)).contentSize).toBe(0);
  expect(new MemoryImage(memory()).contentSize).toBeLessThan(32_768);
  expect(new MemoryImage(Buffer.alloc(size, 1)).contentSize).toBe(size);
});

test.each([
  ["nothing", () => {}],
  ["all of it", (bytes: Buffer) => bytes.fill(0xff)],
  ["a byte where it was empty", (bytes: Buffer) => bytes.fill(7, 100_000, 100_001)],
  ["the last byte but one", (bytes: Buffer) => bytes.fill(7, size - 2, size - 1)],
  ["content cleared", (bytes: Buffer) => bytes.fill(0)],
])("Putting an image back undoes a change: %s", (_, change) => {
  const bytes = memory();
  const image = new MemoryImage(bytes);
  change(bytes);
  image.writeTo(bytes);
  expect(bytes.equals(memory())).toBe(true);
});

test("An image does not change with the memory it was taken of", () => {
  const bytes = memory();
  const image = new MemoryImage(bytes);
  bytes.fill(9);
  const other = Buffer.alloc(size, 5);
  image.writeTo(other);
  expect(other.equals(memory())).toBe(true);
});
