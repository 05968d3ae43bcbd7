import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readModule, signature } from "../../src/vm/module-info.js";
import { assemble, bytesOfFile, bytesOrSkip, hex } from "./support.js";

const preamble = "0061736d 01000000";
const plain = { shared: false, is64: false };

function stubs(module: WebAssembly.Module): WebAssembly.Imports {
  const imports: WebAssembly.Imports = {};
  for (const { module: from, name } of WebAssembly.Module.imports(module)) (imports[from] ??= {})[name] = () => 0;
  return imports;
}

describe("readModule() agrees with V8", () => {
  const modules = readdirSync("fixtures", { recursive: true, encoding: "utf8" })
    .filter((path) => /^[\w-]+\/[\w-]+\.wasm$/.test(path))
    .map((path) => `fixtures/${path}`);

  test.each(modules)("about the imports, exports and custom sections of %s", async (path) => {
    const bytes = bytesOfFile(path);
    const info = readModule(bytes);
    const compiled = await WebAssembly.compile(bytes as BufferSource);
    const { exports } = await WebAssembly.instantiate(compiled, stubs(compiled));
    expect(info.imports).toMatchObject(WebAssembly.Module.imports(compiled));
    expect(info.exports).toMatchObject(WebAssembly.Module.exports(compiled));
    for (const one of info.exports) {
      const value = exports[one.name];
      if (typeof value === "function") expect(one.type?.params.length).toBe(value.length);
      if (value instanceof WebAssembly.Memory) expect(info.memory?.min).toBe(value.buffer.byteLength / 65_536);
    }
    for (const { name, start, end } of info.customSections) {
      const [contents] = WebAssembly.Module.customSections(compiled, name);
      expect(Buffer.compare(bytes.subarray(start, end), Buffer.from(contents!))).toBe(0);
    }
    expect(info.bodies).toHaveLength(info.functionCount.own);
    expect(info.bodies.at(-1)?.end).toBe(info.codeSection?.end);
    for (const { end } of info.bodies) expect(bytes[end - 1]).toBe(0x0b); // the end of an expression
  });
});

test("readModule() reads a 3 MB module of Go in milliseconds", (context) => {
  const bytes = bytesOrSkip(context, "fixtures/http-headers-go/http-headers.wasm");
  readModule(bytes);
  const start = performance.now();
  const info = readModule(bytes);
  expect(performance.now() - start).toBeLessThan(50);
  expect(info.functionCount.own).toBeGreaterThan(2000);
});

describe("readModule() says", () => {
  test("what is imported, with types and limits", async () => {
    const info = readModule(
      await assemble(`(module
        (import "env" "f" (func (param i32 i64) (result f64)))
        (import "env" "t" (table 1 2 funcref))
        (import "env" "m" (memory 3))
        (import "env" "g" (global (mut f32)))
        (import "env" "e" (tag (param i32))))`),
    );
    expect(info.imports).toEqual([
      { module: "env", name: "f", kind: "function", type: { params: ["i32", "i64"], results: ["f64"] } },
      { module: "env", name: "t", kind: "table", table: { element: "funcref", min: 1, max: 2, ...plain } },
      { module: "env", name: "m", kind: "memory", memory: { min: 3, ...plain } },
      { module: "env", name: "g", kind: "global", global: { type: "f32", mutable: true } },
      { module: "env", name: "e", kind: "tag", type: { params: ["i32"], results: [] } },
    ]);
    expect(info.memory).toEqual({ min: 3, ...plain, imported: true });
  });

  test("what is exported, the types of imported functions among them", async () => {
    const info = readModule(
      await assemble(`(module
        (import "env" "f" (func $f (param i32)))
        (func $own (result i64) i64.const 0)
        (memory (export "memory") 1 16)
        (global (export "g") i32 (i32.const 5))
        (global (mut i64) (i64.const -1))
        (export "again" (func $f)) (export "own" (func $own)))`),
    );
    expect(info.exports).toEqual([
      { name: "memory", kind: "memory", index: 0 },
      { name: "g", kind: "global", index: 0 },
      { name: "again", kind: "function", index: 0, type: { params: ["i32"], results: [] } },
      { name: "own", kind: "function", index: 1, type: { params: [], results: ["i64"] } },
    ]);
    expect(info.functionCount).toEqual({ imported: 1, own: 1 });
    expect(info.memory).toEqual({ min: 1, max: 16, ...plain, imported: false, exportName: "memory" });
    expect(info.globals).toEqual([
      { type: "i32", mutable: false },
      { type: "i64", mutable: true },
    ]);
  });

  test("which function runs at the start, and how many bytes of data there are", async () => {
    const info = readModule(
      await assemble(`(module (memory 1) (func) (func $go) (start $go)
        (data (i32.const 0) "abc") (data "passive"))`),
    );
    expect([info.start, info.dataSize]).toEqual([1, 10]);
  });

  test("where the code lies", () => {
    // (func) (func nop), counted by hand: the sections before take 21 bytes
    const bytes = hex(`${preamble} 01 04 01600000 03 03 020000 0a 08 02 02000b 0300010b`);
    const info = readModule(bytes);
    expect(info.codeSection).toEqual({ start: 21, end: 29 });
    expect(info.bodies).toEqual([
      { start: 23, end: 25 },
      { start: 26, end: 29 },
    ]);
  });

  test("types of every proposal that wasm-tools can assemble", async () => {
    const info = readModule(
      await assemble(`(module
        (rec (type $s (struct (field i8) (field (mut (ref null $s))))) (type $a (array i16)))
        (type $parent (sub (func (param (ref $a) anyref v128) (result i31ref externref))))
        (type (sub final $parent (func (param (ref $a) anyref v128) (result i31ref externref))))
        (type (func (param exnref (ref func)))))`),
    );
    const sub = { params: ["(ref 1)", "anyref", "v128"], results: ["i31ref", "externref"] };
    expect(info.types).toEqual([undefined, undefined, sub, sub, { params: ["exnref", "(ref func)"], results: [] }]);
  });
});

