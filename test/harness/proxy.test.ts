import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Upstream } from "../../src/index.js";
import { createProxy, noReply, reply } from "../../src/index.js";
import { relayModule } from "../../src/harness/relay-module.js";
import { probeWith } from "../support/probe.js";

const tags = { module: "fixtures/http-headers/http-headers.wasm", configuration: { header: "x-team", value: "edge" } };

test("one exchange through a filter: what the upstream gets, what the client gets", async () => {
  await using proxy = await createProxy({ filters: [tags], upstreams: { web: reply(200, "hello") } });
  const { response, upstreamRequest, logs, access } = await proxy.send({ path: "/account" });
  expect(response.status).toBe(200);
  expect(response.text()).toBe("hello");
  expect(response.headers.get("server")).toBe("envoy");
  expect(response.headers.get("x-powered-by")).toBe("proxy-wasm");
  expect(upstreamRequest?.path).toBe("/account");
  expect(upstreamRequest?.headers.get("x-team")).toBe("edge");
  expect(logs.at(-1)?.message).toBe("finished");
  expect(access).toMatchObject({ code: 200, details: "via_upstream", flags: "-" });
});

const auth = probeWith(
  'on_request_headers: http_call auth 5000 "" :method GET :path /check :authority auth; return 1',
  "on_http_call_response: get 6 :status; eff $stream; continue 0",
);

test("asks the auth service once, then forwards", async () => {
  const seen: string[] = [];
  const check: Upstream = ({ path }) => {
    seen.push(path);
    return { status: 200 };
  };
  await using proxy = await createProxy({ filters: [auth], upstreams: { web: reply(200, "hello"), auth: check } });
  const exchange = await proxy.send({ path: "/account", headers: { authorization: "Bearer t" } });
  expect(exchange.response.text()).toBe("hello");
  expect(exchange.calls.map((call) => call.upstream)).toEqual(["auth"]);
  expect(seen).toEqual(["/check"]);
});

test("a call without an answer times out when time passes, and not before", async () => {
  await using proxy = await createProxy({ filters: [auth], upstreams: { web: reply(200), auth: noReply } });
  const pending = proxy.send({ path: "/account" });
  proxy.clock.advance(4_999);
  expect(pending.over).toBe(false);
  proxy.clock.advance(1);
  expect(pending.calls[0]).toMatchObject({ outcome: "answered", status: 504 });
  expect((await pending).response.status).toBe(200); // this filter continues whatever the answer is
});

test("awaiting an exchange lets the time pass that it needs", async () => {
  await using proxy = await createProxy({ filters: [auth], upstreams: { web: reply(200), auth: noReply } });
  await proxy.send();
  expect(proxy.clock.elapsedNs / 1e6).toBeGreaterThanOrEqual(5_000);
});

test("an answer that needs a promise is waited for", async () => {
  const slow: Upstream = async () => {
    await new Promise((done) => setTimeout(done, 5));
    return reply(202, "late");
  };
  await using proxy = await createProxy({ filters: [tags], upstreams: { web: slow } });
  expect((await proxy.send()).response.text()).toBe("late");
});

test("an upstream that nobody defined fails the exchange and suggests a name", async () => {
  await using proxy = await createProxy({ filters: [auth], upstreams: { web: reply(200), auths: reply(200) } });
  await expect(proxy.send()).rejects.toMatchObject({
    code: "UPSTREAM_UNKNOWN",
    message: 'Upstream "auth" is not defined: defined are web, auths (did you mean "auths"?)',
  });
});

