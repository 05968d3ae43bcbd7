import { describe, expect, test } from "vitest";
import { BufferType, Status } from "../../../src/abi/enums.js";
import { utf8 } from "../../../src/abi/bytes.js";
import { HeaderMap } from "../../../src/proxy/header-map.js";
import type { RelayGuest } from "../../../src/harness/relay.js";
import { relay } from "../../../src/harness/relay.js";
import { end, held } from "../support.js";

/** Starts a unary call to "up", service "svc", method "m", with metadata a: 1 and message "msg". */
function unary(guest: RelayGuest, token = 100): number {
  const sizes = [guest.write(0, "up"), guest.write(10, "svc"), guest.write(20, "m"), guest.write(30, [["a", "1"]])];
  const [u, s, m, md] = sizes as [number, number, number, number];
  const message = guest.write(80, "msg");
  return guest.call("proxy_grpc_call", 0, u, 10, s, 20, m, 30, md, 80, message, 1500, token);
}
function stream(guest: RelayGuest, token = 100): number {
  const sizes = [guest.write(0, "up"), guest.write(10, "svc"), guest.write(20, "m"), guest.write(30, [["a", "1"]])];
  const [u, s, m, md] = sizes as [number, number, number, number];
  return guest.call("proxy_grpc_stream", 0, u, 10, s, 20, m, 30, md, token);
}
const send = (guest: RelayGuest, token: number, message: string, last = 0): number =>
  guest.call("proxy_grpc_send", token, 0, guest.write(0, message), last);
const grpc = (guest: RelayGuest): string[] => guest.callbacks.filter((one) => one.includes("grpc"));
const metadata = new HeaderMap("metadata", [["k", "v"]]);

describe.each([
  { name: "proxy_grpc_call", start: unary, first: 5 },
  { name: "proxy_grpc_stream", start: stream, first: 6 },
])("$name (v0.2.1 #$name)", ({ start, first }) => {
  test("tokens count up by 4", async () => {
    const guest = await relay();
    const tokens = [1, 2, 3].map(() => (expect(start(guest)).toBe(Status.Ok), guest.u32(100)));
    expect(tokens).toEqual([first, first + 4, first + 8]);
  });

  test("hands over what it was given", async () => {
    const guest = await relay();
    start(guest);
    expect(guest.callouts.grpcCalls[0]!.call).toMatchObject({
      upstream: "up",
      service: "svc",
      method: "m",
      metadata: [["a", "1"]],
      ...(first === 5 && { message: utf8("msg"), timeoutMs: 1500 }),
    });
  });

  test("an unknown upstream is PARSE_FAILURE, the token untouched and not used up", async () => {
    const guest = await relay();
    let known = false;
    guest.callouts.refuse = () => (known ? undefined : { status: Status.ParseFailure });
    expect(start(guest)).toBe(Status.ParseFailure);
    expect(guest.text(100, 4)).toBe("????");
    known = true;
    start(guest);
    expect(guest.u32(100)).toBe(first);
  });

  test("one that could not be started is INTERNAL_FAILURE, and uses up a token", async () => {
    const guest = await relay();
    let up = false;
    guest.callouts.refuse = () => (up ? undefined : { status: Status.InternalFailure, usesToken: true });
    expect(start(guest)).toBe(Status.InternalFailure);
    expect(guest.text(100, 4)).toBe("????");
    up = true;
    start(guest);
    expect(guest.u32(100)).toBe(first + 4);
  });

  test("the token's place is looked at only after the call was started", async () => {
    const guest = await relay();
    expect(start(guest, end)).toBe(Status.InvalidMemoryAccess);
    expect(guest.callouts.grpcCalls).toHaveLength(1);
    start(guest);
    expect(guest.u32(100)).toBe(first + 4);
  });

  test("callbacks come on the root, also for a call of a stream", async () => {
    const { guest, context } = await held();
    guest.inside(() => start(guest), context);
    guest.callouts.grpcCalls[0]!.events.message(utf8("12345"));
    expect(grpc(guest)).toEqual([`proxy_on_grpc_receive(1, ${first}, 5)`]);
  });
});

test("malformed metadata counts as none, and a diagnostic tells", async () => {
  const guest = await relay();
  expect(guest.call("proxy_grpc_stream", 0, 1, 0, 1, 0, 1, 0, 3, 100)).toBe(Status.Ok);
  expect(guest.callouts.grpcCalls[0]!.call.metadata).toEqual([]);
  expect(guest.plugin.diagnostics.map(({ code }) => code)).toEqual(["MALFORMED_PAIRS"]);
});

describe("tokens that mean nothing", () => {
  const bad = Status.BadArgument;
  const none = Status.NotFound;
  test.each([
    { token: 4, what: "of an HTTP call", send: bad, cancel: bad, close: bad },
    { token: 7, what: "with low bits 3", send: bad, cancel: bad, close: bad },
    { token: -1, what: "with all bits", send: bad, cancel: bad, close: bad },
    { token: 5, what: "of a call that does not exist", send: bad, cancel: none, close: none },
    { token: 6, what: "of a stream that does not exist", send: none, cancel: none, close: none },
    { token: 0, what: "0", send: bad, cancel: bad, close: bad },
  ])("$token, $what", async ({ token, send: sends, cancel, close }) => {
    const guest = await relay();
    expect(send(guest, token, "m")).toBe(sends);
    expect(guest.call("proxy_grpc_cancel", token)).toBe(cancel);
    expect(guest.call("proxy_grpc_close", token)).toBe(close);
  });
});

