// gRPC calls as a test answers them, through the relay guest. Statuses and messages are those of test/recordings/grpc.jsonl.
import { assert, describe, expect, test } from "vitest";
import { BufferType, Status } from "../../src/abi/enums.js";
import type { PluginGrpcCall, PluginGrpcStream } from "../../src/harness/grpc-calls.js";
import type { RelayGuest } from "../../src/harness/relay.js";
import { relay } from "../../src/harness/relay.js";
import { grpcTarget } from "../../src/proxy/envoy/grpc-target.js";

const at = { upstream: 0, service: 20, method: 30, metadata: 40, message: 90, token: 120 };

function target(guest: RelayGuest, upstream: string): number[] {
  const sizes = {
    upstream: guest.write(at.upstream, upstream),
    service: guest.write(at.service, "my.Svc"),
    method: guest.write(at.method, "Do"),
    metadata: guest.write(at.metadata, [["K", "v"]]),
  };
  return Object.entries(sizes).flatMap(([name, size]) => [at[name as keyof typeof sizes], size]);
}
function startCall(guest: RelayGuest, { upstream = "grpc", timeoutMs = 1000 } = {}): number {
  const first = target(guest, upstream);
  return guest.call("proxy_grpc_call", ...first, at.message, guest.write(at.message, "ask"), timeoutMs, at.token);
}
function startStream(guest: RelayGuest, upstream = "grpc"): number {
  return guest.call("proxy_grpc_stream", ...target(guest, upstream), at.token);
}
async function call(timeoutMs = 1000): Promise<{ guest: RelayGuest; made: PluginGrpcCall; seen: string[] }> {
  const guest = await relay();
  const seen = witness(guest);
  expect(startCall(guest, { timeoutMs })).toBe(Status.Ok);
  const [made] = guest.plugin.calls;
  assert(made?.kind === "grpc");
  return { guest, made, seen };
}
async function stream(): Promise<{ guest: RelayGuest; made: PluginGrpcStream; seen: string[] }> {
  const guest = await relay();
  const seen = witness(guest);
  expect(startStream(guest)).toBe(Status.Ok);
  const [made] = guest.plugin.calls;
  assert(made?.kind === "grpc-stream");
  return { guest, made, seen };
}

/** What the guest can read in each gRPC callback, as it happens. */
function witness(guest: RelayGuest): string[] {
  const seen: string[] = [];
  const bytes = (): string => guest.text(guest.u32(200), guest.u32(204));
  guest.during("proxy_on_grpc_receive_initial_metadata", (_, token, n) => seen.push(`initial ${token} n=${n}`));
  guest.during("proxy_on_grpc_receive", (_, token) => {
    guest.call("proxy_get_buffer_bytes", BufferType.GrpcMessage, 0, -1, 200, 204);
    seen.push(`message ${token} ${bytes()}`);
  });
  guest.during("proxy_on_grpc_receive_trailing_metadata", (_, token, n) => seen.push(`trailing ${token} n=${n}`));
  guest.during("proxy_on_grpc_close", (_, token, status) => {
    guest.call("proxy_get_status", 208, 200, 204);
    seen.push(`close ${token} ${status} ${guest.u32(208)} ${bytes()}`);
  });
  return seen;
}

describe("a gRPC call in plugin.calls", () => {
  test("shows what the plugin asked", async () => {
    const { made } = await call();
    expect(made).toMatchObject({
      upstream: "grpc",
      service: "my.Svc",
      method: "Do",
      timeoutMs: 1000,
      state: "pending",
    });
    expect(made.metadata.pairs()).toEqual([["k", "v"]]);
    expect(Buffer.from(made.message).toString()).toBe("ask");
  });

  test("respond() brings the message alone", async () => {
    const { made, seen } = await call();
    made.respond({ message: "yes" });
    expect(seen).toEqual(["message 5 yes"]);
    expect(made.state).toBe("answered");
  });

  test("respond() with a status brings the close, the message with Envoy's details in braces", async () => {
    const { made, seen } = await call();
    made.respond({ status: 5, statusMessage: "not%20here" });
    expect(seen).toEqual(["close 5 5 5 not%20here{via_upstream}"]);
  });

  test("fail() is a reset before headers", async () => {
    const { made, seen } = await call();
    made.fail();
    expect(seen).toEqual([
      "close 5 14 14 upstream connect error or disconnect/reset before headers. reset reason: remote reset{upstream_reset_before_response_started{remote_reset}}",
    ]);
    expect(made.state).toBe("failed");
  });

  test("without an answer in its time it ends with 14", async () => {
    const { guest, made, seen } = await call(100);
    guest.plugin.clock.advance(99);
    expect(seen).toEqual([]);
    guest.plugin.clock.advance(1);
    expect(seen).toEqual(["close 5 14 14 upstream request timeout{response_timeout}"]);
    expect(made.state).toBe("timed out");
  });

  test("a timeout of 0 is none", async () => {
    const { guest, seen } = await call(0);
    guest.plugin.clock.advance(1_000_000);
    expect(seen).toEqual([]);
  });

  test("proxy_grpc_cancel cancels it, and it can be answered no more", async () => {
    const { guest, made, seen } = await call();
    expect(guest.call("proxy_grpc_cancel", 5)).toBe(Status.Ok);
    expect(made.state).toBe("cancelled");
    expect(() => made.respond()).toThrow(
      'Cannot respond to the gRPC call to "grpc" (my.Svc/Do): it is cancelled already',
    );
    expect(seen).toEqual([]);
  });

  test.each([-1, 17, 200, 1.5])("status %d is none of gRPC's", async (status) => {
    const { made } = await call();
    expect(() => made.respond({ status })).toThrow(`Cannot answer with gRPC status ${status}: they are 0 (OK) to 16`);
    expect(made.state).toBe("pending");
  });
});

