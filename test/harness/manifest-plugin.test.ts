// What run and verify take from a manifest. Deployment reference, sections 2.10, 2.11, 5.5, 6, 12.1
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { pluginOfManifests } from "../../src/harness/manifest-plugin.js";
import { run } from "../../src/harness/run.js";
import { messageOf } from "../../src/errors.js";
import { findEnvoy } from "../../src/verify/envoy/find.js";
import { pwh } from "../support/pwh.js";
import { bytesOfFile } from "../vm/support.js";

const folder = mkdtempSync(join(tmpdir(), "pwh-manifest-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const file = (text: string): string => {
  const path = join(folder, `${++files}.yaml`);
  writeFileSync(path, text);
  return path;
};
const of = (...texts: string[]) => pluginOfManifests(texts.map(file));
const utf8 = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

const filterType = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
const stringValue = (value: string): object => ({ "@type": "type.googleapis.com/google.protobuf.StringValue", value });
const local = { vm_config: { vm_id: "v", code: { local: { filename: "/var/local/lib/wasm-filters/a.wasm" } } } };

interface Given {
  readonly version?: string;
  readonly config?: object;
  readonly direct?: boolean;
  readonly names?: readonly string[];
}
/** An EnvoyFilter in JSON, which is YAML too. */
function envoyFilter({ version, config = local, direct = false, names = ["f"] }: Given): string {
  const typed = direct
    ? { "@type": filterType, config }
    : { "@type": "type.googleapis.com/udpa.type.v1.TypedStruct", type_url: filterType, value: { config } };
  const configPatches = names.map((name) => ({
    applyTo: "HTTP_FILTER",
    match: { ...(version !== undefined && { proxy: { proxyVersion: version } }) },
    patch: { operation: "INSERT_BEFORE", value: { name, typed_config: typed } },
  }));
  return JSON.stringify({
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "EnvoyFilter",
    metadata: { name: "ef" },
    spec: { configPatches },
  });
}

describe("an EnvoyFilter", () => {
  test.each([true, false])("gives plugin, VM and version; direct: %s", async (direct) => {
    const config = {
      ...local,
      name: "n",
      root_id: "r",
      configuration: stringValue('{"a":1}'),
      fail_open: true,
      capability_restriction_config: { allowed_capabilities: { proxy_log: {} } },
    };
    const { options, envoy, code, names } = await of(envoyFilter({ version: "^1\\.11.*", config, direct }));
    expect({ ...options, configuration: utf8(options.configuration) }).toEqual({
      name: "n",
      rootId: "r",
      vmId: "v",
      configuration: '{"a":1}',
      failOpen: true,
      capabilities: ["proxy_log"],
    });
    expect([envoy, code, names]).toEqual(["istio-1.11", "/var/local/lib/wasm-filters/a.wasm", ["f", "n", "ef"]]);
  });

  test("of a Struct the plugin gets protobuf bytes, as a real Envoy hands it", async () => {
    const configuration = { "@type": "type.googleapis.com/google.protobuf.Struct", value: { header: "x-a" } };
    const { options } = await of(envoyFilter({ config: { ...local, configuration } }));
    // deployment reference, section 2.11: 0a 0f 0a 06 header …
    expect(Buffer.from(options.configuration!).toString("hex")).toMatch(/^0a0f0a06686561646572/);
  });

  test("of several versions the newest is played, and said", async () => {
    const { envoy, notes } = await of(envoyFilter({ version: "^1\\.(2[4-9]|30)\\..*" }));
    expect(envoy).toBe("istio-1.30");
    expect(notes.join()).toContain("7 releases, 1.24 to 1.30");
  });

  test("a field that the release does not know is as if it were not there", async () => {
    const config = { ...local, failure_policy: "FAIL_OPEN" };
    const old = await of(envoyFilter({ version: "^1\\.24.*", config }));
    const young = await of(envoyFilter({ version: "^1\\.25.*", config }));
    expect([old.options.failurePolicy, young.options.failurePolicy]).toEqual([undefined, "FAIL_OPEN"]);
    expect(old.notes.join()).toContain("does not know failure_policy");
  });

  test("has its module from inline bytes or a ConfigMap beside it", async () => {
    const inline = { vm_config: { code: { local: { inline_bytes: "AGFzbQEAAAA=" } } } };
    expect((await of(envoyFilter({ config: inline }))).module).toHaveLength(8);
    const map = { apiVersion: "v1", kind: "ConfigMap", binaryData: { "a.wasm": "AGFzbQEAAAA=" } };
    expect((await of(envoyFilter({}), JSON.stringify(map))).module).toHaveLength(8);
    expect((await of(envoyFilter({}))).module).toBeUndefined();
  });

  test.each([
    ["two of them", envoyFilter({ names: ["a", "b"] }), /which plugin .* a \(.*:1\), b \(.*:1\); choose with --filter/],
    ["none", "apiVersion: v1\nkind: Service\n", /no wasm plugin of HTTP/],
    ["broken YAML", "a: [", /:1: /],
    ["nothing", "", /no object in this file/],
    ["a bare configuration", envoyFilter({ config: { ...local, configuration: "x" } }), /no object with "@type"/],
    ["a configuration without a type", envoyFilter({ config: { ...local, configuration: {} } }), /it has no "@type"/],
    ["a pattern that is none", envoyFilter({ version: "(" }), /no regular expression/],
  ])("%s: an error that says so", async (_name, text, message) => {
    await expect(of(text)).rejects.toMatchObject({ code: "MANIFEST_INVALID", message: expect.stringMatching(message) });
  });

  test("--filter picks one, and suggests", async () => {
    const path = file(envoyFilter({ names: ["alpha", "beta"] }));
    expect((await pluginOfManifests([path], "beta")).names).toContain("beta");
    await expect(pluginOfManifests([path], "betta")).rejects.toThrow(/Cannot find plugin "betta".*"?beta"?/);
  });
});

test("a WasmPlugin is what Istio makes of it", async () => {
  const { options, code } = await of(`
apiVersion: extensions.istio.io/v1alpha1
kind: WasmPlugin
metadata: {name: p, namespace: shop}
spec:
  url: oci://example.com/x@sha256:00
  pluginName: add_header
  pluginConfig: {header: x-a}
  failStrategy: FAIL_OPEN
  vmConfig: {env: [{name: A, value: b}, {name: H, valueFrom: HOST}]}
`);
  expect({ ...options, configuration: utf8(options.configuration) }).toEqual({
    name: "shop.p",
    rootId: "add_header",
    configuration: '{"header":"x-a"}',
    environment: { A: "b" },
    failurePolicy: "FAIL_OPEN",
  });
  expect(code).toBe("oci://example.com/x@sha256:00");
});

test("an EnvoyExtensionPolicy is what Envoy Gateway makes of it", async () => {
  const { options } = await of(`
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata: {name: p}
spec: {wasm: [{name: w, rootID: r, config: {a: 1}, failOpen: true, code: {type: HTTP, http: {url: "http://a"}}}]}
`);
  expect({ ...options, configuration: utf8(options.configuration) }).toEqual({
    name: "w",
    rootId: "r",
    configuration: '{"a":1}',
    failOpen: true,
  });
});

test("fail_open: the request goes on behind a callback that trapped", async () => {
  const module = bytesOfFile("fixtures/probe/probe.wasm");
  const answer = async (options: object) => {
    const { client } = await run(module, { ...options, configuration: "on_request_headers: trap" });
    return client?.headers.find(([name]) => name === ":status")?.[1];
  };
  // deployment reference, section 2.12
  expect([await answer({}), await answer({ failOpen: true })]).toEqual(["503", "200"]);
});

describe("pwh run --from", () => {
  const seed = "fixtures/http-headers/http-headers.wasm";
  const manifest = (): string =>
    file(
      envoyFilter({
        version: "^1\\.11.*",
        config: { ...local, configuration: stringValue('{"header":"x-m","value":"1"}') },
      }),
    );

  test("plays the plugin as the manifest has it", () => {
    const { code, out, err } = pwh(["run", seed, "--from", manifest()]);
    expect(out).toContain("+ x-m: 1");
    expect(out).toContain('VM id "v"');
    expect(err).toContain("Envoy 1.19");
    expect(code).toBe(0);
  });
  test("what is given besides wins", () => {
    const { out } = pwh(["run", seed, "--from", manifest(), "-c", '{"header":"x-own","value":"2"}', "--envoy", "1.40"]);
    expect(out).toContain("+ x-own: 2");
  });
  test("what a failure policy does to later requests is told, once the plugin has failed", () => {
    const config = { ...local, failure_policy: "FAIL_OPEN", configuration: stringValue("on_request_headers: trap") };
    const { code, out, err } = pwh(["run", "fixtures/probe/probe.wasm", "--from", file(envoyFilter({ config }))]);
    expect(out).toContain("503");
    expect(err).toContain(
      "note: failure_policy FAIL_OPEN: this request is answered 503, later ones pass the plugin by",
    );
    expect(code).toBe(1);
  });
  test("without a module says where the proxy has it from", () => {
    const { code, err } = pwh(["run", "--from", manifest()]);
    expect([code, err]).toEqual([
      2,
      expect.stringContaining("which the proxy has from /var/local/lib/wasm-filters/a.wasm"),
    ]);
  });
});

const envoy = await findEnvoy().catch((thrown: unknown) => messageOf(thrown));
if (typeof envoy === "string") console.warn(`Skipped: ${envoy}`);
test.skipIf(typeof envoy === "string")(
  "pwh verify --from: the filter of the manifest serves a real Envoy's request",
  () => {
    const config = { ...local, configuration: stringValue('{"header":"x-m","value":"1"}') };
    const map = { apiVersion: "v1", kind: "ConfigMap", binaryData: { "a.wasm": "" } };
    map.binaryData["a.wasm"] = Buffer.from(bytesOfFile("fixtures/http-headers/http-headers.wasm")).toString("base64");
    const paths = [file(envoyFilter({ config })), file(JSON.stringify(map))];
    const { code, out } = pwh(["verify", ...paths.flatMap((one) => ["--from", one]), "--json"]);
    const { results } = JSON.parse(out) as { results: { outcome: string; recorded: { upstream: object } }[] };
    expect([code, results[0]!.outcome]).toEqual([0, "same"]);
    expect(JSON.stringify(results[0]!.recorded.upstream)).toContain('"x-m","1"');
  },
);
