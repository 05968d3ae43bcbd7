import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { LineTable } from "../../src/vm/dwarf-lines.js";
import { lineTable } from "../../src/vm/dwarf-lines.js";
import { readModule } from "../../src/vm/module-info.js";
import { bytesOfFile } from "./support.js";

interface Row {
  readonly address: number;
  readonly line: number;
  readonly column: number;
  readonly file: string;
}

/** The rows that llvm-dwarfdump read from the same module, in sequences; the last row of each marks its end. */
function rowsOfLlvm(version: number): Row[][] {
  const sequences: Row[][] = [[]];
  const files = version === 4 ? ["", "frames.c", "inlined/divide.h"] : ["frames.c", "inlined/divide.h"];
  for (const text of readFileSync(`test/vm/dwarf/frames-${version}.txt`, "utf8").split("\n")) {
    const match = /^0x([0-9a-f]+) +(\d+) +(\d+) +(\d+)/.exec(text);
    if (match === null) continue;
    const [line, column, file] = match.slice(2).map(Number);
    sequences
      .at(-1)!
      .push({ address: Number.parseInt(match[1]!, 16), line: line!, column: column!, file: files[file!]! });
    if (text.endsWith("end_sequence")) sequences.push([]);
  }
  return sequences.filter((rows) => rows.length > 0);
}

function tableOf(bytes: Uint8Array): LineTable {
  return lineTable(readModule(bytes), bytes);
}

describe.each([4, 5])("lineTable() of DWARF %i", (version) => {
  const bytes = bytesOfFile(`test/vm/dwarf/frames-${version}.wasm`);
  const table = tableOf(bytes);

  test("agrees with llvm-dwarfdump about every byte of the code", () => {
    const wanted = new Map<number, unknown>();
    for (const rows of rowsOfLlvm(version)) {
      for (const [i, { address, file, line, column }] of rows.entries()) {
        for (let at = address; at < (rows[i + 1]?.address ?? address); at++) {
          if (line > 0) wanted.set(at, { file, line, column });
          else wanted.delete(at);
        }
      }
    }
    expect(wanted.size).toBeGreaterThan(40);
    const { codeSection } = readModule(bytes);
    for (let at = -1; at <= codeSection!.end - codeSection!.start; at++) {
      expect(table.lookup(at), `offset ${at}`).toEqual(wanted.get(at));
    }
  });

  test("has no line for an offset behind the code, where the linker put those of dropped functions", () => {
    for (const at of [0, 1000, 0xffff_ffff, 2 ** 32, 2 ** 53]) expect(table.lookup(at)).toBeUndefined();
  });
});

describe("lineTable() gives no lines", () => {
  test("to a module without DWARF", () => {
    expect(tableOf(bytesOfFile("fixtures/http-headers-c/http-headers.wasm")).lookup(100)).toBeUndefined();
  });

  const bytes = bytesOfFile("test/vm/dwarf/frames-5.wasm");
  const { start } = readModule(bytes).customSections.find(({ name }) => name === ".debug_line")!;
  const inner = 0x14; // an offset with a line, by llvm-dwarfdump

  test.each([
    { damage: "a unit longer than the section", at: 0, byte: 0xfe },
    { damage: "an unknown version", at: 4, byte: 9 },
    { damage: "a head longer than its unit", at: 9, byte: 0xff },
    { damage: "a line range of 0", at: 16, byte: 0 },
    { damage: "entries without a format", at: 30, byte: 0 },
  ])("when the section is damaged: $damage", ({ at, byte }) => {
    expect(tableOf(bytes).lookup(inner)).toBeDefined();
    const damaged = bytes.slice();
    damaged[start + at] = byte;
    expect(tableOf(damaged).lookup(inner)).toBeUndefined();
  });
});
