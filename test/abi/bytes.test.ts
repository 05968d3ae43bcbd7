import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  byteString,
  bytesOf,
  concat,
  isByteString,
  lowerAscii,
  textOf,
  utf8,
  utf8ByteString,
} from "../../src/abi/bytes.js";

test.each([0, 4095, 4096, 70_001])("concat() of %d bytes and one more is an array of just these", (size) => {
  const many = Uint8Array.from({ length: size }, (_, i) => i * 7);
  const whole = concat([many, Uint8Array.of(9)]);
  expect(whole.constructor).toBe(Uint8Array);
  expect(whole.buffer.byteLength).toBe(size + 1);
  expect(Buffer.compare(whole.subarray(0, size), many)).toBe(0);
  expect(whole[size]).toBe(9);
});

describe("byteString() and bytesOf()", () => {
  test("keep every byte", () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    expect(byteString(all)).toHaveLength(256);
    expect(bytesOf(byteString(all))).toEqual(all);
  });

  test("are each other's inverse, also for a view into a larger array", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.nat(5), (bytes, offset) => {
        const memory = new Uint8Array(bytes.length + 10);
        memory.set(bytes, offset);
        expect(bytesOf(byteString(memory.subarray(offset, offset + bytes.length)))).toEqual(bytes);
      }),
    );
  });
});

test.each([
  { text: "", is: true },
  { text: "\0\xff", is: true },
  { text: "\u0100", is: false },
  { text: "a€", is: false },
])("isByteString($text) is $is", ({ text, is }) => {
  expect(isByteString(text)).toBe(is);
});

test.each([
  { text: "X-Request-ID", lower: "x-request-id" },
  { text: "already", lower: "already" },
  { text: "\xc4\xd6 AZ[`", lower: "\xc4\xd6 az[`" },
  { text: "", lower: "" },
])("lowerAscii() changes A to Z alone: $text", ({ text, lower }) => {
  expect(lowerAscii(text)).toBe(lower);
});

test("utf8() and textOf() are for people: broken sequences are shown", () => {
  expect(textOf(utf8("aä€😀"))).toBe("aä€😀");
  expect(textOf(new Uint8Array([0x61, 0xff, 0x62]))).toBe("a\ufffdb");
});

test("utf8ByteString() makes a header value of a text", () => {
  expect([utf8ByteString("plain"), utf8ByteString("ä")]).toEqual(["plain", "\xc3\xa4"]);
});

test("concat() joins", () => {
  expect(concat([utf8("a"), utf8(""), utf8("bc")])).toEqual(utf8("abc"));
  expect(concat([])).toEqual(new Uint8Array(0));
});
