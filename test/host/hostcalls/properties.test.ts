import { describe, expect, test } from "vitest";
import { Status } from "../../../src/abi/enums.js";
import type { Pair } from "../../../src/abi/pairs.js";
import { decodePairs } from "../../../src/abi/pairs.js";
import type { Property } from "../../../src/proxy/envoy/property-value.js";
import type { RelayGuest } from "../../../src/harness/relay.js";
import { relay } from "../../../src/harness/relay.js";
import { end, exchange, held, request } from "../support.js";

const NF = Status.NotFound;
const SF = Status.SerializationFailure;

/** The bytes of a property by its raw path, or the status that says why there are none. */
function get(guest: RelayGuest, path: string): string | number {
  const status = guest.call("proxy_get_property", 0, guest.write(0, path), 500, 504);
  return status === Status.Ok ? guest.text(guest.u32(500), guest.u32(504)) : status;
}
function set(guest: RelayGuest, path: string, value: string): number {
  const size = guest.write(0, path);
  return guest.call("proxy_set_property", 0, size, 300, guest.write(300, value));
}
/** As `get`, on a stream held in its request headers. */
async function onStream<T>(work: (guest: RelayGuest) => T, properties: Record<string, Property> = {}): Promise<T> {
  const { guest, context } = await held({ properties, name: "n", rootId: "r", vmId: "v" });
  return guest.inside(() => work(guest), context);
}
/** 8 bytes, little-endian. */
function int64(value: bigint): string {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes.toString("latin1");
}

describe("proxy_get_property: the path (v0.2.1 #proxy_get_property)", () => {
  test.each([
    { claim: "parts divided by NUL, as Rust and Go write them", path: "request\0method", got: "GET" },
    { claim: "parts each ended by a NUL, as C++ writes them", path: "request\0method\0", got: "GET" },
    { claim: "a third part that is a header's name", path: "request\0headers\0:path", got: "/p?q=1" },
    { claim: "a part too many", path: "request\0method\0x", got: NF },
    { claim: "an unknown name", path: "nonsense", got: NF },
    { claim: "an unknown second part", path: "request\0nonsense", got: NF },
    { claim: "the empty path", path: "", got: SF },
    { claim: "a whole group", path: "request", got: SF },
    { claim: "a header that is not there", path: "request\0headers\0x-none", got: NF },
  ])("$claim: $got", async ({ path, got }) => {
    expect(await onStream((guest) => get(guest, path))).toBe(got);
  });

  // Known gap, proxy/envoy/attributes.ts: the path is joined with dots and looked up as one name.
  test("dots divide nothing: NOT_FOUND", async () => {
    expect(await onStream((guest) => get(guest, "request.method"))).toBe(NF);
  });

  // Known gap, proxy/envoy/attributes.ts: tables of names are plain objects, and a guest's name reaches their prototype.
  test.each(["constructor", "__proto__", "toString", "__proto__\0constructor"])(
    "%j, which every JavaScript object has, is NOT_FOUND",
    async (path) => {
      expect(await onStream((guest) => get(guest, path))).toBe(NF);
    },
  );

  test.each([
    { claim: "NOT_FOUND", path: "nonsense" },
    { claim: "SERIALIZATION_FAILURE", path: "" },
  ])("$claim leaves the outputs alone, and is told before bad ones are seen", async ({ path }) => {
    const guest = await relay();
    expect(get(guest, path)).not.toBe(Status.Ok);
    expect(guest.text(500, 8)).toBe("????????");
    expect(guest.call("proxy_get_property", 0, guest.write(0, path), end, end)).not.toBe(Status.InvalidMemoryAccess);
  });

  test("an empty value is OK with pointer 0 and size 0", async () => {
    const guest = await relay({ rootId: "" });
    expect(get(guest, "plugin_root_id")).toBe("");
    expect([guest.u32(500), guest.u32(504)]).toEqual([0, 0]);
  });
});

describe("proxy_get_property: the plugin's own", () => {
  const own = (guest: RelayGuest): (string | number)[] =>
    ["plugin_name", "plugin_root_id\0", "plugin_vm_id", "plugin_name\0x"].map((path) => get(guest, path));
  const wanted = ["n", "r", "v", NF];
  const names = { name: "n", rootId: "r", vmId: "v" };

  test("from the first proxy_on_context_create on", async () => {
    const seen: unknown[] = [];
    await relay({ ...names, during: { proxy_on_context_create: (guest) => seen.push(own(guest)) } });
    expect(seen).toEqual([wanted]);
  });

  test("on a stream, also in on_log and on_delete", async () => {
    for (const callback of ["proxy_on_request_headers", "proxy_on_log", "proxy_on_delete"]) {
      const guest = await relay(names);
      expect(exchange(guest, callback, () => own(guest))).toEqual([wanted]);
    }
  });
});

describe("proxy_get_property: without a stream", () => {
  test.each(["request\0path", "connection\0id", "request", "response", "source", "connection_id"])(
    "%j is NOT_FOUND",
    async (path) => {
      expect(get(await relay(), path)).toBe(NF);
    },
  );

  test("bare xds is SERIALIZATION_FAILURE", async () => {
    expect(get(await relay(), "xds")).toBe(SF);
  });

  test("an effective stream counts as a stream", async () => {
    const { guest, context } = await held();
    const seen = guest.inside(() => {
      guest.call("proxy_set_effective_context", context.id);
      return get(guest, "request\0path");
    });
    expect(seen).toBe("/p?q=1");
  });
});

