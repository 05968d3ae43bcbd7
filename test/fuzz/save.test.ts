// A finding as a scenario file: it fails on the filter with the fault for the reason of the finding, and passes on its right twin.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { fuzzCase } from "../../src/fuzz/arbitraries.js";
import type { Finding } from "../../src/fuzz/fuzz.js";
import { fuzz } from "../../src/fuzz/fuzz.js";
import { givenProperties, noPlayers } from "../../src/fuzz/given-properties.js";
import { properties } from "../../src/fuzz/properties.js";
import { propertyNames } from "../../src/fuzz/property-names.js";
import { findingFileName, findingScenario } from "../../src/scenario/save-finding.js";
import { readScenario } from "../../src/scenario/read.js";
import { readTests } from "../../src/scenario/run-tests.js";
import { fixture } from "../support/fixtures.js";
import { pwh } from "../support/pwh.js";

const directory = mkdtempSync(join(tmpdir(), "pwh-save-"));
afterAll(() => rmSync(directory, { recursive: true }));
const right = fixture("buggy/empty-header-right.wasm");

/** What comes of a scenario text. */
async function resultOf(text: string, name: string) {
  const file = join(directory, name);
  writeFileSync(file, text);
  const { tests, close } = await readTests(file);
  const result = await tests[0]!.run();
  close();
  return { outcome: result.outcome, messages: result.failures.map(({ message }) => message) };
}

const found = (given: Partial<Finding>): Finding => ({
  property: "no-trap",
  cause: "x",
  message: "m",
  case: undefined,
  configuration: undefined,
  seed: 1,
  path: "1",
  shrinks: 0,
  run: 1,
  foundAfterMs: 0,
  lastCalls: [],
  ...given,
});

describe("findingScenario()", () => {
  test.each([
    ["empty-header", {}],
    ["chunk-state", {}],
    ["content-length", {}],
    ["context-leak", {}],
    ["endless-pause", {}],
    ["header-order", {}],
    ["fail-open", { property: ["fail-closed"] }],
    ["configuration-trap", { configuration: { header: "x-a" } }],
  ])("%s: fails with the fault, and passes without it", async (name, options) => {
    const module = fixture(`buggy/${name}-faulty.wasm`);
    const { findings } = await fuzz({ module, ...options, maxFailures: 1, runs: 10_000 });
    const [finding] = findings;
    const plugin = { ...options, module };
    delete (plugin as { property?: unknown }).property;
    const file = join(directory, `${name}.pwh.yaml`);
    const text = findingScenario(finding!, { plugin }, file)!;
    const faulty = await resultOf(text, `${name}.pwh.yaml`);
    expect(faulty).toEqual({ outcome: "failed", messages: [`${finding!.property}: ${finding!.message}`] });
    const twin = await resultOf(text.replace("-faulty.wasm", "-right.wasm"), `${name}-right.pwh.yaml`);
    expect(twin).toEqual({ outcome: "passed", messages: [] });
  });

  test("every case that is generated comes back from its file as it was", async () => {
    const settings = { faulty: [{ hostcall: "proxy_get_property", statuses: [10] }] };
    const cases = fc.sample(fuzzCase({}, settings), { numRuns: 700, seed: 5 });
    const kinds = new Set<string>();
    for (const given of cases) {
      const text = findingScenario(
        found({ case: given }),
        { plugin: { module: right } },
        join(directory, "a.pwh.yaml"),
      )!;
      const [read] = await readScenario(text, join(directory, "a.pwh.yaml"));
      expect(read!.play!.case).toEqual(normal(given));
      for (const kind of kindsOf(given)) kinds.add(kind);
    }
    // that the sample had everything a file has to hold
    expect([...kinds].sort()).toEqual(
      ["abort", "call fault", "faults", "obs-text", "pieces", "reply fault", "sequence", "together", "trailers"].sort(),
    );
  }, 60_000);

  test("a property of somebody's own code has no file", () => {
    expect(findingScenario(found({ property: "mine" }), { plugin: { module: right } }, "a.pwh.yaml")).toBeUndefined();
  });

  test("the names that a file knows are those of the properties", () => {
    const all = [...properties, ...givenProperties(noPlayers)].map(({ name }) => name);
    expect(["starts", ...all, "configuration-robust"].sort()).toEqual([...propertyNames].sort());
  });

  test("one file for one cause", () => {
    expect(findingFileName(found({ cause: "a", message: "1" }))).toBe(findingFileName(found({ cause: "a" })));
    expect(findingFileName(found({ cause: "a" }))).not.toBe(findingFileName(found({ cause: "b" })));
  });
});

