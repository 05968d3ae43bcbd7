import { describe, expect, test } from "vitest";
import type { AbiVersion } from "../../../src/abi/version.js";
import { MapType, Status } from "../../../src/abi/enums.js";
import type { Pair } from "../../../src/abi/pairs.js";
import { decodePairs } from "../../../src/abi/pairs.js";
import { HeaderMap } from "../../../src/proxy/header-map.js";
import type { RelayGuest, RelayOptions } from "../../../src/harness/relay.js";
import { relay } from "../../../src/harness/relay.js";
import type { Held } from "../support.js";
import { end, exchange, held, request, response } from "../support.js";

const { RequestHeaders, RequestTrailers, ResponseHeaders, ResponseTrailers } = MapType;
const OK = Status.Ok;
const NF = Status.NotFound;
const BA = Status.BadArgument;

// The calls of this chapter, as a guest with strings would make them: a value, or the status that says why there is none.
function get(guest: RelayGuest, map: number, name: string): string | number {
  const status = guest.call("proxy_get_header_map_value", map, 0, guest.write(0, name), 100, 104);
  return status === OK ? guest.text(guest.u32(100), guest.u32(104)) : status;
}
function pairs(guest: RelayGuest, map: number): readonly Pair[] | number {
  const status = guest.call("proxy_get_header_map_pairs", map, 100, 104);
  return status === OK ? decodePairs(guest.bytes(guest.u32(100), guest.u32(104))).pairs : status;
}
function size(guest: RelayGuest, map: number): number {
  const status = guest.call("proxy_get_header_map_size", map, 100);
  return status === OK ? guest.u32(100) : -status;
}
function write(guest: RelayGuest, verb: "add" | "replace", map: number, name: string, value: string): number {
  const nameSize = guest.write(0, name);
  return guest.call(`proxy_${verb}_header_map_value`, map, 0, nameSize, 2000, guest.write(2000, value));
}
const add = (guest: RelayGuest, map: number, name: string, value: string) => write(guest, "add", map, name, value);
const replace = (guest: RelayGuest, map: number, name: string, value: string) =>
  write(guest, "replace", map, name, value);
const remove = (guest: RelayGuest, map: number, name: string): number =>
  guest.call("proxy_remove_header_map_value", map, 0, guest.write(0, name));
function setPairs(guest: RelayGuest, map: number, list: readonly Pair[] | Uint8Array): number {
  return guest.call("proxy_set_header_map_pairs", map, 4096, guest.write(4096, list));
}

/** Runs `work` with the request headers of a stream that is held there. */
async function inRequest<T>(
  headers: Record<string, string>,
  work: (guest: RelayGuest) => T,
  options: RelayOptions = {},
): Promise<T> {
  const { guest, context } = await held(options, headers);
  return guest.inside(() => work(guest), context);
}

const calls: readonly (readonly [name: string, ...args: readonly number[]])[] = [
  ["proxy_get_header_map_pairs", 100, 104],
  ["proxy_get_header_map_size", 100],
  ["proxy_get_header_map_value", 0, 1, 100, 104],
  ["proxy_set_header_map_pairs", 0, 0],
  ["proxy_add_header_map_value", 0, 1, 0, 1],
  ["proxy_replace_header_map_value", 0, 1, 0, 1],
  ["proxy_remove_header_map_value", 0, 1],
];

describe("map ids above 7", () => {
  test.each(calls.map(([name, ...args]) => ({ name, args })))(
    "$name refuses them, before it looks at addresses",
    async ({ name, args }) => {
      const { guest, call } = await held();
      for (const map of [8, -1, 0x7fffffff]) {
        expect(call(name, map, ...args)).toBe(BA);
        expect(call(name, map, ...args.map(() => end + 1))).toBe(BA);
      }
      expect(guest.text(0, 200)).toBe("?".repeat(200));
    },
  );
});