describe("a gRPC stream in plugin.calls", () => {
  test("shows what the plugin sends, and that it ended its side", async () => {
    const { guest, made } = await stream();
    guest.call("proxy_grpc_send", 6, at.message, guest.write(at.message, "abc"), 0);
    expect(made.ended).toBe(false);
    guest.call("proxy_grpc_close", 6);
    expect(guest.call("proxy_grpc_send", 6, at.message, guest.write(at.message, "def"), 0)).toBe(Status.Ok);
    expect(made.sent.map((one) => Buffer.from(one).toString())).toEqual(["abc"]);
    expect(made).toMatchObject({ ended: true, state: "pending" });
  });

  test("each method makes its callback", async () => {
    const { made, seen } = await stream();
    made.initialMetadata({ ":status": "200", "content-type": "application/grpc", a: "b" });
    made.message("one");
    made.message("");
    made.trailingMetadata({ "grpc-status": "0" });
    made.close();
    expect(seen).toEqual([
      "initial 6 n=3",
      "message 6 one",
      "message 6 ",
      "trailing 6 n=1",
      "close 6 0 0 via_upstream",
    ]);
    expect(() => made.message("late")).toThrow("it is answered already");
  });

  test("respond() is a whole answer, its end in the trailing metadata too", async () => {
    const { made, seen } = await stream();
    made.respond({ messages: ["one", "two"], status: 5, statusMessage: "no" });
    expect(seen).toEqual([
      "initial 6 n=2",
      "message 6 one",
      "message 6 two",
      "trailing 6 n=2",
      "close 6 5 5 no{via_upstream}",
    ]);
  });

  test("respond() ends where the plugin cancels", async () => {
    const { guest, made } = await stream();
    guest.during("proxy_on_grpc_receive", () => guest.call("proxy_grpc_cancel", 6));
    made.respond({ messages: ["one", "two"] });
    expect(guest.callbacks.filter((one) => one.includes("grpc"))).toEqual([
      "proxy_on_grpc_receive_initial_metadata(1, 6, 2)",
      "proxy_on_grpc_receive(1, 6, 3)",
    ]);
    expect(made.state).toBe("cancelled");
  });

  test("fail() brings empty metadata twice, then 14", async () => {
    const { made, seen } = await stream();
    made.fail();
    expect(seen.slice(0, 2)).toEqual(["initial 6 n=0", "trailing 6 n=0"]);
    expect(seen[2]).toMatch(/^close 6 14 14 upstream connect error/);
  });
});

describe("the target of a gRPC call (behaviour reference 6.2)", () => {
  const service = (name: string): string =>
    `\x0a${String.fromCharCode(name.length + 2)}\x0a${String.fromCharCode(name.length)}${name}`;

  test("an unknown name is PARSE_FAILURE and uses no token; one in a GrpcService is INTERNAL_FAILURE and uses one", async () => {
    const guest = await relay({ upstreams: ["grpc"] });
    expect(startCall(guest, { upstream: "nope" })).toBe(Status.ParseFailure);
    expect(startCall(guest, { upstream: service("nope") })).toBe(Status.InternalFailure);
    expect(startCall(guest, { upstream: service("grpc") })).toBe(Status.Ok);
    expect(guest.u32(at.token)).toBe(9);
    expect(guest.plugin.calls.map(({ upstream }) => upstream)).toEqual(["grpc"]);
  });

  test.each(["", "empty", "users", "inventory", "px"])(
    '"%s" would end a real Envoy: refused, and told',
    async (name) => {
      const guest = await relay();
      expect(startCall(guest, { upstream: name })).toBe(Status.InternalFailure);
      expect(guest.plugin.calls).toEqual([]);
      expect(guest.plugin.diagnostics).toMatchObject([{ code: "WOULD_CRASH_ENVOY" }]);
    },
  );

  test.each(["grpc", "call", "nope", "auth", "my-service"])('"%s" is a name', (name) => {
    expect(grpcTarget(name)).toEqual({ kind: "name", upstream: name });
  });
});
