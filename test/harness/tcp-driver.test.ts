// plugin.openTcpStream(): a TCP stream driven by hand. Expected callbacks are those of envoy-behaviour.md §8.1, rows 111 to 113
// of its §9, and test/recordings/tcp.jsonl.
import { describe, expect, test } from "vitest";
import { Action } from "../../src/index.js";
import { callbackLines, hostcallLines, probe } from "../support/probe.js";

const callbacks = (plugin: Parameters<typeof callbackLines>[0]) => callbackLines(plugin, "on_new_connection");
const ending = (peer: number) => [
  `on_downstream_connection_close ctx=2 peer=${peer}`,
  "on_done ctx=2",
  "on_log ctx=2",
  "on_delete ctx=2",
];

describe("openTcpStream()", () => {
  test("makes on_new_connection and passes bytes both ways", async () => {
    const plugin = await probe("");
    const stream = plugin.openTcpStream();
    expect(stream.newConnection).toBe(Action.Continue);
    expect(stream.downstreamData("one")).toBe(Action.Continue);
    expect(stream.upstreamData("reply")).toBe(Action.Continue);
    expect(stream.upstream.text()).toBe("one");
    expect(stream.client.text()).toBe("reply");
    expect(callbacks(plugin)).toEqual([
      "on_new_connection ctx=2",
      "on_downstream_data ctx=2 size=3 eos=0",
      "on_upstream_data ctx=2 size=5 eos=0",
    ]);
  });

  test("a client that ends first: the upstream's end closes the connection as the proxy's own doing (row 112)", async () => {
    const plugin = await probe("");
    const stream = plugin.openTcpStream();
    stream.downstreamData("", { endOfStream: true });
    expect(stream.upstream.complete).toBe(true);
    expect(stream.finished).toBe(false);
    stream.upstreamData("", { endOfStream: true });
    expect(stream.closedBy).toBe("local");
    expect(callbacks(plugin)).toEqual([
      "on_new_connection ctx=2",
      "on_downstream_data ctx=2 size=0 eos=1",
      "on_upstream_data ctx=2 size=0 eos=1",
      "on_upstream_connection_close ctx=2 peer=0",
      ...ending(1),
    ]);
  });

  test("an upstream that ends first: the client's end closes the connection as the client's (l4_greet)", async () => {
    const plugin = await probe("");
    const stream = plugin.openTcpStream();
    stream.upstreamData("bye", { endOfStream: true });
    expect(stream.client.complete).toBe(true);
    expect(stream.finished).toBe(false);
    stream.downstreamData("", { endOfStream: true });
    expect(stream.closedBy).toBe("remote");
    expect(callbacks(plugin)).toEqual([
      "on_new_connection ctx=2",
      "on_upstream_data ctx=2 size=3 eos=1",
      "on_upstream_connection_close ctx=2 peer=0",
      "on_downstream_data ctx=2 size=0 eos=1",
      ...ending(2),
    ]);
  });

  test("a client's reset is peer 2 at once (l4_abort)", async () => {
    const plugin = await probe("");
    const stream = plugin.openTcpStream();
    stream.closeDownstream();
    stream.close();
    expect(callbacks(plugin)).toEqual(["on_new_connection ctx=2", ...ending(2)]);
    expect(stream.upstream.complete).toBe(true);
  });

  test("an upstream's reset lets the client have what is on its way, and closes as the proxy", async () => {
    const plugin = await probe("");
    const stream = plugin.openTcpStream();
    stream.upstreamData("last");
    stream.closeUpstream();
    expect(stream.client.text()).toBe("last");
    expect(callbacks(plugin)).toEqual(["on_new_connection ctx=2", "on_upstream_data ctx=2 size=4 eos=0", ...ending(1)]);
  });
});

