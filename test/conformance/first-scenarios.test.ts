// Scenarios of envoy-behaviour.md §9, by their numbers, on one stream driven by hand. Expected values are that table's.
import { describe, expect, test } from "vitest";
import { Action } from "../../src/index.js";
import { callbackLines, hostcallLines, probe } from "../support/probe.js";

const get = { ":authority": "example.com", ":path": "/", ":method": "GET", ":scheme": "http" };
const hello = { ":status": "200", "content-length": "5" };

/** A GET through the plugin and the upstream's answer back. */
async function exchange(script: string, request: Iterable<readonly [string, string]> = Object.entries(get)) {
  const plugin = await probe(script);
  const stream = plugin.openHttpStream();
  const action = stream.requestHeaders(request, { endOfStream: true });
  if (stream.upstream.complete) {
    stream.responseHeaders(hello);
    stream.responseBody("hello");
    if (!stream.finished) stream.responseBody("", { endOfStream: true });
  }
  return { plugin, stream, action, hostcalls: hostcallLines(plugin), callbacks: callbackLines(plugin) };
}

const tail = [
  "on_response_headers ctx=2 n=2 eos=0",
  "on_response_body ctx=2 size=5 eos=0",
  "on_response_body ctx=2 size=0 eos=1",
  "on_log ctx=2",
  "on_done ctx=2",
  "on_delete ctx=2",
];

describe("§9.1 request path", () => {
  test("1: Continue forwards the request and the response, and ends with log, done, delete", async () => {
    const { stream, action, callbacks } = await exchange("");
    expect(action).toBe(Action.Continue);
    expect([...stream.upstream.headers!]).toEqual(Object.entries(get));
    expect(stream.client.status).toBe(200);
    expect(stream.client.text()).toBe("hello");
    expect(callbacks).toEqual(["on_request_headers ctx=2 n=4 eos=1", ...tail]);
  });

  test("2: add, replace and remove reach the upstream; the replaced header comes last in order", async () => {
    const request = [...Object.entries(get), ["x-b", "1"], ["x-c", "2"], ["x-d", "3"]] as [string, string][];
    const { stream } = await exchange("on_request_headers: add 0 x-a 1; replace 0 x-b new; remove 0 x-c", request);
    expect([...stream.upstream.headers!].slice(4)).toEqual([
      ["x-d", "3"],
      ["x-a", "1"],
      ["x-b", "new"],
    ]);
  });

  test("8: a header that is absent is NotFound", async () => {
    const { hostcalls } = await exchange("on_request_headers: get 0 x-missing");
    expect(hostcalls).toEqual(["get 0 x-missing -> 1"]);
  });

  test("9: host is :authority", async () => {
    const { hostcalls } = await exchange("on_request_headers: get 0 host");
    expect(hostcalls).toEqual(['get 0 host -> 0 "example.com"']);
  });

  test("10: of a header sent twice, get gives the first and both go upstream", async () => {
    const request = [...Object.entries(get), ["x-a", "one"], ["x-a", "two"]] as [string, string][];
    const { stream, hostcalls } = await exchange("on_request_headers: get 0 x-a", request);
    expect(hostcalls).toEqual(['get 0 x-a -> 0 "one"']);
    expect(stream.upstream.headers!.getAll("x-a")).toEqual(["one", "two"]);
  });

  test("12: replacing a header sent twice leaves one, at the end", async () => {
    const request = [...Object.entries(get), ["x-a", "one"], ["x-a", "two"], ["x-z", "z"]] as [string, string][];
    const { stream } = await exchange("on_request_headers: replace 0 x-a three", request);
    expect([...stream.upstream.headers!].slice(4)).toEqual([
      ["x-z", "z"],
      ["x-a", "three"],
    ]);
  });

  test("14: response headers are BadArgument while the request is on its way", async () => {
    const { hostcalls } = await exchange("on_request_headers: get 2 :status");
    expect(hostcalls).toEqual(["get 2 :status -> 2"]);
  });

  test("15: a body cannot be set in the headers callback: BadArgument, and nothing changes", async () => {
    const { stream, hostcalls } = await exchange("on_request_headers: set_body 0 0 0 hi");
    expect(hostcalls).toEqual(["set_body 0 0 0 hi -> 2"]);
    expect(stream.upstream.body).toHaveLength(0);
    expect(stream.client.status).toBe(200);
  });

  test("24: an HTTP/1 body of 10 bytes is shown as RB(10,0), RB(0,1)", async () => {
    const plugin = await probe("");
    const stream = plugin.openHttpStream();
    stream.requestHeaders({ ...get, ":method": "POST" });
    expect(stream.requestBody("0123456789")).toBe(Action.Continue);
    expect(stream.requestBody("", { endOfStream: true })).toBe(Action.Continue);
    expect(stream.upstream.text()).toBe("0123456789");
    expect(callbackLines(plugin)).toEqual([
      "on_request_headers ctx=2 n=4 eos=0",
      "on_request_body ctx=2 size=10 eos=0",
      "on_request_body ctx=2 size=0 eos=1",
    ]);
  });
});

