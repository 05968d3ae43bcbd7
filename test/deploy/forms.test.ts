// golden/ has the forms as the deployment reference has them, section 12: there they were parsed against the real schemas, with
// unknown members as errors. What is fixed in ours (fail-safe defaults, one plugin for a policy) is named where it differs.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { bootstrap } from "../../src/deploy/bootstrap.js";
import { envoyExtensionPolicy } from "../../src/deploy/envoyextensionpolicy.js";
import type { EnvoyFilterOptions } from "../../src/deploy/envoyfilter.js";
import { envoyFilter } from "../../src/deploy/envoyfilter.js";
import { helmFolder, kustomizeFolder } from "../../src/deploy/folders.js";
import { MountedModule, patchText } from "../../src/deploy/mounted-module.js";
import type { WasmPluginOptions } from "../../src/deploy/wasmplugin.js";
import { trafficExtension, wasmPlugin } from "../../src/deploy/wasmplugin.js";
import { lintTexts } from "../../src/lint/index.js";

const golden = (name: string): any => parse(readFileSync(`${import.meta.dirname}/golden/${name}.yaml`, "utf8"));
const module = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
const sha256 = "93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476"; // of these bytes
const mounted = (fileName: string, hashed = false): string => new MountedModule({ module, fileName, hashed }).path;

async function errorsOf(text: string, istio?: string): Promise<string[]> {
  const { findings } = await lintTexts([{ name: "a.yaml", text }], istio === undefined ? {} : { istio });
  return findings.filter(({ severity }) => severity === "error").map(({ rule, message }) => `${rule} ${message}`);
}

describe("EnvoyFilter", () => {
  const outbound: EnvoyFilterOptions = {
    name: "tenant-tag-outbound",
    namespace: "shop",
    priority: 10,
    labels: { app: "cart" },
    context: "SIDECAR_OUTBOUND",
    proxyVersion: "^1\\.(2[4-9]|30)\\..*",
    port: 8000,
    filterName: "shop.tenant-tag",
    pluginName: "shop.tenant-tag",
    rootId: "tenant_tag",
    configuration: '{"header":"x-tenant","value":"cart"}',
    failOpen: true,
    vmId: "shop-tenant-tag",
    code: { file: mounted("tenant-tag.wasm", true) },
  };

  test("outbound is the golden's, field by field", async () => {
    expect(parse(envoyFilter(outbound))).toEqual(golden("envoyfilter-outbound"));
    expect(await errorsOf(envoyFilter(outbound))).toEqual([]);
  });

  test("of a gateway is the golden's, field by field", async () => {
    const text = envoyFilter({
      name: "edge-guard",
      namespace: "istio-system",
      priority: 10,
      labels: { istio: "ingressgateway" },
      context: "GATEWAY",
      port: 8080,
      filterName: "edge.guard",
      pluginName: "edge.guard",
      rootId: "guard",
      configuration: '{"deny":["/admin"]}',
      vmId: "edge-guard",
      code: { file: mounted("guard.wasm") },
    });
    expect(parse(text)).toEqual(golden("envoyfilter-gateway"));
    expect(await errorsOf(text)).toEqual([]);
  });

  test("with remote code is the golden's pair; allow_precompiled is written, with its default", async () => {
    const text = envoyFilter({
      name: "http-headers-ecds",
      namespace: "shop",
      labels: { app: "go-httpbin" },
      port: 8080,
      filterName: "shop/http-headers",
      pluginName: "http-headers",
      rootId: "add_header",
      vmId: "shop-http-headers",
      code: { url: "https://files.example.com/http-headers.wasm", sha256 },
    });
    const wanted = golden("envoyfilter-ecds");
    wanted.spec.configPatches[0].patch.value.typed_config.value.config.vm_config.allow_precompiled = false;
    expect(parse(text)).toEqual(wanted);
    expect(await errorsOf(text)).toEqual([]);
  });

  test("stands first, or before and after another filter", () => {
    const patch = (options: Partial<EnvoyFilterOptions>) =>
      parse(envoyFilter({ ...outbound, ...options })).spec.configPatches[0];
    expect(patch({ insert: "first" }).patch.operation).toBe("INSERT_FIRST");
    expect(patch({ insert: "first" }).match.listener.filterChain.filter).not.toHaveProperty("subFilter");
    const after = patch({ insert: "after", anchor: "envoy.filters.http.cors" });
    expect(after.patch.operation).toBe("INSERT_AFTER");
    expect(after.match.listener.filterChain.filter.subFilter.name).toBe("envoy.filters.http.cors");
  });

  test("writes a failure policy, an environment and a runtime where they are given", () => {
    const text = envoyFilter({
      ...outbound,
      failOpen: false,
      failurePolicy: "FAIL_RELOAD",
      environment: { LOG: "1" },
      runtime: "envoy.wasm.runtime.wamr",
      istio: "1.25",
    });
    const { config } = parse(text).spec.configPatches[0].patch.value.typed_config.value;
    expect(config).toMatchObject({
      failure_policy: "FAIL_RELOAD",
      vm_config: { environment_variables: { key_values: { LOG: "1" } }, runtime: "envoy.wasm.runtime.wamr" },
    });
  });

  test.each<[Partial<EnvoyFilterOptions>, string]>([
    [{ insert: "after" }, "nothing may stand behind the router"],
    [{ failurePolicy: "FAIL_CLOSED" }, "Envoy refuses fail_open beside failure_policy"],
    [
      { failOpen: false, failurePolicy: "FAIL_RELOAD", istio: "1.24" },
      "Istio 1.24 has no failure_policy, which came with 1.25",
    ],
    [{ istio: "1.11.2" }, '"1.11.2" is no minor release'],
    [{ name: "Shop" }, 'the name "Shop" makes no name that Kubernetes takes'],
    [{ namespace: "a.b" }, '--namespace "a.b"'],
    [{ port: 70_000 }, "70000 is no port"],
    [{ priority: 2 ** 31 }, "2147483648 is no priority"],
    [{ code: { url: "ftp://a/b", sha256 } }, '"ftp://a/b" is no https://'],
  ])("%j is refused", (options, message) => {
    expect(() => envoyFilter({ ...outbound, ...options })).toThrow(message);
  });
});

