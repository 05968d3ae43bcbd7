// What has to be found is written in the first line of each filter of fixtures/buggy; its twin has the line put right.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chunking, findingText, fuzz, httpRequest } from "../../src/fuzz/index.js";
import { loadPlugin } from "../../src/index.js";
import { fixture } from "../support/fixtures.js";

const sums = readFileSync(fixture("buggy/SHA256SUMS"), "utf8").trim().split("\n");

test("the buggy filters are the bytes that were built", () => {
  expect(sums.length).toBeGreaterThanOrEqual(40);
  for (const line of sums) {
    const [sum, file] = line.split(/\s+/);
    expect(
      createHash("sha256")
        .update(readFileSync(fixture(`buggy/${file}`)))
        .digest("hex"),
      file,
    ).toBe(sum);
  }
});

test("chunking() cuts without losing a byte", () => {
  const cut = fc.uint8Array({ maxLength: 100 }).chain((bytes) => fc.tuple(fc.constant(bytes), chunking(bytes)));
  fc.assert(fc.property(cut, ([bytes, pieces]) => Buffer.concat([...pieces]).equals(bytes)));
});

test("httpRequest() makes no header value with a control character, and no field of framing", () => {
  fc.assert(
    fc.property(httpRequest(), ({ headers, path }) => {
      expect(path).toMatch(/^\/[!-~]*$/);
      for (const [name, value] of headers) {
        expect(name).toMatch(/^[a-z0-9!#$%&'*+.^_`|~-]+$/);
        expect(["host", "content-length", "transfer-encoding"]).not.toContain(name);
        // oxlint-disable-next-line no-control-regex -- what a field value cannot hold
        expect(value).not.toMatch(/[\x00-\x08\x0a-\x1f\x7f]/);
      }
    }),
  );
});

describe("fuzz()", () => {
  const cases = [
    ["empty-header", "no-trap"],
    ["chunk-state", "same-verdict-any-chunking"],
    ["content-length", "content-length-consistent"],
    ["context-leak", "isolated"],
    ["endless-pause", "always-answers"],
  ] as const;
  test.each(cases)("finds the fault of %s by %s, and nothing in its twin", async (name, property) => {
    const { findings } = await fuzz({ module: fixture(`buggy/${name}-faulty.wasm`), maxFailures: 1, runs: 3000 });
    expect(findings.map((one) => one.property)).toEqual([property]);
    const right = await fuzz({ module: fixture(`buggy/${name}-right.wasm`), runs: 300 });
    expect(right.findings).toEqual([]);
  });

  test("shrinks an empty x-api-key to a request with that header alone, and plays it again from its path", async () => {
    const module = fixture("buggy/empty-header-faulty.wasm");
    const found = (await fuzz({ module, maxFailures: 1, runs: 3000, seed: 7 })).findings[0]!;
    expect(found.case!.exchanges.flatMap(({ request }) => request.headers)).toEqual([["x-api-key", ""]]);
    const again = await fuzz({ module, seed: 7, path: found.path });
    expect(again.ended).toBe("replayed");
    expect(again.findings[0]!.case).toEqual(found.case);
    // nothing of the cases before
    expect(found.details!.filter((line) => line.trim().startsWith("proxy_on_request_headers("))).toHaveLength(1);
    expect(findingText("f.wasm", found)).toContain(`pwh fuzz f.wasm --replay 7:${found.path}`);
    // the smallest request traps outside of the fuzzer too
    using plugin = await loadPlugin(module);
    expect(() => plugin.openHttpStream().requestHeaders([["x-api-key", ""]])).toThrow(/Guest trapped/);
  });

  test("names the properties when it is asked for one that is none", async () => {
    await expect(
      fuzz({ module: fixture("buggy/empty-header-right.wasm"), property: ["no-tarp"] }),
    ).rejects.toMatchObject({ code: "OPTION_INVALID", message: expect.stringContaining("no-trap") });
  });

  test("ends with what it has when it is told to stop", async () => {
    const signal = AbortSignal.abort();
    const report = await fuzz({ module: fixture("buggy/empty-header-right.wasm"), property: ["no-trap"], signal });
    expect(report).toMatchObject({ ended: "stopped", runs: 0, findings: [] });
  });
});
