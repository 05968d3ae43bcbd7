import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { explain } from "../../src/deploy/explain.js";
import { knownLines } from "../../src/deploy/known-lines.js";
import type { SidecarSetOptions } from "../../src/deploy/sidecar-set.js";
import { sidecarSet } from "../../src/deploy/sidecar-set.js";
import { where } from "../../src/deploy/where.js";
import type { JsonObject } from "../../src/manifest/documents.js";
import { readManifest } from "../../src/manifest/documents.js";

const seed: SidecarSetOptions = { module: new Uint8Array(8), fileName: "f.wasm", deployment: "shop", port: 8080 };
const documentsOf = (files: readonly (readonly [string, string])[]) =>
  files.filter(([name]) => name.endsWith(".yaml")).flatMap(([name, text]) => readManifest(text, name).documents);
const explained = (options: Partial<SidecarSetOptions> = {}) =>
  explain(documentsOf(sidecarSet({ ...seed, ...options })));
const commands = (steps: readonly { command: string }[]): string[] => steps.map(({ command }) => command);

describe("what is applied", () => {
  test("in the order of the reference, 3.4, whatever the order of the files; taken away the other way round", () => {
    const { apply, undo } = explain(documentsOf(sidecarSet(seed)).toReversed());
    expect(commands(apply)).toEqual([
      "kubectl apply -f configmap.yaml",
      "kubectl patch deployment shop --patch-file deployment-patch.yaml",
      "kubectl rollout status deployment/shop",
      "kubectl apply -f envoyfilter.yaml",
    ]);
    expect(commands(undo)).toEqual(["kubectl delete -f envoyfilter.yaml", "kubectl delete -f configmap.yaml"]);
  });

  test("server-side from the size on that the API server refused otherwise; in the namespace of the manifests", () => {
    expect(commands(explained({ module: new Uint8Array(196_000) }).apply)[0]).not.toContain("--server-side");
    expect(commands(explained({ module: new Uint8Array(262_144) }).apply)[0]).toContain("--server-side");
    const { apply, look } = explained({ namespace: "team" });
    for (const command of commands(apply).slice(0, 1)) expect(command).toContain("-n team ");
    for (const command of commands(look)) expect(command).toContain("-n team");
  });
});

describe("how to look", () => {
  test("the file's path, the listener of the context, the prefix of the plugin's lines", () => {
    const { look } = explained({ rootId: "headers", vmId: "vm-1", mountPath: "/opt/wasm" });
    expect(commands(look).some((one) => one.endsWith("ls -l /opt/wasm/f.wasm"))).toBe(true);
    expect(commands(look).some((one) => one.includes('listener "$POD" --port 15006 '))).toBe(true);
    expect(look.find(({ command }) => command.includes(" logs "))!.note).toContain("wasm log headers vm-1: ");
    const outbound = explained({ context: "SIDECAR_OUTBOUND", port: 8000 });
    expect(commands(outbound.look).some((one) => one.includes("--port 8000 "))).toBe(true);
  });

  test("a WasmPlugin: what the agent fetched; a static Envoy: validate, then run", () => {
    const plugin = { apiVersion: "extensions.istio.io/v1alpha1", kind: "WasmPlugin", metadata: { name: "headers" } };
    const text = JSON.stringify({ ...plugin, spec: { url: "oci://registry.example.com/a/b:v1" } });
    const told = explain(readManifest(text, "plugin.yaml").documents);
    expect(commands(told.look)).toContain('istioctl proxy-config ecds "$POD" -o json | grep headers');
    expect(told.lines.map(({ line }) => line)).toContain("cannot fetch Wasm module");
    expect(told.lines.map(({ line }) => line)).not.toContain("Invalid path: ");
    const boot = readManifest(JSON.stringify({ static_resources: { listeners: [] } }), "envoy.yaml").documents;
    expect(commands(explain(boot).apply)).toEqual(["envoy --mode validate -c envoy.yaml", "envoy -c envoy.yaml"]);
  });
});

/** Of Istio's agent, or of a module's own runtime: no Envoy was recorded with them. */
const notOfEnvoy = new Set([
  "config received from XDS server, but was rejected",
  "Missing root context factory for root id: ",
  "createWasm: failed to load (in progress)",
  "cannot fetch Wasm module",
]);

