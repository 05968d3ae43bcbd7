// TCP through real SDKs: what fixtures/hostcalls-tinygo/README.md and fixtures/hostcalls-cpp/README.md say a real Envoy 1.40.0
// logged with these modules.
import { describe, expect, test } from "vitest";
import type { Plugin } from "../../src/index.js";
import { Action, loadPlugin } from "../../src/index.js";
import { fixture } from "../support/fixtures.js";

const tinygo = () => loadPlugin(fixture("hostcalls-tinygo/hostcalls.wasm"), { configuration: "tcp" });
const cpp = () => loadPlugin(fixture("hostcalls-cpp/hostcalls.wasm"));

/** Lines from the new connection on. */
function said(plugin: Plugin, first: string): string[] {
  const lines = plugin.logs.map(({ message }) => message);
  return lines.slice(lines.indexOf(first));
}

/** A client that sends `hello`, an upstream that answers `echo` and closes, and then the client's end. */
function conversation(plugin: Plugin): void {
  const stream = plugin.openTcpStream();
  stream.downstreamData("hello\n");
  stream.upstreamData("echo");
  stream.upstreamData("", { endOfStream: true });
  stream.downstreamData("", { endOfStream: true });
  expect(stream.upstream.text()).toBe("hello\n");
  expect(stream.client.text()).toBe("echo");
  expect(stream.closedBy).toBe("remote");
}

describe("TinyGo", () => {
  test("a connection from its beginning to its end", async () => {
    const plugin = await tinygo();
    conversation(plugin);
    expect(said(plugin, "OnNewConnection: called")).toEqual([
      "OnNewConnection: called",
      "OnDownstreamData: 6 bytes, end no",
      'GetDownstreamData(0, 6): "hello\\n"',
      "OnUpstreamData: 4 bytes, end no",
      'GetUpstreamData(0, 4): "echo"',
      "OnUpstreamData: 0 bytes, end yes",
      "OnUpstreamClose, peer: 0",
      "OnDownstreamData: 0 bytes, end yes",
      "OnDownstreamClose, peer: 2",
      "OnStreamDone: called",
    ]);
  });

  test.each([
    { word: "prepend", line: "PrependDownstreamData(<): ok", upstream: "<prepend" },
    { word: "append\n", line: "AppendDownstreamData(>): ok", upstream: "append\n>" },
    { word: "replace", line: "ReplaceDownstreamData(replaced): ok", upstream: "replaced" },
  ])("$word", async ({ word, line, upstream }) => {
    const plugin = await tinygo();
    const stream = plugin.openTcpStream();
    expect(stream.downstreamData(word)).toBe(Action.Continue);
    expect(plugin.logs.at(-1)?.message).toBe(line);
    expect(stream.upstream.text()).toBe(upstream);
  });

  test("pause, and continue from a tick", async () => {
    const plugin = await tinygo();
    const stream = plugin.openTcpStream();
    expect(stream.downstreamData("pause")).toBe(Action.Pause);
    plugin.clock.advance(10);
    expect(said(plugin, 'GetDownstreamData(0, 5): "pause"').slice(1)).toEqual([
      "SetTickPeriodMilliSeconds(10): ok",
      "OnTick: called",
      "SetEffectiveContext(paused): ok",
      "ContinueTcpStream(): ok",
      "SetTickPeriodMilliSeconds(0): ok",
    ]);
    expect(stream.upstream.text()).toBe("pause");
  });

  test.each(["CloseDownstream", "CloseUpstream"])("%s", async (name) => {
    const plugin = await tinygo();
    const stream = plugin.openTcpStream();
    stream.downstreamData(name === "CloseDownstream" ? "close-downstream" : "close-upstream");
    expect(said(plugin, `${name}(): ok`)).toEqual([
      `${name}(): ok`,
      "OnDownstreamClose, peer: 1",
      "OnStreamDone: called",
    ]);
    expect(stream.upstream.text()).toBe("");
  });
});

describe("C++", () => {
  test("a connection from its beginning to its end", async () => {
    const plugin = await cpp();
    conversation(plugin);
    expect(said(plugin, "proxy_on_new_connection: called")).toEqual([
      "proxy_on_new_connection: called",
      "proxy_on_downstream_data: 6 bytes, more",
      "proxy_get_buffer_status(downstream data): OK, 6 bytes, flags 0",
      "proxy_on_upstream_data: 4 bytes, more",
      "proxy_get_buffer_status(upstream data): OK, 4 bytes, flags 0",
      "proxy_on_upstream_data: 0 bytes, end",
      "proxy_get_buffer_status(upstream data): OK, 0 bytes, flags 0",
      "proxy_on_upstream_connection_close: peer 0",
      "proxy_on_downstream_data: 0 bytes, end",
      "proxy_get_buffer_status(downstream data): OK, 0 bytes, flags 0",
      "proxy_on_downstream_connection_close: peer 2",
      "proxy_on_done: stream",
      "proxy_on_log: called",
      "proxy_on_delete: stream",
    ]);
  });

  test("pause from the upstream: Envoy cannot continue that side", async () => {
    const plugin = await cpp();
    const stream = plugin.openTcpStream();
    expect(stream.upstreamData("pause")).toBe(Action.Pause);
    plugin.clock.advance(10);
    expect(said(plugin, "proxy_set_tick_period_milliseconds(10): OK")).toEqual([
      "proxy_set_tick_period_milliseconds(10): OK",
      "proxy_on_tick: called",
      "proxy_set_effective_context(paused): OK",
      "proxy_continue_stream(3): UNIMPLEMENTED",
      "proxy_set_tick_period_milliseconds(0): OK",
    ]);
    expect(stream.client.text()).toBe("");
  });
});