test("the patch of a gateway's Deployment is the golden's, field by field", () => {
  const module_ = new MountedModule({ module, fileName: "guard.wasm" });
  expect(parse(patchText(module_.gatewayPatch()))).toEqual(golden("gateway-patch"));
});

describe("WasmPlugin and TrafficExtension", () => {
  const options: WasmPluginOptions = {
    name: "http-headers",
    namespace: "shop",
    labels: { app: "go-httpbin" },
    url: "oci://registry.example.com:5000/filters/http-headers:1.4.0",
    pullSecret: "filters-pull",
    rootId: "add_header",
    phase: "AUTHZ",
    priority: 10,
    mode: "SERVER",
    port: 8080,
    configuration: '{"header":"x-wasm-header","value":"demo-wasm"}',
    environment: { LOG_LEVEL: "info" },
  };

  test("are the goldens', but for defaults that ours leave out, and a variable from the host", async () => {
    const wanted = golden("wasmplugin");
    for (const name of ["imagePullPolicy", "failStrategy", "type"]) delete wanted.spec[name];
    wanted.spec.vmConfig.env = [{ name: "LOG_LEVEL", value: "info" }];
    expect(parse(wasmPlugin(options))).toEqual(wanted);
    expect(await errorsOf(wasmPlugin({ ...options, sha256 }), "1.24")).toEqual([]);
    const extension = golden("trafficextension");
    for (const name of ["imagePullPolicy", "failStrategy"]) delete extension.spec.wasm[name];
    const { pullSecret: _1, environment: _2, ...without } = options;
    expect(parse(trafficExtension(without))).toEqual(extension);
    expect(await errorsOf(trafficExtension({ ...options, sha256 }), "1.30")).toEqual([]);
  });

  test("say how they fail, and no sha256 of a file, which Istio checks none of", () => {
    expect(parse(wasmPlugin({ ...options, failOpen: true })).spec.failStrategy).toBe("FAIL_OPEN");
    expect(parse(wasmPlugin({ ...options, reloads: true })).spec.failStrategy).toBe("FAIL_RELOAD");
    expect(parse(wasmPlugin({ ...options, url: "file:///a/b.wasm", sha256 })).spec).not.toHaveProperty("sha256");
  });

  test.each<[Partial<WasmPluginOptions>, string]>([
    [{ istio: "1.11" }, "Istio 1.11 has no WasmPlugin, which came with 1.12: use pwh deploy all"],
    [{ istio: "1.15" }, "Istio 1.15 has no match, which came with 1.16"],
    [{ istio: "1.13" }, "Istio 1.13 has no imagePullSecret that works, which came with 1.14"],
    [{ istio: "1.18", failOpen: true }, "Istio 1.18 has no failStrategy"],
    [{ istio: "1.26", reloads: true }, "Istio 1.26 has no FAIL_RELOAD"],
    [{ configuration: "header=x" }, "the configuration is not the JSON that pluginConfig takes"],
    [{ configuration: "[1]" }, "pluginConfig takes a JSON object, and the configuration is a list"],
    [{ url: "registry.example.com/x:1" }, "is no oci://, https://, http:// or file:/// address"],
    [{ target: "Gateway/a" }, "it selects pods by labels or names a target, not both"],
    [{ labels: undefined as never, target: "Pod/a" }, '"Pod/a" is no target'],
  ])("%j is refused", (given, message) => {
    expect(() => wasmPlugin({ ...options, ...given })).toThrow(message);
  });

  test("a TrafficExtension is refused before 1.30", () => {
    expect(() => trafficExtension({ ...options, istio: "1.29" })).toThrow("Istio 1.29 has no TrafficExtension");
  });
});

