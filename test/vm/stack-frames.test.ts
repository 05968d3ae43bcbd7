import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readModule } from "../../src/vm/module-info.js";
import type { GuestFrame } from "../../src/vm/stack-frames.js";
import { envoyBacktrace, formatFrames, guestFrames, withStackFrames } from "../../src/vm/stack-frames.js";
import { assemble, bytesOfFile } from "./support.js";

type Call = (...args: number[]) => unknown;

/** The error that a call of an export ends with. */
function errorOf(bytes: Uint8Array, name: string, args: number[] = [], imports: WebAssembly.Imports = {}): Error {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes as BufferSource), imports);
  try {
    withStackFrames(() => (exports[name] as Call)(...args));
  } catch (error) {
    return error as Error;
  }
  throw new Error(`${name} did not trap`);
}

function framesOf(
  bytes: Uint8Array,
  ...call: [name: string, args?: number[], imports?: WebAssembly.Imports]
): GuestFrame[] {
  return guestFrames(errorOf(bytes, ...call), readModule(bytes), bytes);
}

function forbidden(): never {
  throw new Error("restricted_callback");
}

/** Where the C source says `here: <mark>`. */
function here(mark: string, file = "frames.c"): { file: string; line: number } {
  const lines = readFileSync(`test/vm/dwarf/${file}`, "utf8").split("\n");
  return { file, line: lines.findIndex((line) => line.endsWith(`// here: ${mark}`)) + 1 };
}

describe.each([4, 5])("guestFrames() with DWARF %i", (version) => {
  const bytes = bytesOfFile(`test/vm/dwarf/frames-${version}.wasm`);

  test.each([
    { trap: "an unreachable", args: [-1, 0], at: here("trap") },
    { trap: "a load out of bounds", args: [0, 0], at: here("load") },
    { trap: "a division by zero in an inlined function", args: [1, 0], at: here("divide", "inlined/divide.h") },
  ])("leads from $trap to the source of each call", ({ args, at }) => {
    expect(framesOf(bytes, "outer", args)).toMatchObject([
      { functionIndex: 0, functionName: "inner", nameFrom: "name section", ...at },
      { functionIndex: 1, functionName: "middle", ...here("middle") },
      { functionIndex: 2, functionName: "outer", ...here("outer") },
    ]);
  });
});

// The module, its addresses and lines: Envoy 1.40.0 printed them for these bytes.
const recorded = `(module
  (memory (export "memory") 1)
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 0)
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) i32.const 1)
  (func $my_inner unreachable)
  (func (export "proxy_on_configure") (param i32 i32) (result i32) call $my_inner i32.const 1))`;

