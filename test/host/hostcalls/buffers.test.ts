import { describe, expect, test } from "vitest";
import { BufferType, Status } from "../../../src/abi/enums.js";
import { ReadOnlyBuffer } from "../../../src/host/contexts.js";
import { HeaderMap } from "../../../src/proxy/header-map.js";
import type { RelayGuest, RelayOptions } from "../../../src/harness/relay.js";
import { relay } from "../../../src/harness/relay.js";
import { end, exchange, held, request, response } from "../support.js";

/** The bytes that a read gives, or its status. */
function read(guest: RelayGuest, type: number, start = 0, max = -1): string | number {
  const status = guest.call("proxy_get_buffer_bytes", type, start, max, 100, 104);
  return status === Status.Ok ? guest.text(guest.u32(100), guest.u32(104)) : status;
}
function set(guest: RelayGuest, type: number, start: number, size: number, data: string): number {
  return guest.call("proxy_set_buffer_bytes", type, start, size, 200, guest.write(200, data));
}
/** Size of a buffer, or minus the status. */
function size(guest: RelayGuest, type: number): number {
  const status = guest.call("proxy_get_buffer_status", type, 100, 104);
  return status === Status.Ok ? guest.u32(100) : -status;
}
/** What `work` says inside the request body callback, with this body. */
async function inBody<T>(body: string, work: (guest: RelayGuest) => T): Promise<{ value: T; forwarded: string }> {
  const guest = await relay();
  const [...seen] = exchangeBody(guest, body, () => work(guest));
  return { value: seen[0]!.value as T, forwarded: seen[0]!.forwarded };
}
function exchangeBody<T>(guest: RelayGuest, body: string, work: () => T): { value: T; forwarded: string }[] {
  const seen = guest.during("proxy_on_request_body", work);
  const stream = guest.plugin.openHttpStream();
  stream.requestHeaders(request);
  stream.requestBody(body, { endOfStream: true });
  return seen.map((value) => ({ value, forwarded: stream.upstream.text() }));
}

describe("proxy_get_buffer_bytes (v0.2.1 #proxy_get_buffer_bytes)", () => {
  test.each([
    { claim: "the whole with 2^32 - 1, as Rust asks", start: 0, max: -1, got: "hello" },
    { claim: "the whole with 2^31 - 1, as Go asks", start: 0, max: 0x7fffffff, got: "hello" },
    { claim: "a part", start: 1, max: 3, got: "ell" },
    { claim: "a part that goes past the end", start: 3, max: 3, got: "lo" },
    { claim: "nothing at the end", start: 5, max: 1, got: "" },
    { claim: "nothing past the end", start: 6, max: 1, got: "" },
    { claim: "nothing from 2^32 - 1 on, whose sum with the size does not overflow", start: -1, max: -1, got: "" },
    { claim: "nothing of size 0", start: 0, max: 0, got: "" },
  ])("reads $claim", async ({ start, max, got }) => {
    const guest = await relay({ vmConfiguration: "hello" });
    expect(read(guest, BufferType.VmConfiguration, start, max)).toBe(got);
  });

  test.each([9, -1, 0x7fffffff])("buffer %i does not exist: BAD_ARGUMENT, outputs untouched", async (type) => {
    const guest = await relay();
    expect(guest.call("proxy_get_buffer_bytes", type, 0, 1, end, end)).toBe(Status.BadArgument);
    expect(guest.call("proxy_get_buffer_bytes", type, 0, 1, 100, 104)).toBe(Status.BadArgument);
    expect(guest.text(100, 8)).toBe("????????");
  });

  test("nothing is pointer 0 and size 0, and the allocator is not asked", async () => {
    const guest = await relay();
    const heap = guest.heap;
    expect(read(guest, BufferType.VmConfiguration)).toBe("");
    expect([guest.u32(100), guest.u32(104), guest.heap]).toEqual([0, 0, heap]);
  });

  test("a missing buffer is told before bad outputs are seen", async () => {
    const guest = await relay();
    expect(guest.call("proxy_get_buffer_bytes", BufferType.CallResponseBody, 0, 1, end, end)).toBe(Status.NotFound);
  });
});

