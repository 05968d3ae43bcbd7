import { metadataShow } from "@bytecodealliance/jco";
import { describe, expect, test } from "vitest";
import { readModule } from "../../src/vm/module-info.js";
import type { Producers } from "../../src/vm/producers.js";
import { readProducers, redactCredentials } from "../../src/vm/producers.js";
import { assemble, bytesOrSkip } from "./support.js";

function producersOf(bytes: Uint8Array): Producers {
  return readProducers(readModule(bytes), bytes);
}

describe("readProducers() agrees with wasm-tools", () => {
  for (const fixture of ["", "-go", "-rust", "-c", "-cpp", "-assemblyscript"].map((one) => `http-headers${one}`)) {
    test(`about fixture ${fixture}`, async (context) => {
      const bytes = bytesOrSkip(context, `fixtures/${fixture}/http-headers.wasm`);
      const [shown] = await metadataShow(bytes);
      const wanted = shown!.producers.map(([field, list]) => [
        field,
        list.map(([name, version]) => ({ name, version })),
      ]);
      expect(producersOf(bytes)).toEqual(Object.fromEntries(wanted));
    });
  }
});

describe("readProducers()", () => {
  test("cuts credentials out of the URLs that a clang states", async () => {
    const version = "15.0.0 (https://s3cret:x-oauth-basic@github.com/tinygo-org/llvm-project 0123)";
    const contents = `\\01\\0cprocessed-by\\01\\05clang\\${version.length.toString(16)}${version}`;
    const bytes = await assemble(`(module (@custom "producers" "${contents}"))`);
    const [clang] = producersOf(bytes)["processed-by"]!;
    expect(clang).toEqual({ name: "clang", version: "15.0.0 (https://***@github.com/tinygo-org/llvm-project 0123)" });
  });

  test.each([
    { claim: "a module without the section", wat: "(module)" },
    { claim: "a damaged section", wat: String.raw`(module (@custom "producers" "\01\08language\7f"))` },
    { claim: "an empty section", wat: `(module (@custom "producers" ""))` },
  ])("gives nothing for $claim", async ({ wat }) => {
    expect(producersOf(await assemble(wat))).toEqual({});
  });

  test("takes a field with the name of a prototype as any other", async () => {
    const bytes = await assemble(String.raw`(module (@custom "producers" "\01\09__proto__\01\01a\00"))`);
    expect(Object.entries(producersOf(bytes))).toEqual([["__proto__", [{ name: "a", version: "" }]]]);
  });
});

describe("redactCredentials()", () => {
  test.each([
    { text: "https://token:x-oauth-basic@github.com/a", redacted: "https://***@github.com/a" },
    { text: "clang (git://u:p@host/a) and https://t@b/c", redacted: "clang (git://***@host/a) and https://***@b/c" },
    { text: "https://u:p@ss@host/a", redacted: "https://***@host/a" },
    { text: "https://host/@scope/package", redacted: "https://host/@scope/package" },
    { text: "mail me@example.com", redacted: "mail me@example.com" },
  ])("makes $redacted of $text", ({ text, redacted }) => {
    expect(redactCredentials(text)).toBe(redacted);
  });

  test("is quick with text made to be slow", () => {
    const start = performance.now();
    for (const piece of ["a", "://", "://a", "@"]) redactCredentials(piece.repeat(200_000));
    expect(performance.now() - start).toBeLessThan(500);
  });
});