test("an EnvoyExtensionPolicy is the golden's, for each of its two sources", async () => {
  const wanted = golden("envoyextensionpolicy");
  const [image, http] = wanted.spec.wasm;
  const options = {
    name: "http-headers",
    namespace: "shop",
    target: "HTTPRoute/httpbin",
    rootId: "add_header",
    configuration: '{"header":"x-wasm-header","value":"demo-wasm"}',
  };
  const url = "oci://registry.example.com:5000/filters/http-headers:1.4.0";
  delete image.code.pullPolicy;
  const one = envoyExtensionPolicy({ ...options, url, pullSecret: "filters-pull" });
  expect(parse(one)).toEqual({ ...wanted, spec: { ...wanted.spec, wasm: [image] } });
  const { configuration: _, ...without } = options;
  const other = envoyExtensionPolicy({ ...without, url: "https://files.example.com/http-headers.wasm", sha256 });
  const named = { ...http, name: "http-headers", failOpen: false };
  expect(parse(other)).toEqual({ ...wanted, spec: { ...wanted.spec, wasm: [named] } });
  expect([await errorsOf(one), await errorsOf(other)]).toEqual([[], []]);
  expect(() => envoyExtensionPolicy({ ...options, url, target: "Service/a" })).toThrow('"Service/a" is no target');
  expect(() => envoyExtensionPolicy({ ...options, url, configuration: "{" })).toThrow("not the JSON");
});

test("a bootstrap has the golden's filter, listener and cluster; it listens on the loopback address, without an admin port", async () => {
  const wanted = golden("bootstrap");
  const text = bootstrap({
    name: "http-headers",
    file: "/etc/envoy/http-headers.wasm",
    upstream: "httpbin:8080",
    rootId: "add_header",
    vmId: "http-headers",
    configuration: '{"header":"x-wasm-header","value":"demo-wasm"}',
  });
  delete wanted.admin;
  const [listener] = wanted.static_resources.listeners;
  listener.address.socket_address.address = "127.0.0.1";
  delete listener.filter_chains[0].filters[0].typed_config.codec_type;
  delete wanted.static_resources.clusters[0].lb_policy;
  expect(parse(text)).toEqual(wanted);
  expect(await errorsOf(text)).toEqual([]);
  expect(() => bootstrap({ name: "a", file: "a.wasm" })).toThrow('"a.wasm" is no absolute path');
  expect(() => bootstrap({ name: "a", file: "/a.wasm", upstream: "web" })).toThrow('"web" is no upstream');
});

describe("folders", () => {
  const options = { module, fileName: "http-headers.wasm", deployment: "go-httpbin", configuration: '{"a":"{{ x }}"}' };

  test("a component of Kustomize has the module, the patch with its Deployment, and the EnvoyFilter", () => {
    const files = Object.fromEntries(kustomizeFolder({ ...options, immutable: true }));
    expect(Object.keys(files)).toEqual([
      "http-headers.wasm",
      "deployment-patch.yaml",
      "envoyfilter.yaml",
      "kustomization.yaml",
    ]);
    expect(files["http-headers.wasm"]).toBe(module);
    expect(parse(files["deployment-patch.yaml"] as string)).toMatchObject({
      kind: "Deployment",
      metadata: { name: "go-httpbin" },
    });
    expect(parse(files["kustomization.yaml"] as string)).toMatchObject({
      kind: "Component",
      configMapGenerator: [
        {
          name: "http-headers-wasm",
          files: ["http-headers.wasm"],
          options: { disableNameSuffixHash: true, immutable: true },
        },
      ],
      patches: [{ path: "deployment-patch.yaml", target: { kind: "Deployment", name: "go-httpbin" } }],
    });
  });

  test("a chart of Helm reads the module from its files, and takes braces in a configuration as they are", () => {
    const files = Object.fromEntries(helmFolder(options));
    expect(files["files/http-headers.wasm"]).toBe(module);
    expect(files["templates/configmap.yaml"]).toContain(
      'http-headers.wasm: {{ .Files.Get "files/http-headers.wasm" | b64enc }}',
    );
    expect(files["templates/envoyfilter.yaml"]).toContain('{"a":"{{ "{{" }} x }}"}');
    expect(parse(files["Chart.yaml"] as string)).toMatchObject({ apiVersion: "v2", appVersion: "93a44bbb96c7" });
  });

  test("a module over a ConfigMap's limit is refused", () => {
    const large = { ...options, module: new Uint8Array(1_048_577) };
    expect(() => kustomizeFolder(large)).toThrow("1048577 bytes, and a ConfigMap holds 1048576");
    expect(() => helmFolder(large)).toThrow("1048577 bytes, and a ConfigMap holds 1048576");
  });
});