describe("signature() prints a type as Envoy 1.40 did when it refused a module", () => {
  test.each([
    { type: { params: ["i32", "i64", "f32", "f64"], results: ["i32", "i64"] }, said: "i32 i64 f32 f64 -> i32 i64" },
    { type: { params: [], results: ["i32"] }, said: "void -> i32" },
    { type: { params: ["i32"], results: [] }, said: "i32 -> void" },
  ])("$said", ({ type, said }) => {
    expect(signature(type)).toBe(said);
  });
});

describe("readModule() refuses", () => {
  test.each([
    { claim: "an empty file", bytes: "", code: "NOT_WASM", said: "it is an empty file, not WebAssembly" },
    { claim: "a gzip file", bytes: "1f8b0800", code: "NOT_WASM", said: "it is a gzip file, not WebAssembly" },
    {
      claim: "part of the magic",
      bytes: "006173",
      code: "WASM_TRUNCATED",
      said: "Cannot read the magic number at byte 0",
    },
    { claim: "the magic alone", bytes: "0061736d", code: "WASM_TRUNCATED", said: "Cannot read the version at byte 4" },
    { claim: "a component", bytes: "0061736d 0d000100", code: "WASM_COMPONENT", said: "build it for a core target" },
    { claim: "version 2", bytes: "0061736d 02000000", code: "WASM_INVALID", said: "version 2, layer 0" },
    {
      claim: "a section past the end",
      bytes: `${preamble} 01 7f 00`,
      code: "WASM_TRUNCATED",
      said: "Cannot read the type section at byte 10: the file ends at byte 11, 127 bytes wanted",
    },
    {
      claim: "a list past its section",
      bytes: `${preamble} 01 01 05`,
      code: "WASM_INVALID",
      said: "Cannot read a type at byte 11: the type section ends at byte 11",
    },
    {
      claim: "bytes left over",
      bytes: `${preamble} 01 02 00 00`,
      code: "WASM_INVALID",
      said: "the type section at byte 11: 1 bytes are left over",
    },
    { claim: "an unknown section", bytes: `${preamble} 7d 00`, code: "WASM_INVALID", said: "id 125 is not known" },
    {
      claim: "a section twice",
      bytes: `${preamble} 0101000101 00`,
      code: "WASM_INVALID",
      said: "it comes twice or too late",
    },
    {
      claim: "sections out of order",
      bytes: `${preamble} 030100 010100`,
      code: "WASM_INVALID",
      said: "it comes twice or too late",
    },
    {
      claim: "a type that does not exist",
      bytes: `${preamble} 03 02 0105`,
      code: "WASM_INVALID",
      said: "type 5 is not a function type",
    },
    {
      claim: "functions without bodies",
      bytes: `${preamble} 01 04 01600000 03 02 0100`,
      code: "WASM_INVALID",
      said: "it declares 1 functions and has 0 bodies",
    },
    {
      claim: "4 billion types",
      bytes: `${preamble} 01 06 ffffffff0f 60`,
      code: "WASM_INVALID",
      said: "the type section ends at byte 16",
    },
    { claim: "a value type 0x7a", bytes: `${preamble} 01 05 0160017a00`, code: "WASM_INVALID", said: "0x7a is none" },
  ])("$claim as $code", ({ bytes, code, said }) => {
    expect(() => readModule(hex(bytes))).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(said) }),
    );
  });

  test("every beginning of a module, quickly", () => {
    const whole = bytesOfFile("fixtures/http-headers-c/http-headers.wasm");
    const accepted: number[] = [];
    for (let size = 0; size < whole.length; size++) {
      try {
        readModule(whole.subarray(0, size));
        accepted.push(size);
      } catch (error) {
        expect((error as { code: string }).code).toMatch(/^(WASM_TRUNCATED|WASM_INVALID|NOT_WASM)$/);
      }
    }
    // What ends where a section ends is well framed, once all functions have bodies.
    const { codeSection, customSections } = readModule(whole);
    const ends = new Set(customSections.map(({ end }) => end));
    const others = accepted.filter((size) => size >= codeSection!.end && !ends.has(size));
    expect(others).toEqual([codeSection!.end, expect.any(Number)]); // the other is the end of the data section
  });
});
