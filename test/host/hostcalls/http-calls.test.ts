import { assert, describe, expect, test } from "vitest";
import { Status } from "../../../src/abi/enums.js";
import type { Pair } from "../../../src/abi/pairs.js";
import type { RelayGuest } from "../../../src/harness/relay.js";
import { relay } from "../../../src/harness/relay.js";
import { end, held, request, u32Text } from "../support.js";

interface Call {
  readonly upstream?: string;
  readonly headers?: readonly Pair[] | Uint8Array;
  readonly body?: string;
  readonly trailers?: readonly Pair[];
  readonly timeout?: number;
  readonly token?: number;
}
const sound = Object.entries(request);

function start(guest: RelayGuest, call: Call = {}): number {
  const { upstream = "auth", headers = sound, body = "", trailers = [], timeout = 0, token = 100 } = call;
  const [u, b] = [guest.write(0, upstream), guest.write(50, body)];
  const [h, t] = [guest.write(200, headers), guest.write(600, trailers)];
  return guest.call("proxy_http_call", 0, u, 200, h, 50, b, 600, t, timeout, token);
}
const without = (name: string): Pair[] => sound.filter(([one]) => one !== name);

describe("proxy_http_call (v0.2.1 #proxy_http_call)", () => {
  test("tokens are 4, 8, 12", async () => {
    const guest = await relay();
    const tokens = [1, 2, 3].map(() => (start(guest), guest.u32(100)));
    expect(tokens).toEqual([4, 8, 12]);
  });

  test("hands over upstream, headers in lower case, body with its length, timeout", async () => {
    const guest = await relay();
    const headers: Pair[] = [...sound, ["X-A", "1"]];
    expect(start(guest, { headers, body: "body", trailers: [["x-t", "1"]], timeout: 250 })).toBe(Status.Ok);
    const [call] = guest.plugin.calls;
    assert(call?.kind === "http");
    expect([call.upstream, call.timeoutMs, Buffer.from(call.body).toString()]).toEqual(["auth", 250, "body"]);
    expect(call.headers.pairs()).toEqual([...sound, ["x-a", "1"], ["content-length", "4"]]);
  });

  test.each([
    { claim: "a negative timeout", call: { timeout: -1 } },
    { claim: "a timeout of 2^31", call: { timeout: -0x80000000 } },
    { claim: "an unknown upstream", call: { upstream: "other" } },
    { claim: "no :method", call: { headers: without(":method") } },
    { claim: "no :path", call: { headers: without(":path") } },
    { claim: "no :authority", call: { headers: without(":authority") } },
    { claim: "no headers at all", call: { headers: [] } },
    { claim: "malformed headers, which count as none", call: { headers: new Uint8Array([9, 0, 0, 0]) } },
  ])("$claim is BAD_ARGUMENT, and the token is 0", async ({ call }) => {
    const guest = await relay({ upstreams: ["auth"] });
    expect(start(guest, call)).toBe(Status.BadArgument);
    expect(guest.text(100, 4)).toBe(u32Text(0));
    expect(start(guest)).toBe(Status.Ok);
    expect(guest.u32(100), "no token was used up").toBe(4);
  });

  test.each([
    { claim: "no :scheme", headers: without(":scheme") },
    { claim: "an empty :authority", headers: [...without(":authority"), [":authority", ""] as const] },
    { claim: "host for :authority", headers: [...without(":authority"), ["host", "a"] as const] },
  ])("$claim is OK", async ({ headers }) => {
    expect(start(await relay(), { headers })).toBe(Status.Ok);
  });

  test("one that could not be started is INTERNAL_FAILURE, and uses up a token", async () => {
    const guest = await relay();
    guest.callouts.refuse = (upstream) =>
      upstream === "down" ? { status: Status.InternalFailure, usesToken: true } : undefined;
    expect(start(guest, { upstream: "down" })).toBe(Status.InternalFailure);
    expect(guest.u32(100)).toBe(0);
    start(guest);
    expect(guest.u32(100)).toBe(8);
  });

  test("the token's place is tried before anything happens", async () => {
    const guest = await relay();
    expect(start(guest, { token: end - 3 })).toBe(Status.InvalidMemoryAccess);
    expect(guest.plugin.calls).toEqual([]);
    expect(start(guest, { token: end - 3, upstream: "other", timeout: -1 })).toBe(Status.InvalidMemoryAccess);
  });

  test("is legal in every callback", async () => {
    const statuses: number[] = [];
    const note = (guest: RelayGuest): number => statuses.push(start(guest));
    const during = { proxy_on_context_create: note, proxy_on_vm_start: note, proxy_on_configure: note };
    const guest = await relay({ during });
    for (const name of ["proxy_on_request_headers", "proxy_on_log", "proxy_on_done", "proxy_on_delete"]) {
      guest.during(name, () => note(guest));
    }
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request);
    stream.close();
    expect(statuses).toEqual(Array.from({ length: 8 }, () => Status.Ok));
  });
});