type Given = NonNullable<Finding["case"]>;

/** Bytes as the reader gives them, pieces as a list, what a call is answered in one form. */
function normal({ exchanges, callReply, ...rest }: Given): unknown {
  const bytes = (one: Uint8Array) => new Uint8Array(one);
  const message = <T extends { readonly body?: readonly Uint8Array[] }>({ body, ...more }: T) => ({
    ...more,
    ...(body && { body: body.map(bytes) }),
  });
  const { body, ...answer } = callReply;
  return {
    ...rest,
    callReply: { ...answer, ...(body !== undefined && { body: [new TextEncoder().encode(String(body))] }) },
    exchanges: exchanges.map(({ request, reply }) => ({ request: message(request), reply: message(reply) })),
  };
}

function* kindsOf({ exchanges, together, faults, callReply }: Given): Iterable<string> {
  if (exchanges.length > 1) yield together === true ? "together" : "sequence";
  if (faults !== undefined) yield "faults";
  if (callReply.fault !== undefined) yield "call fault";
  for (const { request, reply } of exchanges) {
    if ((request.body?.length ?? 0) > 1) yield "pieces";
    if (request.trailers !== undefined) yield "trailers";
    if (request.abortAfterMs !== undefined) yield "abort";
    if (reply.fault !== undefined) yield "reply fault";
    if (request.headers.some(([, value]) => /[\x80-\xff]/.test(value))) yield "obs-text";
  }
}

describe("a scenario that is played", () => {
  const head = `defaults: { plugin: { module: ${right} } }\ntests:\n  - name: a\n    `;
  test.each([
    ["play: {}", /Case "a" expects nothing: with play it needs holds/],
    ["holds: no-trap\n    request: GET /", /Key holds is about what is played, and there is no play/],
    [
      "play: {}\n    holds: no-tarp",
      /:5:12: Expected a property of pwh fuzz: starts, no-trap, .*did you mean "no-trap"/,
    ],
    ["play: {}\n    holds: no-trap\n    upstreams: { a: 200 }", /Expected play or upstreams, found both/],
    ["play: {}\n    holds: no-trap\n    expect: { noLogs: a }", /Expected play or expect, found both/],
    ["play: { exchange: [] }\n    holds: no-trap", /Unknown key "exchange" in what is played/],
    ["play: { exchanges: [{ reply: 200 }] }\n    holds: no-trap", /Key "request" is missing in an exchange/],
    ["play: { faults: [{ hostcall: proxy_log, nth: 0, status: 1 }] }\n    holds: no-trap", /whole number from 1/],
  ])("%j is refused", async (text, message) => {
    await expect(readScenario(head + text, "a.pwh.yaml")).rejects.toMatchObject({
      code: "SCENARIO_INVALID",
      message: expect.stringMatching(message),
    });
  });

  test("fails when the plugin fails otherwise, or does not start", async () => {
    const faulty = fixture("buggy/empty-header-faulty.wasm");
    const trap = `defaults: { plugin: { module: ${faulty} } }\ntests:\n  - name: a\n    holds: isolated\n    play: { exchanges: [{ request: { headers: { x-api-key: "" } } }] }\n`;
    expect(await resultOf(trap, "b.pwh.yaml")).toMatchObject({
      outcome: "failed",
      messages: [expect.stringMatching(/^GUEST_TRAPPED: /)],
    });
  });
});

test("pwh fuzz --save writes what pwh test runs, and says so", () => {
  const saved = join(directory, "saved", "deep");
  const module = fixture("buggy/empty-header-faulty.wasm");
  const { code, out } = pwh(["fuzz", module, "--property", "no-trap", "--max-failures", "1", "--save", saved]);
  expect(code).toBe(1);
  const [, file] = /^ {2}saved: pwh test (.*)$/m.exec(out)!;
  expect(out).toContain('    - name: "no-trap: Guest trapped in proxy_on_request_headers');
  const again = pwh(["test", file!]);
  expect(again.code).toBe(1);
  expect(again.out).toContain("Guest trapped in proxy_on_request_headers");
  mkdirSync(join(directory, "no"));
  writeFileSync(join(directory, "no", "file"), "");
  const refused = pwh(["fuzz", module, "--save", join(directory, "no", "file")]);
  expect(refused).toMatchObject({ code: 2, err: expect.stringMatching(/Cannot make the directory .*no\/file/) });
});