describe("proxy_get_header_map_value (v0.2.1 #proxy_get_header_map_value)", () => {
  test.each([
    { claim: "a value", name: "x-a", got: "1" },
    { claim: "a name in capitals", name: "X-A", got: "1" },
    { claim: "a pseudo header", name: ":path", got: "/p?q=1" },
    { claim: "host, which is :authority", name: "host", got: "a.example" },
    { claim: "an empty value", name: "x-empty", got: "" },
    { claim: "an absent name", name: "x-none", got: NF },
    { claim: "the empty name", name: "", got: NF },
  ])("$claim: $got", async ({ name, got }) => {
    const headers = { ...request, "x-a": "1", "x-empty": "" };
    expect(await inRequest(headers, (guest) => get(guest, RequestHeaders, name))).toBe(got);
  });

  test("the first of several values", async () => {
    const first = await inRequest(request, (guest) => {
      add(guest, RequestHeaders, "x-a", "1");
      add(guest, RequestHeaders, "x-a", "2");
      return get(guest, RequestHeaders, "x-a");
    });
    expect(first).toBe("1");
  });

  test("an empty value is OK with pointer 0 and size 0, and the allocator is not asked", async () => {
    await inRequest({ ...request, "x-empty": "" }, (guest) => {
      const heap = guest.heap;
      expect(get(guest, RequestHeaders, "x-empty")).toBe("");
      expect([guest.u32(100), guest.u32(104), guest.heap]).toEqual([0, 0, heap]);
    });
  });

  test.each([
    { abi: "0.1.0", got: "" },
    { abi: "0.2.0", got: NF },
    { abi: "0.2.1", got: NF },
  ] as const)("an absent name in ABI $abi: $got", async ({ abi, got }) => {
    expect(await inRequest(request, (guest) => get(guest, RequestHeaders, "x-none"), { abi })).toBe(got);
  });

  test.each([
    { claim: "an absent name leaves the outputs alone", name: "x-none", map: RequestHeaders, status: NF },
    { claim: "so does a map that is not there", name: ":path", map: ResponseHeaders, status: BA },
  ])("$claim", async ({ name, map, status }) => {
    await inRequest(request, (guest) => {
      expect(guest.call("proxy_get_header_map_value", map, 0, guest.write(0, name), 100, 104)).toBe(status);
      expect(guest.text(100, 8)).toBe("????????");
    });
  });

  test("the name's range is looked at before the map", async () => {
    const guest = await relay();
    const status = guest.call("proxy_get_header_map_value", ResponseHeaders, end, 1, 100, 104);
    expect(status).toBe(Status.InvalidMemoryAccess);
  });
});

describe("proxy_get_header_map_pairs (v0.2.1 #proxy_get_header_map_pairs)", () => {
  test("every entry, repeated names one by one: pseudo headers first, then in order", async () => {
    const list = await inRequest({ "x-b": "1", ...request }, (guest) => {
      add(guest, RequestHeaders, "x-a", "2");
      add(guest, RequestHeaders, "X-B", "3");
      return pairs(guest, RequestHeaders);
    });
    expect(list).toEqual([...Object.entries(request), ["x-b", "1"], ["x-a", "2"], ["x-b", "3"]]);
  });

  test("the bytes are those of the specification, with its NULs", async () => {
    await inRequest(request, (guest) => {
      setPairs(guest, RequestHeaders, [
        ["a", "1"],
        ["b", "22"],
      ]);
      expect(guest.call("proxy_get_header_map_pairs", RequestHeaders, 100, 104)).toBe(OK);
      expect(guest.u32(104)).toBe(29);
      expect(Buffer.from(guest.bytes(guest.u32(100), 29)).toString("hex")).toBe(
        "0200000001000000010000000100000002000000610031006200323200",
      );
    });
  });

  test.each([
    { claim: "a map that is not there", map: ResponseHeaders },
    { claim: "a map that has nothing", map: RequestHeaders },
  ])("$claim is OK with pointer 0 and size 0", async ({ map }) => {
    await inRequest(request, (guest) => {
      if (map === RequestHeaders) setPairs(guest, map, []);
      expect(guest.call("proxy_get_header_map_pairs", map, 100, 104)).toBe(OK);
      expect([guest.u32(100), guest.u32(104)]).toEqual([0, 0]);
    });
  });
});

