import { expect, test } from "vitest";
import type { Upstream } from "../../src/index.js";
import { createProxy, noReply, reply } from "../../src/index.js";
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
