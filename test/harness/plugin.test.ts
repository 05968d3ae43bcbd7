import { readFileSync } from "node:fs";
import { assert, describe, expect, test } from "vitest";
import type { Plugin } from "../../src/index.js";
import { Action, HarnessError, headers, loadPlugin } from "../../src/index.js";
import { fixture } from "../support/fixtures.js";
import { callbackLines, hostcallLines, probe } from "../support/probe.js";

const get = { ":authority": "example.com", ":path": "/", ":method": "GET", ":scheme": "http" };
const post = { ...get, ":method": "POST" };

describe("loadPlugin()", () => {
  test("takes a path, a URL or bytes", async () => {
    const path = fixture("http-headers/http-headers.wasm");
    for (const source of [path, new URL(`file://${path}`), readFileSync(path)]) {
      using plugin = await loadPlugin(source);
      expect(plugin.abiVersion).toBe("0.2.0");
      expect(plugin.sha256).toBe("6376301ed704f9210db3f6c3406802ec79b69430bc634965e5145750b4dbde16");
    }
  });

  test("makes the callbacks of a start in Envoy's order, with the sizes of both configurations", async () => {
    const plugin = await probe("on_configure: body 6; body 7", { vmConfiguration: "# vm" });
    expect(callbackLines(plugin, "on_context_create")).toEqual([
      "on_context_create ctx=1 parent=0",
      "on_vm_start ctx=1 size=4",
      "on_configure ctx=1 size=28",
    ]);
    expect(hostcallLines(plugin)).toEqual([
      'body 6 -> 0 len=4 "# vm"',
      'body 7 -> 0 len=28 "on_configure: body 6; body 7"',
    ]);
  });

  test("throws what kept the plugin from starting, with what it said", async () => {
    await expect(probe("on_vm_start: return 0")).rejects.toMatchObject({ code: "VM_START_REFUSED" });
    await expect(probe("on_configure: return 0")).rejects.toMatchObject({ code: "CONFIGURE_REFUSED" });
    await expect(probe("on_configure: trap")).rejects.toMatchObject({
      code: "GUEST_TRAPPED",
      message: "Guest trapped in proxy_on_configure (context 1): RuntimeError: unreachable",
    });
    await expect(probe("on_configure: forever", { budgetMs: 50 })).rejects.toMatchObject({ code: "GUEST_TIMEOUT" });
    await expect(loadPlugin("nowhere.wasm")).rejects.toMatchObject({ code: "FILE_UNREADABLE" });
  });

  test("two plugins know nothing of each other", async () => {
    const [one, two] = await Promise.all([probe("on_configure: sset k one 0"), probe("on_configure: sget k")]);
    expect(hostcallLines(two)).toEqual(["sget k -> 1"]);
    one.close();
    const stream = two.openHttpStream();
    expect(stream.requestHeaders(get)).toBe(Action.Continue);
  });

  test("close() ends the plugin once, and nothing can be opened afterwards", async () => {
    const plugin = await probe("");
    plugin.close();
    plugin.close();
    expect(callbackLines(plugin, "on_done")).toEqual(["on_done ctx=1", "on_delete ctx=1"]);
    expect(() => plugin.openHttpStream()).toThrow("Cannot open a stream: the plugin is closed");
  });

  test("close() ends open streams before their plugin is deleted, and they take nothing more", async () => {
    const plugin = await probe("");
    const [begun, untouched] = [plugin.openHttpStream(), plugin.openHttpStream()];
    begun.requestHeaders(get);
    plugin.close();
    expect(callbackLines(plugin, "on_done").slice(0, 4)).toEqual([
      "on_done ctx=1",
      "on_log ctx=2",
      "on_done ctx=2",
      "on_delete ctx=2",
    ]);
    expect(callbackLines(plugin, "on_log").at(-1)).toBe("on_delete ctx=1");
    expect(() => untouched.requestHeaders(get)).toThrow("Cannot send request headers: the stream is closed");
    expect(() => begun.requestBody("x")).toThrow("the stream is closed");
  });

  test("a plugin whose on_done answers false is deleted when it calls proxy_done", async () => {
    const plugin = await probe("on_configure: tick 10\non_done: return 0\non_tick: done");
    plugin.close();
    expect(callbackLines(plugin, "on_done")).toEqual(["on_done ctx=1"]);
    plugin.clock.advance(10);
    expect(callbackLines(plugin, "on_done")).toEqual(["on_done ctx=1", "on_tick ctx=1", "on_delete ctx=1"]);
  });
});

