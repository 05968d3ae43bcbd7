// What no recording has: properties that a test sets, TLS, metadata of hosts, localities, releases before 1.33. Expectations are
// from envoy-behaviour.md §5, byte strings of messages from protobuf's encoding of core.v3.Metadata, Locality and Node.
import { describe, expect, test } from "vitest";
import { Status } from "../../../src/abi/enums.js";
import type { RelayGuest } from "../../../src/harness/relay.js";
import { relay } from "../../../src/harness/relay.js";
import { createProxy, loadPlugin } from "../../../src/index.js";
import type { StreamProperties } from "../../../src/index.js";
import type { AttributePath } from "../../../src/proxy/envoy/attribute-kinds.js";
import { processProperty } from "../../../src/proxy/envoy/attributes.js";
import { propertyFromText } from "../../../src/proxy/envoy/given-properties.js";
import { profileOf } from "../../../src/proxy/envoy/profiles.js";
import { ProxyInfo } from "../../../src/proxy/envoy/proxy-info.js";
import { held } from "../../host/support.js";

const NF = Status.NotFound;
const SF = Status.SerializationFailure;

/** The bytes of a property, or the status that says why there are none. */
function get(guest: RelayGuest, path: string): string | number {
  const status = guest.call("proxy_get_property", 0, guest.write(0, path.replaceAll("/", "\0")), 500, 504);
  return status === Status.Ok ? guest.text(guest.u32(500), guest.u32(504)) : status;
}
function set(guest: RelayGuest, path: string, value: string): number {
  const size = guest.write(0, path);
  return guest.call("proxy_set_property", 0, size, 300, guest.write(300, value));
}
async function onStream<T>(properties: StreamProperties, work: (guest: RelayGuest) => T): Promise<T> {
  const { guest, context } = await held({ properties });
  return guest.inside(() => work(guest), context);
}
const latin1 = (hex: string): string => Buffer.from(hex, "hex").toString("latin1");
const refusal = async (properties: Record<string, unknown>): Promise<string> =>
  await relay({ properties: properties as StreamProperties }).then(
    () => "accepted",
    (error: Error & { code?: string }) => `${error.code}: ${error.message}`,
  );