describe("proxy_get_header_map_size (v0.2.1 #proxy_get_header_map_size)", () => {
  test("is the bytes of all names and values", async () => {
    const sizes = await inRequest(request, (guest) => {
      setPairs(guest, RequestHeaders, [
        ["a", "1"],
        ["bb", "22"],
        ["bb", ""],
      ]);
      const before = size(guest, RequestHeaders);
      remove(guest, RequestHeaders, "bb");
      return [before, size(guest, RequestHeaders)];
    });
    expect(sizes).toEqual([8, 2]);
  });

  test("a map that is not there is BAD_ARGUMENT, the output untouched", async () => {
    const { guest, call } = await held();
    expect(call("proxy_get_header_map_size", ResponseHeaders, 100)).toBe(BA);
    expect(guest.text(100, 4)).toBe("????");
  });
});

describe("proxy_set_header_map_pairs (v0.2.1 #proxy_set_header_map_pairs)", () => {
  const fresh: readonly Pair[] = [
    ["x-b", "2"],
    ["x-a", "1"],
    [":path", "/new"],
    ["X-B", "3"],
  ];

  test("removes every entry and adds these in order, names in lower case, pseudo headers first", async () => {
    const { guest, stream, context } = await held();
    expect(guest.inside(() => setPairs(guest, RequestHeaders, fresh), context)).toBe(OK);
    expect(stream.request.headers.pairs()).toEqual([
      [":path", "/new"],
      ["x-b", "2"],
      ["x-a", "1"],
      ["x-b", "3"],
    ]);
  });

  const u32 = (value: number): number[] => [value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255];
  const many = (count: number): Pair[] => Array.from({ length: count }, (_, i) => [`x-${i}`, ""]);
  test.each([
    { claim: "no bytes", bytes: [] },
    { claim: "a count of 0", bytes: u32(0) },
    { claim: "one zero byte", bytes: [0] },
    { claim: "three bytes", bytes: [1, 0, 0] },
    { claim: "sizes beyond the end", bytes: u32(1) },
    { claim: "a name beyond the end", bytes: [...u32(1), ...u32(9), ...u32(0), 0x61, 0, 0] },
    { claim: "no NUL after a name", bytes: [...u32(1), ...u32(1), ...u32(1), 0x61, 1, 0x62, 0] },
    { claim: "no NUL after a value", bytes: [...u32(1), ...u32(1), ...u32(1), 0x61, 0, 0x62, 1] },
    { claim: "a byte behind the last pair", bytes: [...u32(1), ...u32(1), ...u32(0), 0x61, 0, 0, 0] },
    { claim: "a count of 2^32 - 1", bytes: [255, 255, 255, 255, 0, 0, 0, 0] },
  ])("$claim empties the map, and that is OK", async ({ bytes }) => {
    const { guest, stream, context } = await held();
    expect(guest.inside(() => setPairs(guest, RequestHeaders, new Uint8Array(bytes)), context)).toBe(OK);
    expect(stream.request.headers.count).toBe(0);
  });

  test("1024 pairs are taken, 1025 count as none", async () => {
    const { guest, stream, context } = await held({ pages: 4 });
    expect(guest.inside(() => setPairs(guest, RequestHeaders, many(1024)), context)).toBe(OK);
    expect(stream.request.headers.count).toBe(1024);
    expect(guest.inside(() => setPairs(guest, RequestHeaders, many(1025)), context)).toBe(OK);
    expect(stream.request.headers.count).toBe(0);
  });

  test("a list of 1 MiB is taken, a byte more counts as none", async () => {
    const { guest, stream, context } = await held({ pages: 40 });
    const list = (size: number): readonly Pair[] => [["x-a", "v".repeat(size - 4 - 8 - 3 - 2)]];
    expect(guest.inside(() => setPairs(guest, RequestHeaders, list(1024 * 1024)), context)).toBe(OK);
    expect(stream.request.headers.count).toBe(1);
    expect(guest.inside(() => setPairs(guest, RequestHeaders, list(1024 * 1024 + 1)), context)).toBe(OK);
    expect(stream.request.headers.count).toBe(0);
  });

  test("malformed pairs are told to the person who runs the test", async () => {
    const { guest, context } = await held();
    guest.inside(() => setPairs(guest, RequestHeaders, new Uint8Array([1, 0, 0])), context);
    expect(guest.plugin.diagnostics.map(({ code }) => code)).toEqual(["MALFORMED_PAIRS"]);
  });

  test("a map that cannot be written is BAD_ARGUMENT, after the range was looked at", async () => {
    const { guest, call } = await held();
    expect(call("proxy_set_header_map_pairs", ResponseHeaders, end, 1)).toBe(Status.InvalidMemoryAccess);
    expect(call("proxy_set_header_map_pairs", ResponseHeaders, 200, guest.write(200, fresh))).toBe(BA);
  });
});