describe("proxy_get_buffer_status (v0.2.1 #proxy_get_buffer_status)", () => {
  test("writes the length, and flags that are always 0", async () => {
    const guest = await relay({ vmConfiguration: "hello" });
    expect(guest.call("proxy_get_buffer_status", BufferType.VmConfiguration, 101, 105)).toBe(Status.Ok);
    expect([guest.u32(101), guest.u32(105)]).toEqual([5, 0]);
  });

  test.each([
    { claim: "a buffer above 8", type: 9, status: Status.BadArgument },
    { claim: "a buffer that is not there", type: BufferType.CallResponseBody, status: Status.NotFound },
  ])("$claim: $status, outputs untouched", async ({ type, status }) => {
    const guest = await relay();
    expect(guest.call("proxy_get_buffer_status", type, 100, 104)).toBe(status);
    expect(guest.text(100, 8)).toBe("????????");
  });
});

describe("proxy_set_buffer_bytes (v0.2.1 #proxy_set_buffer_bytes)", () => {
  test.each([
    { claim: "(0, 0) prepends", start: 0, size: 0, left: "NEWhello" },
    { claim: "(0, 5) replaces all", start: 0, size: 5, left: "NEW" },
    { claim: "(0, 2^31 - 1) replaces all, as Go does", start: 0, size: 0x7fffffff, left: "NEW" },
    { claim: "(0, 2^32 - 1) replaces all", start: 0, size: -1, left: "NEW" },
    { claim: "(0, 2) replaces the first two", start: 0, size: 2, left: "NEWllo" },
    { claim: "(5, 0) appends", start: 5, size: 0, left: "helloNEW" },
    { claim: "(5, 9) appends, the size being ignored", start: 5, size: 9, left: "helloNEW" },
    { claim: "(2^31 - 1, 0) appends, as Go does", start: 0x7fffffff, size: 0, left: "helloNEW" },
    { claim: "(2^32 - 1, 0) appends", start: -1, size: 0, left: "helloNEW" },
  ])("$claim", async ({ start, size, left }) => {
    const { value, forwarded } = await inBody("hello", (guest) => [
      set(guest, BufferType.RequestBody, start, size, "NEW"),
      read(guest, BufferType.RequestBody),
    ]);
    expect(value).toEqual([Status.Ok, left]);
    expect(forwarded).toBe(left);
  });

  test.each([
    { start: 1, size: 0 },
    { start: 4, size: 1 },
    { start: 2, size: 2 },
  ])("($start, $size) begins inside: BAD_ARGUMENT in Envoy, nothing changes", async ({ start, size }) => {
    const { value, forwarded } = await inBody("hello", (guest) =>
      set(guest, BufferType.RequestBody, start, size, "NEW"),
    );
    expect([value, forwarded]).toEqual([Status.BadArgument, "hello"]);
  });

  test("empty data over all of it clears the body", async () => {
    const { value, forwarded } = await inBody("hello", (guest) => set(guest, BufferType.RequestBody, 0, 5, ""));
    expect([value, forwarded]).toEqual([Status.Ok, ""]);
  });

  test("an empty body takes data at 0 and behind", async () => {
    const { forwarded } = await inBody("", (guest) => [
      set(guest, BufferType.RequestBody, 3, 3, "b"),
      set(guest, BufferType.RequestBody, 0, 0, "a"),
    ]);
    expect(forwarded).toBe("ab");
  });

  test("a buffer that is missing is told before a bad range; a bad range before a buffer that cannot be written", async () => {
    const guest = await relay();
    expect(guest.call("proxy_set_buffer_bytes", 9, 0, 0, end, 1)).toBe(Status.BadArgument);
    expect(guest.call("proxy_set_buffer_bytes", BufferType.CallResponseBody, 0, 0, end, 1)).toBe(Status.NotFound);
    expect(guest.call("proxy_set_buffer_bytes", BufferType.VmConfiguration, 0, 0, end, 1)).toBe(
      Status.InvalidMemoryAccess,
    );
    expect(guest.call("proxy_set_buffer_bytes", BufferType.VmConfiguration, 0, 0, 0, 1)).toBe(Status.BadArgument);
  });

  test("the response body likewise", async () => {
    const guest = await relay();
    const seen = guest.during("proxy_on_response_body", () => set(guest, BufferType.ResponseBody, 0, 2, "J"));
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request, { endOfStream: true });
    stream.responseHeaders(response);
    stream.responseBody("hello", { endOfStream: true });
    expect([seen, stream.client.text()]).toEqual([[Status.Ok], "Jllo"]);
  });
});

/** What reading gives for each of the nine buffers: the bytes or the status; then what writing answers. */
function nine(guest: RelayGuest): { reads: (string | number)[]; sizes: number[]; writes: number[] } {
  const types = Array.from({ length: 9 }, (_, type) => type);
  return {
    reads: types.map((type) => read(guest, type)),
    sizes: types.map((type) => size(guest, type)),
    writes: types.map((type) => set(guest, type, 0, 0, "")),
  };
}