describe("properties that a test sets", () => {
  const names = [
    "tls_version",
    "subject_local_certificate",
    "subject_peer_certificate",
    "dns_san_local_certificate",
    "dns_san_peer_certificate",
    "uri_san_local_certificate",
    "uri_san_peer_certificate",
    "sha256_peer_certificate_digest",
  ] as const;

  test.each(["connection", "upstream"] as const)("TLS of the %s: NOT_FOUND without, the text with", async (group) => {
    for (const name of names) {
      const path: AttributePath = `${group}.${name}`;
      expect(await onStream({}, (guest) => get(guest, `${group}/${name}`))).toBe(NF);
      expect(await onStream({ [path]: "spiffe://a/b" }, (guest) => get(guest, `${group}/${name}`))).toBe(
        "spiffe://a/b",
      );
    }
    expect(await onStream({ "connection.mtls": true }, (guest) => get(guest, "connection/mtls"))).toBe("\x01");
  });

  test.each<{ claim: string; properties: StreamProperties; path: string; got: string | number }>([
    {
      claim: "metadata as a message",
      properties: { "xds.route_metadata": { rm: { k: "rv" } } },
      path: "xds/route_metadata",
      got: latin1("0a110a02726d120b0a090a016b12041a027276"), // recorded: properties.jsonl
    },
    {
      claim: "metadata stepped into: numbers are doubles",
      properties: { "xds.route_metadata": { rm: { n: 7 } } },
      path: "xds/route_metadata/filter_metadata/rm/n",
      got: latin1("0000000000001c40"),
    },
    {
      claim: "keys of metadata in the order of their text; null, true and a list in Value's fields 1, 4 and 6",
      properties: { metadata: { f: { z: null, b: true, l: [""] } } },
      path: "metadata",
      got: latin1(
        ["0a240a0166121f", "0a070a016212022001", "0a0b0a016c120632040a021a00", "0a070a017a12020800"].join(""),
      ),
    },
    {
      claim: "a locality: region 1, zone 2, sub_zone 3",
      properties: { "upstream.locality": { region: "r", zone: "z", subZone: "s" } },
      path: "upstream/locality",
      got: latin1("0a017212017a1a0173"),
    },
    {
      claim: "a locality stepped into",
      properties: { "upstream.locality": { subZone: "s" } },
      path: "upstream/locality/sub_zone",
      got: "s",
    },
    {
      claim: "a node: id 1, cluster 2, user agent 6",
      properties: { "xds.node": { id: "i", cluster: "c" } },
      path: "xds/node",
      got: latin1("0a016912016332") + "\x05envoy",
    },
    {
      claim: "a path below a message",
      properties: { "xds.node.metadata.NAME": "pod" },
      path: "xds/node/metadata/NAME",
      got: "pod",
    },
    {
      claim: "a header in any case",
      properties: { "request.headers.x-team": "edge" },
      path: "request/headers/X-Team",
      got: "edge",
    },
    { claim: "null: without bytes", properties: { "request.path": null }, path: "request/path", got: SF },
    { claim: "undefined: not there", properties: { "request.path": undefined }, path: "request/path", got: NF },
    {
      claim: "an object of the filter state",
      properties: { "filter_state.envoy.string": "v" },
      path: "filter_state/envoy.string",
      got: "v",
    },
    { claim: "a plugin's own, by its name", properties: { mine: "v" }, path: "mine", got: "v" },
    { claim: "and in the filter state", properties: { mine: "v" }, path: "filter_state/wasm.mine", got: "v" },
    { claim: "a name that is not ASCII", properties: { größe: "v" }, path: "gr\xc3\xb6\xc3\x9fe", got: "v" },
  ])("$claim", async ({ properties, path, got }) => {
    expect(await onStream(properties, (guest) => get(guest, path))).toBe(got);
  });

  test("a plugin can set anew what the test says another plugin had set", async () => {
    const seen = await onStream({ mine: "before" }, (guest) => [
      get(guest, "mine"),
      set(guest, "mine", "after"),
      get(guest, "mine"),
      get(guest, "filter_state/wasm.mine"),
    ]);
    expect(seen).toEqual(["before", Status.Ok, "after", "after"]);
  });

  test("without a stream only the node is there", async () => {
    const guest = await relay({ properties: { "xds.node": { id: "i" }, "request.path": "/p", mine: "v" } });
    expect(["xds/node/id", "request/path", "mine"].map((path) => get(guest, path))).toEqual(["i", NF, NF]);
  });
});

describe("what cannot be set is refused", () => {
  test.each([
    { properties: { "request.pth": "/" }, says: '"request.pth" (did you mean "request.path"?)' },
    { properties: { "requets.path": "/" }, says: '"requets.path" (did you mean "request.path"?)' },
    { properties: { conection_id: 1 }, says: '(did you mean "connection_id"?)' },
    { properties: { request: {} }, says: "it is a group" },
    { properties: { "request.path.x": "/" }, says: "there is nothing below request.path" },
    { properties: { "node.id": "n" }, says: '(did you mean "xds.node.id"?): Envoy has it without xds up to 1.32 only' },
    { properties: { plugin_name: "n" }, says: "options name, rootId and vmId say it" },
    { properties: { "": "n" }, says: "the path has an empty name" },
    { properties: { "request.size": "12" }, says: '"request.size": wanted a whole number, got "12"' },
    { properties: { "connection.mtls": 1 }, says: '"connection.mtls": wanted true or false, got 1' },
    { properties: { "xds.route_name": 1 }, says: "wanted a text, got 1" },
    { properties: { metadata: { f: 1 } }, says: 'metadata of "f"' },
    { properties: { metadata: { f: { k: 1n } } }, says: 'metadata of "f", "k"' },
  ])("$properties", async ({ properties, says }) => {
    expect(await refusal(properties)).toContain(says);
    expect(await refusal(properties)).toMatch(/^OPTION_INVALID: /);
  });

  test("at every door: loadPlugin, openHttpStream, createProxy", async () => {
    const module = "fixtures/http-headers/http-headers.wasm";
    const properties = { "request.pth": "/" };
    const wrong = { code: "OPTION_INVALID" };
    await expect(loadPlugin(module, { properties })).rejects.toMatchObject(wrong);
    await expect(createProxy({ filters: [module], properties })).rejects.toMatchObject(wrong);
    await using plugin = await loadPlugin(module, { configuration: { header: "x", value: "y" } });
    expect(() => plugin.openHttpStream({ properties })).toThrow(/did you mean "request.path"/);
  });
});