describe("time and randomness", () => {
  test("are the same in every run, and start at a fixed moment", async () => {
    const random = (plugin: Plugin): Uint8Array => {
      const bytes = new Uint8Array(8);
      plugin.vm.process.random.fill(bytes);
      return bytes;
    };
    const [one, two] = await Promise.all([probe(""), probe("")]);
    const bytes = random(one);
    expect(random(two)).toEqual(bytes);
    expect(one.clock.wallNs).toBe(two.clock.wallNs);
    expect(new Date(Number(one.clock.wallNs / 1_000_000n)).toISOString()).toBe("2023-11-14T22:13:20.000Z");
    const other = await probe("", { seed: 2, startTime: new Date("2030-01-01T00:00:00Z") });
    expect(other.clock.wallNs / 1_000_000_000n).toBe(1_893_456_000n);
    expect(random(other)).not.toEqual(bytes);
  });

  test("ticks come after each period, counted from the end of the one before", async () => {
    const plugin = await probe("on_configure: tick 100");
    plugin.clock.advance(99);
    expect(callbackLines(plugin, "on_tick")).toEqual([]);
    plugin.clock.advance(201);
    expect(callbackLines(plugin, "on_tick")).toEqual(["on_tick ctx=1", "on_tick ctx=1", "on_tick ctx=1"]);
  });
});