describe("§9.2 local replies", () => {
  test("43: a local reply in request headers goes back through the plugin; nothing goes upstream", async () => {
    const { stream, callbacks } = await exchange("on_request_headers: local 403 why no -1 x-r 1");
    expect(stream.upstream.headers).toBeUndefined();
    expect([...stream.client.headers!]).toEqual([
      [":status", "403"],
      ["x-r", "1"],
      ["content-length", "2"],
      ["content-type", "text/plain"],
    ]);
    expect(stream.client.text()).toBe("no");
    expect(callbacks).toEqual([
      "on_request_headers ctx=2 n=4 eos=1",
      "on_response_headers ctx=2 n=4 eos=0",
      "on_response_body ctx=2 size=2 eos=1",
      "on_log ctx=2",
      "on_done ctx=2",
      "on_delete ctx=2",
    ]);
  });

  test("62: white space in details becomes one underscore each", async () => {
    const script =
      'on_request_headers: local 403 "my reason here" no -1\non_response_headers: prop response code_details';
    const { stream, hostcalls } = await exchange(script);
    expect(stream.responseCodeDetails).toBe("my_reason_here");
    expect(hostcalls.at(-1)).toBe('prop response code_details -> 0 len=14 "my_reason_here"');
  });
});

describe("§9.3 response path", () => {
  test("63: a replaced :status is what the client gets", async () => {
    const { stream } = await exchange("on_response_headers: replace 2 :status 201");
    expect(stream.client.status).toBe(201);
    expect(stream.client.text()).toBe("hello");
  });
});

describe("§9.4 logs", () => {
  test("101: a stream's line has name and root id, a root's line the root id; an effective context lends its prefix", async () => {
    const plugin = await probe(
      [
        "on_configure: log 2 from-root; tick 1000",
        "on_request_headers: log 2 from-stream; return 1",
        "on_tick: eff $stream; log 2 effective",
      ].join("\n"),
    );
    const stream = plugin.openHttpStream();
    expect(stream.requestHeaders(get, { endOfStream: true })).toBe(Action.Pause);
    plugin.clock.advance(1000);
    const lines = plugin.logs.map(({ line }) => line);
    expect(lines).toContain("wasm log r: from-root");
    expect(lines).toContain("wasm log p r: from-stream");
    expect(lines).toContain("wasm log p r: effective");
  });

  test("102: a level above 5 is BadArgument and logs nothing", async () => {
    const { plugin, hostcalls } = await exchange("on_request_headers: log 6 never-seen");
    expect(hostcalls).toEqual(["log 6 never-seen -> 2"]);
    expect(plugin.logs.filter(({ message }) => message === "never-seen")).toEqual([]);
  });
});