describe("proxy_add_header_map_value, proxy_replace_header_map_value, proxy_remove_header_map_value", () => {
  /** What the map has of these names after `work`. */
  async function left(work: (guest: RelayGuest) => void, headers: Record<string, string> = request): Promise<Pair[]> {
    const { guest, stream, context } = await held({}, headers);
    guest.inside(() => work(guest), context);
    return stream.request.headers.pairs().filter(([name]) => !Object.keys(request).includes(name));
  }

  test("add appends an occurrence", async () => {
    const list = await left((guest) => {
      expect(add(guest, RequestHeaders, "x-a", "1")).toBe(OK);
      expect(add(guest, RequestHeaders, "X-A", "2")).toBe(OK);
      expect(add(guest, RequestHeaders, "x-a", "")).toBe(OK);
    });
    expect(list).toEqual([
      ["x-a", "1"],
      ["x-a", "2"],
      ["x-a", ""],
    ]);
  });

  test.each([
    { claim: "joins an inline name's values with a comma", name: "accept", first: "a", second: "b", value: "a,b" },
    { claim: "leaves an inline value as it is for an empty one", name: "via", first: "a", second: "", value: "a" },
    { claim: "puts a value alone into an empty inline slot", name: "origin", first: "", second: "b", value: "b" },
  ])("add $claim", async ({ name, first, second, value }) => {
    const list = await left((guest) => {
      add(guest, RequestHeaders, name, first);
      add(guest, RequestHeaders, name, second);
    });
    expect(list).toEqual([[name, value]]);
  });

  test("add of a pseudo header joins too, and host is :authority", async () => {
    const values = await inRequest(request, (guest) => {
      add(guest, RequestHeaders, ":path", "/b");
      add(guest, RequestHeaders, "Host", "b.example");
      return [get(guest, RequestHeaders, ":path"), get(guest, RequestHeaders, ":authority")];
    });
    expect(values).toEqual(["/p?q=1,/b", "a.example,b.example"]);
  });

  test("cookies and accept-language are not inline", async () => {
    const list = await left((guest) => {
      for (const name of ["cookie", "accept-language"]) {
        add(guest, RequestHeaders, name, "1");
        add(guest, RequestHeaders, name, "2");
      }
    });
    expect(list).toHaveLength(4);
  });

  test("replace removes all and appends one, at the end", async () => {
    const list = await left(
      (guest) => {
        add(guest, RequestHeaders, "x-a", "2");
        expect(replace(guest, RequestHeaders, "X-A", "3")).toBe(OK);
      },
      { ...request, "x-a": "1", "x-b": "b" },
    );
    expect(list).toEqual([
      ["x-b", "b"],
      ["x-a", "3"],
    ]);
  });

  test("replace creates what is absent, and a replaced pseudo header goes last among those", async () => {
    const names = await inRequest({ ...request, "x-a": "1" }, (guest) => {
      expect(replace(guest, RequestHeaders, "x-new", "")).toBe(OK);
      expect(replace(guest, RequestHeaders, ":authority", "b")).toBe(OK);
      return (pairs(guest, RequestHeaders) as readonly Pair[]).map(([name]) => name);
    });
    expect(names).toEqual([":path", ":method", ":scheme", ":authority", "x-a", "x-new"]);
  });

  test("remove takes all occurrences; an absent name is OK", async () => {
    const list = await left(
      (guest) => {
        add(guest, RequestHeaders, "x-a", "2");
        expect(remove(guest, RequestHeaders, "X-a")).toBe(OK);
        expect(remove(guest, RequestHeaders, "x-a")).toBe(OK);
      },
      { ...request, "x-a": "1", "x-b": "b" },
    );
    expect(list).toEqual([["x-b", "b"]]);
  });

  test("values are bytes, and the empty name is a name", async () => {
    const list = await left((guest) => {
      add(guest, RequestHeaders, "x-a", "\0\r\n\xff");
      add(guest, RequestHeaders, "", "nameless");
    });
    expect(list).toEqual([
      ["x-a", "\0\r\n\xff"],
      ["", "nameless"],
    ]);
  });

  test.each(["add", "replace"] as const)("%s looks at its ranges before the map", async (verb) => {
    const guest = await relay();
    const name = `proxy_${verb}_header_map_value`;
    expect(guest.call(name, ResponseHeaders, end, 1, 0, 1)).toBe(Status.InvalidMemoryAccess);
    expect(guest.call(name, ResponseHeaders, 0, 1, end, 1)).toBe(Status.InvalidMemoryAccess);
    expect(guest.call(name, ResponseHeaders, 0, 1, 0, 1)).toBe(BA);
  });

  test("writes reach the upstream", async () => {
    const guest = await relay();
    guest.during("proxy_on_request_headers", () => add(guest, RequestHeaders, "x-a", "1"));
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request, { endOfStream: true });
    expect(stream.upstream.headers!.get("x-a")).toBe("1");
  });
});

