// Each kind of expectation fails where it should, with a message that says what was seen instead.
import { afterAll, describe, expect, test } from "vitest";
import { ProxyPool } from "../../src/scenario/proxy-pool.js";
import { readScenario } from "../../src/scenario/read.js";
import { runCase } from "../../src/scenario/run-case.js";
import { fixture } from "../support/fixtures.js";

const pool = new ProxyPool();
afterAll(() => pool[Symbol.dispose]());

const script = [
  "on_configure: m:= metric 0 hits",
  'on_request_headers: inc $m 1; add 0 x-team edge; set_prop blue team; log 2 greeting; http_call auth 5000 "" :method GET :path /check :authority auth',
];

/** Failures of one GET with these expectations, in YAML's flow style. */
async function failuresOf(expected: string, rules: readonly string[] = script): Promise<string[]> {
  const file = `defaults:
  plugin: { module: ${fixture("probe/probe.wasm")}, rootId: r, configuration: ${JSON.stringify(rules.join("\n"))} }
  upstreams: { web: { status: 200, body: hello, headers: { x-a: [one, two] } }, auth: 204 }
tests:
  - name: a
    request: GET /path
    expect: ${expected}
`;
  const [one] = await readScenario(file, "file.pwh.yaml");
  const { outcome, failures, logs } = await runCase(one!, { pool });
  expect(outcome).toBe(failures.length === 0 ? "passed" : "failed");
  if (failures.length > 0) expect(logs.length).toBeGreaterThan(0);
  for (const { where } of failures) expect(where).toMatchObject({ file: "file.pwh.yaml" });
  return failures.map(({ message }) => message);
}

describe("what is so, passes", () => {
  test.each([
    "{ response: { status: 200, body: hello, complete: true, reset: false, headers: { x-a: [one, two], x-b: { absent: true }, server: { present: true } } } }",
    "{ response: { body: { contains: ell, startsWith: he, endsWith: lo, regex: ^h.*o$, size: 5, not: { contains: x } } } }",
    "{ upstreamRequest: { upstream: web, method: GET, path: { startsWith: /p }, headers: { x-team: edge } } }",
    "{ logs: [{ contains: on_configure }, { level: info, contains: on_request_headers }] , metrics: { hits: 1 } }",
    "{ calls: [{ upstream: auth, path: /check, status: 204, outcome: answered }], properties: { team: blue } }",
    '{ access: { code: 200, flags: "-", method: GET, path: /path, details: via_upstream } }',
    "{ stats: { wasm.envoy.wasm.runtime.v8.active: 1 } }",
  ])("%s", async (expected) => {
    expect(await failuresOf(expected)).toEqual([]);
  });
});

describe("what is not so, fails", () => {
  test.each([
    ["{ response: { status: 201 } }", "Expected status 201, got 200"],
    ["{ response: { body: hallo } }", 'Expected response body to be "hallo", got "hello"'],
    ["{ response: { body: { regex: ^x } } }", 'Expected response body to be something that matches /^x/, got "hello"'],
    ["{ response: { body: { size: 4 } } }", 'Expected response body to be 4 bytes, got "hello"'],
    [
      "{ response: { body: { not: { contains: ell } } } }",
      'Expected response body to be anything but something with "ell", got "hello"',
    ],
    ["{ response: { body: { json: { a: 1 } } } }", 'Expected response body to be the JSON {"a":1}, got "hello"'],
    ["{ response: { headers: { x-a: one } } }", 'Expected response header x-a to be "one", got "one", "two"'],
    ["{ response: { headers: { x-a: { absent: true } } } }", 'Expected no response header x-a, got "one", "two"'],
    [
      "{ response: { headers: { serwer: { present: true } } } }",
      'Expected response header serwer, but there is none (did you mean "server"?)',
    ],
    ["{ response: { headerList: [[x-a, one]] } }", "Expected the response to have exactly these headers"],
    ["{ response: { trailers: { x-t: a } } }", 'Expected response trailer x-t to be "a", but there is none'],
    ["{ response: { complete: false } }", "Expected the response to be incomplete; it is not"],
    ["{ response: { reset: true } }", "Expected the stream to be cut off"],
    ["{ reply: { status: 200 } }", 'Expected a reply of the plugin, but upstream "web" was asked'],
    ["{ upstreamRequest: none }", 'Expected no upstream to be asked, but "web" got GET "/path"'],
    ["{ upstreamRequest: { upstream: auth } }", 'Expected the upstream request to go to "auth", it went to "web"'],
    ["{ upstreamRequest: { path: / } }", 'Expected upstream request path to be "/", got "/path"'],
    ["{ logs: never said }", 'Expected a line that is "never said" in the log'],
    [
      "{ logs: [{ contains: on_request_headers }, { contains: on_configure }] }",
      'Expected a line that is something with "on_configure" in the log: it came before one that is expected earlier',
    ],
    [
      "{ logs: { level: error, contains: on_configure } }",
      'Expected an error line that is something with "on_configure" in the log',
    ],
    ["{ noLogs: { startsWith: HC inc } }", 'Expected no line that is something that starts with "HC inc"'],
    ["{ metrics: { hits: 2 } }", "Expected metric hits to be 2, got 1"],
    ["{ metrics: { hit: 1 } }", 'Expected metric hit to be 1, but no plugin defined it (did you mean "hits"?)'],
    ["{ metrics: { hits: absent } }", "Expected no metric hits, but the plugin defined it"],
    ["{ calls: [] }", "Expected 0 calls, got 1"],
    ["{ calls: [{ status: 200 }] }", "Expected call 1 to be answered with 200, got 204"],
    ["{ calls: [{ outcome: failed }] }", "Expected call 1 to be failed, it is answered"],
    ["{ calls: [{ path: /chek }] }", 'Expected call 1 path to be "/chek", got "/check"'],
    ["{ properties: { team: red } }", 'Expected property team to be "red", got "blue"'],
    ["{ properties: { taem: blue } }", 'Expected property taem to be "blue", but there is none (did you mean "team"?)'],
    [
      "{ properties: { request.path: / } }",
      'Expected property request.path to be "/", but there is none: it is an attribute of Envoy, and only what plugins set can be expected here (access, response and upstreamRequest have the exchange)',
    ],
    [
      "{ stats: { wasm.envoy.wasm.runtime.v8.active: 9 } }",
      'Expected statistic wasm.envoy.wasm.runtime.v8.active to be "9", got "1"',
    ],
    ["{ access: { code: 201 } }", 'Expected access log code to be "201", got "200"'],
    ["{ failure: { code: GUEST_TRAPPED } }", "Expected the plugin to fail, but it did not"],
  ])("%s", async (expected, message) => {
    const failures = await failuresOf(expected);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toContain(message);
  });
});

describe("a plugin that fails", () => {
  const trap = ["on_request_headers: trap"];
  test("fails the case, whatever is expected", async () => {
    expect(await failuresOf("{ logs: { contains: on_request_headers } }", trap)).toEqual([
      expect.stringMatching(/^GUEST_TRAPPED: .*on_request_headers/),
    ]);
  });
  test("another failure than the expected one", async () => {
    expect(await failuresOf("{ failure: { code: GUEST_TIMEOUT } }", trap)).toEqual([
      expect.stringMatching(/^Expected failure GUEST_TIMEOUT, got GUEST_TRAPPED: /),
    ]);
    expect(await failuresOf("{ failure: { message: { contains: on_tick } } }", trap)).toEqual([
      expect.stringMatching(/^Expected a failure whose message is something with "on_tick", got /),
    ]);
  });
});
