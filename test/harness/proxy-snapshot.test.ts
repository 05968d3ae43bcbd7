import { describe, expect, test } from "vitest";
import type { Exchange, Proxy, ProxyOptions } from "../../src/index.js";
import { createProxy, noReply, reply } from "../../src/index.js";
import { goMissing, httpHeaders, httpHeadersModule } from "../support/fixtures.js";
import { probeWith } from "../support/probe.js";

/** Everything of an exchange that a test can see. */
function seen({ response, upstreamRequest, calls, logs, access, diagnostics }: Exchange): unknown {
  return {
    response: [response.status, response.headers.pairs(), response.text(), response.trailers?.pairs()],
    upstream: upstreamRequest && [upstreamRequest.headers.pairs(), upstreamRequest.text()],
    calls: calls.map(({ upstream, headers, outcome, status }) => [upstream, headers.pairs(), outcome, status]),
    logs: logs.map((record) => `${record.contextId} ${record.toString()}`),
    access,
    diagnostics: diagnostics.map(({ code, message }) => `${code} ${message}`),
  };
}

/** Everything of a proxy that a test can see. */
function stateOf(proxy: Proxy): unknown {
  return {
    elapsedNs: proxy.clock.elapsedNs,
    logs: proxy.logs.map((record) => `${record.contextId} ${record.toString()}`),
    calls: proxy.calls.length,
    upstreamRequests: proxy.upstreamRequests.length,
    metrics: proxy.metrics.map(({ name, value, used, samples }) => [name, value, used, [...samples]]),
    stats: [...proxy.stats],
    accessLog: [...proxy.accessLog],
    diagnostics: [...proxy.diagnostics],
  };
}

const requests = [
  { path: "/a", headers: { "x-n": "1" } },
  { path: "/b", method: "POST", body: ["one", "two"] },
  { path: "/c", protocol: "HTTP/2" as const },
];

async function exchanges(proxy: Proxy): Promise<unknown[]> {
  const all: unknown[] = [];
  for (const request of requests) all.push(seen(await proxy.send(request)));
  return all;
}

async function sameAsFresh(options: ProxyOptions, advanceMs = 0): Promise<void> {
  await using fresh = await createProxy(options);
  fresh.clock.advance(0); // as a snapshot does
  const wanted = await exchanges(fresh);
  fresh.clock.advance(advanceMs);
  const wantedState = stateOf(fresh);
  await using proxy = await createProxy(options);
  const snapshot = proxy.snapshot();
  const before = stateOf(proxy);
  for (let i = 0; i < 3; i++) {
    expect(await exchanges(proxy)).toEqual(wanted);
    proxy.clock.advance(advanceMs);
    expect(stateOf(proxy)).toEqual(wantedState);
    proxy.restore(snapshot);
    expect(stateOf(proxy)).toEqual(before);
  }
}

describe("proxy.snapshot() and restore()", () => {
  test.for(httpHeaders)("exchanges after a restore are those of a fresh proxy: %s", async (language, context) => {
    const module = httpHeadersModule(language);
    if (module === undefined) return context.skip(goMissing);
    const filter = { module, configuration: { header: "x-team", value: "edge" } };
    await sameAsFresh({ filters: [filter], upstreams: { web: reply(200, "hello") } });
  });

  const busy = probeWith(
    "on_configure: tick 100; metric 0 c; metric 1 g; sset k one 0; qreg q; enq 1 a",
    'on_request_headers: inc 4 5; sget k; sset k two 0; deq 1; metric 1 h; http_call auth 5000 "" :method GET :path /c :authority a; return 1',
    "on_http_call_response: get 6 :status; eff $stream; continue 0",
    "on_tick: sget k; inc 4 1",
  );
  const upstreams = { web: reply(200, "hello"), auth: reply(200, "ok", { delayMs: 250 }) };

  test("calls, ticks, shared data, queues, metrics, ids and statistics begin again", async () => {
    await sameAsFresh({ filters: [busy], upstreams }, 350);
  });

  test("so they do on two workers and the main thread, whose ticks fall due together", async () => {
    const other = { ...busy, name: "q", rootId: "s", vmId: "other" };
    await sameAsFresh({ filters: [busy, other], upstreams, workers: 2 }, 350);
  });

  test("a plugin that was reloaded since is the old one again", async () => {
    const traps = { ...probeWith("on_request_headers@2: trap"), failurePolicy: "FAIL_RELOAD" as const, reloadMs: 10 };
    await using proxy = await createProxy({ filters: [traps], upstreams: { web: reply(200) }, workers: 1 });
    const run = async (): Promise<unknown> => {
      const codes: number[] = [];
      for (let i = 0; i < 4; i++) {
        codes.push((await proxy.send()).response.status);
        proxy.clock.advance(100);
      }
      return [codes, stateOf(proxy)];
    };
    const snapshot = proxy.snapshot();
    const before = stateOf(proxy);
    const first = await run();
    expect(proxy.stats.get("wasm.p.vm_reload_success")).toBeDefined();
    for (let i = 0; i < 2; i++) {
      proxy.restore(snapshot);
      expect(stateOf(proxy)).toEqual(before);
      expect(await run()).toEqual(first);
    }
  });

  test("is refused while an exchange is open, after close, and for another proxy", async () => {
    const options = { filters: [busy], upstreams: { web: reply(200), auth: noReply } };
    const proxy = await createProxy(options);
    await using other = await createProxy(options);
    const pending = proxy.send();
    expect(() => proxy.snapshot()).toThrow("Cannot take a snapshot: 1 exchanges are open; await or end them first");
    await pending;
    const snapshot = proxy.snapshot();
    expect(() => other.restore(snapshot)).toThrow("Cannot restore a snapshot: it was taken of another proxy");
    proxy.close();
    expect(() => proxy.snapshot()).toThrow("Cannot take a snapshot: the proxy is closed");
    expect(() => proxy.restore(snapshot)).toThrow("Cannot restore a snapshot: the proxy is closed");
  });

  test("exchanges from before a restore fail or say so; answers to them go nowhere", async () => {
    let answer: (reply: { status: number }) => void = () => {};
    const slow = () => new Promise<{ status: number }>((resolve) => (answer = resolve));
    await using proxy = await createProxy({
      filters: [],
      upstreams: { web: reply(200), slow },
      routes: [
        { match: { prefix: "/slow" }, cluster: "slow" },
        { match: { prefix: "/" }, cluster: "web" },
      ],
    });
    const snapshot = proxy.snapshot();
    const done = await proxy.send();
    const pending = proxy.send({ path: "/slow" });
    proxy.restore(snapshot);
    answer({ status: 200 });
    await expect(pending).rejects.toMatchObject({ code: "ILLEGAL_CALL", message: expect.stringContaining("restored") });
    expect(done.response.status).toBe(200);
    expect(() => done.logs).toThrow("Cannot read logs of an exchange: the proxy was restored; read them before");
    expect(proxy.clock.nextDueInNs).toBeUndefined();
    expect((await proxy.send()).response.status).toBe(200);
  });
});
