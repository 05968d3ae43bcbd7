import { describe, expect, test } from "vitest";
import { bytesOf, chunksOf, showBytes, showText } from "../../src/verify/envoy/bytes.js";

describe("bytesOf()", () => {
  test.each([
    { text: "abc", bytes: [97, 98, 99] },
    { text: "é", bytes: [0xc3, 0xa9] },
    { text: "rep:3:x", bytes: [120, 120, 120] },
    { text: "rep:2:\n", bytes: [10, 10] },
    { text: "hex:00ff", bytes: [0, 255] },
    { text: "b64:AP8=", bytes: [0, 255] },
    { text: "", bytes: [] },
  ])("$text", ({ text, bytes }) => {
    expect([...bytesOf(text)]).toEqual(bytes);
  });

  test("a list is one chunk per text, nothing is no chunk", () => {
    expect(chunksOf(["a", "rep:2:b"]).map(String)).toEqual(["a", "bb"]);
    expect(chunksOf("a").map(String)).toEqual(["a"]);
    expect(chunksOf(null)).toEqual([]);
    expect(chunksOf(undefined)).toEqual([]);
  });
});

describe("showText()", () => {
  test.each([
    { bytes: [97, 10, 0], text: "a\n\0" },
    { bytes: [0xc3, 0xa9], text: "é" },
    { bytes: [0xe9], text: "\\xe9" },
    { bytes: [97, 0xff, 0xc3, 0xa9, 0xc3], text: "a\\xffé\\xc3" },
    { bytes: [0xf0, 0x9f, 0x98, 0x80, 0x80], text: "😀\\x80" },
  ])("$bytes is $text", ({ bytes, text }) => {
    expect(showText(Uint8Array.from(bytes))).toBe(text);
  });
});

test("showBytes() cuts what is longer than 2,000 bytes", () => {
  expect(showBytes(Buffer.alloc(2000, "a"))).toBe("a".repeat(2000));
  // sha256sum of 2,001 times "a"
  expect(showBytes(Buffer.alloc(2001, "a"))).toMatch(/^a{64}\.\.\.len=2001,sha256=[0-9a-f]{16}$/);
});
