/** Beginnings of files that people hand over by mistake. */
const beginnings: readonly (readonly [hex: string, kind: string])[] = [
  ["1f8b", "a gzip file"],
  ["28b52ffd", "a zstd file"],
  ["504b0304", "a zip file"],
  ["7f454c46", "an ELF program"],
  ["cffaedfe", "a Mach-O program"],
  ["cafebabe", "a Java class or Mach-O program"],
  ["4d5a", "a Windows program"],
  ["213c617263683e0a", "an archive of object files (.a)"],
  ["4243c0de", "LLVM bitcode"],
];

/** Texts that people hand over by mistake, most telling first. */
const texts: readonly (readonly [pattern: RegExp, kind: string])[] = [
  [/^version https:\/\/git-lfs/, 'a Git LFS pointer (run "git lfs pull")'],
  [/^(\s|;;.*\n|\(;[^;]*;\))*\(module\b/, "WebAssembly text (assemble it first, for example with wasm-tools parse)"],
  [/^AGFzb[Q-T]/, "WebAssembly in base64"],
  [/^\s*<(!doctype|html|\?xml)/i, "HTML or XML"],
  [/^\s*[{[]/, "JSON"],
  [/^#!/, "a script"],
  [/^(---\s*$|apiVersion:|[\w-]+:(\s|$))/m, "YAML"],
  [/^\s*(\/\/|\/\*|import\b|export\b|const\b|let\b|function\b|"use strict")/, "source code (JavaScript or like it)"],
  [/^\s*(package|use|fn|#include|@)/, "source code"],
];

/** What bytes without the magic of WebAssembly look like, with an article: `an empty file`, `a gzip file`, `YAML`. */
export function describeFile(bytes: Uint8Array): string {
  if (bytes.length === 0) return "an empty file";
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 512));
  const hex = start.toString("hex");
  const binary = beginnings.find(([beginning]) => hex.startsWith(beginning));
  if (binary !== undefined) return binary[1];
  if (start.toString("latin1", 257, 262) === "ustar") return "a tar file";
  if (start.some((byte) => byte === 0 || (byte < 0x20 && !isSpace(byte))))
    return `data that begin with ${hex.slice(0, 8)}`;
  const text = start.toString("utf8").replace(/^\uFEFF/, "");
  return texts.find(([pattern]) => pattern.test(text))?.[1] ?? "text";
}

function isSpace(byte: number): boolean {
  return byte >= 0x09 && byte <= 0x0d;
}
