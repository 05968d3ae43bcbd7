import { describe, expect, test } from "vitest";
import { loadPlugin } from "../../src/index.js";
import { goMissing, httpHeaders, httpHeadersModule } from "../support/fixtures.js";
import { callbackLines, hostcallLines, probe } from "../support/probe.js";

const get = { ":authority": "example.com", ":path": "/", ":method": "GET", ":scheme": "http" };

describe("plugin.snapshot() and restore()", () => {
  test.for(httpHeaders)(
    "the same exchange gives the same log after a restore as the first time: %s",
    async (language, context) => {
      const module = httpHeadersModule(language);
      if (module === undefined) return context.skip(goMissing);
      using plugin = await loadPlugin(module);
      const snapshot = plugin.snapshot();
      const before = plugin.logs.length;
      const once = (): string[] => {
        const stream = plugin.openHttpStream();
        stream.requestHeaders(get, { endOfStream: true });
        stream.responseHeaders({ ":status": "200" }, { endOfStream: true });
        return plugin.logs.slice(before).map((record) => `${record.contextId} ${record.line}`);
      };
      const first = once();
      const memory = Buffer.from(plugin.vm.memory.whole);
      for (let i = 0; i < 200; i++) once(); // collectors run, memory may grow
      for (let i = 0; i < 3; i++) {
        plugin.restore(snapshot);
        expect(plugin.logs).toHaveLength(before);
        expect(once()).toEqual(first);
      }
      plugin.restore(snapshot);
      once();
      expect(Buffer.compare(memory, Buffer.from(plugin.vm.memory.whole))).toBe(0);
    },
  );

  test("ids, clock, shared data, queues, metrics, ticks and status begin again", async () => {
    const script = [
      "on_configure: tick 100; metric 0 c; sset k one 0; qreg q; enq 1 a",
      "on_request_headers: inc 4 5; getm 4; sget k; sset k two 0; deq 1; metric 1 g; http_call up 0 x :method GET :path / :authority a",
      "on_tick: sget k",
    ].join("\n");
    const plugin = await probe(script);
    const snapshot = plugin.snapshot();
    const start = plugin.clock.elapsedNs;
    const run = (): string[] => {
      const stream = plugin.openHttpStream();
      stream.requestHeaders(get, { endOfStream: true });
      plugin.calls.at(-1)!.respond();
      stream.close();
      plugin.clock.advance(100);
      return [...callbackLines(plugin), ...hostcallLines(plugin)];
    };
    const first = run();
    expect(first.some((line) => line.startsWith("on_tick"))).toBe(true);
    plugin.restore(snapshot);
    expect(plugin.clock.elapsedNs).toBe(start);
    expect(plugin.calls).toHaveLength(0);
    expect(run()).toEqual(first);
  });

  test("a plugin that trapped is well again, with another instance", async () => {
    const plugin = await probe("on_request_headers@1: trap");
    const snapshot = plugin.snapshot();
    expect(() => plugin.openHttpStream().requestHeaders(get)).toThrow("Guest trapped");
    expect(plugin.failure).toMatchObject({ code: "GUEST_TRAPPED" });
    plugin.restore(snapshot);
    expect(plugin.failure).toBeUndefined();
    expect(() => plugin.openHttpStream().requestHeaders(get)).toThrow("Guest trapped");
  });

  test("memory that grew since is as small as it was", async () => {
    const plugin = await probe("on_request_headers: grow 10");
    const snapshot = plugin.snapshot();
    const size = plugin.vm.memory.size;
    plugin.openHttpStream().requestHeaders(get, { endOfStream: true });
    expect(plugin.vm.memory.size).toBe(size + 10 * 65_536);
    plugin.restore(snapshot);
    expect(plugin.vm.memory.size).toBe(size);
  });

  test("is refused while a stream is open or a call waits", async () => {
    const plugin = await probe("on_configure: http_call up 0 x :method GET :path / :authority a");
    expect(() => plugin.snapshot()).toThrow("Cannot take a snapshot: 1 calls wait for an answer");
    plugin.calls[0]!.respond();
    const stream = plugin.openHttpStream();
    stream.requestHeaders(get);
    expect(() => plugin.snapshot()).toThrow("Cannot take a snapshot: 1 streams are open");
    stream.close();
    expect(() => plugin.restore(plugin.snapshot())).not.toThrow();
  });
});