const OK: Status = Status.Ok;
const BA: Status = Status.BadArgument;
const NF: Status = Status.NotFound;

describe("the nine buffers in every callback (proxy-wasm-abi.md §4.3, §4.16)", () => {
  // Buffers 0 and 1 exist in every context, and are empty outside their callbacks; so are 2, 3, 5 and 8.
  const configured: RelayOptions = { configuration: "plugin", vmConfiguration: "vm" };
  const usual = ["", "", "", "", NF, "", "vm", NF] as const;
  const usualWrites: readonly number[] = [BA, BA, BA, BA, NF, BA, BA, NF, BA];
  const at = (reads: readonly (string | number)[], type: number, value: string | number): (string | number)[] =>
    reads.map((one, i) => (i === type ? value : one));

  test.each([
    { callback: "proxy_on_context_create", reads: at(usual, 7, "plugin"), writes: usualWrites.with(7, BA) },
    { callback: "proxy_on_vm_start", reads: [...usual], writes: usualWrites },
    { callback: "proxy_on_configure", reads: at(usual, 7, "plugin"), writes: usualWrites.with(7, BA) },
  ])("$callback of a root", async ({ callback, reads, writes }) => {
    const seen: ReturnType<typeof nine>[] = [];
    await relay({ ...configured, during: { [callback]: (guest) => seen.push(nine(guest)) } });
    expect(seen[0]!.reads.slice(0, 8)).toEqual(reads);
    expect(seen[0]!.writes).toEqual(writes);
    expect(seen[0]!.sizes.slice(0, 8)).toEqual(reads.map((one) => (typeof one === "string" ? one.length : -one)));
  });

  test.each([
    { callback: "proxy_on_request_headers", reads: [...usual], writes: usualWrites },
    { callback: "proxy_on_request_body", reads: at(usual, 0, "request body"), writes: usualWrites.with(0, OK) },
    { callback: "proxy_on_request_trailers", reads: [...usual], writes: usualWrites },
    { callback: "proxy_on_response_headers", reads: [...usual], writes: usualWrites },
    { callback: "proxy_on_response_body", reads: at(usual, 1, "response body"), writes: usualWrites.with(1, OK) },
    { callback: "proxy_on_response_trailers", reads: [...usual], writes: usualWrites },
    { callback: "proxy_on_log", reads: [...usual], writes: usualWrites },
    { callback: "proxy_on_done", reads: [...usual], writes: usualWrites },
    { callback: "proxy_on_delete", reads: [...usual], writes: usualWrites },
  ])("$callback of a stream", async ({ callback, reads, writes }) => {
    const guest = await relay(configured);
    const [seen] = exchange(guest, callback, () => nine(guest));
    expect(seen!.reads.slice(0, 8)).toEqual(reads);
    expect(seen!.writes).toEqual(writes);
    expect(seen!.sizes.slice(0, 8)).toEqual(reads.map((one) => (typeof one === "string" ? one.length : -one)));
  });

  test("buffer 8 shows nothing before the host showed something", async () => {
    const guest = await relay();
    expect(read(guest, BufferType.ForeignFunctionArguments)).toBe("");
    expect(set(guest, BufferType.ForeignFunctionArguments, 0, 0, "x")).toBe(BA);
  });

  test("buffer 8 shows what the host put there for proxy_on_foreign_function, read-only", async () => {
    const { guest, context } = await held();
    const seen = guest.during("proxy_on_foreign_function", () => [
      read(guest, BufferType.ForeignFunctionArguments, 1, 3),
      size(guest, BufferType.ForeignFunctionArguments),
      set(guest, BufferType.ForeignFunctionArguments, 0, 0, "x"),
    ]);
    for (const target of [guest.plugin.root, context]) {
      target.lastBuffer = new ReadOnlyBuffer(new TextEncoder().encode("given"));
      guest.vm.notify(guest.vm.callbacks.proxy_on_foreign_function, target, 7, 5);
    }
    expect(seen).toEqual([
      ["ive", 5, BA],
      ["ive", 5, BA],
    ]);
    expect(guest.callbacks.slice(-2)).toEqual([
      "proxy_on_foreign_function(1, 7, 5)",
      "proxy_on_foreign_function(2, 7, 5)",
    ]);
  });

  test("buffer 4 is there while a call's answer is delivered, on the root and on an effective stream", async () => {
    const { guest, context, call } = await held();
    const pairs = guest.write(200, Object.entries(request));
    expect(call("proxy_http_call", 0, 1, 200, pairs, 0, 0, 0, 0, 0, 100)).toBe(OK);
    const seen = guest.during("proxy_on_http_call_response", () => {
      const onRoot = read(guest, BufferType.CallResponseBody);
      guest.call("proxy_set_effective_context", context.id);
      return [
        onRoot,
        read(guest, BufferType.CallResponseBody, 1, 2),
        size(guest, BufferType.CallResponseBody),
        set(guest, BufferType.CallResponseBody, 0, 0, "x"),
      ];
    });
    guest.plugin.calls[0]!.respond({ body: "answer" });
    expect(seen).toEqual([["answer", "ns", 6, BA]]);
    expect(read(guest, BufferType.CallResponseBody)).toBe(NF);
  });

  test("buffer 4 is not there after a call that failed", async () => {
    const guest = await relay();
    guest.call("proxy_http_call", 0, 1, 200, guest.write(200, Object.entries(request)), 0, 0, 0, 0, 0, 100);
    const seen = guest.during("proxy_on_http_call_response", () => read(guest, BufferType.CallResponseBody));
    guest.plugin.calls[0]!.fail();
    expect(seen).toEqual([NF]);
  });

  test("buffer 5 has the message inside proxy_on_grpc_receive alone, where it can be edited (recording avail12)", async () => {
    const guest = await relay();
    expect(guest.call("proxy_grpc_stream", 0, 1, 0, 1, 0, 1, 0, 0, 100)).toBe(OK);
    const { events } = guest.callouts.grpcCalls[0]!;
    const metadata = new HeaderMap("metadata", [["k", "v"]]);
    const before = guest.during("proxy_on_grpc_receive_initial_metadata", () => read(guest, BufferType.GrpcMessage));
    const inside = guest.during("proxy_on_grpc_receive", () => [
      read(guest, BufferType.GrpcMessage),
      set(guest, BufferType.GrpcMessage, 0, 0, "x"),
      read(guest, BufferType.GrpcMessage),
    ]);
    events.initialMetadata(metadata);
    events.message(new TextEncoder().encode("message"));
    expect([before, inside]).toEqual([[""], [["message", OK, "xmessage"]]]);
    expect(read(guest, BufferType.GrpcMessage)).toBe("");
  });
});