describe("the maps have their own inline names (envoy-behaviour.md §3.1)", () => {
  test.each([
    { callback: "proxy_on_request_headers", map: RequestHeaders, name: "accept", joined: true },
    { callback: "proxy_on_request_headers", map: RequestHeaders, name: "x-forwarded-for", joined: true },
    { callback: "proxy_on_request_headers", map: RequestHeaders, name: "vary", joined: false },
    { callback: "proxy_on_request_headers", map: RequestHeaders, name: "cookie", joined: false },
    { callback: "proxy_on_request_trailers", map: RequestTrailers, name: "accept", joined: false },
    { callback: "proxy_on_response_headers", map: ResponseHeaders, name: "vary", joined: true },
    { callback: "proxy_on_response_headers", map: ResponseHeaders, name: "cache-control", joined: true },
    { callback: "proxy_on_response_headers", map: ResponseHeaders, name: "accept", joined: false },
    { callback: "proxy_on_response_headers", map: ResponseHeaders, name: "set-cookie", joined: false },
    { callback: "proxy_on_response_headers", map: ResponseHeaders, name: "host", joined: false },
    { callback: "proxy_on_response_trailers", map: ResponseTrailers, name: "grpc-status", joined: true },
    { callback: "proxy_on_response_trailers", map: ResponseTrailers, name: "grpc-message", joined: true },
    { callback: "proxy_on_response_trailers", map: ResponseTrailers, name: "vary", joined: false },
  ])("$name in $callback: joined is $joined", async ({ callback, map, name, joined }) => {
    const guest = await relay();
    const seen = exchange(guest, callback, () => {
      add(guest, map, name, "1");
      add(guest, map, name, "2");
      return (pairs(guest, map) as readonly Pair[]).filter(([one]) => one === name).map(([, value]) => value);
    });
    expect(seen).toEqual([joined ? ["1,2"] : ["1", "2"]]);
  });
});

describe("what the guest writes reaches the other side", () => {
  test("response headers and trailers", async () => {
    const guest = await relay();
    guest.during("proxy_on_response_headers", () => replace(guest, ResponseHeaders, ":status", "201"));
    guest.during("proxy_on_response_trailers", () => add(guest, ResponseTrailers, "x-mine", "1"));
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request, { endOfStream: true });
    stream.responseHeaders(response);
    stream.responseTrailers({ "x-theirs": "1" });
    expect(stream.client.status).toBe(201);
    expect(stream.client.trailers!.pairs()).toEqual([
      ["x-theirs", "1"],
      ["x-mine", "1"],
    ]);
  });

  test("trailers that it made in the last part of a body", async () => {
    const guest = await relay();
    guest.during("proxy_on_request_body", () => add(guest, RequestTrailers, "x-mine", "1"));
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request);
    stream.requestBody("b", { endOfStream: true });
    expect([stream.upstream.text(), stream.upstream.complete]).toEqual(["b", true]);
    expect(stream.upstream.trailers!.pairs()).toEqual([["x-mine", "1"]]);
  });
});