describe("a stream driven by hand", () => {
  test("a paused request holds headers and body; resumed, the body comes once, whole", async () => {
    const plugin = await probe("on_configure: tick 5\non_request_headers: return 1\non_tick: eff $stream; continue 0");
    const stream = plugin.openHttpStream();
    expect(stream.requestHeaders(post)).toBe(Action.Pause);
    expect(stream.requestBody("abc")).toBeUndefined();
    expect(stream.requestBody("def", { endOfStream: true })).toBeUndefined();
    expect(stream.upstream.headers).toBeUndefined();
    plugin.clock.advance(5);
    expect(stream.upstream.text()).toBe("abcdef");
    expect(stream.upstream.complete).toBe(true);
    expect(callbackLines(plugin, "on_request_body")).toEqual(["on_request_body ctx=2 size=6 eos=1"]);
  });

  test("Pause in the body callback shows all bytes so far, and Continue lets all of them go", async () => {
    const plugin = await probe("on_request_body!more: return 1\non_request_body: body 0");
    const stream = plugin.openHttpStream();
    stream.requestHeaders(post);
    stream.requestBody("a");
    stream.requestBody("b");
    expect(stream.upstream.text()).toBe("");
    stream.requestBody("c", { endOfStream: true });
    expect(hostcallLines(plugin)).toEqual([
      'body 0 -> 0 len=1 "a"',
      'body 0 -> 0 len=2 "ab"',
      'body 0 -> 0 len=3 "abc"',
    ]);
    expect(stream.upstream.text()).toBe("abc");
  });

  test("trailers come after the body, which has no end of its own then", async () => {
    const plugin = await probe("on_request_trailers: add 1 x-late 1");
    const stream = plugin.openHttpStream();
    stream.requestHeaders(post);
    stream.requestBody("abc");
    stream.requestTrailers({ "x-sum": "7" });
    expect([...stream.upstream.trailers!]).toEqual([
      ["x-sum", "7"],
      ["x-late", "1"],
    ]);
    expect(callbackLines(plugin)).toEqual([
      "on_request_headers ctx=2 n=4 eos=0",
      "on_request_body ctx=2 size=3 eos=0",
      "on_request_trailers ctx=2 n=1",
    ]);
  });

  test("a body can be replaced and its length header removed", async () => {
    const plugin = await probe(
      "on_response_headers: remove 2 content-length\non_response_body!more: replace_body 1 new",
    );
    const stream = plugin.openHttpStream();
    stream.requestHeaders(get, { endOfStream: true });
    stream.responseHeaders({ ":status": "200", "content-length": "5" });
    stream.responseBody("hello");
    stream.responseBody("", { endOfStream: true });
    expect([...stream.client.headers!]).toEqual([[":status", "200"]]);
    expect(stream.client.text()).toBe("new");
  });

  test("a trap throws, once, and the client's reply is what FAIL_CLOSED makes of it", async () => {
    const plugin = await probe("on_request_headers: quiet; log 4 oops; trap");
    const stream = plugin.openHttpStream();
    let thrown: unknown;
    try {
      stream.requestHeaders(get, { endOfStream: true });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(HarnessError);
    expect(thrown).toMatchObject({
      code: "GUEST_TRAPPED",
      details: expect.arrayContaining(["the guest's last words: oops"]),
    });
    expect(stream.client.status).toBe(503);
    expect(stream.responseCodeDetails).toBe("wasm_fail_stream");
    expect(plugin.failure).toMatchObject({ code: "GUEST_TRAPPED" });
    expect(callbackLines(plugin)).toEqual(["on_request_headers ctx=2 n=4 eos=1"]); // no log, no done, no delete
  });

  test("parts out of order are errors that say what is wrong", async () => {
    const plugin = await probe("on_request_headers@1: local 403 why no -1");
    const refused = plugin.openHttpStream();
    expect(() => refused.requestBody("x")).toThrow("Cannot send a request body: no headers were sent");
    expect(() => refused.request.headers).toThrow("Cannot read the request: its headers were not sent");
    refused.requestHeaders(get, { endOfStream: true });
    expect(() => refused.requestHeaders(get)).toThrow("Cannot send request headers: they were sent already");
    expect(() => refused.responseHeaders({ ":status": "200" })).toThrow(
      "Cannot send response headers: the plugin answered 403 itself",
    );
    const whole = plugin.openHttpStream();
    whole.requestHeaders(get, { endOfStream: true });
    expect(() => whole.requestBody("x")).toThrow("Cannot send a request body: the request is complete");
    expect(() => whole.responseBody("x")).toThrow("Cannot send a response body: no headers were sent");
  });

  test("a call waits in plugin.calls; its answer reaches the plugin, a second answer is an error", async () => {
    const script = [
      "on_request_headers: http_call auth 1000 ask :method GET :path /check :authority auth; return 1",
      "on_http_call_response: pairs 6; body 4; eff $caller; continue 0",
    ].join("\n");
    const plugin = await probe(script);
    const stream = plugin.openHttpStream();
    stream.requestHeaders(get, { endOfStream: true });
    const [call] = plugin.calls;
    expect(call).toMatchObject({ upstream: "auth", state: "pending", timeoutMs: 1000 });
    assert(call?.kind === "http");
    expect(call.headers.get("content-length")).toBe("3");
    expect(stream.upstream.headers).toBeUndefined();
    call!.respond({ status: 204, headers: { "x-user": "me" }, body: "yes" });
    expect(hostcallLines(plugin).slice(1, 3)).toEqual([
      'pairs 6 -> 0 n=2 [":status"="204", "x-user"="me"]',
      'body 4 -> 0 len=3 "yes"',
    ]);
    expect(stream.upstream.complete).toBe(true);
    expect(() => call!.respond()).toThrow('Cannot respond to the call to "auth": it is answered already');
  });

  test("a call that nobody answers in its time gets Envoy's 504", async () => {
    const script = [
      "on_request_headers: http_call auth 1000 ask :method GET :path / :authority a; return 1",
      "on_http_call_response: get 6 :status; body 4",
    ].join("\n");
    const plugin = await probe(script);
    plugin.openHttpStream().requestHeaders(get, { endOfStream: true });
    plugin.clock.advance(1000);
    expect(plugin.calls[0]!.state).toBe("timed out");
    expect(hostcallLines(plugin).slice(1)).toEqual([
      'get 6 :status -> 0 "504"',
      'body 4 -> 0 len=24 "upstream request timeout"',
    ]);
  });

  test("properties set by the test win over computed ones, and can be stepped into", async () => {
    const script = "on_request_headers: prop request path; prop a b 1; prop connection mtls; prop nothing";
    const plugin = await probe(script, { properties: { "a.b": ["x", "y"], "connection.mtls": true } });
    const stream = plugin.openHttpStream({ properties: { "request.path": "/other" } });
    stream.requestHeaders(get, { endOfStream: true });
    expect(hostcallLines(plugin)).toEqual([
      'prop request path -> 0 len=6 "/other"',
      'prop a b 1 -> 0 len=1 "y"',
      'prop connection mtls -> 0 len=1 "\\x01"',
      "prop nothing -> 1",
    ]);
  });

  test("header values are bytes: latin1 strings and arrays pass unchanged, wider characters are refused", async () => {
    const plugin = await probe("");
    const stream = plugin.openHttpStream();
    const utf8 = new TextEncoder().encode("日本");
    stream.requestHeaders([...Object.entries(get), ["x-latin", "caf\u00e9\u00ff"], ["x-bytes", utf8]]);
    expect(stream.upstream.headers!.get("x-latin")).toBe("caf\u00e9\u00ff");
    expect(Buffer.from(stream.upstream.headers!.get("x-bytes")!, "latin1")).toEqual(Buffer.from(utf8));
    expect(() => headers({ "x-wide": "日本" })).toThrow(
      'Cannot use the value of header "x-wide": it has a character above 255',
    );
  });

  test("streams of one plugin are apart: each has its own context, headers and log", async () => {
    const plugin = await probe("on_request_headers@1: add 0 x-which one\non_request_headers@2: add 0 x-which two");
    const [one, two] = [plugin.openHttpStream(), plugin.openHttpStream()];
    one.requestHeaders(get);
    two.requestHeaders(get);
    expect([one, two].map((stream) => stream.upstream.headers!.get("x-which"))).toEqual(["one", "two"]);
    expect(one.logs.every((record) => record.contextId === one.contextId)).toBe(true);
    expect(one.contextId).not.toBe(two.contextId);
  });

  test("close() ends a stream as a client that goes away does", async () => {
    const plugin = await probe("on_request_headers: return 1\non_log: get 2 :status");
    const stream = plugin.openHttpStream();
    stream.requestHeaders(get, { endOfStream: true });
    stream.close();
    stream.close();
    expect(callbackLines(plugin).slice(1)).toEqual(["on_log ctx=2", "on_done ctx=2", "on_delete ctx=2"]);
    expect(hostcallLines(plugin)).toEqual(["get 2 :status -> 1"]); // NotFound in on_log, BadArgument elsewhere
  });
});

describe("options that cannot be used are OPTION_INVALID", () => {
  const cyclic: Record<string, unknown> = {};
  cyclic["self"] = cyclic;
  test.each([
    { what: "a cyclic object", options: { configuration: cyclic }, says: /does not become JSON \(.*circular/ },
    { what: "an object with a bigint", options: { vmConfiguration: { a: 1n } }, says: /BigInt/ },
    { what: "a function", options: { configuration: () => 1 }, says: /a function does not become JSON/ },
    {
      what: "a negative budget",
      options: { budgetMs: -1 },
      says: /budgetMs -1: a whole number of milliseconds from 0/,
    },
    { what: "half a budget", options: { budgetMs: 0.5 }, says: /budgetMs 0\.5/ },
    { what: "a budget that is none", options: { budgetMs: Number.NaN }, says: /budgetMs NaN/ },
    { what: "a budget of weeks", options: { budgetMs: 2 ** 32 }, says: /budgetMs 4294967296/ },
  ])("$what", async ({ options, says }) => {
    const loading = loadPlugin(fixture("probe/probe.wasm"), options);
    await expect(loading).rejects.toMatchObject({
      code: "OPTION_INVALID",
      message: expect.stringMatching(says) as string,
    });
  });

  test.each([
    { what: "an ArrayBuffer", configuration: new Uint8Array([97, 98, 99]).buffer },
    { what: "a DataView on a part", configuration: new DataView(new Uint8Array([120, 97, 98, 99]).buffer, 1) },
  ])("$what is a configuration of bytes", async ({ configuration }) => {
    const plugin = await loadPlugin(fixture("probe/probe.wasm"), { configuration });
    expect(plugin.logs.map(({ message }) => message)).toContain("CB on_configure ctx=1 size=3");
  });

  test("a module is no URL of the network", async () => {
    for (const source of ["https://me:secret@a.example/x.wasm", new URL("http://a.example/x.wasm")]) {
      await expect(loadPlugin(source)).rejects.toMatchObject({
        code: "FILE_UNREADABLE",
        message: expect.stringMatching(
          /^Cannot read https?:\/\/a\.example\/x\.wasm: modules are read from files/,
        ) as string,
      });
    }
  });
});