describe("what a plugin holds", () => {
  test("bytes that it pauses on are shown again with those that follow (row 111)", async () => {
    const plugin = await probe("on_downstream_data#1: return 1\non_downstream_data#2+: body 2");
    const stream = plugin.openTcpStream();
    expect(stream.downstreamData("one")).toBe(Action.Pause);
    expect(stream.upstream.text()).toBe("");
    expect(stream.downstreamData("two")).toBe(Action.Continue);
    expect(stream.upstream.text()).toBe("onetwo");
    expect(hostcallLines(plugin)).toEqual(['body 2 -> 0 len=6 "onetwo"']);
  });

  test("bytes of the upstream accumulate in the same way (l4_upP)", async () => {
    const plugin = await probe("on_upstream_data#1: return 1");
    const stream = plugin.openTcpStream();
    expect(stream.upstreamData("r1")).toBe(Action.Pause);
    expect(stream.client.text()).toBe("");
    expect(stream.upstreamData("r2")).toBe(Action.Continue);
    expect(stream.client.text()).toBe("r1r2");
  });

  test("continue_stream(2) lets them go without another callback (l4_resume)", async () => {
    const plugin = await probe(
      "on_configure: tick 100\non_downstream_data: return 1\non_tick#1: eff $stream; continue 2; tick 0",
    );
    const stream = plugin.openTcpStream();
    stream.downstreamData("one");
    plugin.clock.advance(100);
    expect(stream.upstream.text()).toBe("one");
    expect(callbacks(plugin).filter((line) => line.startsWith("on_downstream_data"))).toHaveLength(1);
  });

  test("a pause in on_new_connection holds everything; after continue_stream(2) it comes at once (l4_newPr)", async () => {
    const plugin = await probe(
      "on_configure: tick 100\non_new_connection: return 1\non_tick#1: eff $stream; continue 2",
    );
    const stream = plugin.openTcpStream();
    expect(stream.newConnection).toBe(Action.Pause);
    expect(stream.connected).toBe(false);
    expect(stream.downstreamData("one")).toBeUndefined();
    expect(stream.downstreamData("two")).toBeUndefined();
    expect(() => stream.upstreamData("x")).toThrow(
      expect.objectContaining({ code: "ILLEGAL_CALL", message: expect.stringContaining("proxy_on_new_connection") }),
    );
    plugin.clock.advance(100);
    expect(stream.upstream.text()).toBe("onetwo");
    expect(callbacks(plugin).at(-1)).toBe("on_downstream_data ctx=2 size=6 eos=0");
  });

  test("more than the buffer limit waits outside until bytes are let go", async () => {
    const plugin = await probe(
      "on_configure: tick 100\non_downstream_data#1: return 1\non_tick#1: eff $stream; continue 2",
    );
    const stream = plugin.openTcpStream();
    const limit = 1024 * 1024;
    stream.downstreamData(new Uint8Array(limit + 5));
    expect(callbacks(plugin).at(-1)).toBe(`on_downstream_data ctx=2 size=${limit} eos=0`);
    expect(stream.downstreamData("more")).toBeUndefined();
    plugin.clock.advance(100);
    expect(stream.upstream.bytes).toHaveLength(limit + 9);
    expect(callbacks(plugin).at(-1)).toBe("on_downstream_data ctx=2 size=9 eos=0");
  });
});

describe("closing and failing", () => {
  test("close_stream(2) and (3) close the connection, and what the callback was shown goes nowhere", async () => {
    for (const script of ["on_downstream_data: close 2", "on_downstream_data: close 3"]) {
      const plugin = await probe(script);
      const stream = plugin.openTcpStream();
      stream.downstreamData("one");
      expect(stream.closedBy).toBe("local");
      expect(stream.upstream.text()).toBe("");
      expect(callbacks(plugin).slice(2)).toEqual(ending(1));
      expect(() => stream.downstreamData("two")).toThrow(expect.objectContaining({ code: "ILLEGAL_CALL" }));
    }
  });

  test("a trap throws, and closes the connection without another word to the plugin (l4_trap)", async () => {
    const plugin = await probe("on_downstream_data: trap");
    const stream = plugin.openTcpStream();
    expect(() => stream.downstreamData("one")).toThrow(expect.objectContaining({ code: "GUEST_TRAPPED" }));
    expect(stream.closedBy).toBe("local");
    expect(stream.upstream.text()).toBe("");
    expect(callbacks(plugin)).toEqual(["on_new_connection ctx=2", "on_downstream_data ctx=2 size=3 eos=0"]);
  });

  test("a local response has no effect, and a diagnostic says so (l4_lr)", async () => {
    const plugin = await probe("on_downstream_data: local 403 d no -1");
    const stream = plugin.openTcpStream();
    expect(stream.downstreamData("one")).toBe(Action.Continue);
    expect(stream.upstream.text()).toBe("one");
    expect(plugin.diagnostics).toMatchObject([{ code: "LOCAL_RESPONSE_WITHOUT_STREAM" }]);
  });
});

