// What a filter meets on older releases of Envoy: behaviour reference, section 0. The rows that were recorded are replayed elsewhere.
import { describe, expect, test } from "vitest";
import { createProxy, reply } from "../../src/index.js";
import { probeWith } from "../support/probe.js";

const start = (envoy: string, script: string, more: object = {}) =>
  createProxy({
    envoy,
    filters: [{ ...probeWith(...script.split("\n")), ...more }],
    upstreams: { up: reply(200, "hello") },
  });

/** What the probe says of its hostcalls. */
const calls = (logs: readonly { readonly message: string }[], name: string): string[] =>
  logs.map(({ message }) => message).filter((message) => message.startsWith(`HC ${name}`));

test("the newest is the default, and each tells whether it was recorded", async () => {
  await using newest = await createProxy({ filters: [probeWith("")], upstreams: { up: reply(200) } });
  expect(newest.envoy).toMatchObject({ release: "1.40.0", recorded: true });
  await using istio = await start("istio-1.11", "");
  expect(istio.envoy).toMatchObject({ release: "1.19", recorded: false });
  await expect(start("1.4", "")).rejects.toMatchObject({ code: "OPTION_INVALID" });
});

test.each([
  ["1.33", ["HC body 0 -> 0 len=3", "HC body 0 -> 0 len=6", "HC body 0 -> 0 len=6"]],
  ["1.32", ["HC body 0 -> 0 len=3", "HC body 0 -> 0 len=3", "HC body 0 -> 0 len=6"]],
])("%s: after a pause a body callback sees %j", async (envoy, expected) => {
  await using proxy = await start(envoy, "on_request_body: body 0; return 1\non_request_body!eos: return 0");
  const { logs } = await proxy.send({ method: "POST", body: ["abc", "def"] });
  expect(calls(logs, "body").map((line) => line.replace(/ ".*/, ""))).toEqual(expected);
});

test.each([
  ["1.33", 500],
  ["1.32", 403],
])("%s: of two local replies in one callback the access log has %i's details", async (envoy, status) => {
  await using proxy = await start(envoy, "on_request_headers: local 403 403 no -1; local 500 500 no -1; return 1");
  const { access } = await proxy.send();
  expect(access?.details).toBe(String(status));
});

test.each([
  ["1.20", "wasmcustom.c"],
  ["1.19", "c"],
])("%s: a metric is %s in the statistics", async (envoy, name) => {
  await using proxy = await start(envoy, "on_configure: c:= metric 0 c; inc $c 2");
  expect(proxy.stats.get(name)).toBe("2");
});

test.each([
  ["1.33", "clear_route_cache", 0],
  ["1.32", "clear_route_cache", 1],
  ["1.37", "sign", 2],
  ["1.36", "sign", 1],
])("%s: foreign function %s answers %i", async (envoy, name, status) => {
  await using proxy = await start(envoy, `on_request_headers: foreign ${name}`);
  const { logs } = await proxy.send();
  expect(calls(logs, "foreign")[0]).toMatch(new RegExp(`^HC foreign ${name} -> ${status}`));
});

test.each([
  ["1.20", undefined],
  ["1.19", "10.0.0.1"],
])("%s: a plugin's HTTP call has x-forwarded-for %s", async (envoy, value) => {
  const script = 'on_request_headers: http_call up 1000 "" :method GET :path /c :authority a';
  await using proxy = await start(envoy, script);
  await proxy.send();
  const call = proxy.upstreamRequests.find(({ path }) => path === "/c");
  expect(call!.headers.get("x-forwarded-for")).toBe(value);
});

describe("fields that a release does not know are refused", () => {
  test.each([
    ["1.32", { failurePolicy: "FAIL_OPEN" }, "failure_policy"],
    ["1.34", { allowOnHeadersStopIteration: true }, "allow_on_headers_stop_iteration"],
  ])("%s: %j", async (envoy, options, field) => {
    await expect(start(envoy, "", options)).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringContaining(`Envoy ${envoy} does not know ${field}`),
    });
  });

  test("a release that knows them starts", async () => {
    await using proxy = await start("1.35", "", { failurePolicy: "FAIL_OPEN", allowOnHeadersStopIteration: true });
    expect((await proxy.send()).response.status).toBe(200);
  });
});
