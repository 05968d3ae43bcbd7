// Bare callbacks: in an order that a host may make, and in orders that none makes.
import { parse } from "@bytecodealliance/jco";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fuzz, illegalSteps, legalSteps } from "../../src/fuzz/index.js";
import { fixture } from "../support/fixtures.js";

const plugin = (body: string): Promise<Uint8Array> =>
  parse(`(module
  (memory (export "memory") 20)
  (global $state (mut i32) (i32.const 0))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 1024)
  ${body})`);

describe("legalSteps()", () => {
  const order = ["requestHeaders", "requestBody", "requestTrailers"];

  test("keeps each side of each stream in order, and sends nothing behind its end", () => {
    fc.assert(
      fc.property(legalSteps(), (steps) => {
        for (const side of ["request", "response"]) {
          for (const stream of [0, 1, 2]) {
            const parts = steps.flatMap((one) =>
              "part" in one && one.stream === stream && one.part.startsWith(side) ? [one] : [],
            );
            const places = parts.map(({ part }) => order.indexOf(part.replace(side, "request")));
            expect(places).toEqual([...places].sort());
            expect(places.filter((place) => place === 0).length).toBeLessThanOrEqual(1);
            expect(parts.slice(0, -1).some(({ end }) => end)).toBe(false);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test("has streams side by side, an answer before the request is complete, clients that leave, and time", () => {
    const samples = fc.sample(legalSteps(), { seed: 1, numRuns: 1000 });
    const some = (holds: (steps: (typeof samples)[number]) => boolean): boolean => samples.some(holds);
    expect(some((steps) => new Set(steps.map((one) => ("stream" in one ? one.stream : 0))).size === 3)).toBe(true);
    expect(
      some((steps) => {
        const parts = steps.flatMap((one) => ("part" in one && one.stream === 0 ? [one.part] : []));
        return (
          parts.indexOf("responseHeaders") >= 0 && parts.indexOf("responseHeaders") < parts.lastIndexOf("requestBody")
        );
      }),
    ).toBe(true);
    for (const step of ["close", "wait", "trailers", "body"])
      expect(some((all) => all.some((one) => one.step === step))).toBe(true);
  });
});

test("illegalSteps() calls what it was given, on the root, too", () => {
  const samples = fc.sample(illegalSteps(["proxy_on_done", "proxy_on_log"]), { seed: 1, numRuns: 200 }).flat();
  expect(new Set(samples.map(({ callback }) => callback))).toEqual(new Set(["proxy_on_done", "proxy_on_log"]));
  expect(new Set(samples.map(({ stream }) => stream))).toEqual(new Set([-1, 0, 1, 2]));
});

describe("legal-callbacks", () => {
  test("finds a plugin that takes an answer before the end of the request for impossible, with the least steps", async () => {
    // sets $state at the end of a request, and traps on response headers without it
    const module = await plugin(`
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (global.set $state (local.get 2)) i32.const 0)
      (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32)
        (global.set $state (local.get 2)) i32.const 0)
      (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32)
        (if (i32.eqz (global.get $state)) (then unreachable)) i32.const 0)`);
    const { findings } = await fuzz({ module, property: ["legal-callbacks"], runs: 1 });
    expect(findings).toMatchObject([
      { property: "legal-callbacks", message: expect.stringContaining("proxy_on_response_headers") },
    ]);
    expect(findings[0]!.details!.filter((line) => line.startsWith("  stream"))).toHaveLength(2);
    const again = await fuzz({ module, property: ["legal-callbacks"], path: findings[0]!.path });
    expect(again.findings[0]!.details).toEqual(findings[0]!.details);
  });

  test.each([
    "http-headers/http-headers.wasm",
    "http-headers-c/http-headers.wasm",
    "http-headers-rust/http-headers.wasm",
  ])("finds nothing in %s", async (name) => {
    const module = fixture(name);
    const { findings } = await fuzz({
      module,
      configuration: { header: "x-a", value: "1" },
      property: ["legal-callbacks"],
      runs: 1,
    });
    expect(findings).toEqual([]);
  });
});

describe("illegal-callbacks", () => {
  test("finds a plugin that waits for ever for what it was never told, and lets others trap", async () => {
    const body = (then: string) => `
      (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (global.set $state (i32.const 1)) i32.const 1)
      (func (export "proxy_on_done") (param i32) (result i32) (global.set $state (i32.const 2)) i32.const 1)
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (if (i32.eq (global.get $state) (i32.const 2)) (then ${then})) i32.const 0)`;
    const options = { property: ["illegal-callbacks"], runs: 1, budgetMs: 100 };
    const hangs = await fuzz({ ...options, module: await plugin(body("(loop $again (br $again))")) });
    expect(hangs.findings).toMatchObject([{ property: "illegal-callbacks" }]);
    const steps = hangs.findings[0]!.details!.filter((line) => /^ {2}proxy_/.test(line));
    expect(steps.slice(0, 2)).toEqual([
      expect.stringContaining("proxy_on_done on"),
      expect.stringContaining("proxy_on_request_headers on"),
    ]);
    const traps = await fuzz({ ...options, module: await plugin(body("unreachable")) });
    expect(traps.findings).toEqual([]);
  });

  test.each([
    "http-headers/http-headers.wasm",
    "http-headers-rust/http-headers.wasm",
    "http-headers-assemblyscript/http-headers.wasm",
  ])("finds nothing in %s, whose SDK refuses contexts that it does not know", async (name) => {
    const { findings, ended } = await fuzz({ module: fixture(name), property: ["illegal-callbacks"], runs: 1 });
    expect([findings, ended]).toEqual([[], "runs"]);
  });
});
