import { describe, expect, test } from "vitest";
import { MockAgent } from "undici";
import {
  createProxy,
  grpcReply,
  grpcUpstream,
  mockAgentUpstream,
  once,
  reply,
  sequence,
  times,
} from "../../src/index.js";
import type { Upstream, UpstreamOptions } from "../../src/index.js";
import { probeWith } from "../support/probe.js";

const proxyOf = (web: Upstream | UpstreamOptions) => createProxy({ filters: [], upstreams: { web } });

describe("sequence(), once(), times()", () => {
  test("answers come in order, each as often as it says; what is left is told", async () => {
    const script = sequence(reply(201), times(2, reply(202)), ({ path }) => reply(203, path), once({ fault: "reset" }));
    await using proxy = await proxyOf(script);
    await using other = await proxyOf(script); // with a state of its own
    const codes: number[] = [];
    for (let i = 0; i < 4; i++) codes.push((await proxy.send({ path: "/p" })).response.status);
    expect(codes).toEqual([201, 202, 202, 203]);
    expect(proxy.unused).toEqual([{ upstream: "web", replies: 1 }]);
    expect(() => proxy.assertUsed()).toThrow('Answers were never asked for: 1 of "web"');
    expect((await proxy.send()).response.status).toBe(503);
    expect(proxy.unused).toEqual([]);
    proxy.assertUsed();
    expect(other.unused).toEqual([{ upstream: "web", replies: 5 }]);
  });

  test("one request more than there are answers fails the exchange", async () => {
    await using proxy = await proxyOf(once(reply(200)));
    await proxy.send();
    await expect(proxy.send({ path: "/again" })).rejects.toMatchObject({
      code: "UPSTREAM_EXHAUSTED",
      message: 'Upstream "web" has no answer to request 2, GET /again: its script has 1',
    });
  });

  test("times(Infinity) answers for ever and wants nobody to ask; a snapshot goes back in a script", async () => {
    await using proxy = await proxyOf(sequence(reply(201), times(Infinity, reply(204))));
    const snapshot = proxy.snapshot();
    const codes = async (): Promise<number[]> => {
      const all: number[] = [];
      for (let i = 0; i < 3; i++) all.push((await proxy.send()).response.status);
      return all;
    };
    expect(await codes()).toEqual([201, 204, 204]);
    expect(proxy.unused).toEqual([]);
    proxy.restore(snapshot);
    expect(proxy.unused).toEqual([{ upstream: "web", replies: 1 }]);
    expect(await codes()).toEqual([201, 204, 204]);
  });

  test.each([0, -1, 1.5, Number.NaN])("times(%d) is refused", (count) => {
    expect(() => times(count, reply(200))).toThrow(expect.objectContaining({ code: "OPTION_INVALID" }));
  });
});

test("grpcReply() answers a call, and with a status tells it", async () => {
  const asks = probeWith(
    "on_request_headers: grpc_call auth s.Auth Check 1000 ask; return 1",
    "on_grpc_receive: body 5; eff $stream; continue 0",
    "on_grpc_close: get_status; eff $stream; continue 0",
  );
  const auth = grpcUpstream(sequence(grpcReply("granted"), grpcReply(undefined, { status: 7, statusMessage: "no" })));
  await using proxy = await createProxy({ filters: [asks], upstreams: { web: reply(200), auth } });
  const granted = await proxy.send();
  expect(granted.logs.map(({ message }) => message).join("\n")).toContain('"granted"');
  expect(granted.calls[0]).toMatchObject({ upstream: "auth", kind: "grpc", outcome: "answered" });
  const refused = await proxy.send();
  // status 7 and the message that the upstream sent, with Envoy's details in braces
  expect(refused.logs.map(({ message }) => message).join("\n")).toMatch(/get_status -> 0 .*7.*no/);
  expect(proxy.unused).toEqual([]);
});

describe("mockAgentUpstream()", () => {
  const origin = "http://service.test";

  test("undici's interceptors answer, and get what went upstream", async () => {
    const agent = new MockAgent();
    agent.disableNetConnect();
    agent
      .get(origin)
      .intercept({ path: "/a?b=1", method: "POST", body: "hello", headers: { "x-n": "1" } })
      .reply(202, { ok: true }, { headers: { "x-from": "mock" } });
    await using proxy = await proxyOf(mockAgentUpstream(agent, origin));
    const { response } = await proxy.send({ path: "/a?b=1", body: "hello", headers: { "x-n": "1" } });
    expect(response.status).toBe(202);
    expect(response.headers.get("x-from")).toBe("mock");
    expect(response.json()).toEqual({ ok: true });
    agent.assertNoPendingInterceptors();
    await agent.close();
  });

  test("what no interceptor matches fails the exchange", async () => {
    const agent = new MockAgent();
    agent.disableNetConnect();
    agent.get(origin).intercept({ path: "/a" }).reply(200);
    await using proxy = await proxyOf(mockAgentUpstream(agent, origin));
    await expect(proxy.send({ path: "/b" })).rejects.toMatchObject({ code: "UPSTREAM_FAILED" });
    await agent.close();
  });
});
