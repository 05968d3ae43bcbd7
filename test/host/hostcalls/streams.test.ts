import { describe, expect, test } from "vitest";
import { Status } from "../../../src/abi/enums.js";
import type { BufferPort, LocalResponse, StreamPort } from "../../../src/host/stream-port.js";
import { openStream } from "../../../src/host/life-cycle.js";
import { emptyBuffer } from "../../../src/host/contexts.js";
import { BodyBuffer } from "../../../src/proxy/body-buffer.js";
import type { RelayGuest } from "../../../src/harness/relay.js";
import { relay } from "../../../src/harness/relay.js";
import { held, request, response } from "../support.js";

/** A stream that only writes down what hostcalls ask of it. */
class NotedStream implements StreamPort {
  readonly asked: string[] = [];
  readonly ending = false;
  readFields = (): Status => Status.BadArgument;
  writeFields = (): Status => Status.BadArgument;
  listFields = (): undefined => undefined;
  /** Bytes of the two sides of a TCP connection. */
  readonly data: Readonly<Record<number, BodyBuffer>> = {
    2: new BodyBuffer(new TextEncoder().encode("down")),
    3: new BodyBuffer(new TextEncoder().encode("up")),
  };
  buffer = (type: number): BufferPort => this.data[type] ?? emptyBuffer;
  continueStream = (type: number): void => void this.asked.push(`continue ${type}`);
  closeStream = (type: number): void => void this.asked.push(`close ${type}`);
  noteContinue = (type: number): void => void this.asked.push(`note ${type}`);
  noteClose = (): void => {};
  sendLocalResponse = ({ status }: LocalResponse): void => void this.asked.push(`reply ${status}`);
  property = (): Status => Status.NotFound;
  setProperty = (): Status => Status.Ok;
  clearRouteCache = (): void => void this.asked.push("clear route cache");
  abandon = (): void => void this.asked.push("abandon");
}

/** A guest with such a stream. */
async function noted(abi: "0.1.0" | "0.2.1" = "0.2.1") {
  const guest: RelayGuest = await relay({ abi });
  const stream = new NotedStream() as NotedStream & StreamPort;
  const context = openStream(guest.plugin.root, stream);
  return { guest, stream, context };
}

describe("proxy_continue_stream (v0.2.1 #proxy_continue_stream)", () => {
  test.each([
    { type: 0, status: Status.Ok },
    { type: 1, status: Status.Ok },
    { type: 2, status: Status.Ok },
    { type: 3, status: Status.Unimplemented },
    { type: 4, status: Status.BadArgument },
    { type: -1, status: Status.BadArgument },
  ])("type $type answers $status, on a stream and without one", async ({ type, status }) => {
    const { guest, context } = await noted();
    expect(guest.inside(() => guest.call("proxy_continue_stream", type), context)).toBe(status);
    expect(guest.call("proxy_continue_stream", type)).toBe(status);
  });

  test("acts when the guest has returned, in the order of the calls", async () => {
    const { guest, stream, context } = await noted();
    guest.inside(() => {
      for (const type of [1, 0, 2]) guest.call("proxy_continue_stream", type);
      expect(stream.asked).toEqual(["note 1", "note 0", "note 2"]);
    }, context);
    expect(stream.asked.slice(3)).toEqual(["continue 1", "continue 0", "continue 2"]);
  });

  test("lets a held request go on", async () => {
    const { stream, call } = await held();
    expect(stream.upstream.headers).toBeUndefined();
    expect(call("proxy_continue_stream", 0)).toBe(Status.Ok);
    expect(stream.upstream.headers!.get(":path")).toBe("/p?q=1");
  });

  test("lets a held response go on; the callback that held it is not repeated", async () => {
    const guest = await relay({ answers: { proxy_on_response_headers: 1 } });
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request, { endOfStream: true });
    stream.responseHeaders(response);
    stream.responseBody("body", { endOfStream: true });
    expect(stream.client.headers).toBeUndefined();
    guest.inside(() => guest.call("proxy_continue_stream", 1), guest.vm.contexts.get(stream.contextId));
    expect([stream.client.status, stream.client.text()]).toEqual([200, "body"]);
    expect(guest.callbacks.filter((one) => one.startsWith("proxy_on_response"))).toEqual([
      "proxy_on_response_headers(2, 2, 0)",
      "proxy_on_response_body(2, 4, 1)",
    ]);
  });

  test("inside the callback that then answers Pause it resumes: the answer counts first", async () => {
    const guest = await relay({ answers: { proxy_on_request_headers: 1 } });
    guest.during("proxy_on_request_headers", () => guest.call("proxy_continue_stream", 0));
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request, { endOfStream: true });
    expect(stream.upstream.complete).toBe(true);
  });

  test("acts on the effective context", async () => {
    const { guest, stream, context } = await held();
    guest.during("proxy_on_tick", () => {
      guest.call("proxy_set_effective_context", context.id);
      return guest.call("proxy_continue_stream", 0);
    });
    guest.call("proxy_set_tick_period_milliseconds", 1);
    guest.plugin.clock.advance(1);
    expect(stream.upstream.headers).toBeDefined();
  });
});

