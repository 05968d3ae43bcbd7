// env.envoy_resolve_dns, envoy_on_resolve_dns and envoy_on_stats_update. envoy-behaviour.md §8.3, test/recordings/extensions.jsonl
import { describe, expect, test } from "vitest";
import { Status } from "../../../src/abi/enums.js";
import { limits } from "../../../src/abi/limits.js";
import { loadPlugin } from "../../../src/harness/plugin.js";
import { relay } from "../../../src/harness/relay.js";
import { readRecordings } from "../../../src/verify/envoy/store.js";
import { fixture } from "../../support/fixtures.js";
import { hostcallLines } from "../../support/probe.js";
import { end } from "../support.js";

const nothing = "\0\0\0\0";

describe("envoy_resolve_dns", () => {
  const table = { "two.example": ["10.0.0.1", { address: "::1", ttlSeconds: 258 }] };

  test.each([
    {
      claim: "addresses with their times to live",
      name: "two.example",
      size: 31,
      bytes: `\x02\0\0\0${nothing}\x02\x01\0\x0010.0.0.1:0\0[::1]:0\0`,
    },
    { claim: "an address stands for itself", name: "127.0.0.8", size: 20, bytes: `\x01\0\0\0${nothing}127.0.0.8:0\0` },
    { claim: "a name that is not known has no address", name: "nowhere", size: 4, bytes: nothing },
    { claim: "the empty name has none", name: "", size: 4, bytes: nothing },
  ])("$claim", async ({ name, size, bytes }) => {
    const guest = await relay({ resolveDns: table });
    const answers = guest.during("envoy_on_resolve_dns", (...[context, token, size]) => {
      expect(guest.call("proxy_get_buffer_bytes", 8, 0, 1000, 100, 104)).toBe(Status.Ok);
      return { args: [context, token, size], text: guest.text(guest.u32(100), guest.u32(104)) };
    });
    expect(guest.call("envoy_resolve_dns", 0, guest.write(0, name), 50)).toBe(Status.Ok);
    expect(guest.u32(50)).toBe(2);
    expect(answers).toHaveLength(0);
    guest.plugin.clock.advance(0);
    expect(answers).toEqual([{ args: [guest.plugin.root.id, 2, size], text: bytes }]);
  });

  test("a bad pointer asks nothing and uses no token", async () => {
    const guest = await relay();
    expect(guest.call("envoy_resolve_dns", end, 1, 50)).toBe(Status.InvalidMemoryAccess);
    expect(guest.call("envoy_resolve_dns", 0, 0, end)).toBe(Status.InvalidMemoryAccess);
    expect(guest.call("envoy_resolve_dns", 0, 0, 50)).toBe(Status.Ok);
    expect(guest.u32(50)).toBe(2);
  });

  test("as recorded: tokens, sizes and bytes of three questions", async () => {
    const entry = readRecordings("extensions").find(({ name }) => name === "dns")!;
    const { script } = entry.scenario.plugins![0]!;
    const log = entry.recorded["1.40.0"]!.log!.map(({ message }) => message);
    const plugin = await loadPlugin(fixture("probe/probe-envoy.wasm"), {
      name: "p",
      rootId: "r",
      configuration: (script as readonly string[]).join("\n"),
    });
    plugin
      .openHttpStream()
      .requestHeaders({ ":method": "GET", ":path": "/", ":authority": "a" }, { endOfStream: true });
    plugin.clock.advance(0);
    const callbacks = (lines: readonly string[]) => lines.filter((line) => line.includes("CB on_resolve_dns"));
    expect(callbacks(plugin.logs.map(({ message }) => message))).toEqual(callbacks(log));
    // Envoy calls back inside the hostcall for an address, so that its lines come in another order
    const hostcalls = log.filter((line) => line.startsWith("HC ")).map((line) => line.slice(3));
    expect(hostcallLines(plugin).toSorted()).toEqual(hostcalls.toSorted());
  });

  test("too many questions at a time are a named error", async () => {
    const guest = await relay();
    const ask = () => {
      for (let i = 0; i <= limits.pendingCalls; i++) guest.call("envoy_resolve_dns", 0, 0, 50);
    };
    expect(() => guest.inside(ask)).toThrow(expect.objectContaining({ code: "LIMIT_EXCEEDED" }));
  });

  test("a plugin that ended before the answer is not called", async () => {
    const guest = await relay();
    guest.call("envoy_resolve_dns", 0, 0, 50);
    const { clock } = guest.plugin;
    guest.close();
    clock.advance(0);
    expect(guest.callbacks.filter((line) => line.startsWith("envoy_on"))).toEqual([]);
  });
});

test("envoy_on_stats_update brings counters and gauges in buffer 8", async () => {
  const guest = await relay();
  const seen = guest.during("envoy_on_stats_update", (_, size) => {
    guest.call("proxy_get_buffer_bytes", 8, 0, size!, 100, 104);
    return guest.text(guest.u32(100), guest.u32(104));
  });
  guest.plugin.updateStats({
    counters: [{ name: "a.b", value: 258n, delta: 1n }],
    gauges: [{ name: "gauge", value: 7n }],
  });
  const u64 = (low: string) => low.padEnd(8, "\0");
  const counters = `\x28\0\0\0\x01\0\0\0\x01\0\0\0\x03\0\0\0a.b${"\0".repeat(5)}${u64("\x02\x01")}${u64("\x01")}`;
  const gauges = `\x20\0\0\0\x02\0\0\0\x01\0\0\0\x05\0\0\0gauge${"\0".repeat(3)}${u64("\x07")}`;
  expect(seen).toEqual([counters + gauges]);
  expect(guest.callbacks).toContain(
    `envoy_on_stats_update(${guest.plugin.root.id}, ${counters.length + gauges.length})`,
  );
});

test("a capability list forbids neither the proxy's own functions nor its callbacks", async () => {
  const guest = await relay({ capabilities: ["proxy_on_vm_start"], resolveDns: {} });
  expect(guest.call("proxy_get_log_level", 50)).toBe(Status.InternalFailure);
  expect(guest.call("envoy_resolve_dns", 0, 0, 50)).toBe(Status.Ok);
  guest.plugin.clock.advance(0);
  expect(guest.callbacks.at(-1)).toBe(`envoy_on_resolve_dns(${guest.plugin.root.id}, 2, 4)`);
});
