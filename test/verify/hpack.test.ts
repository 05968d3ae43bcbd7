// Examples of RFC 7541, appendix C.
import { describe, expect, test } from "vitest";
import { encodeFields, HpackDecoder } from "../../src/verify/envoy/wire/hpack.js";

const block = (hex: string) => Buffer.from(hex.replaceAll(" ", ""), "hex");

describe("HpackDecoder", () => {
  test("C.4: three requests on one connection, Huffman coding, dynamic table", () => {
    const decoder = new HpackDecoder();
    expect(decoder.decode(block("8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff"))).toEqual([
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", "www.example.com"],
    ]);
    expect(decoder.decode(block("8286 84be 5886 a8eb 1064 9cbf"))).toEqual([
      [":method", "GET"],
      [":scheme", "http"],
      [":path", "/"],
      [":authority", "www.example.com"],
      ["cache-control", "no-cache"],
    ]);
    expect(decoder.decode(block("8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf"))).toEqual([
      [":method", "GET"],
      [":scheme", "https"],
      [":path", "/index.html"],
      [":authority", "www.example.com"],
      ["custom-key", "custom-value"],
    ]);
  });

  test("C.6: responses that push entries out of a table of 256 bytes", () => {
    const decoder = new HpackDecoder();
    // a table size update to 256 in front of C.6.1
    const first = decoder.decode(
      block(
        "3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
      ),
    );
    expect(first).toEqual([
      [":status", "302"],
      ["cache-control", "private"],
      ["date", "Mon, 21 Oct 2013 20:13:21 GMT"],
      ["location", "https://www.example.com"],
    ]);
    expect(decoder.decode(block("4883 640e ffc1 c0bf"))[0]).toEqual([":status", "307"]);
    expect(() => decoder.decode(block("c2"))).toThrow("There is no header field at index 66");
  });

  test("a block that ends in the middle is refused", () => {
    expect(() => new HpackDecoder().decode(block("0005 61"))).toThrow("ends in the middle of a text");
  });
});

test("encodeFields() keeps names, values, order and duplicates, whatever they are", () => {
  const fields = [
    ["X-Upper", "a"],
    ["x", "a\r\nb"],
    ["x", "é"],
    ["", ""],
    ["long", "v".repeat(300)],
  ] as const;
  expect(new HpackDecoder().decode(encodeFields(fields))).toEqual(fields);
});