/** What each kind of access to a map answers: get, pairs (are there any), size, add, replace, remove, set. */
type Access = readonly [number, boolean, number, number, number, number, number];
const live: Access = [OK, true, OK, OK, OK, OK, OK];
const none: Access = [BA, false, BA, BA, BA, BA, BA];
const creatable: Access = [BA, false, OK, OK, OK, OK, OK];
const logged: Access = [OK, true, BA, BA, BA, BA, BA];
const missingInLog: Access = [NF, false, BA, BA, BA, BA, BA];

/** A name that each of the first four maps has in these tests. */
const present = [":path", "x-request-trailer", ":status", "x-response-trailer"];

function access(guest: RelayGuest, map: number): Access {
  const value = get(guest, map, present[map] ?? ":status");
  const list = pairs(guest, map) as readonly Pair[];
  const sized = size(guest, map);
  return [
    typeof value === "number" ? value : OK,
    list.length > 0,
    sized < 0 ? -sized : OK,
    add(guest, map, "x-probe", "1"),
    replace(guest, map, "x-probe", "2"),
    remove(guest, map, "x-probe"),
    setPairs(guest, map, list),
  ];
}
const four = (guest: RelayGuest): Access[] => [0, 1, 2, 3].map((map) => access(guest, map));

describe("the first four maps in every callback (envoy-behaviour.md §3.3)", () => {
  test.each(["proxy_on_context_create", "proxy_on_vm_start", "proxy_on_configure"])("%s of a root", async (name) => {
    const seen: Access[][] = [];
    await relay({ during: { [name]: (guest) => seen.push(four(guest)) } });
    expect(seen).toEqual([[none, none, none, none]]);
  });

  test.each([
    { callback: "proxy_on_context_create", maps: [none, none, none, none] },
    { callback: "proxy_on_request_headers", maps: [live, none, none, none] },
    { callback: "proxy_on_request_body", maps: [none, none, none, none] },
    { callback: "proxy_on_request_trailers", maps: [none, live, none, none] },
    { callback: "proxy_on_response_headers", maps: [none, none, live, none] },
    { callback: "proxy_on_response_body", maps: [none, none, none, none] },
    { callback: "proxy_on_response_trailers", maps: [none, none, none, live] },
    { callback: "proxy_on_log", maps: [logged, missingInLog, logged, logged] },
    { callback: "proxy_on_done", maps: [none, none, none, none] },
    { callback: "proxy_on_delete", maps: [none, none, none, none] },
  ])("$callback of a stream that goes through", async ({ callback, maps }) => {
    const guest = await relay();
    expect(exchange(guest, callback, () => four(guest))).toEqual([maps]);
  });

  test("the last part of a body lets the guest make trailers", async () => {
    const guest = await relay();
    const inRequestBody = guest.during("proxy_on_request_body", () => access(guest, RequestTrailers));
    const inResponseBody = guest.during("proxy_on_response_body", () => access(guest, ResponseTrailers));
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request);
    stream.requestBody("a", { endOfStream: true });
    stream.responseHeaders(response);
    stream.responseBody("b", { endOfStream: true });
    expect([inRequestBody, inResponseBody]).toEqual([[creatable], [creatable]]);
  });

  test.each([{ claim: "on_log without a response", maps: [logged, missingInLog, missingInLog, missingInLog] }])(
    "$claim",
    async ({ maps }) => {
      const guest = await relay();
      const seen = guest.during("proxy_on_log", () => four(guest));
      const stream = guest.plugin.openHttpStream();
      stream.requestHeaders(request, { endOfStream: true });
      stream.close();
      expect(seen).toEqual([maps]);
    },
  );

  test("on_log in 0.1.0: a map that is missing gives OK and an empty value", async () => {
    const guest = await relay({ abi: "0.1.0" });
    const seen = guest.during("proxy_on_log", () => [get(guest, ResponseHeaders, ":status"), get(guest, 1, "x")]);
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request, { endOfStream: true });
    stream.close();
    expect(seen).toEqual([["", ""]]);
  });

  test("0.1.0 outside on_log: a map that is not there stays BAD_ARGUMENT", async () => {
    expect(await inRequest(request, (guest) => get(guest, ResponseHeaders, ":status"), { abi: "0.1.0" })).toBe(BA);
  });
});

