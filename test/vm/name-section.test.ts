import { describe, expect, test } from "vitest";
import { readModule } from "../../src/vm/module-info.js";
import { functionNames } from "../../src/vm/name-section.js";
import { assemble, bytesOfFile, hex } from "./support.js";

async function namesOf(bytes: Uint8Array | Promise<Uint8Array>): Promise<Record<number, string>> {
  return Object.fromEntries(functionNames(readModule(await bytes), await bytes));
}

describe("functionNames()", () => {
  test("gives imported functions too, and none to a function without a name", async () => {
    const wat = `(module $m (import "env" "log" (func $log)) (func) (func $"operator new(unsigned long)" (local $a i32)))`;
    expect(await namesOf(assemble(wat))).toEqual({ 0: "log", 2: "operator new(unsigned long)" });
  });

  test("gives the names that clang wrote", async () => {
    expect(await namesOf(bytesOfFile("test/vm/dwarf/frames-4.wasm"))).toEqual({ 0: "inner", 1: "middle", 2: "outer" });
  });

  test("gives none without the section", async () => {
    expect(await namesOf(assemble("(module (func))"))).toEqual({});
  });

  test.each([
    { damage: "a count of 4 billion", contents: "01 06 ffffffff0f 00" },
    { damage: "a subsection past the end", contents: "01 7f 01 00 01 41" },
    { damage: "a name past the end", contents: "01 04 01 00 7f 41" },
    { damage: "half a number", contents: "01 01 80" },
  ])("gives none when the section is damaged: $damage", async ({ contents }) => {
    const section = hex(`04 6e616d65 ${contents}`);
    const bytes = Buffer.concat([hex("0061736d 01000000 00"), Uint8Array.of(section.length), section]);
    expect(await namesOf(bytes)).toEqual({});
  });

  test("shows U+FFFD in a name that is no UTF-8", async () => {
    expect(await namesOf(hex("0061736d 01000000 00 0b 04 6e616d65 01 04 01 00 01 ff"))).toEqual({ 0: "\uFFFD" });
  });
});