describe("properties (l4_prop)", () => {
  const int64 = (value: number) => Buffer.from(BigInt64Array.of(BigInt(value)).buffer);

  test("connection, addresses, upstream and sizes are there; what belongs to HTTP is not", async () => {
    const plugin = await probe("");
    const stream = plugin.openTcpStream({ facts: { sourceAddress: "127.0.0.1:1234" } });
    stream.downstreamData("one");
    stream.upstreamData("reply");
    const text = (...path: string[]) => Buffer.from(stream.property(...path) ?? []).toString();
    expect(text("source", "address")).toBe("127.0.0.1:1234");
    expect(text("upstream", "address")).toBe("127.0.0.1:9000");
    expect(stream.property("connection", "mtls")).toEqual(Buffer.of(0));
    expect(stream.property("request", "size")).toEqual(new Uint8Array(int64(3)));
    expect(stream.property("response", "size")).toEqual(new Uint8Array(int64(5)));
    expect(stream.property("upstream", "request_attempt_count")).toEqual(new Uint8Array(int64(1)));
    expect(text("plugin_name")).toBe("p");
    for (const path of ["request.path", "request.protocol", "request.headers.x-a", "response.code", "xds.route_name"]) {
      expect(stream.property(...path.split(".")), path).toBeUndefined();
    }
  });

  test("what a test gives wins, and what a plugin sets is read back", async () => {
    const plugin = await probe("on_downstream_data: set_prop v foo; prop foo");
    const stream = plugin.openTcpStream({ properties: { "connection.mtls": true } });
    stream.downstreamData("one");
    expect(stream.property("connection", "mtls")).toEqual(Buffer.of(1));
    expect(hostcallLines(plugin).at(-1)).toBe('prop foo -> 0 len=1 "v"');
  });
});

describe("with the rest of the harness", () => {
  test("an open stream refuses a snapshot; after its end one can be restored", async () => {
    const plugin = await probe("");
    const stream = plugin.openTcpStream();
    expect(() => plugin.snapshot()).toThrow(expect.objectContaining({ code: "ILLEGAL_CALL" }));
    stream.close();
    const snapshot = plugin.snapshot();
    plugin.openTcpStream().close();
    plugin.restore(snapshot);
    expect(plugin.openTcpStream().contextId).toBe(3);
  });

  test("closing the plugin ends its open connections", async () => {
    const plugin = await probe("");
    const stream = plugin.openTcpStream();
    stream.downstreamData("one");
    plugin.close();
    expect(stream.closedBy).toBe("local");
    expect(callbacks(plugin).slice(2, 3)).toEqual(["on_done ctx=1"]);
    expect(callbacks(plugin).slice(3, 7)).toEqual(ending(1));
    expect(() => plugin.openTcpStream()).toThrow(expect.objectContaining({ code: "ILLEGAL_CALL" }));
  });

  test("two streams live side by side", async () => {
    const plugin = await probe("on_downstream_data: append 2 !");
    const [one, two] = [plugin.openTcpStream(), plugin.openTcpStream()];
    one.downstreamData("a");
    two.downstreamData("b");
    one.close();
    expect([one.upstream.text(), two.upstream.text(), two.finished]).toEqual(["a!", "b!", false]);
  });
});
