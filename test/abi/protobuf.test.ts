import { describe, expect, test } from "vitest";
import { MessageWriter, messageFields } from "../../src/abi/protobuf.js";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

// Examples of https://protobuf.dev/programming-guides/encoding/
describe("MessageWriter, the examples of the encoding guide", () => {
  test.each([
    { claim: "varint 150 in field 1", got: new MessageWriter().varint(1, 150), wanted: "089601" },
    {
      claim: 'string "testing" in field 2',
      got: new MessageWriter().bytes(2, "testing"),
      wanted: "120774657374696e67",
    },
    {
      claim: "a message in field 3",
      got: new MessageWriter().bytes(3, new MessageWriter().varint(1, 150).finish()),
      wanted: "1a03089601",
    },
    { claim: "-2 as an int64: ten bytes", got: new MessageWriter().varint(1, -2), wanted: "08feffffffffffffffff01" },
    { claim: "a double, little-endian", got: new MessageWriter().double(2, 1.5), wanted: "11000000000000f83f" },
    { claim: "a field above 15: two bytes of tag", got: new MessageWriter().varint(16, 1), wanted: "800101" },
  ])("$claim", ({ got, wanted }) => {
    expect(hex(got.finish())).toBe(wanted);
  });
});

describe("messageFields()", () => {
  test("reads every wire type in order, repeated fields too", () => {
    expect(messageFields(bytes(["089601", "120161", "120162", "190000000000000040", "2501000000"].join("")))).toEqual([
      { field: 1, type: 0, value: 150n },
      { field: 2, type: 2, value: bytes("61") },
      { field: 2, type: 2, value: bytes("62") },
      { field: 3, type: 1, value: bytes("0000000000000040") },
      { field: 4, type: 5, value: bytes("01000000") },
    ]);
  });

  test("an empty message has no fields", () => {
    expect(messageFields(new Uint8Array(0))).toEqual([]);
  });

  test.each([
    { claim: "a varint that does not end", given: "0896" },
    { claim: "a string cut off", given: "12056162" },
    { claim: "a fixed64 cut off", given: "1900000000" },
    { claim: "field number 0", given: "0001" },
    { claim: "a group that does not end", given: "0b08" },
    { claim: "a group that ends as another one", given: "0b14" },
    { claim: "the end of a group that did not begin", given: "0c" },
    { claim: "wire type 7", given: "0f00" },
    { claim: "a varint of eleven bytes", given: "08ffffffffffffffffffff01" },
  ])("$claim: undefined", ({ given }) => {
    expect(messageFields(bytes(given))).toBeUndefined();
  });
});
