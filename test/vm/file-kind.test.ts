import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { describeFile } from "../../src/vm/file-kind.js";
import { hex } from "./support.js";

test.each<{ kind: string; bytes: string | Uint8Array }>([
  { kind: "an empty file", bytes: "" },
  { kind: "a gzip file", bytes: gzipSync("x") },
  { kind: "a zip file", bytes: "PK\x03\x04\x14\x00" },
  { kind: "an ELF program", bytes: "\x7fELF\x02\x01" },
  { kind: "an archive of object files (.a)", bytes: "!<arch>\n/               0" },
  { kind: "a tar file", bytes: `${"layer.tar".padEnd(257, "\0")}ustar  \0` },
  { kind: "data that begin with 89504e47", bytes: hex("89504e47 0d0a1a0a") },
  { kind: "WebAssembly text (assemble it first, for example with wasm-tools parse)", bytes: "(module)" },
  {
    kind: "WebAssembly text (assemble it first, for example with wasm-tools parse)",
    bytes: ";; mine\n(; a ;)\n(module $m",
  },
  { kind: "WebAssembly in base64", bytes: "AGFzbQEAAAA=" },
  {
    kind: 'a Git LFS pointer (run "git lfs pull")',
    bytes: "version https://git-lfs.github.com/spec/v1\noid sha256:00",
  },
  { kind: "HTML or XML", bytes: "<!DOCTYPE html>\n<title>Not found</title>" },
  { kind: "JSON", bytes: '{ "filters": [] }' },
  { kind: "a script", bytes: "#!/bin/sh\n" },
  { kind: "YAML", bytes: "# a scenario\napiVersion: extensions.istio.io/v1alpha1\n" },
  { kind: "YAML", bytes: "\uFEFFfilters:\n  - a.wasm\n" },
  { kind: "source code (JavaScript or like it)", bytes: 'import { test } from "vitest";\n' },
  { kind: "source code", bytes: "package main\n\nfunc main() {}\n" },
  { kind: "source code", bytes: "#include <string.h>\n" },
  { kind: "text", bytes: "Hello" },
])("describeFile() knows $kind", ({ kind, bytes }) => {
  expect(describeFile(typeof bytes === "string" ? Buffer.from(bytes, "utf8") : bytes)).toBe(kind);
});

test("describeFile() is quick with text made to be slow", () => {
  for (const piece of [";;", "(;;)", "; ", " ", "a-", "{"]) {
    const start = performance.now();
    describeFile(Buffer.from(piece.repeat(100_000)));
    expect(performance.now() - start).toBeLessThan(100);
  }
});
