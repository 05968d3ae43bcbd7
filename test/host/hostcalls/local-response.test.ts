import { describe, expect, test } from "vitest";
import { Status } from "../../../src/abi/enums.js";
import type { Pair } from "../../../src/abi/pairs.js";
import type { RelayGuest } from "../../../src/harness/relay.js";
import { relay } from "../../../src/harness/relay.js";
import type { StreamDriver } from "../../../src/harness/stream-driver.js";
import { end, held, request, response } from "../support.js";

interface Reply {
  readonly status?: number;
  readonly details?: string;
  readonly body?: string;
  readonly headers?: readonly Pair[] | Uint8Array;
  readonly grpcStatus?: number;
}

function send(guest: RelayGuest, { status = 403, details = "", body = "", headers = [], grpcStatus = -1 }: Reply = {}) {
  const [d, b, h] = [guest.write(0, details), guest.write(100, body), guest.write(200, headers)];
  return guest.call("proxy_send_local_response", status, 0, d, 100, b, 200, h, grpcStatus);
}

/** A stream whose request headers callback sent this reply. */
async function replied(reply: Reply, headers: Record<string, string> = request): Promise<StreamDriver> {
  const guest = await relay();
  guest.during("proxy_on_request_headers", () => expect(send(guest, reply)).toBe(Status.Ok));
  const stream = guest.plugin.openHttpStream();
  stream.requestHeaders(headers, { endOfStream: true });
  return stream;
}