describe("proxy_close_stream (v0.2.1 #proxy_close_stream)", () => {
  test.each([
    { type: 0, status: Status.Ok },
    { type: 3, status: Status.Ok },
    { type: 4, status: Status.BadArgument },
    { type: -1, status: Status.BadArgument },
  ])("type $type answers $status, on a stream and without one", async ({ type, status }) => {
    const { guest, stream, context } = await noted();
    guest.inside(() => {
      expect(guest.call("proxy_close_stream", type)).toBe(status);
      expect(stream.asked).toEqual([]);
    }, context);
    expect(stream.asked).toEqual(status === Status.Ok ? [`close ${type}`] : []);
    expect(guest.call("proxy_close_stream", type)).toBe(status);
  });

  test.each([0, 1])("%i resets an HTTP stream when the guest has returned", async (type) => {
    const { guest, stream, call } = await held();
    expect(call("proxy_close_stream", type)).toBe(Status.Ok);
    expect([stream.cutOff, stream.finished, stream.responseCodeDetails]).toEqual([true, true, "wasm_close_stream"]);
    expect(guest.callbacks.slice(-3)).toEqual(["proxy_on_log(2)", "proxy_on_done(2)", "proxy_on_delete(2)"]);
  });

  test.each([2, 3])("%i does nothing to an HTTP stream", async (type) => {
    const { stream, call } = await held();
    expect(call("proxy_close_stream", type)).toBe(Status.Ok);
    expect(stream.cutOff).toBe(false);
  });
});

describe("the calls of 0.1.0", () => {
  test.each([
    { name: "proxy_continue_request", asked: ["note 0", "continue 0"] },
    { name: "proxy_continue_response", asked: ["note 1", "continue 1"] },
    { name: "proxy_clear_route_cache", asked: ["clear route cache"] },
  ])("$name is OK, on a stream and without one", async ({ name, asked }) => {
    const { guest, stream, context } = await noted("0.1.0");
    expect(guest.inside(() => guest.call(name), context)).toBe(Status.Ok);
    expect(stream.asked).toEqual(asked);
    expect(guest.call(name)).toBe(Status.Ok);
  });

  test("proxy_continue_request lets a held request go on", async () => {
    const { stream, call } = await held({ abi: "0.1.0" });
    call("proxy_continue_request");
    expect(stream.upstream.headers).toBeDefined();
  });

  test("proxy_continue_response lets a held response go on", async () => {
    const guest = await relay({ abi: "0.1.0", answers: { proxy_on_response_headers: 1 } });
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request, { endOfStream: true });
    stream.responseHeaders(response, { endOfStream: true });
    guest.inside(() => guest.call("proxy_continue_response"), guest.vm.contexts.get(stream.contextId));
    expect(stream.client.status).toBe(200);
  });
});

describe("moving a stream that is over crashes Envoy (envoy-behaviour.md §4.2, §10)", () => {
  const callbacks = ["proxy_on_log", "proxy_on_done", "proxy_on_delete"];
  const calls: readonly (readonly [name: string, ...args: number[]])[] = [
    ["proxy_send_local_response", 403, 0, 0, 0, 0, 0, 0, -1],
    ["proxy_close_stream", 0],
    ["proxy_continue_stream", 0],
  ];
  const rows = callbacks.flatMap((callback) => calls.map(([name, ...args]) => ({ callback, name, args })));

  test.each(rows)(
    "$name in $callback answers OK, and the client's response stays",
    async ({ callback, name, args }) => {
      const guest = await relay();
      const seen = guest.during(callback, () => guest.call(name, ...args));
      const stream = guest.plugin.openHttpStream();
      stream.requestHeaders(request, { endOfStream: true });
      stream.responseHeaders(response, { endOfStream: true });
      expect([seen, stream.client.status, stream.finished]).toEqual([[Status.Ok], 200, true]);
      expect(guest.callbacks.slice(-3)).toEqual(["proxy_on_log(2)", "proxy_on_done(2)", "proxy_on_delete(2)"]);
    },
  );

  test.each(rows)("$name in $callback is told to the plugin's author", async ({ callback, name, args }) => {
    const guest = await relay();
    guest.during(callback, () => guest.call(name, ...args));
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request, { endOfStream: true });
    stream.responseHeaders(response, { endOfStream: true });
    expect(guest.plugin.diagnostics).toMatchObject([
      { code: "WOULD_CRASH_ENVOY", message: expect.stringContaining(name) },
    ]);
  });
});

