// Rules of envoy-behaviour.md §3.1 and §3.2. A plain list kept by those rules is the model that random operations are held against.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodePairs } from "../../src/abi/pairs.js";
import { HeaderMap } from "../../src/proxy/header-map.js";
import type { MapKind } from "../../src/proxy/inline-headers.js";

const request = (...pairs: [string, string][]): HeaderMap => new HeaderMap("request", pairs);

describe("HeaderMap", () => {
  test("puts pseudo headers first and keeps the rest in order of arrival", () => {
    const map = request(["b", "1"], [":path", "/"], ["a", "2"], [":method", "GET"]);
    expect([...map]).toEqual([
      [":path", "/"],
      [":method", "GET"],
      ["b", "1"],
      ["a", "2"],
    ]);
  });

  test("joins inline headers with a comma, in one place; cookie and x-… repeat", () => {
    const map = request(
      ["accept", "v1"],
      ["x-a", "1"],
      ["cookie", "a=1"],
      ["accept", "v2"],
      ["x-a", "2"],
      ["cookie", "b=2"],
    );
    expect([...map]).toEqual([
      ["accept", "v1,v2"],
      ["x-a", "1"],
      ["cookie", "a=1"],
      ["x-a", "2"],
      ["cookie", "b=2"],
    ]);
  });

  test("adding an empty value to an inline header that is there changes nothing; to an empty one gives the value alone", () => {
    const map = request(["accept", "v1"], ["via", ""]);
    map.add("accept", "");
    map.add("via", "x");
    expect([...map]).toEqual([
      ["accept", "v1"],
      ["via", "x"],
    ]);
  });

  test("which names are inline depends on the map", () => {
    expect([
      ...new HeaderMap("response", [
        ["accept", "1"],
        ["accept", "2"],
        ["etag", "1"],
        ["etag", "2"],
      ]),
    ]).toEqual([
      ["accept", "1"],
      ["accept", "2"],
      ["etag", "1,2"],
    ]);
  });

  test("host means :authority in a request and nothing special in a response", () => {
    const map = request([":authority", "a"]);
    map.add("host", "b");
    expect(map.first("host")).toBe("a,b");
    expect([...map]).toEqual([[":authority", "a,b"]]);
    expect([...new HeaderMap("response", [["host", "h"]])]).toEqual([["host", "h"]]);
  });

  test("replace moves the name to the end of its block", () => {
    const map = request([":path", "/a"], [":method", "GET"], ["x", "1"], ["y", "2"], ["x", "3"]);
    map.replace("x", "4");
    map.replace(":path", "/b");
    expect([...map]).toEqual([
      [":method", "GET"],
      [":path", "/b"],
      ["y", "2"],
      ["x", "4"],
    ]);
  });

  test("byteSize is the sum of names and values", () => {
    expect(request(["ab", "cde"], ["f", ""]).byteSize).toBe(6);
  });

  test("a copy and its original change apart from each other", () => {
    const original = request(["a", "1"], ["b", "2"]);
    const [one, two] = [original.copy(), original.copy()];
    one.add("c", "3");
    two.remove("a");
    original.replace("b", "4");
    expect([[...original], [...one], [...two]]).toEqual([
      [
        ["a", "1"],
        ["b", "4"],
      ],
      [
        ["a", "1"],
        ["b", "2"],
        ["c", "3"],
      ],
      [["b", "2"]],
    ]);
    expect(decodePairs(two.encoded()).pairs).toEqual([["b", "2"]]);
    expect(decodePairs(original.encoded()).pairs).toEqual([
      ["a", "1"],
      ["b", "4"],
    ]);
  });
});

/** The same rules, written as plainly as they can be. */
class Model {
  list: [string, string][] = [];
  readonly inline: readonly string[];
  constructor(inline: readonly string[]) {
    this.inline = inline;
  }
  put(name: string, value: string): void {
    const at = name.startsWith(":") ? this.list.findIndex(([one]) => !one.startsWith(":")) : -1;
    this.list.splice(at < 0 ? this.list.length : at, 0, [name, value]);
  }
  add(name: string, value: string): void {
    const there = this.inline.includes(name) ? this.list.find(([one]) => one === name) : undefined;
    if (there === undefined) this.put(name, value);
    else if (value !== "") there[1] = there[1] === "" ? value : `${there[1]},${value}`;
  }
  remove(name: string): void {
    this.list = this.list.filter(([one]) => one !== name);
  }
  replace(name: string, value: string): void {
    this.remove(name);
    this.put(name, value);
  }
}

const names = [":path", ":x", "a", "b", "accept", "via", ...Array.from({ length: 40 }, (_, i) => `n${i}`)];
const operation = fc.tuple(
  fc.constantFrom("add", "replace", "remove", "copy"),
  fc.constantFrom(...names),
  fc.constantFrom("", "1", "two"),
);

const kinds: MapKind[] = ["request", "response"];
test.each(
  kinds.flatMap((kind) => [
    { kind, from: 0 },
    { kind, from: 150 }, // replaced again and again, its holes are closed at some time
  ]),
)("does what the plain rules say: a $kind that begins with $from", ({ kind, from }) => {
  const inline = kind === "request" ? [":path", "accept", "via"] : ["via"]; // recorded: inl_req, inl_resp
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 150, size: "max" }), (operations) => {
      let map = new HeaderMap(kind);
      const model = new Model(inline);
      for (let i = 0; i < from; i++) {
        for (const one of [map, model]) one.add(names[i % names.length]!, String(i));
        for (const one of [map, model]) one.replace(names[(7 * i) % names.length]!, String(i));
      }
      for (const [what, name, value] of operations) {
        if (what === "copy") {
          map = map.copy();
        } else {
          if (what === "remove") map.remove(name);
          else map[what as "add" | "replace"](name, value);
          if (what === "remove") model.remove(name);
          else model[what as "add" | "replace"](name, value);
        }
        const first = model.list.find(([one]) => one === name)?.[1];
        if (map.first(name) !== first) return false;
      }
      expect([...map]).toEqual(model.list);
      expect(map.count).toBe(model.list.length);
      expect(map.byteSize).toBe(model.list.reduce((sum, [n, v]) => sum + n.length + v.length, 0));
      expect(decodePairs(map.encoded()).pairs).toEqual(model.list);
      return true;
    }),
    { seed: 7, numRuns: 300 },
  );
});
