// Envoy's own foreign functions: the scripts of test/recordings/foreign.jsonl through loadPlugin; expected lines are the recorded ones.
import { createHash, generateKeyPairSync, verify } from "node:crypto";
import { inflateSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { bytesOf, utf8 } from "../../../src/abi/bytes.js";
import { Status } from "../../../src/abi/enums.js";
import { MessageWriter } from "../../../src/abi/protobuf.js";
import { baseRelease, readRecordings } from "../../../src/verify/envoy/store.js";
import type { PluginOptions } from "../../../src/index.js";
import { relay } from "../../../src/harness/relay.js";
import { hostcallLines, probe } from "../../support/probe.js";

const recordings = new Map(readRecordings("foreign").map((entry) => [entry.name, entry]));

function recorded(name: string): { readonly script: string; readonly lines: string[] } {
  const { scenario, recorded } = recordings.get(name)!;
  const script = scenario.plugins![0]!.script!;
  const log = recorded[baseRelease]!.log ?? [];
  const lines = log.map(({ message }) => message).filter((message) => message.startsWith("HC "));
  return { script: typeof script === "string" ? script : script.join("\n"), lines: lines.map((line) => line.slice(3)) };
}

const request = {
  ":authority": "test.local",
  ":path": "/",
  ":method": "GET",
  ":scheme": "http",
  "x-forwarded-proto": "http",
  "x-request-id": "f4dca0a2-f0c7-4fcf-9d97-21b1b3b6a7ed",
};

/** One request through the recorded script, with the answer to a call if it makes one. */
async function played(name: string, headers: Record<string, string> = request, options: PluginOptions = {}) {
  const { script, lines } = recorded(name);
  const plugin = await probe(script, options);
  const stream = plugin.openHttpStream();
  stream.requestHeaders(headers, { endOfStream: true });
  plugin.calls[0]?.respond();
  stream.responseHeaders({ ":status": "200", "content-length": "5" });
  stream.responseBody("hello");
  stream.responseBody("", { endOfStream: true });
  return { plugin, expected: lines, got: hostcallLines(plugin) };
}

describe("recorded on Envoy", () => {
  test.each(["ff_names", "ff_verify", "ff_sign", "ff_fs"])("%s", async (name) => {
    const { expected, got } = await played(name);
    expect(expected.length).toBeGreaterThan(4);
    expect(got).toEqual(expected);
  });

  test("ff_comp: all but the bytes of the long input, which depend on the release of zlib", async () => {
    const { expected, got } = await played("ff_comp");
    const same = (lines: readonly string[]) => lines.filter((line) => !line.includes("len=20000"));
    expect(same(got)).toEqual(same(expected));
    expect(got).toHaveLength(expected.length);
  });

  test("ff_expr: values, errors and tokens; xds.node as a whole is not told", async () => {
    const { expected, got } = await played(
      "ff_expr",
      { ...request, "x-a": "1" },
      { properties: { "xds.node.id": "node-1" } },
    );
    const first = expected.slice(0, got.length);
    expect(expected.length / got.length).toBe(2); // it was recorded with two requests
    const node = first.indexOf(first.find((line) => line.startsWith("foreign expr_create xds.node ->"))!) + 1;
    const time = first.findIndex((line) => line.includes("<time>"));
    expect(got.filter((_, i) => i !== node && i !== time)).toEqual(first.filter((_, i) => i !== node && i !== time));
  });

  test("ff_exprroot: expressions of a root see what it may see, and its streams use them", async () => {
    const { expected, got } = await played("ff_exprroot", request, { properties: { "xds.node.id": "node-1" } });
    expect(got).toEqual(expected);
  });

  test("ff_declare: read-only and writable properties, on the first request of a connection", async () => {
    const { expected, got } = await played("ff_declare");
    expect(got).toEqual(expected.slice(0, got.length));
    expect(got.length).toBeGreaterThan(30);
  });

  test("ff_crc: clear_route_cache is OK everywhere", async () => {
    const { got } = await played("ff_crc");
    const cleared = got.filter((line) => line.startsWith("foreign clear_route_cache"));
    expect(cleared).toHaveLength(4);
    expect(cleared.every((line) => line.endsWith('-> 0 len=0 ""'))).toBe(true);
  });
});

/** Calls a foreign function through wasm: its status and result. */
function call(guest: Awaited<ReturnType<typeof relay>>, name: string, args: Uint8Array) {
  const status = guest.call("proxy_call_foreign_function", 0, guest.write(0, name), 64, guest.write(64, args), 16, 20);
  return { status, result: status === 0 ? guest.bytes(guest.u32(16), guest.u32(20)) : undefined };
}

describe("through the relay", () => {
  test("request.time keeps its nanoseconds", async () => {
    const plugin = await probe(
      "on_request_headers: prop request time; e:= foreign expr_create request.time; foreign expr_evaluate $e",
    );
    plugin.openHttpStream().requestHeaders(request, { endOfStream: true });
    const lines = hostcallLines(plugin);
    const value = (line: string) => line.slice(line.indexOf("-> "));
    expect(value(lines[2]!)).toBe(value(lines[0]!));
    expect(value(lines[0]!)).toContain("len=8");
  });

  test("compress gives a stream that inflates to what went in", async () => {
    const guest = await relay();
    const { result } = call(guest, "compress", utf8("a".repeat(1000)));
    expect(inflateSync(result!).toString()).toBe("a".repeat(1000));
  });

  test("sign signs with a key of PKCS#8, and others can verify it", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const der = privateKey.export({ format: "der", type: "pkcs8" });
    const guest = await relay();
    const args = new MessageWriter().bytes(1, "SHA512").bytes(2, der).bytes(3, "text").finish();
    const { result } = call(guest, "sign", args);
    expect([...result!.subarray(0, 5)]).toEqual([8, 1, 0x12, 0x80, 1]); // result true, then 128 bytes of signature
    expect(verify("sha512", utf8("text"), publicKey, result!.subarray(5))).toBe(true);
  });

  test("a function that the test gives wins over Envoy's of the same name", async () => {
    const guest = await relay({ foreignFunctions: { compress: () => createHash("md5").digest() } });
    expect(call(guest, "compress", utf8("x")).result).toHaveLength(16);
    expect(call(guest, "uncompress", utf8("x")).status).toBe(Status.SerializationFailure);
  });

  test("a call of a function that CEL does not have is refused when the expression is made", async () => {
    const guest = await relay();
    expect(call(guest, "expr_create", utf8("nosuch(1)")).status).toBe(Status.BadArgument);
    expect(call(guest, "expr_create", utf8("size('a')")).result).toEqual(bytesOf("\0\0\0\0"));
  });

  test("tokens and declarations go back with a snapshot", async () => {
    const guest = await relay();
    call(guest, "expr_create", utf8("1"));
    const before = guest.plugin.snapshot();
    expect(call(guest, "expr_create", utf8("2")).result![0]).toBe(1);
    expect(call(guest, "declare_property", new MessageWriter().bytes(1, "p").finish()).status).toBe(Status.Ok);
    guest.plugin.restore(before);
    expect(call(guest, "expr_evaluate", bytesOf("\x01\0\0\0")).status).toBe(Status.NotFound);
    expect(call(guest, "expr_create", utf8("2")).result![0]).toBe(1);
    expect(call(guest, "declare_property", new MessageWriter().bytes(1, "p").finish()).status).toBe(Status.Ok);
    expect(call(guest, "declare_property", new MessageWriter().bytes(1, "p").finish()).status).toBe(Status.BadArgument);
  });
});