describe("the first four maps of a stream that is held, from another callback with the effective context", () => {
  /** A stream held in `callback`, which is the last of these steps that comes to the guest. */
  async function heldIn(callback: string): Promise<Pick<Held, "guest" | "context">> {
    const guest = await relay({ answers: { [callback]: 1 } });
    const stream = guest.plugin.openHttpStream();
    const steps: [string, () => unknown][] = [
      ["proxy_on_request_headers", () => stream.requestHeaders(request)],
      ["proxy_on_request_body", () => stream.requestBody("b", { endOfStream: callback === "proxy_on_request_body" })],
      ["proxy_on_request_trailers", () => stream.requestTrailers({ "x-request-trailer": "rt" })],
      ["proxy_on_response_headers", () => stream.responseHeaders(response)],
      ["proxy_on_response_body", () => stream.responseBody("b")],
      ["proxy_on_response_trailers", () => stream.responseTrailers({ "x-response-trailer": "st" })],
    ];
    for (const [name, step] of steps) {
      step();
      if (name === callback) break;
    }
    return { guest, context: guest.vm.contexts.get(stream.contextId)! };
  }
  const effective = <T>({ guest, context }: Pick<Held, "guest" | "context">, work: () => T): T =>
    guest.inside(() => {
      expect(guest.call("proxy_set_effective_context", context.id)).toBe(OK);
      return work();
    });

  test.each([
    { callback: "proxy_on_request_headers", maps: [live, none, none, none] },
    { callback: "proxy_on_request_body", maps: [none, creatable, none, none] },
    { callback: "proxy_on_request_trailers", maps: [none, live, none, none] },
    { callback: "proxy_on_response_headers", maps: [none, none, live, none] },
    { callback: "proxy_on_response_body", maps: [none, none, none, none] },
    { callback: "proxy_on_response_trailers", maps: [none, none, none, live] },
  ])("held in $callback", async ({ callback, maps }) => {
    const stream = await heldIn(callback);
    expect(effective(stream, () => four(stream.guest))).toEqual(maps);
  });

  test("a stream that is not held has none", async () => {
    const guest = await relay();
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request);
    const context = guest.vm.contexts.get(stream.contextId)!;
    expect(effective({ guest, context }, () => four(guest))).toEqual([none, none, none, none]);
  });

  test("after proxy_continue_stream(request) in the same call the request's maps are gone", async () => {
    const stream = await heldIn("proxy_on_request_headers");
    const maps = effective(stream, () => {
      stream.guest.call("proxy_continue_stream", 0);
      return four(stream.guest);
    });
    expect(maps).toEqual([none, none, none, none]);
  });

  test("after proxy_continue_stream(response) in the same call the response's maps stay", async () => {
    const stream = await heldIn("proxy_on_response_headers");
    const maps = effective(stream, () => {
      stream.guest.call("proxy_continue_stream", 1);
      return four(stream.guest);
    });
    expect(maps).toEqual([none, none, live, none]);
  });

  test("with allow_on_headers_stop_iteration the headers stay to the end", async () => {
    const answers = { proxy_on_request_headers: 1, proxy_on_response_headers: 1 };
    const guest = await relay({ allowOnHeadersStopIteration: true, answers });
    const phases = ["request_body", "request_trailers", "response_headers", "response_body", "response_trailers"];
    const seen = phases.map((one) => guest.during(`proxy_on_${one}`, () => four(guest)));
    exchange(guest, "proxy_on_tick", () => 0);
    expect(seen.flat()).toEqual([
      [live, none, none, none],
      [live, live, none, none],
      [live, none, live, none],
      [live, none, live, none],
      [live, none, live, live],
    ]);
  });

  test("a local reply from the request headers: they stay readable in the callbacks that it causes", async () => {
    const guest = await relay();
    guest.during("proxy_on_request_headers", () => guest.call("proxy_send_local_response", 403, 0, 0, 0, 1, 0, 0, -1));
    const headers = guest.during("proxy_on_response_headers", () => four(guest));
    const body = guest.during("proxy_on_response_body", () => four(guest).slice(0, 2));
    const log = guest.during("proxy_on_log", () => access(guest, RequestHeaders).slice(0, 2));
    guest.plugin.openHttpStream().requestHeaders(request, { endOfStream: true });
    expect(headers).toEqual([[live, none, live, none]]);
    expect(body).toEqual([[live, none]]);
    expect(log).toEqual([[OK, true]]);
  });
});

