// createProxy({ tcp }): clients, network filters and an upstream. What Envoy 1.40.0 does in the recorded cases is compared in
// test/conformance/replay.test.ts; expectations here come from those recordings, from §7.3 of envoy-behaviour.md, and from
// the documentation of tcp_proxy where a test says so.
import { describe, expect, test } from "vitest";
import type { FilterOptions, ProxyOptions } from "../../src/index.js";
import { createProxy, reply } from "../../src/index.js";
import { fixture } from "../support/fixtures.js";

const filter = (script: string, more: Partial<FilterOptions> = {}): FilterOptions => ({
  module: fixture("probe/probe.wasm"),
  name: "p",
  rootId: "r",
  configuration: script,
  ...more,
});
const proxyOf = (script: string, options: Partial<ProxyOptions> = {}, more: Partial<FilterOptions> = {}) =>
  createProxy({ filters: [filter(script, more)], tcp: {}, ...options });

describe("createProxy({ tcp })", () => {
  test("passes bytes through the filters, in order to the upstream and in reverse to the client (l4_two)", async () => {
    const filters = ["a", "b"].map((name) =>
      filter(`on_downstream_data: append 2 ${name.toUpperCase()}\non_upstream_data: append 3 ${name}`, {
        name,
        rootId: name,
      }),
    );
    await using proxy = await createProxy({ filters, tcp: { data: () => "reply" } });
    const client = proxy.connect();
    client.send("one");
    expect(proxy.upstreamConnections[0]!.text()).toBe("oneAB");
    expect(client.received.text()).toBe("replyba");
    client.end();
    expect(client.closed).toBe(true);
    expect(proxy.accessLog).toMatchObject([{ code: 0, flags: "-", requestBytes: 3, cluster: "upstream" }]);
  });

  test("an upstream may speak first and end the connection", async () => {
    await using proxy = await proxyOf("", { tcp: { greeting: "hi", data: (_bytes, connection) => connection.end() } });
    const client = proxy.connect();
    expect(client.received.text()).toBe("hi");
    client.send("one");
    expect(client.received.complete).toBe(true);
    expect(client.closed).toBe(false);
    client.end();
    expect(client.closed).toBe(true);
  });

  test("an upstream that refuses closes the client's connection, flags UF,URX (l4_refused)", async () => {
    await using proxy = await proxyOf("", { tcp: "refused" });
    const client = proxy.connect();
    expect(client.closed).toBe(true);
    expect(proxy.accessLog).toMatchObject([{ flags: "UF,URX", requestBytes: 0 }]);
  });

  test("an upstream's reset closes the client's connection, after what was on its way", async () => {
    const data = (_bytes: Uint8Array, connection: { data(bytes: Uint8Array): void; reset(): void }) => {
      connection.data(Buffer.from("last"));
      connection.reset();
    };
    await using proxy = await proxyOf("", { tcp: { data } });
    const client = proxy.connect();
    client.send("one");
    expect(client.received.text()).toBe("last");
    expect(client.closed).toBe(true);
  });

  test("an hour without bytes ends both connections (tcp_proxy: idle_timeout)", async () => {
    await using proxy = await proxyOf("");
    const client = proxy.connect();
    client.send("one");
    proxy.clock.advance(3_599_000);
    expect(client.closed).toBe(false);
    client.send("two");
    proxy.clock.advance(3_599_999);
    expect(client.closed).toBe(false);
    proxy.clock.advance(1);
    expect(client.closed).toBe(true);
    expect(proxy.upstreamConnections[0]!.gone).toBe(true);
  });

  test("a plugin's call goes to an upstream by name, and its answer lets the bytes go on (l4_call)", async () => {
    const script =
      'on_downstream_data#1: http_call auth 1000 "" :method GET :path /c :authority a; return 1\n' +
      "on_http_call_response: eff $caller; continue 2";
    await using proxy = await proxyOf(script, { upstreams: { auth: reply(200, "hello") } });
    const client = proxy.connect();
    client.send("one");
    expect(proxy.calls).toMatchObject([{ upstream: "auth", outcome: "answered", status: 200 }]);
    expect(proxy.upstreamConnections[0]!.text()).toBe("one");
    client.reset();
    expect(proxy.upstreamConnections[0]!.gone).toBe(true);
  });

  test("closing the proxy closes what is open", async () => {
    const proxy = await proxyOf("");
    const client = proxy.connect();
    proxy.close();
    expect(client.closed).toBe(true);
    expect(() => proxy.connect()).toThrow(expect.objectContaining({ code: "ILLEGAL_CALL" }));
  });

  test("a trap throws, unless a policy is chosen", async () => {
    await using proxy = await proxyOf("on_downstream_data: trap");
    const client = proxy.connect();
    expect(() => client.send("one")).toThrow(expect.objectContaining({ code: "GUEST_TRAPPED" }));
    expect(client.closed).toBe(true);
  });

  test("FAIL_RELOAD: closed while the back-off lasts, then a new VM (§7.3)", async () => {
    await using proxy = await proxyOf("on_downstream_data: trap", {}, { failurePolicy: "FAIL_RELOAD", reloadMs: 1000 });
    const trapped = proxy.connect();
    trapped.send("one");
    expect(trapped.closed).toBe(true);
    expect(proxy.connect().closed).toBe(true);
    proxy.clock.advance(1500);
    expect(proxy.connect().closed).toBe(false);
    expect(proxy.stats.get("wasm.p.vm_reload_backoff")).toBe("1");
    expect(proxy.stats.get("wasm.p.vm_reload_success")).toBe("1");
  });

  test("what belongs to the other kind of proxy is refused by name", async () => {
    await using tcp = await proxyOf("");
    expect(() => tcp.send()).toThrow("Cannot send a request: this is a TCP proxy; use connect()");
    await using http = await createProxy({ filters: [filter("")] });
    expect(() => http.connect()).toThrow("Cannot connect: this is an HTTP proxy; createProxy takes the option tcp");
    await expect(createProxy({ filters: [], tcp: {}, routes: [] })).rejects.toMatchObject({ code: "OPTION_INVALID" });
  });

  test("a client that ended its side cannot send", async () => {
    await using proxy = await proxyOf("", { tcp: { end: () => undefined } });
    const client = proxy.connect();
    client.send("one", { endOfStream: true });
    expect(proxy.upstreamConnections[0]!.complete).toBe(true);
    expect(client.closed).toBe(false);
    expect(() => client.send("two")).toThrow(expect.objectContaining({ code: "ILLEGAL_CALL" }));
  });
});