describe("the buffers of a TCP connection", () => {
  test.each([
    { type: 2, callback: "proxy_on_downstream_data", bytes: "down" },
    { type: 3, callback: "proxy_on_upstream_data", bytes: "up" },
  ] as const)("$type can be read and written in $callback", async ({ type, callback, bytes }) => {
    const { guest, stream, context } = await noted();
    const seen = guest.during(callback, () => {
      guest.call("proxy_get_buffer_bytes", type, 0, -1, 100, 104);
      guest.write(200, "NEW");
      return [guest.text(guest.u32(100), guest.u32(104)), guest.call("proxy_set_buffer_bytes", type, 0, -1, 200, 3)];
    });
    guest.vm.notify(guest.vm.callbacks[callback], context, bytes.length, 1);
    expect(seen).toEqual([[bytes, Status.Ok]]);
    expect(Buffer.from(stream.data[type]!.whole()).toString()).toBe("NEW");
    expect(guest.callbacks.at(-1)).toBe(`${callback}(2, ${bytes.length}, 1)`);
  });
});

describe("what callbacks answer (proxy-wasm-abi.md §6.3)", () => {
  test.each([
    { answer: 0, passed: true },
    { answer: 1, passed: false },
    { answer: 2, passed: true },
    { answer: 3, passed: false },
    { answer: 4, passed: false },
    { answer: 5, passed: false },
    { answer: -1, passed: false },
  ])("request headers, $answer: passed on is $passed", async ({ answer, passed }) => {
    const guest = await relay({ answers: { proxy_on_request_headers: answer } });
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request);
    stream.requestBody("b");
    expect(stream.upstream.headers !== undefined).toBe(passed);
    expect(guest.callbacks.some((one) => one.startsWith("proxy_on_request_body"))).toBe(passed);
  });

  test.each([
    { answer: 0, first: "one", all: "onetwo" },
    { answer: 1, first: "", all: "onetwo" },
    { answer: 2, first: "", all: "onetwo" },
    { answer: 3, first: "", all: "two" },
    { answer: 4, first: "", all: "two" },
  ])("request body, $answer, then 0: '$first', then '$all'", async ({ answer, first, all }) => {
    const guest = await relay({ answers: { proxy_on_request_body: answer } });
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request);
    stream.requestBody("one");
    expect(stream.upstream.text()).toBe(first);
    guest.answer("proxy_on_request_body", 0);
    stream.requestBody("two", { endOfStream: true });
    expect(stream.upstream.text()).toBe(all);
  });

  test.each([
    { answer: 0, complete: true },
    { answer: 1, complete: false },
    { answer: 2, complete: false },
  ])("request trailers, $answer: complete is $complete", async ({ answer, complete }) => {
    const guest = await relay({ answers: { proxy_on_request_trailers: answer } });
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request);
    stream.requestTrailers({ "x-t": "1" });
    expect(stream.upstream.complete).toBe(complete);
  });

  test.each([
    { answer: 0, passed: true },
    { answer: 1, passed: false },
    { answer: 2, passed: true },
    { answer: 3, passed: false },
    { answer: 4, passed: false },
    { answer: 5, passed: false },
  ])("response headers, $answer: passed on is $passed", async ({ answer, passed }) => {
    const guest = await relay({ answers: { proxy_on_response_headers: answer } });
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request, { endOfStream: true });
    stream.responseHeaders(response);
    stream.responseBody("b");
    expect(stream.client.headers !== undefined).toBe(passed);
    expect(guest.callbacks.some((one) => one.startsWith("proxy_on_response_body"))).toBe(passed);
  });

  test.each([
    { answer: 0, first: "one", all: "onetwo" },
    { answer: 1, first: "", all: "onetwo" },
    { answer: 2, first: "", all: "onetwo" },
    { answer: 3, first: "", all: "two" },
    { answer: 4, first: "", all: "two" },
  ])("response body, $answer, then 0: '$first', then '$all'", async ({ answer, first, all }) => {
    const guest = await relay({ answers: { proxy_on_response_body: answer } });
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request, { endOfStream: true });
    stream.responseHeaders(response);
    stream.responseBody("one");
    expect(stream.client.text()).toBe(first);
    guest.answer("proxy_on_response_body", 0);
    stream.responseBody("two", { endOfStream: true });
    expect(stream.client.text()).toBe(all);
  });

  test("with allow_on_headers_stop_iteration 1 holds the headers alone", async () => {
    const guest = await relay({ allowOnHeadersStopIteration: true, answers: { proxy_on_request_headers: 1 } });
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request);
    expect(stream.upstream.headers).toBeUndefined();
    stream.requestBody("b", { endOfStream: true });
    expect(guest.callbacks.at(-1)).toBe("proxy_on_request_body(2, 1, 1)");
    expect([stream.upstream.headers !== undefined, stream.upstream.text()]).toEqual([true, "b"]);
  });
});