describe("guestFrames()", () => {
  test("takes the name of an export where the name section has none", async () => {
    expect(framesOf(await assemble(recorded), "proxy_on_configure", [0, 0])).toEqual([
      { functionIndex: 3, functionName: "my_inner", nameFrom: "name section", offset: 0xa2 },
      { functionIndex: 4, functionName: "proxy_on_configure", nameFrom: "export", offset: 0xa6 },
    ]);
  });

  test("counts imported functions, and has no name for a nameless one", async () => {
    const bytes = await assemble(`(module (import "env" "f" (func)) (func unreachable) (func (export "go") call 1))`);
    const frames = framesOf(bytes, "go", [], { env: { f: () => 0 } });
    expect(frames.map(({ functionIndex, functionName }) => [functionIndex, functionName])).toEqual([
      [1, undefined],
      [2, "go"],
    ]);
  });

  test("sees the guest behind an import function that threw", async () => {
    const bytes = await assemble(`(module (import "env" "f" (func $f)) (func $go (export "go") call $f))`);
    expect(framesOf(bytes, "go", [], { env: { f: forbidden } })).toMatchObject([{ functionName: "go" }]);
  });

  test("sees the innermost frames of an endless recursion", async () => {
    const bytes = await assemble(`(module (func $again (export "go") call $again))`);
    const frames = framesOf(bytes, "go");
    expect(frames.length).toBeGreaterThan(50);
    expect(new Set(frames.map((one) => one.functionName))).toEqual(new Set(["again"]));
  });

  test.each([
    { claim: "with a name", line: "at f (wasm://wasm/0a479972:wasm-function[3]:0xa2)" },
    { claim: "without a name", line: "at wasm://wasm/0a479972:wasm-function[3]:0xa2" },
    {
      claim: "with the module's name",
      line: "at add_header.f (wasm://wasm/add_header-0a479972:wasm-function[3]:0xa2)",
    },
    {
      claim: "with brackets and spaces in the name",
      line: "at a<b>::c(int) (wasm://wasm/my mod (1)-0a479972:wasm-function[3]:0xa2)",
    },
    { claim: "below await", line: "at async f (wasm://wasm/0a479972:wasm-function[3]:0xa2)" },
  ])("reads a line of V8's $claim", async ({ line }) => {
    const bytes = await assemble(recorded);
    const error = new Error("x");
    error.stack = `Error: x\n    ${line}\n    at file:///a.js:1:2`;
    expect(guestFrames(error, readModule(bytes), bytes)).toMatchObject([{ functionIndex: 3, offset: 0xa2 }]);
  });

  test("is not fooled by a message that looks like a stack, nor by another module", async () => {
    const bytes = await assemble(recorded);
    const error = new Error("x\n    at f (wasm://wasm/11111111:wasm-function[1]:0x1)");
    error.stack = `Error: ${error.message}
    at f (wasm://wasm/22222222:wasm-function[2]:0x2)
    at g (wasm://wasm/33333333:wasm-function[3]:0x3)`;
    expect(guestFrames(error, readModule(bytes), bytes)).toMatchObject([{ functionIndex: 2, offset: 2 }]);
    expect(guestFrames(new Error("of the host"), readModule(bytes), bytes)).toEqual([]);
  });
});

describe("envoyBacktrace() prints what Envoy 1.40 printed", () => {
  test("for a name of the name section, and for a function that only an export names", async () => {
    expect(envoyBacktrace(framesOf(await assemble(recorded), "proxy_on_configure", [0, 0]), 20)).toEqual([
      "  0:  0xa2 - my_inner",
      "  1:  0xa6 - unknown(function index:4)",
    ]);
  });

  test("for a recursion: 20 lines", () => {
    const frame: GuestFrame = { functionIndex: 3, functionName: "again", nameFrom: "name section", offset: 0xb2 };
    const lines = envoyBacktrace(
      Array.from({ length: 31 }, () => frame),
      20,
    );
    expect([lines.length, lines[9], lines[10]]).toEqual([20, "  9:  0xb2 - again", " 10:  0xb2 - again"]);
  });
});

test("formatFrames() adds what helps a person: the line, and the names of exports", () => {
  const frames: GuestFrame[] = [
    { functionIndex: 9, offset: 6699, functionName: "divide", file: "/home/a/lib/divide.h", line: 3, column: 12 },
    { functionIndex: 8, offset: 6700, functionName: "main.main", file: "main.go", line: 12, column: 3 },
    { functionIndex: 7, offset: 6701, functionName: "proxy_on_tick", nameFrom: "export" },
    { functionIndex: 6, offset: 6702 },
  ];
  expect(formatFrames(frames)).toEqual([
    "  0:  0x1a2b - divide (lib/divide.h:3:12)",
    "  1:  0x1a2c - main.main (main.go:12:3)",
    "  2:  0x1a2d - proxy_on_tick",
    "  3:  0x1a2e - unknown(function index:6)",
  ]);
});

describe("withStackFrames()", () => {
  test("raises V8's limit for one call, and puts it back when that throws", () => {
    const before = Error.stackTraceLimit;
    expect(withStackFrames(() => Error.stackTraceLimit, 77)).toBe(77);
    expect(() => withStackFrames(() => BigInt("no number"))).toThrow(SyntaxError);
    expect(Error.stackTraceLimit).toBe(before);
  });

  test("never lowers it", () => {
    expect(withStackFrames(() => withStackFrames(() => Error.stackTraceLimit, 5), 50)).toBe(50);
  });
});