test("lines of the log are those that a real Envoy or Istio's fetcher said", () => {
  const files = readdirSync("test/recordings", { recursive: true, encoding: "utf8" }).filter((one) =>
    /\.jsonl?$/.test(one),
  );
  const all = files.map((file) => readFileSync(`test/recordings/${file}`, "utf8")).join("\n");
  const unheard = knownLines.map(({ line }) => line).filter((line) => !all.includes(line));
  expect(unheard.filter((line) => !notOfEnvoy.has(line))).toEqual([]);
});

// The answers of istiod are in oracles.test.ts; these are matches that our generator does not write. Reference, 2.4, 2.8, 5.1.
describe("where somebody else's EnvoyFilter lands", () => {
  const service: JsonObject = {
    kind: "Service",
    metadata: { name: "shop" },
    spec: { selector: { app: "shop" }, clusterIP: "10.0.0.1", ports: [{ name: "http", port: 80, targetPort: "web" }] },
  };
  const containers = [{ ports: [{ name: "web", containerPort: 8080 }] }];
  const deployment: JsonObject = { kind: "Deployment", spec: { template: { spec: { containers } } } };
  const proxy = { type: "sidecar", version: "1.31.0", labels: { app: "shop" }, namespace: "team" } as const;
  const landing = (patch: JsonObject, more: JsonObject = {}) => {
    const spec = { configPatches: [{ applyTo: "HTTP_FILTER", ...patch }], ...more };
    return where({ kind: "EnvoyFilter", spec }, [service, deployment], proxy)[0]!;
  };
  const manager = "envoy.filters.network.http_connection_manager";
  const at = (anchor: string, name = manager): JsonObject => ({
    context: "SIDECAR_INBOUND",
    listener: { portNumber: 8080, filterChain: { filter: { name, subFilter: { name: anchor } } } },
  });
  const router = "envoy.filters.http.router";

  test.each<[string, JsonObject, string, RegExp | undefined]>([
    ["INSERT_FIRST", at(router), "first", undefined],
    ["INSERT_BEFORE", at("envoy.filters.http.cors"), "before envoy.filters.http.cors", undefined],
    ["INSERT_AFTER", at("envoy.filters.http.cors"), "after envoy.filters.http.cors", undefined],
    ["INSERT_AFTER", at(router), "last, behind the router", /makes Envoy refuse the listener/],
    ["ADD", at(router), "last, behind the router", /makes Envoy refuse the listener/],
    ["REPLACE", at("envoy.filters.http.cors"), "in the place of envoy.filters.http.cors", undefined],
  ])("%s %j: %s", (operation, match, position, note) => {
    const { touched, notes } = landing({ match, patch: { operation } });
    expect(touched.map((one) => [one.chain, one.position])).toEqual([["0.0.0.0_8080", position]]);
    if (note === undefined) expect(notes).toEqual([]);
    else expect(notes.join()).toMatch(note);
  });

  test.each<[string, JsonObject, JsonObject, RegExp]>([
    ["another anchor", at("istio.stats"), {}, /at "istio.stats" does nothing/],
    ["an old alias", at("envoy.router"), {}, /at "envoy.router" does nothing/],
    [
      "an old alias of the manager",
      at(router, "envoy.http_connection_manager"),
      {},
      /is in no chain: it is called envoy/,
    ],
    ["targetRefs", at(router), { targetRefs: [{ kind: "Gateway", name: "g" }] }, /choose gateways and waypoints/],
    [
      "a label of nobody",
      at(router),
      { workloadSelector: { labels: { app: "x" } } },
      /wants app=x, and the pod has app=shop/,
    ],
    ["a gateway's context", { context: "GATEWAY" }, {}, /context GATEWAY is for gateways/],
    [
      "a listener's name",
      { context: "SIDECAR_INBOUND", listener: { name: "0.0.0.0_8080" } },
      {},
      /no filter chain on port/,
    ],
    [
      "the Service's port",
      { context: "SIDECAR_INBOUND", listener: { portNumber: 80 } },
      {},
      /80 is the Service's port/,
    ],
    ["a broken pattern", { proxy: { proxyVersion: "(" } }, {}, /is no regular expression of RE2/],
  ])("nowhere, with %s", (_, match, more, why) => {
    const { touched, notes } = landing({ match, patch: { operation: "INSERT_BEFORE" } }, more);
    expect(touched).toEqual([]);
    expect(notes.join()).toMatch(why);
  });

  test("patches with another applyTo are left out", () => {
    expect(landing({ applyTo: "EXTENSION_CONFIG", patch: { operation: "ADD" } })).toBeUndefined();
  });
});
