import "../../src/matchers/vitest.js";
import { describe, expect, test } from "vitest";
import { createProxy, headers, noReply, reply } from "../../src/index.js";
import * as assert from "../../src/matchers/assert.js";
import { matchers } from "../../src/matchers/matchers.js";
import { probe, probeWith } from "../support/probe.js";

const get = { ":authority": "example.com", ":path": "/a", ":method": "GET", ":scheme": "http" };

/** The message of a check that must not hold. */
function failure(check: () => unknown): string {
  try {
    check();
  } catch (thrown) {
    return (thrown as Error).message;
  }
  throw new Error("The check holds");
}

describe("headers", () => {
  const map = headers([
    ["x-team", "edge"],
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
    ["x-raw", "\xff\x00"],
  ]);

  test.each<[string, unknown, boolean]>([
    ["x-team", "edge", true],
    ["X-Team", "edge", true],
    ["x-team", "edg", false],
    ["x-team", /^ed/, true],
    ["x-team", /^d/, false],
    ["set-cookie", ["a=1", /^b/], true],
    ["set-cookie", "a=1", false],
    ["set-cookie", ["b=2", "a=1"], false],
    ["x-raw", new Uint8Array([255, 0]), true],
    ["x-none", "", false],
  ])("toHaveHeader(%j, %j) is %j", (name, value, wanted) => {
    expect(matchers.toHaveHeader(map, name, value as string).pass).toBe(wanted);
  });

  test("without a value the name is enough", () => {
    expect(map).toHaveHeader("x-team");
    expect(map).not.toHaveHeader("x-none");
  });

  test("a pattern with a flag that remembers gives the same answer twice", () => {
    const pattern = /edge/g;
    expect(map).toHaveHeader("x-team", pattern);
    expect(map).toHaveHeader("x-team", pattern);
  });

  test("toHaveHeaders() wants all of them and shows both lists", () => {
    expect(map).toHaveHeaders({ "x-team": "edge", "x-none": undefined });
    const text = failure(() => expect(map).toHaveHeaders({ "x-team": "core", "x-new": "1" }));
    expect(text).toContain("Expected the headers to have headers x-team, x-new");
    expect(text.split("\n").filter((line) => /^ {2}[-+ ] /.test(line))).toEqual(
      [
        "  - x-team: core",
        "  + x-team: edge",
        "    set-cookie: a=1",
        "    set-cookie: b=2",
        "    x-raw: \xff\\x00",
        "  - x-new: 1",
      ].map((line) => expect.stringContaining(line.slice(0, 12))),
    );
  });

  test("an exchange has two messages: one must be chosen", async () => {
    await using proxy = await createProxy({ filters: [], upstreams: { web: reply(200) } });
    const exchange = await proxy.send();
    expect(failure(() => expect(exchange).toHaveHeader("x"))).toContain("give its response or its upstreamRequest");
    expect(exchange.response).toHaveHeader("server", "envoy");
    expect(exchange.upstreamRequest).toHaveHeader(":path", "/");
  });
});

describe("on a stream", () => {
  test("toContinue(), toPause(), toReachUpstream()", async () => {
    await using plugin = await probe("on_request_headers: return 1\non_request_body: return 0");
    using stream = plugin.openHttpStream();
    expect(stream.requestHeaders(get)).toPause();
    expect(stream).toPause();
    expect(stream).not.toReachUpstream();
    const text = failure(() => expect(stream).toContinue());
    expect(text).toContain("Expected the stream to continue\nIt answered Pause");
    expect(text).toContain("proxy_on_request_headers");
    expect(text).toContain("wasm log p r: CB on_request_headers");
    await using passing = await probe("");
    using other = passing.openHttpStream();
    expect(other.requestHeaders(get)).toContinue();
    expect(other.requestBody("hello", { endOfStream: true })).toContinue();
    expect(other).toReachUpstream({ method: "GET", path: /^\/a/, body: "hello" });
    expect(failure(() => expect(other).toReachUpstream({ path: "/b" }))).toMatch(/- :path: \/b\n {2}\+ :path: \/a/);
  });

  test("toReplyWith() wants the plugin's own answer", async () => {
    await using plugin = await probe("on_request_headers: local 403 denied no -1 x-why bad; return 1");
    using stream = plugin.openHttpStream();
    stream.requestHeaders(get, { endOfStream: true });
    expect(stream).toReplyWith({ status: 403, headers: { "x-why": "bad" }, body: "no" });
    expect(failure(() => expect(stream).toReplyWith({ body: "yes" }))).toContain('- body "yes"\n  + body no');
    expect(failure(() => expect(stream).toReplyWith({ status: 401 }))).toContain("- :status: 401");
    using other = (await probe("")).openHttpStream();
    other.requestHeaders(get, { endOfStream: true });
    other.responseHeaders({ ":status": "403" }, { endOfStream: true });
    expect(failure(() => expect(other).toReplyWith({ status: 403 }))).toContain("The response is the upstream's");
  });
});