describe("bodies while they are held", () => {
  test("body_size counts all that was held, and the buffer shows it", async () => {
    const guest = await relay({ answers: { proxy_on_request_body: 1 } });
    const seen = guest.during("proxy_on_request_body", () => read(guest, BufferType.RequestBody));
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request);
    stream.requestBody("one ");
    stream.requestBody("two", { endOfStream: true });
    expect(seen).toEqual(["one ", "one two"]);
    expect(guest.callbacks.slice(-2)).toEqual(["proxy_on_request_body(2, 4, 0)", "proxy_on_request_body(2, 7, 1)"]);
  });

  test("what is held can be read and replaced outside callbacks too, on the effective context", async () => {
    const guest = await relay({ answers: { proxy_on_request_body: 1 } });
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request);
    stream.requestBody("held", { endOfStream: true });
    guest.inside(() => {
      guest.call("proxy_set_effective_context", stream.contextId);
      expect(read(guest, BufferType.RequestBody)).toBe("held");
      expect(set(guest, BufferType.RequestBody, 0, 4, "let go")).toBe(OK);
      guest.call("proxy_continue_stream", 0);
    });
    expect([stream.upstream.text(), stream.upstream.complete]).toEqual(["let go", true]);
  });
});

describe("proxy_get_configuration (0.1.0)", () => {
  const configuration = (guest: RelayGuest): string => {
    expect(guest.call("proxy_get_configuration", 100, 104)).toBe(OK);
    return guest.text(guest.u32(100), guest.u32(104));
  };

  test("is the plugin's in proxy_on_configure and the root's first callback, else the VM's", async () => {
    const seen: string[] = [];
    const note = (guest: RelayGuest): number => seen.push(configuration(guest));
    const guest = await relay({
      abi: "0.1.0",
      configuration: "plugin",
      vmConfiguration: "vm",
      during: { proxy_on_context_create: note, proxy_on_vm_start: note, proxy_on_configure: note },
    });
    expect(seen).toEqual(["plugin", "vm", "plugin"]);
    expect(configuration(guest)).toBe("vm");
  });

  test("an empty one is pointer 0 and size 0", async () => {
    const guest = await relay({ abi: "0.1.0" });
    expect(configuration(guest)).toBe("");
    expect([guest.u32(100), guest.u32(104)]).toEqual([0, 0]);
  });
});