describe("propertyFromText()", () => {
  test.each([
    { path: "response.code", text: "-5", got: -5n },
    { path: "connection.mtls", text: "true", got: true },
    { path: "request.path", text: "5", got: "5" },
    { path: "mine", text: "5", got: "5" },
    { path: "xds.node", text: '{"id":"n"}', got: { id: "n" } },
  ])("$path=$text", ({ path, text, got }) => {
    expect(propertyFromText(path, text)).toEqual(got);
  });
  test("JSON that is none", () => {
    expect(() => propertyFromText("xds.node", "{")).toThrow('Cannot set property "xds.node": wanted JSON');
  });
});

describe("createProxy", () => {
  const filter = (script: string) => ({ module: "fixtures/probe/probe.wasm", name: "p", configuration: script });
  const asked = "node id, cluster_metadata filter_metadata c k, route_metadata filter_metadata r k".split(", ");

  test("metadata, node and locality are those of its options", async () => {
    const script = [
      `on_response_headers: ${asked.map((path) => `prop xds ${path}`).join("; ")}`,
      "on_response_headers: prop xds upstream_host_metadata filter_metadata h k; prop upstream locality zone",
      "on_response_headers: prop metadata filter_metadata d k; prop upstream num_endpoints",
    ];
    await using proxy = await createProxy({
      filters: [filter(script.join("\n"))],
      node: { id: "n" },
      dynamicMetadata: { d: { k: "of d" } },
      upstreams: {
        web: {
          answer: { status: 200 },
          metadata: { c: { k: "of c" } },
          hostMetadata: { h: { k: "of h" } },
          locality: { zone: "z" },
        },
      },
      routes: [{ match: { prefix: "/" }, cluster: "web", metadata: { r: { k: "of r" } } }],
    });
    await proxy.send();
    const values = proxy.logs.flatMap(({ message }) => /HC prop .*? -> 0 len=\d+ (.*)/.exec(message)?.[1] ?? []);
    expect(values).toEqual([
      '"n"',
      '"of c"',
      '"of r"',
      '"of h"',
      '"z"',
      '"of d"',
      String.raw`"\x01\x00\x00\x00\x00\x00\x00\x00"`,
    ]);
  });

  test("metadata that JSON does not have is refused at the start", async () => {
    const routes = [{ match: { prefix: "/" }, cluster: "web", metadata: { r: { k: 1n } } }];
    const options = { filters: [filter("")], upstreams: { web: { status: 200 } }, routes };
    await expect(createProxy(options)).rejects.toMatchObject({ code: "OPTION_INVALID" });
  });
});

describe("releases", () => {
  const node = { id: "n" };
  test("up to 1.32 node is read without xds, from 1.33 on not", () => {
    const old = new ProxyInfo({ node, profile: profileOf("1.32") });
    expect(processProperty({}, ["node", "id"], old)).toBe("n");
    expect(processProperty({}, ["node", "id"], new ProxyInfo({ node, profile: profileOf("1.33") }))).toBe(NF);
  });
});