describe("on an exchange, a plugin and a proxy", () => {
  const auth = probeWith(
    "on_configure: metric 0 asked",
    'on_request_headers: inc 4 3; http_call auth 5000 "" :method GET :path /check :authority auth; return 1',
    "on_http_call_response: get 6 :status; eff $stream; continue 0",
  );

  test("toHaveCalled(), toHaveLogged(), toHaveMetric()", async () => {
    await using proxy = await createProxy({ filters: [auth], upstreams: { web: reply(200), auth: noReply } });
    const exchange = await proxy.send();
    expect(exchange).toHaveCalled("auth", { method: "GET", path: "/check" });
    expect(proxy).toHaveCalled("auth");
    expect(failure(() => expect(exchange).toHaveCalled("auht"))).toContain('It called auth (did you mean "auth"?)');
    expect(failure(() => expect(exchange).toHaveCalled("auth", { path: "/x" }))).toContain("- :path: /x");
    expect(exchange).toHaveLogged("info", /http_call auth/);
    expect(exchange).toHaveLogged("any", "http_call auth");
    expect(exchange).not.toHaveLogged("error");
    expect(failure(() => expect(exchange).toHaveLogged("warn", "http_call auth"))).toContain("It was logged at info");
    expect(() => matchers.toHaveLogged(exchange, "wran" as "warn")).toThrow(
      'Cannot check for log level "wran" (did you mean "warn"?)',
    );
    expect(proxy).toHaveMetric("asked", 3);
    expect(failure(() => expect(proxy).toHaveMetric("asked", 4))).toContain("It has 3");
    expect(failure(() => expect(proxy).toHaveMetric("askd"))).toContain(
      'Its metrics are asked (did you mean "asked"?)',
    );
    expect(exchange).toReachUpstream();
  });

  test("toTrap() of a call, a promise, a plugin, a proxy", async () => {
    const script = "on_request_headers: trap";
    await using plugin = await probe(script);
    expect(plugin).not.toTrap();
    expect(() => plugin.openHttpStream().requestHeaders(get)).toTrap(/unreachable/);
    expect(plugin).toTrap();
    await using proxy = await createProxy({ filters: [probeWith(script)], upstreams: { web: reply(200) } });
    await expect(proxy.send()).toTrap("proxy_on_request_headers");
    expect(proxy).toTrap();
    await using well = await createProxy({ filters: [], upstreams: { web: reply(200) } });
    await expect(well.send()).not.toTrap();
    await expect(expect(well.send()).toTrap()).rejects.toThrow("Nothing trapped");
  });
});

test("assert has the same checks, and throws AssertionError", async () => {
  const map = headers({ "x-team": "edge" });
  assert.hasHeader(map, "x-team", "edge");
  assert.hasHeader.not(map, "x-none");
  expect(() => assert.hasHeader(map, "x-team", "core")).toThrow(
    expect.objectContaining({
      name: "AssertionError",
      code: "ERR_ASSERTION",
      message: expect.stringContaining("- x-team: core"),
    }),
  );
  await using proxy = await createProxy({
    filters: [probeWith("on_request_headers: trap")],
    upstreams: { web: reply(200) },
  });
  await assert.traps(proxy.send());
  await expect(assert.traps.not(proxy)).rejects.toMatchObject({ code: "ERR_ASSERTION" });
});

test("every matcher has its assertion", () => {
  const functions = Object.values(assert).filter((one) => typeof one === "function");
  expect(functions).toHaveLength(Object.keys(matchers).length);
});
