// What no status tells. The rules are those of the behaviour reference, whose sections the diagnostics name.
import { describe, expect, test } from "vitest";
import { diagnosticRules } from "../../src/host/diagnostics.js";
import { probe } from "../support/probe.js";

const get = { ":method": "GET", ":path": "/", ":authority": "a" };

/** Codes that an exchange with a body on both sides leads to. */
async function codes(script: string, length = "5"): Promise<string[]> {
  const plugin = await probe(script);
  const stream = plugin.openHttpStream();
  stream.requestHeaders({ ...get, "content-length": length });
  if (!stream.finished) stream.requestBody("12345", { endOfStream: true });
  if (!stream.finished && stream.upstream.complete) {
    stream.responseHeaders({ ":status": "200", "content-length": length });
    if (!stream.finished) stream.responseBody("12345", { endOfStream: true });
  }
  stream.close();
  stream.close();
  return plugin.diagnostics.map(({ code }) => code);
}

test("a diagnostic has its rule and the rule's source", async () => {
  const plugin = await probe("on_request_headers: continue 0");
  plugin.openHttpStream().requestHeaders(get, { endOfStream: true });
  expect(plugin.diagnostics).toEqual([
    {
      code: "CONTINUE_NOT_PAUSED",
      message: "proxy_continue_stream(request) on context 2: its request is not paused",
      ...diagnosticRules.CONTINUE_NOT_PAUSED,
    },
  ]);
});

describe("CONTINUE_NOT_PAUSED (2.4)", () => {
  test.each([
    "on_request_headers: continue 0",
    "on_request_headers: continue 0; return 1",
    "on_request_body: continue 0",
    "on_response_headers: continue 1",
  ])("%s", async (script) => {
    expect(await codes(script)).toContain("CONTINUE_NOT_PAUSED");
  });

  test.each(["on_request_headers: return 1\non_log: nop", "on_request_headers: local 403 x no -1; continue 0"])(
    "not: %s",
    async (script) => {
      expect(await codes(script)).toEqual([]);
    },
  );

  test("continuing a response that is not there kills a real Envoy", async () => {
    expect(await codes("on_request_headers: continue 1")).toContain("WOULD_CRASH_ENVOY");
  });

  test("not for a stream that is paused and continued once; the second time it is", async () => {
    const script = "on_request_headers: c:= http_call up 0 b :method GET :path / :authority a; return 1";
    for (const [after, expected] of [
      ["eff $caller; continue 0", []],
      ["eff $caller; continue 0; continue 0", ["CONTINUE_NOT_PAUSED"]],
    ] as const) {
      const plugin = await probe(`${script}\non_http_call_response: ${after}`);
      const stream = plugin.openHttpStream();
      stream.requestHeaders(get, { endOfStream: true });
      plugin.calls[0]!.respond();
      expect(stream.upstream.complete).toBe(true);
      expect(plugin.diagnostics.map(({ code }) => code)).toEqual(expected);
    }
  });
});

describe("CONTENT_LENGTH_MISMATCH (2.5)", () => {
  test.each([
    { script: "on_request_body: replace_body 0 longer-than-before", codes: ["CONTENT_LENGTH_MISMATCH"] },
    { script: "on_response_body: replace_body 1 x", codes: ["CONTENT_LENGTH_MISMATCH"] },
    { script: "on_request_body: replace_body 0 abcde", codes: [] },
    { script: "on_request_headers: remove 0 content-length\non_request_body: replace_body 0 x", codes: [] },
  ])("$script: $codes", async ({ script, codes: expected }) => {
    expect(await codes(script)).toEqual(expected);
  });

  test("it says which message, and both lengths", async () => {
    const plugin = await probe("on_request_body: replace_body 0 x");
    using stream = plugin.openHttpStream();
    stream.requestHeaders({ ...get, "content-length": "5" });
    stream.requestBody("12345", { endOfStream: true });
    stream.close();
    expect(plugin.diagnostics[0]!.message).toBe("The request leaves with content-length 5 and a body of 1 bytes");
  });

  test.each([
    { method: "HEAD", status: "200" },
    { method: "GET", status: "304" },
  ])("a response without a body may declare one: $method $status", async ({ method, status }) => {
    const plugin = await probe("");
    using stream = plugin.openHttpStream();
    stream.requestHeaders({ ...get, ":method": method }, { endOfStream: true });
    stream.responseHeaders({ ":status": status, "content-length": "5" }, { endOfStream: true });
    stream.close();
    expect(plugin.diagnostics).toEqual([]);
  });
});

test("RESPONSE_HEADER_SPLIT (3.4): a line break in a response header leaves as it is, and is told", async () => {
  expect(await codes('on_response_headers: add 2 x-y "a\\x0d\\x0aset-cookie: b"')).toEqual(["RESPONSE_HEADER_SPLIT"]);
  expect(await codes('on_response_headers: add 2 x-y "a\\x09b"')).toEqual([]);
});