describe("proxy_send_local_response (v0.2.1 #proxy_send_local_response)", () => {
  test("answers the client; the request is not forwarded, whatever the callback answers", async () => {
    const stream = await replied({ status: 418, body: "teapot", details: "short and\tstout" });
    expect([stream.client.status, stream.client.text()]).toEqual([418, "teapot"]);
    expect(stream.upstream.headers).toBeUndefined();
    expect(stream.responseCodeDetails).toBe("short_and_stout");
  });

  test("happens when the guest has returned: what comes after the call still runs", async () => {
    const guest = await relay();
    const stream = guest.plugin.openHttpStream();
    const seen = guest.during("proxy_on_request_headers", () => {
      send(guest);
      guest.call("proxy_log", 2, 0, 0);
      return stream.client.headers;
    });
    stream.requestHeaders(request, { endOfStream: true });
    expect(seen).toEqual([undefined]);
    expect([guest.plugin.logs.length, stream.client.status]).toEqual([1, 403]);
  });

  test("passes through the plugin's own response callbacks", async () => {
    const guest = await relay();
    guest.during("proxy_on_request_headers", () => send(guest, { body: "no" }));
    guest.plugin.openHttpStream().requestHeaders(request, { endOfStream: true });
    expect(guest.callbacks.slice(4)).toEqual([
      "proxy_on_request_headers(2, 4, 1)",
      "proxy_on_response_headers(2, 3, 0)",
      "proxy_on_response_body(2, 2, 1)",
      "proxy_on_log(2)",
      "proxy_on_done(2)",
      "proxy_on_delete(2)",
    ]);
  });

  test("headers are added, a :status among them is ignored, and a text body gets its type and length", async () => {
    const headers: Pair[] = [
      ["X-A", "1"],
      ["x-a", "2"],
      [":status", "200"],
      ["content-length", "77"],
    ];
    const stream = await replied({ status: 400, body: "abc", headers });
    expect(stream.client.headers!.pairs().filter(([name]) => name !== "date" && name !== "server")).toEqual([
      [":status", "400"],
      ["x-a", "1"],
      ["x-a", "2"],
      ["content-length", "3"],
      ["content-type", "text/plain"],
    ]);
  });

  test("malformed headers count as none, and that is OK", async () => {
    const stream = await replied({ headers: new Uint8Array([1, 0, 0]) });
    expect(stream.client.status).toBe(403);
  });

  test.each([
    { claim: "not given", grpcStatus: -1, status: "7" },
    { claim: "given", grpcStatus: 5, status: "5" },
    { claim: "16, the last", grpcStatus: 16, status: "16" },
    { claim: "17, which counts as not given", grpcStatus: 17, status: "7" },
    { claim: "0", grpcStatus: 0, status: "0" },
  ])("a gRPC request gets trailers alone; grpc_status $claim", async ({ grpcStatus, status }) => {
    const stream = await replied({ body: "a b%c", grpcStatus }, { ...request, "content-type": "application/grpc" });
    const { client } = stream;
    expect([client.status, client.text()]).toEqual([200, ""]);
    expect([client.headers!.get("grpc-status"), client.headers!.get("grpc-message")]).toEqual([status, "a b%25c"]);
  });

  test("grpc_status means nothing to another request", async () => {
    const stream = await replied({ grpcStatus: 5 });
    expect([stream.client.status, stream.client.headers!.has("grpc-status")]).toEqual([403, false]);
  });

  test("on the root it is OK, sends nothing, and a diagnostic tells", async () => {
    const { guest, stream } = await held();
    expect(send(guest)).toBe(Status.Ok);
    expect(stream.client.headers).toBeUndefined();
    expect(guest.plugin.diagnostics.map(({ code }) => code)).toEqual(["LOCAL_RESPONSE_WITHOUT_STREAM"]);
  });

  test("from the root with the effective context it answers", async () => {
    const { guest, stream, context } = await held();
    guest.inside(() => {
      guest.call("proxy_set_effective_context", context.id);
      expect(send(guest, { status: 401 })).toBe(Status.Ok);
    });
    expect(stream.client.status).toBe(401);
  });

  test.each([
    { callback: "proxy_on_request_body", step: (s: StreamDriver) => s.requestBody("b", { endOfStream: true }) },
    { callback: "proxy_on_request_trailers", step: (s: StreamDriver) => s.requestTrailers({ "x-t": "1" }) },
    { callback: "proxy_on_response_headers", step: (s: StreamDriver) => s.responseHeaders(response) },
  ])("from $callback", async ({ callback, step }) => {
    const guest = await relay();
    let sent = false;
    guest.during(callback, () => {
      if (!sent) send(guest, { status: 403 });
      sent = true;
    });
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request);
    step(stream);
    expect(stream.client.status).toBe(403);
  });

  test("from the response body, after the headers have left, the stream is reset", async () => {
    const guest = await relay();
    guest.during("proxy_on_response_body", () => send(guest));
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request, { endOfStream: true });
    stream.responseHeaders(response);
    stream.responseBody("b");
    expect([stream.client.status, stream.cutOff]).toEqual([200, true]);
  });

  test("two in one callback: the first is sent, the details are the second's", async () => {
    const guest = await relay();
    guest.during("proxy_on_request_headers", () => {
      send(guest, { status: 401, body: "first", details: "one" });
      send(guest, { status: 402, body: "second", details: "two" });
    });
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request, { endOfStream: true });
    expect([stream.client.status, stream.client.text(), stream.responseCodeDetails]).toEqual([401, "first", "two"]);
  });

  test.each([
    { claim: "before", order: ["continue", "send"] },
    { claim: "after", order: ["send", "continue"] },
  ])("proxy_continue_stream $claim it makes no difference", async ({ order }) => {
    const { guest, stream, context } = await held();
    guest.inside(() => {
      for (const one of order) {
        if (one === "send") send(guest);
        else guest.call("proxy_continue_stream", 0);
      }
    }, context);
    expect(stream.client.status).toBe(403);
  });

  test("the stop ends with the callback: the next stream's answer counts", async () => {
    const guest = await relay();
    expect(send(guest)).toBe(Status.Ok);
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request, { endOfStream: true });
    expect(stream.upstream.complete).toBe(true);
  });

  test("a bad range sends nothing", async () => {
    const { stream, call } = await held();
    expect(call("proxy_send_local_response", 403, 0, 0, 0, 0, end, 4, -1)).toBe(Status.InvalidMemoryAccess);
    expect(stream.client.headers).toBeUndefined();
  });
});
