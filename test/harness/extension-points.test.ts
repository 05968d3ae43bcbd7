// Plugins besides the filters of the listener: envoy-behaviour.md §8.
import { describe, expect, test } from "vitest";
import { createProxy, HarnessError, reply } from "../../src/index.js";
import { fixture } from "../support/fixtures.js";

const module = fixture("probe/probe.wasm");
const probe = (name: string, script: string) => ({ module, name, rootId: "r", configuration: script });
const lines = (logs: readonly { message: string; line: string }[], pattern: RegExp): string[] =>
  logs.map(({ line }) => line).filter((line) => pattern.test(line));

describe("services", () => {
  test("run on their own, ticks included; one for all threads, or one for each worker with singleton: false", async () => {
    const service = probe("s", "on_configure: tick 100");
    await using one = await createProxy({ filters: [], services: [service], workers: 2 });
    one.clock.advance(250);
    expect(lines(one.logs, /CB on_tick/)).toHaveLength(2);
    await using each = await createProxy({ filters: [], services: [{ ...service, singleton: false }], workers: 2 });
    each.clock.advance(100);
    expect(lines(each.logs, /CB on_tick/).length).toBeGreaterThan(1);
  });
});

describe("statsSinks", () => {
  test("get the statistics every flush interval", async () => {
    const sink = { ...probe("sink", ""), module: fixture("probe/probe-envoy.wasm") };
    await using proxy = await createProxy({ filters: [], statsSinks: { plugins: [sink], flushMs: 200 }, workers: 1 });
    proxy.clock.advance(450);
    expect(lines(proxy.logs, /CB on_stats_update/)).toHaveLength(2);
  });
});

describe("upstreamFilters", () => {
  const upstreams = { web: reply(200, "hello"), other: reply(200) };

  test("requests meet them behind the filters of the listener, those of their own upstream only", async () => {
    const filters = [probe("front", "")];
    await using proxy = await createProxy({
      filters,
      upstreams,
      upstreamFilters: { web: [probe("behind", "on_request_headers: add 0 x-behind 1")] },
    });
    await proxy.send({ method: "GET", path: "/", authority: "example.com" });
    expect(lines(proxy.logs, /CB on_request_headers/).map((line) => /wasm log (\w+) r/.exec(line)?.[1])).toEqual([
      "front",
      "behind",
    ]);
    expect(proxy.upstreamRequests.at(-1)?.headers.first("x-behind")).toBe("1");
    await using untouched = await createProxy({
      filters,
      upstreams,
      upstreamFilters: { other: [probe("behind", "")] },
    });
    await untouched.send({ method: "GET", path: "/", authority: "example.com" });
    expect(lines(untouched.logs, /CB on_request_headers/)).toHaveLength(1);
  });

  test("of an upstream that is not there: did you mean", async () => {
    const wrong = createProxy({ filters: [], upstreams, upstreamFilters: { wb: [probe("behind", "")] } });
    await expect(wrong).rejects.toThrow(
      new HarnessError(
        "OPTION_INVALID",
        'Cannot use upstreamFilters of "wb" (did you mean "web"?): upstreams are web, other',
      ),
    );
  });
});