describe("proxy_on_http_call_response (v0.2.1 #proxy_on_http_call_response)", () => {
  const answers = (guest: RelayGuest): string[] =>
    guest.callbacks.filter((one) => one.startsWith("proxy_on_http_call_response"));

  test("comes on the root with token and counts, also for a call of a stream", async () => {
    const { guest, context } = await held();
    guest.inside(() => start(guest), context);
    guest.plugin.calls[0]!.respond({ headers: { "x-a": "1" }, body: "12345", trailers: { "x-t": "1" } });
    expect(answers(guest)).toEqual(["proxy_on_http_call_response(1, 4, 2, 5, 1)"]);
  });

  test("a failed call has counts of 0, and proxy_get_status then says 11, reset", async () => {
    const guest = await relay();
    start(guest);
    const seen = guest.during("proxy_on_http_call_response", () => {
      guest.call("proxy_get_status", 100, 104, 108);
      return [guest.u32(100), guest.text(guest.u32(104), guest.u32(108))];
    });
    guest.plugin.calls[0]!.fail();
    expect(answers(guest)).toEqual(["proxy_on_http_call_response(1, 4, 0, 0, 0)"]);
    expect(seen).toEqual([[11, "reset"]]);
  });

  test("a call that is not answered in its time gets Envoy's 504", async () => {
    const guest = await relay();
    start(guest, { timeout: 100 });
    const seen = guest.during("proxy_on_http_call_response", () => {
      guest.call("proxy_get_header_map_value", 6, 0, guest.write(0, ":status"), 100, 104);
      return guest.text(guest.u32(100), guest.u32(104));
    });
    guest.plugin.clock.advance(99);
    expect(seen).toEqual([]);
    guest.plugin.clock.advance(1);
    expect(seen).toEqual(["504"]);
    expect(answers(guest)).toEqual(["proxy_on_http_call_response(1, 4, 3, 24, 0)"]);
  });

  test("a timeout of 0 is none", async () => {
    const guest = await relay();
    start(guest);
    guest.plugin.clock.advance(1_000_000);
    expect(answers(guest)).toEqual([]);
  });

  test("an answer that comes while the guest runs waits until it has returned", async () => {
    const guest = await relay();
    guest.inside(() => {
      start(guest);
      guest.plugin.calls[0]!.respond();
      expect(answers(guest)).toEqual([]);
    });
    expect(answers(guest)).toHaveLength(1);
  });

  test("answers come in the order in which they were given", async () => {
    const guest = await relay();
    start(guest);
    start(guest);
    guest.plugin.calls[1]!.respond();
    guest.plugin.calls[0]!.respond();
    expect(answers(guest).map((one) => one.slice(0, 34))).toEqual([
      "proxy_on_http_call_response(1, 8, ",
      "proxy_on_http_call_response(1, 4, ",
    ]);
  });

  test("comes after its stream is gone; the stream cannot be made effective then", async () => {
    const { guest, stream, context } = await held();
    guest.inside(() => start(guest), context);
    stream.close();
    const seen = guest.during("proxy_on_http_call_response", () =>
      guest.call("proxy_set_effective_context", context.id),
    );
    guest.plugin.calls[0]!.respond();
    expect(seen).toEqual([Status.BadArgument]);
  });

  test("a closed plugin's calls are cancelled without a callback", async () => {
    const guest = await relay();
    start(guest);
    guest.close();
    expect(guest.plugin.calls[0]!.state).toBe("cancelled");
    expect(answers(guest)).toEqual([]);
  });

  test("a failed VM is not entered", async () => {
    const guest = await relay();
    start(guest);
    expect(() => guest.inside(() => guest.trap())).toThrow();
    guest.plugin.calls[0]!.respond();
    expect(answers(guest)).toEqual([]);
  });

  test("a held stream goes on from it", async () => {
    const { guest, stream, context } = await held();
    guest.inside(() => start(guest), context);
    guest.during("proxy_on_http_call_response", () => {
      guest.call("proxy_set_effective_context", context.id);
      guest.call("proxy_continue_stream", 0);
    });
    guest.plugin.calls[0]!.respond();
    expect(stream.upstream.headers).toBeDefined();
  });
});