describe("the maps of calls, 4 to 7", () => {
  const upstream = Object.entries(request);
  const call = (guest: RelayGuest): number =>
    guest.call("proxy_http_call", 0, 1, 200, guest.write(200, upstream), 0, 0, 0, 0, 0, 100);
  const readable = (guest: RelayGuest, map: number): Access => access(guest, map);

  test("6 and 7 while an answer with trailers is delivered, on the root and on an effective stream", async () => {
    const { guest, context } = await held();
    call(guest);
    const seen = guest.during("proxy_on_http_call_response", () => {
      const onRoot = [readable(guest, 6), get(guest, 7, "x-t")];
      guest.call("proxy_set_effective_context", context.id);
      return [...onRoot, readable(guest, 6), get(guest, 7, "x-t"), size(guest, 7)];
    });
    guest.plugin.calls[0]!.respond({ trailers: { "x-t": "1" } });
    expect(seen).toEqual([[logged, "1", logged, "1", -BA]]);
    expect(guest.inside(() => [readable(guest, 6), readable(guest, 7)])).toEqual([none, none]);
  });

  test("7 is not there without trailers, and neither after a failed call", async () => {
    const guest = await relay();
    call(guest);
    call(guest);
    const seen = guest.during("proxy_on_http_call_response", () => [get(guest, 6, ":status"), get(guest, 7, "x-t")]);
    guest.plugin.calls[0]!.respond();
    guest.plugin.calls[1]!.fail();
    expect(seen).toEqual([
      ["200", BA],
      [BA, BA],
    ]);
  });

  test("4 and 5 inside their gRPC callbacks alone", async () => {
    const guest = await relay();
    guest.call("proxy_grpc_stream", 0, 1, 0, 1, 0, 1, 0, 0, 100);
    const { events } = guest.callouts.grpcCalls[0]!;
    const initial = guest.during("proxy_on_grpc_receive_initial_metadata", () => [
      get(guest, 4, "k"),
      pairs(guest, 4),
      size(guest, 4),
      add(guest, 4, "a", "b"),
      get(guest, 5, "k"),
    ]);
    const trailing = guest.during("proxy_on_grpc_receive_trailing_metadata", () => [
      get(guest, 4, "k"),
      get(guest, 5, "k"),
      remove(guest, 5, "k"),
    ]);
    events.initialMetadata(new HeaderMap("metadata", [["k", "1"]]));
    events.trailingMetadata(new HeaderMap("metadata", [["k", "2"]]));
    expect(initial).toEqual([["1", [["k", "1"]], -BA, BA, BA]]);
    expect(trailing).toEqual([[BA, "2", BA]]);
  });

  test("in on_log all four are NOT_FOUND", async () => {
    const guest = await relay();
    const seen = exchange(guest, "proxy_on_log", () => [4, 5, 6, 7].map((map) => get(guest, map, "x")));
    expect(seen).toEqual([[NF, NF, NF, NF]]);
  });
});

describe("headers callbacks of each version", () => {
  test.each([
    { abi: "0.1.0", request: "proxy_on_request_headers(2, 4)", response: "proxy_on_response_headers(2, 2)" },
    { abi: "0.2.0", request: "proxy_on_request_headers(2, 4, 1)", response: "proxy_on_response_headers(2, 2, 1)" },
    { abi: "0.2.1", request: "proxy_on_request_headers(2, 4, 1)", response: "proxy_on_response_headers(2, 2, 1)" },
  ] satisfies { abi: AbiVersion; request: string; response: string }[])("$abi: $request", async (row) => {
    const guest = await relay({ abi: row.abi });
    const stream = guest.plugin.openHttpStream();
    stream.requestHeaders(request, { endOfStream: true });
    stream.responseHeaders(response, { endOfStream: true });
    expect(guest.callbacks).toContain(row.request);
    expect(guest.callbacks).toContain(row.response);
  });
});