test("an upstream that nobody defined and a plugin calls while it starts is told as such", async () => {
  const call = 'on_configure: http_call authz 500 "" :method GET :path / :authority a';
  const error = {
    code: "UPSTREAM_UNKNOWN",
    message: expect.stringContaining('Upstream "authz" is not defined') as unknown,
  };
  const upstreams = { web: reply(200), auth: reply(200) };
  await expect(createProxy({ filters: [probeWith(call)], upstreams })).rejects.toMatchObject(error);
  await expect(createProxy({ filters: [probeWith(`${call}; return 0`)], upstreams })).rejects.toMatchObject(error);
  await using proxy = await createProxy({ filters: [probeWith(call)], upstreams, onUnknownUpstream: "envoy" });
  expect((await proxy.send()).response.status).toBe(200);
});

test("a trap fails the exchange, or with a policy gives the client Envoy's answer", async () => {
  const trap = probeWith("on_request_headers: trap");
  await using strict = await createProxy({ filters: [trap], upstreams: { web: reply(200) } });
  await expect(strict.send()).rejects.toMatchObject({ code: "GUEST_TRAPPED" });
  const closed = { ...trap, failurePolicy: "FAIL_CLOSED" as const };
  await using policy = await createProxy({ filters: [closed], upstreams: { web: reply(200) } });
  const { response, access } = await policy.send();
  expect(response.status).toBe(503);
  expect(access?.details).toBe("wasm_fail_stream");
});

test("a paused request is answered by the idle timeout, five minutes later and at once", async () => {
  const pause = probeWith("on_request_headers: return 1");
  await using proxy = await createProxy({ filters: [pause], upstreams: { web: reply(200) } });
  const { response, access } = await proxy.send();
  expect(response.status).toBe(504);
  expect(response.text()).toBe("stream timeout");
  expect(access).toMatchObject({ details: "stream_idle_timeout", flags: "SI" });
  expect(proxy.clock.elapsedNs / 1e9).toBeCloseTo(300, 0);
});

test("with trace every VM keeps all events, without it the last of them", async () => {
  const configured = async (trace: boolean): Promise<boolean> => {
    await using proxy = await createProxy({ filters: [tags], upstreams: { web: reply(200) }, trace, workers: 2 });
    for (let i = 0; i < 10; i++) await proxy.send();
    return proxy.engine.workers.every(({ vms }) => vms.every((vm) => vm.trace.events !== undefined));
  };
  expect([await configured(true), await configured(false)]).toEqual([true, false]);
  await using proxy = await createProxy({ filters: [tags], upstreams: { web: reply(200) }, trace: true });
  for (let i = 0; i < 10; i++) await proxy.send();
  const entered = proxy.trace.flatMap((event) => (event.kind === "enter" ? [event.callback] : []));
  expect(entered.filter((name) => name === "proxy_on_configure")).toHaveLength(1);
  expect(entered.filter((name) => name === "proxy_on_request_headers")).toHaveLength(10);
});

// behaviour reference 2.5
test.each([
  ['on_request_body: replace_body 0 "longer than before"', { body: "short" }, ["CONTENT_LENGTH_MISMATCH"]],
  ['on_response_headers: add 2 x-y "a\\x0d\\x0ab: c"', {}, ["RESPONSE_HEADER_SPLIT"]],
  ["on_request_headers: local 403 why no -1; return 1", { method: "HEAD" }, []],
  ["on_request_headers: return 0", { body: "short" }, []],
])("tells of messages that leave broken: %s", async (script, request, codes) => {
  await using proxy = await createProxy({ filters: [probeWith(script)], upstreams: { web: reply(200, "hello") } });
  const { diagnostics } = await proxy.send(request);
  expect(diagnostics.map(({ code }) => code)).toEqual(codes);
});

test("a module that does not link is named by its file", async () => {
  const folder = mkdtempSync(join(tmpdir(), "pwh-"));
  try {
    const file = join(folder, "odd.wasm");
    writeFileSync(file, relayModule({ abi: "0.2.1", imports: ["proxy_get_configuration"] }));
    const starting = createProxy({ filters: [file] });
    await expect(starting).rejects.toMatchObject({ code: "IMPORT_MISSING" });
    await expect(starting).rejects.toThrow(`${file}: `);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