describe("proxy_grpc_send (v0.2.1 #proxy_grpc_send)", () => {
  test("sends on a stream; any number but 0 ends our side", async () => {
    const guest = await relay();
    stream(guest);
    expect([send(guest, 6, "one"), send(guest, 6, ""), send(guest, 6, "last", -1)]).toEqual([0, 0, 0]);
    expect(guest.callouts.grpcCalls[0]!.done).toEqual(['send "one"', 'send ""', 'send "last" end']);
  });

  test("a message outside the memory is told before the token", async () => {
    const guest = await relay();
    expect(guest.call("proxy_grpc_send", 4, end, 1, 0)).toBe(Status.InvalidMemoryAccess);
  });
});

describe("proxy_grpc_cancel and proxy_grpc_close (v0.2.1 #proxy_grpc_cancel)", () => {
  test.each(["cancel", "close"])("proxy_grpc_%s of a call cancels it; no callback follows", async (verb) => {
    const guest = await relay();
    unary(guest);
    expect(guest.call(`proxy_grpc_${verb}`, 5)).toBe(Status.Ok);
    expect(guest.callouts.grpcCalls[0]!.done).toEqual(["cancel"]);
    guest.callouts.grpcCalls[0]!.events.succeed(utf8("late"));
    expect(grpc(guest)).toEqual([]);
    expect(guest.call(`proxy_grpc_${verb}`, 5)).toBe(Status.NotFound);
  });

  test("proxy_grpc_cancel resets a stream", async () => {
    const guest = await relay();
    stream(guest);
    expect(guest.call("proxy_grpc_cancel", 6)).toBe(Status.Ok);
    guest.callouts.grpcCalls[0]!.events.close(0, "");
    expect([grpc(guest), send(guest, 6, "x")]).toEqual([[], Status.NotFound]);
  });

  test("proxy_grpc_close ends our side of a stream; callbacks still come, and sending is OK", async () => {
    const guest = await relay();
    stream(guest);
    expect(guest.call("proxy_grpc_close", 6)).toBe(Status.Ok);
    expect(guest.callouts.grpcCalls[0]!.done).toEqual(["close"]);
    expect(send(guest, 6, "x")).toBe(Status.Ok);
    guest.callouts.grpcCalls[0]!.events.message(utf8("m"));
    expect(grpc(guest)).toEqual(["proxy_on_grpc_receive(1, 6, 1)"]);
  });
});

describe("callbacks of calls and streams", () => {
  test("a unary call that succeeds brings its message alone", async () => {
    const guest = await relay();
    unary(guest);
    const seen = guest.during("proxy_on_grpc_receive", () => {
      guest.call("proxy_get_buffer_bytes", BufferType.GrpcMessage, 0, -1, 100, 104);
      return guest.text(guest.u32(100), guest.u32(104));
    });
    guest.callouts.grpcCalls[0]!.events.succeed(utf8("reply"));
    expect(grpc(guest)).toEqual(["proxy_on_grpc_receive(1, 5, 5)"]);
    expect(seen).toEqual(["reply"]);
    expect(guest.call("proxy_grpc_cancel", 5)).toBe(Status.NotFound);
  });

  test("a unary call that fails brings proxy_on_grpc_close alone, with status and message to read", async () => {
    const guest = await relay();
    unary(guest);
    const seen = guest.during("proxy_on_grpc_close", () => {
      guest.call("proxy_get_status", 100, 104, 108);
      return [guest.u32(100), guest.text(guest.u32(104), guest.u32(108))];
    });
    guest.callouts.grpcCalls[0]!.events.close(5, "not here");
    expect(grpc(guest)).toEqual(["proxy_on_grpc_close(1, 5, 5)"]);
    expect(seen).toEqual([[5, "not here"]]);
  });

  test("a stream brings metadata, messages, metadata, and its end", async () => {
    const guest = await relay();
    stream(guest);
    const { events } = guest.callouts.grpcCalls[0]!;
    events.initialMetadata(metadata);
    events.message(utf8("one"));
    events.message(utf8(""));
    events.trailingMetadata(metadata);
    events.close(0, "");
    expect(grpc(guest)).toEqual([
      "proxy_on_grpc_receive_initial_metadata(1, 6, 1)",
      "proxy_on_grpc_receive(1, 6, 3)",
      "proxy_on_grpc_receive(1, 6, 0)",
      "proxy_on_grpc_receive_trailing_metadata(1, 6, 1)",
      "proxy_on_grpc_close(1, 6, 0)",
    ]);
  });

  test("nothing comes after the end", async () => {
    const guest = await relay();
    stream(guest);
    const { events } = guest.callouts.grpcCalls[0]!;
    events.close(0, "");
    events.message(utf8("late"));
    expect(grpc(guest)).toHaveLength(1);
  });

  test("what happens while the guest runs waits until it has returned", async () => {
    const guest = await relay();
    guest.inside(() => {
      stream(guest);
      guest.callouts.grpcCalls[0]!.events.message(utf8("m"));
      expect(grpc(guest)).toEqual([]);
    });
    expect(grpc(guest)).toHaveLength(1);
  });

  test("a closed plugin's calls are cancelled", async () => {
    const guest = await relay();
    unary(guest);
    guest.close();
    expect(guest.callouts.grpcCalls[0]!.done).toEqual(["cancel"]);
  });
});
