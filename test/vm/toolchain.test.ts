import { describe, expect, test } from "vitest";
import { readModule } from "../../src/vm/module-info.js";
import type { Producers } from "../../src/vm/producers.js";
import { readProducers } from "../../src/vm/producers.js";
import type { Toolchain } from "../../src/vm/toolchain.js";
import { describeToolchain } from "../../src/vm/toolchain.js";
import { assemble, bytesOrSkip } from "./support.js";

describe("describeToolchain() knows what built a fixture", () => {
  for (const { fixture, language, compiler, sdkHint } of [
    { fixture: "http-headers", language: "TinyGo", compiler: /^TinyGo 0\./, sdkHint: "proxy-wasm Go SDK" },
    { fixture: "http-headers-go", language: "Go", compiler: /^Go cmd\/compile go1\./, sdkHint: "proxy-wasm Go SDK" },
    { fixture: "http-headers-rust", language: "Rust", compiler: /^rustc 1\./, sdkHint: "proxy-wasm Rust SDK" },
    { fixture: "http-headers-c", language: "C or C++", compiler: /clang 16/ },
    { fixture: "http-headers-cpp", language: "C++", compiler: /clang/ },
    { fixture: "http-headers-assemblyscript", language: "AssemblyScript", sdkHint: "proxy-wasm AssemblyScript SDK" },
  ]) {
    test(`${fixture}: ${language}`, (context) => {
      const bytes = bytesOrSkip(context, `fixtures/${fixture}/http-headers.wasm`);
      const info = readModule(bytes);
      const found = describeToolchain(info, readProducers(info, bytes));
      expect([found.language, found.sdkHint]).toEqual([language, sdkHint]);
      expect(found.compiler ?? "").toMatch(compiler ?? /^$/);
      expect(found.basis).not.toBe("");
    });
  }
});

const by = (name: string, version: string, language?: string): Producers => ({
  ...(language !== undefined && { language: [{ name: language, version: "" }] }),
  "processed-by": [{ name, version }],
});

describe("describeToolchain() concludes", () => {
  test.each<Pick<Toolchain, "language" | "basis"> & { wat?: string; producers?: Producers }>([
    {
      language: "TinyGo", // before 0.35 it did not name itself
      basis: "producers: a clang built by tinygo-org",
      producers: by("clang", "15.0.0 (https://github.com/tinygo-org/llvm-project 6b3)", "C99"),
    },
    { language: "C", basis: "producers: language C99", producers: by("clang", "19", "C99") },
    { language: "Zig", basis: "producers: zig 0.17.1", producers: by("zig", "0.17.1") },
    { language: "Swift", basis: "producers: language Swift", producers: by("clang", "19", "Swift") },
    {
      language: "C or C++",
      basis: "imports emscripten_notify_memory_growth",
      wat: `(module (import "env" "emscripten_notify_memory_growth" (func (param i32))))`,
    },
    {
      language: "AssemblyScript",
      basis: "imports env.abort with message, file, line and column",
      wat: `(module (import "env" "abort" (func (param i32 i32 i32 i32))))`,
    },
    {
      language: "AssemblyScript",
      basis: "exports AssemblyScript's runtime (__new, __pin)",
      wat: `(module (func (export "__new")) (func (export "__pin")))`,
    },
    {
      language: "unknown",
      basis: "no producers section and no mark of a known toolchain",
      wat: `(module (import "env" "abort" (func)))`,
    },
  ])("$language from: $basis", async ({ language, basis, wat = "(module)", producers = {} }) => {
    expect(describeToolchain(readModule(await assemble(wat)), producers)).toMatchObject({ language, basis });
  });
});