describe("proxy_get_property: values as bytes (envoy-behaviour.md §5.2)", () => {
  test.each<{ claim: string; value: Property; got: string | number }>([
    { claim: "a string, raw, no NUL behind", value: "text", got: "text" },
    { claim: "bytes as they are", value: new Uint8Array([0, 255]), got: "\0\xff" },
    { claim: "an int64 in 8 bytes", value: 200, got: int64(200n) },
    { claim: "a negative int64", value: -1n, got: int64(-1n) },
    { claim: "the least int64", value: -(2n ** 63n), got: int64(-(2n ** 63n)) },
    { claim: "a double in 8 bytes", value: 0.5, got: "\0\0\0\0\0\0\xe0\x3f" },
    { claim: "true in one byte", value: true, got: "\x01" },
    { claim: "false in one byte", value: false, got: "\0" },
    { claim: "null, which has no bytes", value: null, got: SF },
    { claim: "an empty list: a count of 0", value: [], got: "\0\0\0\0" },
    { claim: "an empty map: a count of 0", value: {}, got: "\0\0\0\0" },
  ])("$claim", async ({ value, got }) => {
    expect(await onStream((guest) => get(guest, "mine"), { mine: value })).toBe(got);
  });

  test.each<{ claim: string; value: Property; got: readonly Pair[] }>([
    {
      claim: "a map as pairs",
      value: { a: "1", b: 2 },
      got: [
        ["a", "1"],
        ["b", int64(2n)],
      ],
    },
    {
      claim: "a list as pairs with empty values",
      value: ["x", "y"],
      got: [
        ["x", ""],
        ["y", ""],
      ],
    },
  ])("$claim", async ({ value, got }) => {
    const bytes = await onStream((guest) => get(guest, "mine"), { mine: value });
    expect(decodePairs(new Uint8Array(Buffer.from(bytes as string, "latin1"))).pairs).toEqual(got);
  });

  test.each([
    { claim: "a map's key", path: "mine\0a", got: "1" },
    { claim: "a key it lacks", path: "mine\0z", got: NF },
    { claim: "a list's index", path: "mine\0list\x001", got: "y" },
    { claim: "an index out of range", path: "mine\0list\x002", got: NF },
    { claim: "an index that is no number", path: "mine\0list\0y", got: NF },
    { claim: "a step into a scalar", path: "mine\0a\0b", got: NF },
  ])("steps into $claim: $got", async ({ path, got }) => {
    const properties = { mine: { a: "1", list: ["x", "y"] } };
    expect(await onStream((guest) => get(guest, path), properties)).toBe(got);
  });
});

describe("proxy_get_property: attributes of a stream", () => {
  test.each([
    { path: "request\0path", got: "/p?q=1" },
    { path: "request\0url_path", got: "/p" },
    { path: "request\0query", got: "q=1" },
    { path: "request\0host", got: "a.example" },
    { path: "request\0scheme", got: "http" },
    { path: "request\0protocol", got: "HTTP/1.1" },
    { path: "request\0size", got: int64(0n) },
    { path: "connection\0mtls", got: "\0" },
    { path: "source\0port", got: int64(50_000n) },
    { path: "response\0code", got: NF },
    { path: "request\0duration", got: NF },
  ])("$path", async ({ path, got }) => {
    expect(await onStream((guest) => get(guest, path))).toBe(got);
  });

  test("request.time is nanoseconds in 8 bytes", async () => {
    const time = await onStream((guest) => {
      get(guest, "request\0time");
      return [guest.u32(504), guest.u64(guest.u32(500))];
    });
    expect(time[0]).toBe(8);
    expect(time[1]).toBeGreaterThanOrEqual(1_700_000_000_000_000_000n);
  });

  test("header attributes go with the access to the map, and are back in on_log", async () => {
    const guest = await relay();
    const inResponse = guest.during("proxy_on_response_headers", () => [
      get(guest, "request\0path"),
      get(guest, "response\0code"),
    ]);
    const inLog = exchange(guest, "proxy_on_log", () => [get(guest, "request\0path"), get(guest, "response\0code")]);
    expect([inResponse, inLog]).toEqual([[[NF, int64(200n)]], [["/p?q=1", int64(200n)]]]);
  });
});

describe("proxy_set_property (v0.2.1 #proxy_set_property)", () => {
  test("can be read back under the same single name, and stays with the stream", async () => {
    const guest = await relay();
    guest.during("proxy_on_request_headers", () => set(guest, "mine", "value"));
    expect(exchange(guest, "proxy_on_log", () => get(guest, "mine"))).toEqual(["value"]);
    const other = guest.during("proxy_on_request_headers", () => get(guest, "mine"));
    guest.plugin.openHttpStream().requestHeaders(request);
    expect(other).toEqual([NF]);
  });

  test.each([
    { claim: "a value", path: "mine", value: "v", got: "v" },
    { claim: "an empty value", path: "mine", value: "", got: "" },
    { claim: "a path of several parts, which cannot be read back", path: "a\0b", value: "v", got: NF },
    { claim: "a name like an attribute's, which does not change it", path: "request", value: "v", got: SF },
  ])("$claim is OK", async ({ path, value, got }) => {
    const seen = await onStream((guest) => [set(guest, path, value), get(guest, path)]);
    expect(seen).toEqual([Status.Ok, got]);
  });

  test("an empty path is OK", async () => {
    expect(await onStream((guest) => set(guest, "", "v"))).toBe(Status.Ok);
  });

  test("filter_state has it as wasm.<name>", async () => {
    const seen = await onStream((guest) => {
      set(guest, "mine", "v");
      return get(guest, "filter_state\0wasm.mine");
    });
    expect(seen).toBe("v");
  });

  test("works in on_log", async () => {
    const guest = await relay();
    expect(exchange(guest, "proxy_on_log", () => [set(guest, "m", "v"), get(guest, "m")])).toEqual([[0, "v"]]);
  });

  test("without a stream it is NOT_FOUND", async () => {
    expect(set(await relay(), "mine", "v")).toBe(NF);
  });
});
