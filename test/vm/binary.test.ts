import { describe, expect, test } from "vitest";
import { BinaryReader, tolerant } from "../../src/vm/binary.js";
import { hex } from "./support.js";

const read = (bytes: string): BinaryReader => new BinaryReader(hex(bytes));

describe("BinaryReader reads LEB128 (WebAssembly §5.2.2)", () => {
  test.each([
    { bytes: "00", unsigned: 0n, signed: 0n },
    { bytes: "7f", unsigned: 127n, signed: -1n },
    { bytes: "80 7f", unsigned: 16_256n, signed: -128n },
    { bytes: "e5 8e 26", unsigned: 624_485n, signed: 624_485n },
    { bytes: "c0 bb 78", unsigned: 1_973_696n, signed: -123_456n },
    { bytes: "83 00", unsigned: 3n, signed: 3n },
    { bytes: "ff ff ff ff 07", unsigned: 0x7fff_ffffn, signed: 0x7fff_ffffn },
  ])("$bytes is $unsigned, or $signed with a sign", ({ bytes, unsigned, signed }) => {
    expect(read(bytes).leb("n")).toBe(Number(unsigned));
    expect(read(bytes).leb64("n")).toBe(unsigned);
    expect(read(bytes).signedLeb("n")).toBe(Number(signed));
    expect(read(bytes).signedLeb64("n")).toBe(signed);
  });

  test("of the whole range of 32 and 64 bits", () => {
    expect(read("ff ff ff ff 0f").leb("n")).toBe(0xffff_ffff);
    expect(read("80 80 80 80 78").signedLeb("n")).toBe(-0x8000_0000);
    expect(read("ff ff ff ff ff ff ff ff ff 01").leb64("n")).toBe(2n ** 64n - 1n);
    expect(read("80 80 80 80 80 80 80 80 80 7f").signedLeb64("n")).toBe(-(2n ** 63n));
  });

  test.each([
    { claim: "33 bits, unsigned", bytes: "ff ff ff ff 1f", method: "leb" },
    { claim: "six bytes, unsigned", bytes: "80 80 80 80 80 00", method: "leb" },
    { claim: "33 bits, signed", bytes: "ff ff ff ff 4f", method: "signedLeb" },
    { claim: "six bytes, signed", bytes: "ff ff ff ff ff 7f", method: "signedLeb" },
    { claim: "65 bits, unsigned", bytes: "ff ff ff ff ff ff ff ff ff 02", method: "leb64" },
    { claim: "65 bits, signed", bytes: "ff ff ff ff ff ff ff ff ff 3f", method: "signedLeb64" },
    { claim: "eleven bytes", bytes: "80 80 80 80 80 80 80 80 80 80 00", method: "leb64" },
  ] as const)("and refuses $claim", ({ bytes, method }) => {
    expect(() => read(bytes)[method]("the count")).toThrow(
      /^Cannot read the count at byte 0: the number has more than/,
    );
  });
});

test("BinaryReader reads little-endian integers", () => {
  const reader = read("01 0203 04050607 ffffffff 00000000");
  expect([reader.u8("a"), reader.u16("b"), reader.u32("c"), reader.u64("d"), reader.done]).toEqual([
    1,
    0x0302,
    0x07060504,
    0xffff_ffff,
    true,
  ]);
});

describe("BinaryReader reads names", () => {
  test("as UTF-8, a byte order mark included", () => {
    expect(read("06 efbbbf c3a9 41").name("a name")).toBe("\uFEFF\u00E9A");
  });

  test("and refuses what is no UTF-8, unless only people read it", () => {
    expect(() => read("02 41ff").name("a name")).toThrow("Cannot read a name at byte 1: the bytes are not UTF-8");
    expect(read("02 41ff").lenientName("a name")).toBe("A\uFFFD");
  });

  test("that end with a zero byte, but not through a whole file", () => {
    const reader = read("4142 00 43");
    expect([reader.zeroTerminated("a path"), reader.at]).toEqual(["AB", 3]);
    expect(() => reader.zeroTerminated("a path")).toThrow("no zero byte ends it before byte 4");
    expect(() => new BinaryReader(new Uint8Array(9999).fill(65)).zeroTerminated("a path")).toThrow("before byte 4096");
  });
});

describe("BinaryReader stays within its bytes", () => {
  test.each([
    { claim: "a byte at the end", bytes: "", method: "u8", said: "at byte 0: the file ends at byte 0" },
    { claim: "the middle of a LEB128", bytes: "80", method: "leb", said: "at byte 1: the file ends at byte 1" },
    {
      claim: "a name longer than the file",
      bytes: "05 41",
      method: "name",
      said: "at byte 1: the file ends at byte 2, 5 bytes wanted",
    },
    {
      claim: "a name of nearly 4 GiB",
      bytes: "ffffffff0f 41",
      method: "name",
      said: "at byte 5: the file ends at byte 6, 4294967295 bytes wanted",
    },
  ] as const)("$claim is WASM_TRUNCATED", ({ bytes, method, said }) => {
    const attempt = (): unknown => read(bytes)[method]("an export");
    expect(attempt).toThrow(
      expect.objectContaining({ code: "WASM_TRUNCATED", message: `Cannot read an export ${said}` }),
    );
  });

  test("the end of a part is WASM_INVALID, and the reader goes on behind the part", () => {
    const reader = read("01 02 03");
    const part = reader.part(2, "the start section");
    expect([part.u8("a"), part.u8("b"), reader.u8("c")]).toEqual([1, 2, 3]);
    const message = "Cannot read an index at byte 2: the start section ends at byte 2";
    expect(() => part.u8("an index")).toThrow(expect.objectContaining({ code: "WASM_INVALID", message }));
  });
});

test("tolerant() answers for damaged bytes only", () => {
  expect(tolerant(() => read("").u8("a"), 7)).toBe(7);
  expect(() => tolerant(() => BigInt("a mistake of ours"), 7n)).toThrow(SyntaxError);
});
