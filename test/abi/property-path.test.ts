import { describe, expect, test } from "vitest";
import { propertySegments } from "../../src/abi/property-path.js";

describe("propertySegments() (proxy-wasm-abi.md §4.5, §7.2)", () => {
  test.each([
    {
      claim: "parts with NULs between, as Rust and Go",
      path: "request\0headers\0x-a",
      parts: ["request", "headers", "x-a"],
    },
    { claim: "each part with a NUL, as C++", path: "request\0headers\0x-a\0", parts: ["request", "headers", "x-a"] },
    { claim: "one part", path: "plugin_name", parts: ["plugin_name"] },
    { claim: "one part with a NUL", path: "plugin_name\0", parts: ["plugin_name"] },
    { claim: "dots divide nothing", path: "a.b", parts: ["a.b"] },
    { claim: "only one NUL at the end is left out", path: "a\0\0", parts: ["a", ""] },
    { claim: "an empty part within stays", path: "a\0\0b", parts: ["a", "", "b"] },
    { claim: "nothing", path: "", parts: [] },
    { claim: "a NUL alone", path: "\0", parts: [] },
  ])("$claim", ({ path, parts }) => {
    expect(propertySegments(path)).toEqual(parts);
  });
});
