// Every rule has an example that it finds, and one that it leaves alone. What is expected comes from the checklist of the deployment
// reference (section 11): `# <-` marks the lines where the rule has to speak.
import { describe, expect, test } from "vitest";
import type { LintOptions } from "../../src/lint/lint.js";
import { lintTexts } from "../../src/lint/lint.js";
import { rules } from "../../src/lint/rules.js";
import {
  bootstrap,
  changed,
  configMap,
  deployment,
  ecds,
  envoyFilter as ef,
  extensionPolicy,
  service,
  together,
  trafficExtension,
  wasmPlugin as wp,
} from "./examples.js";

interface Example {
  readonly bad: string;
  readonly good: string;
  readonly options?: LintOptions;
  /** Default: the rule's own. */
  readonly severity?: "error" | "warning" | "information";
}

const outbound = changed(ef, ["SIDECAR_INBOUND", "SIDECAR_OUTBOUND"], ["portNumber: 8080", "portNumber: 8000"]);
const gateway = changed(ef, ["SIDECAR_INBOUND", "GATEWAY"], ["app: go-httpbin", "istio: ingressgateway"]);
const gatewayDeployment = changed(deployment, ["app: go-httpbin", "istio: ingressgateway"]);
const direct = changed(
  ef,
  [
    "udpa.type.v1.TypedStruct\n          type_url: type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm\n          value:",
    "envoy.extensions.filters.http.wasm.v3.Wasm",
  ],
  ["            config:\n              name: headers", "          config:\n              name: headers"],
);
const patch = changed(deployment, [
  "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: go-httpbin\n  namespace: shop\n",
  "",
]);
const config = (text: string): [string, string] => [
  "              name: headers\n",
  `              name: headers\n${text}`,
];
const targets = (kind: string, more = ""): [string, string] => [
  "  workloadSelector:\n    labels:\n      app: go-httpbin\n",
  `  targetRefs:\n  - group: gateway.networking.k8s.io\n    kind: ${kind}\n    name: g\n${more}`,
];
const wasm = (bytes: number): string => Buffer.alloc(bytes).toString("base64");
const second = (from: string, to: string): string =>
  together(ef, changed(ef, ["name: http-headers-filter", "name: other"], [from, to]));

const examples: Readonly<Record<string, Example>> = {
  "M-Y1": { bad: "kind: a: b # <-\n", good: ef },
  "M-Y2": { bad: changed(ef, ["  namespace: shop\n", "  namespace: shop\n  namespace: shop # <-\n"]), good: ef },
  "M-Y3": { bad: "# <- nothing\n", good: ef },
  "M-Y4": { bad: "apiVersion: v1\nkind: Secret # <-\nmetadata: {name: a}\n", good: service },
  "M-Y5": { bad: `# pwh-lint-disable M-Z1 # <-\n${ef}`, good: `# pwh-lint-disable M-N5 m-f21\n${ef}` },

  "M-N1": {
    bad: changed(ef, ["http-headers-filter", "My_Filter # <-"]),
    good: changed(ef, ["http-headers-filter", "a.b-1"]),
  },
  "M-N2": { bad: changed(ef, ["namespace: shop", "namespace: team.a # <-"]), good: ef },
  "M-N3": {
    bad: changed(deployment, [
      '"name":"wasmfilters-dir","configMap": {"name": "http-headers-wasm"}}]\'',
      '"name":"wasm_filters","configMap": {"name": "http-headers-wasm"}}]\' # <-',
    ]),
    good: deployment,
  },
  "M-N4": {
    bad: changed(deployment, [
      '"name":"wasmfilters-dir","configMap": {"name": "http-headers-wasm"}}]\'',
      '"name":"istio-data","configMap": {"name": "x"}}]\' # <-',
    ]),
    good: deployment,
  },
  "M-N5": {
    bad: changed(ef, [
      "metadata:\n  name: http-headers-filter\n  namespace: shop",
      "metadata: # <-\n  name: http-headers-filter",
    ]),
    good: ef,
  },
  "M-N6": {
    bad: together(ef, changed(ef, ["  name: http-headers-filter", "  name: http-headers-filter # <-"])),
    good: second("8080", "8081"),
  },
  "M-N7": {
    bad: changed(
      ef,
      ["namespace: shop", "namespace: istio-system # <-"],
      ["  workloadSelector:\n    labels:\n      app: go-httpbin\n", ""],
    ),
    good: changed(ef, ["namespace: shop", "namespace: istio-system"]),
  },
  "M-N8": {
    bad: changed(
      configMap,
      ["  http-headers.wasm:", "  # the next\n  my filter.wasm:"],
      ["AGFzbQEAAAA=", "AGFzbQEAAAA= # <-"],
    ),
    good: configMap,
  },

  "M-L1": {
    bad: changed(ef, ["app: go-httpbin", '"app kubernetes": x # <-']),
    good: changed(ef, ["app: go-httpbin", "app.kubernetes.io/name: x"]),
  },
  "M-L2": {
    bad: changed(ef, ["app: go-httpbin", "app: go-httpbin- # <-"]),
    good: changed(ef, ["app: go-httpbin", 'app: ""']),
  },
  "M-L3": { bad: changed(ef, ["app: go-httpbin", "app: go-* # <-"]), good: ef },
  "M-L4": {
    bad: together(changed(ef, ["labels:\n      app: go-httpbin", "labels: # <-\n      app: httpbin"]), deployment),
    good: together(ef, deployment),
  },
  "M-L5": { bad: changed(ef, ["labels:\n      app: go-httpbin", "labels: {} # <-"]), good: ef },
  "M-L6": {
    bad: changed(ef, [
      "  workloadSelector:",
      "  targetRefs: [{group: gateway.networking.k8s.io, kind: Gateway, name: g}] # <-\n  workloadSelector:",
    ]),
    good: changed(ef, targets("Gateway")),
  },
  "M-L7": {
    bad: changed(ef, targets("Gateway", "    namespace: other # <-\n")),
    good: changed(ef, targets("Gateway")),
  },
  "M-L8": {
    bad: changed(ef, [
      "  workloadSelector:\n    labels:\n      app: go-httpbin\n",
      "  targetRefs: # <-\n  - group: gateway.networking.k8s.io\n    kind: Gateway\n    name: g\n",
    ]),
    good: ef,
    options: { istio: "1.11" },
  },
  "M-L9": {
    bad: changed(ef, targets("Gateway"), ["SIDECAR_INBOUND", "SIDECAR_INBOUND # <-"]),
    good: changed(ef, targets("Gateway"), ["SIDECAR_INBOUND", "GATEWAY"]),
  },

  "M-P1": { bad: changed(ef, ["8080", "70000 # <-"]), good: changed(ef, ["8080", "65535"]) },
  "M-P2": { bad: changed(ef, ["8080", "15006 # <-"]), good: ef },
  "M-P3": { bad: together(changed(ef, ["8080", "8000 # <-"]), service), good: together(ef, service) },
  "M-P4": {
    bad: together(ef, changed(service, ["  ports:\n  - name: http", "  ports: # <-\n  - name: tcp-main"])),
    good: together(ef, changed(service, ["name: http", "name: grpc-web"])),
  },
  "M-P5": { bad: changed(ef, ["SIDECAR_INBOUND", "INBOUND # <-"]), good: ef },
  "M-P6": { bad: changed(ef, ["SIDECAR_INBOUND", "ANY"], ["8080", "8080 # <-"]), good: ef },
  "M-P7": {
    bad: together(changed(gateway, ["GATEWAY", "GATEWAY # <-"]), gatewayDeployment),
    good: together(ef, deployment),
  },
  "M-P8": { bad: changed(gateway, ["8080", "80 # <-"]), good: gateway },

  "M-V1": { bad: changed(ef, ["^1\\.11.*", "^1\\.(?=11) # <-"]), good: ef },
  "M-V2": { bad: changed(ef, ["^1\\.11.*", `^1\\.11${"x".repeat(1500)} # <-`]), good: ef },
  "M-V3": { bad: changed(ef, ["^1\\.11.*", "1.11.* # <-"]), good: changed(ef, ["^1\\.11.*", "^1\\.(2[4-9]|30)\\..*"]) },
  "M-V4": {
    bad: changed(ef, ["^1\\.11.*", "^1\\.11.* # <-"]),
    good: changed(ef, ["^1\\.11.*", "^1\\.29.*"]),
    options: { istio: "1.29.2" },
  },
  "M-V5": {
    bad: changed(ef, ["applyTo: HTTP_FILTER", "applyTo: LISTENER_FILTER # <-"]),
    good: ef,
    options: { istio: "1.11" },
  },
  "M-V7": { bad: changed(ef, ["kind: EnvoyFilter", "kind: EnvoyFilter # <-"]), good: service },

  "M-F1": { bad: changed(ef, ["portNumber: 8080", "port_number: 8080 # <-"]), good: ef },
  "M-F2": {
    bad: changed(ef, ["applyTo: HTTP_FILTER", "applyTo: CLUSTER"], ["      listener:", "      listener: # <-"]),
    good: ef,
  },
  "M-F3": { bad: changed(ef, ["name: envoy.filters.http.router", "name: envoy.router # <-"]), good: ef },
  "M-F4": { bad: changed(ef, ["name: envoy.filters.http.router", "name: istio.stats # <-"]), good: ef },
  "M-F5": { bad: changed(ef, ["operation: INSERT_BEFORE", "operation: ADD # <-"]), good: ef },
  "M-F6": {
    bad: changed(
      ef,
      ["name: envoy.filters.network.http_connection_manager", "name: envoy.filters.network.tcp_proxy"],
      ["subFilter:", "subFilter: # <-"],
    ),
    good: ef,
  },
  "M-F7": {
    bad: changed(ef, ["      value:\n        name: envoy.filters.http.wasm", "      value: # <-\n        # no name"]),
    good: ef,
  },
  "M-F8": {
    bad: changed(
      ef,
      ["typed_config:", "typed_config: # <-"],
      ["          type_url: type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm\n", ""],
    ),
    good: direct,
  },
  "M-F9": {
    bad: changed(ef, config("              configuration: '{\"a\":1}' # <-\n")),
    good: changed(
      ef,
      config("              configuration: {'@type': type.googleapis.com/google.protobuf.StringValue, value: '{}'}\n"),
    ),
  },
  "M-F10": {
    bad: changed(ef, [
      "code:",
      "code: # <-\n                  remote: {http_uri: {uri: 'http://x', cluster: x, timeout: 1s}, sha256: x}",
    ]),
    good: ef,
  },
  "M-F11": { bad: changed(ef, ["envoy.wasm.runtime.v8", "v8 # <-"]), good: ef },
  "M-F12": {
    bad: second("vm_id: headers\n", "vm_id: headers # <-\n").replace(/(.*)root_id: add_header/s, "$1root_id: another"),
    good: second("vm_id: headers", "vm_id: another").replace(/(.*)root_id: add_header/s, "$1root_id: another"),
  },
  "M-F13": { bad: changed(ef, ["allow_precompiled: false", "allow_precompiled: true # <-"]), good: ef },
  "M-F14": {
    bad: changed(ef, ["name: headers\n", "name: jwt-auth\n              fail_open: true # <-\n"]),
    good: changed(ef, ["name: headers\n", "name: jwt-auth\n"]),
  },
  "M-F15": {
    bad: changed(ef, config("              fail_open: true\n              failure_policy: FAIL_OPEN # <-\n")),
    good: changed(ef, config("              failure_policy: FAIL_OPEN\n")),
  },
  "M-F16": {
    bad: changed(ef, [
      "vm_id: headers\n",
      "vm_id: headers\n                environment_variables: # <-\n                  {host_env_keys: [HOME], key_values: {HOME: x}}\n",
    ]),
    good: changed(ef, [
      "vm_id: headers\n",
      "vm_id: headers\n                environment_variables: {host_env_keys: [HOME], key_values: {A: x}}\n",
    ]),
  },
  "M-F17": {
    bad: changed(ef, [
      "local:\n                    filename: /var/local/lib/wasm-filters/http-headers.wasm",
      "remote: # <-\n                    http_uri: {uri: 'https://files.example.com/x.wasm'}",
    ]),
    good: ecds,
  },
  "M-F18": { bad: changed(ecds, ["      operation: ADD", "      operation: MERGE # <-"]), good: ecds },
  "M-F20": {
    bad: changed(
      ef,
      ["name: http-headers-filter", "name: http-headers-filter # <-"],
      ["filename: /var/local/lib/wasm-filters/http-headers.wasm", `inline_bytes: ${wasm(200_000)}`],
    ),
    good: ef,
  },
  "M-F21": { bad: changed(ef, ["  priority: 10\n", ""], ["INSERT_BEFORE", "INSERT_BEFORE # <-"]), good: ef },

  "M-C1": {
    bad: changed(configMap, ["binaryData:", "binaryData: # <-"], ["AGFzbQEAAAA=", wasm(1_048_577)]),
    good: changed(configMap, ["AGFzbQEAAAA=", wasm(1_048_576)]),
  },
  "M-C2": {
    // reference 3.1: 196,455 bytes pass with the seed's names in namespace default, 196,456 do not
    bad: changed(
      configMap,
      ["namespace: shop", "namespace: default"],
      ["name: http-headers-wasm", "name: http-headers-wasm # <-"],
      ["AGFzbQEAAAA=", wasm(196_456)],
    ),
    good: changed(configMap, ["namespace: shop", "namespace: default"], ["AGFzbQEAAAA=", wasm(196_455)]),
  },
  "M-C3": { bad: changed(configMap, ["AGFzbQEAAAA=", "AGFzbQEAAAA # <-"]), good: configMap },
  "M-C4": { bad: changed(configMap, ["binaryData:", "data:"], ["AGFzbQEAAAA=", "AGFzbQEAAAA= # <-"]), good: configMap },
  "M-C5": {
    bad: `${configMap}immutable: true # <-\n`,
    good: `${changed(configMap, ["name: http-headers-wasm", "name: http-headers-wasm-93a44bbb96c7"])}immutable: true\n`,
  },

  "M-A1": {
    bad: changed(deployment, [
      "  namespace: shop\n",
      "  namespace: shop\n  annotations:\n    sidecar.istio.io/userVolume: '[]' # <-\n",
    ]),
    good: deployment,
  },
  "M-A2": {
    bad: changed(deployment, [
      `'[{"name":"wasmfilters-dir","configMap": {"name": "http-headers-wasm"}}]'`,
      `"[{'name':'w'}]" # <-`,
    ]),
    good: deployment,
  },
  "M-A3": {
    bad: changed(deployment, [
      `"configMap": {"name": "http-headers-wasm"}}]'`,
      `"comfigMap": {"name": "http-headers-wasm"}}]' # <-`,
    ]),
    good: deployment,
  },
  "M-A4": {
    bad: changed(
      deployment,
      [`,"name":"wasmfilters-dir"}]'`, `,"name":"wasmfilters"}]' # <-`],
      [`'[{"name":"wasmfilters-dir","configMap"`, `'[{"name":"other-dir","configMap"`],
      [`{"name": "http-headers-wasm"}}]'`, `{"name": "http-headers-wasm"}}]' # <-`],
    ),
    good: deployment,
  },
  "M-A5": {
    bad: changed(deployment, [
      `"/var/local/lib/wasm-filters","name":"wasmfilters-dir"}]'`,
      `"/etc/istio/proxy","name":"wasmfilters-dir"}]' # <-`,
    ]),
    good: deployment,
  },
  "M-A6": {
    bad: changed(deployment, [
      `"/var/local/lib/wasm-filters","name":"wasmfilters-dir"}]'`,
      `"/w","readonly":true,"name":"wasmfilters-dir"}]' # <-`,
    ]),
    good: changed(deployment, [`"/var/local/lib/wasm-filters",`, `"/w","readOnly":true,`]),
  },
  "M-A7": {
    bad: together(
      deployment,
      changed(patch, [
        `'[{"name":"wasmfilters-dir","configMap": {"name": "http-headers-wasm"}}]'`,
        `'[{"name":"mine","configMap":{"name":"x"}}]' # <-`,
      ]),
    ),
    good: together(deployment, patch),
  },
  "M-A8": {
    bad: changed(deployment, [
      "      annotations:\n",
      `      annotations: # <-\n        example.com/large: "${"x".repeat(262_144)}"\n`,
    ]),
    good: changed(deployment, [
      "      annotations:\n",
      `      annotations:\n        example.com/large: "${"x".repeat(200_000)}"\n`,
    ]),
  },
  "M-A9": {
    bad: changed(deployment, [
      "    spec:\n      containers",
      "    spec:\n      hostNetwork: true # <-\n      containers",
    ]),
    good: deployment,
  },

  "M-X1": {
    bad: together(
      changed(ef, ["wasm-filters/http-headers.wasm", "wasm-filters/headers.wasm # <-"]),
      configMap,
      deployment,
    ),
    good: together(ef, configMap, deployment),
  },
  "M-X2": {
    bad: together(changed(configMap, ["namespace: shop", "namespace: other # <-"]), deployment),
    good: together(configMap, deployment),
  },
  "M-X3": {
    bad: together(
      configMap,
      changed(deployment, [`{"name": "http-headers-wasm"}}]'`, `{"name": "http-header-wasm"}}]' # <-`]),
    ),
    good: together(configMap, deployment),
  },
  "M-X4": { bad: changed(ef, ["/var/local/lib/wasm-filters/http-headers.wasm", "/proc/self/exe # <-"]), good: ef },
  "M-X5": {
    bad: changed(configMap, ["name: http-headers-wasm", "name: http-headers-wasm # <-"]),
    good: together(configMap, deployment),
  },
  "M-X6": {
    bad: together(changed(ef, ["kind: EnvoyFilter", "kind: EnvoyFilter # <-"]), configMap, deployment),
    good: wp,
  },

  "M-W1": { bad: changed(wp, [/ {2}url: .*/.exec(wp)![0], "  url: localhost:5000/x:1 # <-"]), good: wp },
  "M-W2": { bad: changed(wp, [/ {2}url: .*/.exec(wp)![0], "  url: oci://Reg/X # <-"]), good: wp },
  "M-W3": {
    bad: changed(wp, [/ {2}url: .*/.exec(wp)![0], "  url: file://opt/x.wasm # <-"]),
    good: changed(wp, [/ {2}url: .*/.exec(wp)![0], "  url: file:///opt/x.wasm"]),
  },
  "M-W4": {
    bad: changed(wp, ["  phase:", `  sha256: "${"a".repeat(63)}" # <-\n  phase:`]),
    good: changed(
      wp,
      ["@sha256:93a44bbb96c751218e4c00d479e4c14358122a389acca16205b1e4d0dc5f9476", ""],
      ["  phase:", `  sha256: "${"a".repeat(64)}"\n  phase:`],
    ),
  },
  "M-W6": {
    bad: changed(wp, [/@sha256:.*/.exec(wp)![0], ":latest # <-"]),
    good: changed(wp, [/@sha256:.*/.exec(wp)![0], ":1.4.0"]),
  },
  "M-W7": {
    bad: changed(wp, ["imagePullSecret: filters-pull", "imagePullSecret: ns/secret # <-"]),
    good: wp,
    severity: "warning",
  },
  "M-W8": { bad: changed(wp, ["phase: AUTHZ", "phase: AUTHENTICATION # <-"]), good: wp },
  "M-W9": {
    bad: changed(wp, ["priority: 10", "priority: 3000000000 # <-"]),
    good: changed(wp, ["priority: 10", "priority: -5"]),
  },
  "M-W10": { bad: changed(wp, ["pluginConfig:\n    header: x-wasm-header", "pluginConfig: [1] # <-"]), good: wp },
  "M-W11": { bad: changed(wp, ["      valueFrom: HOST", "      valueFrom: HOST\n      value: x # <-"]), good: wp },
  "M-W12": { bad: changed(wp, ["- number: 8080", "- number: 8080\n    - number: 8080 # <-"]), good: wp },
  "M-W13": {
    bad: changed(trafficExtension, ["spec:\n", "spec:\n  lua: {inlineCode: x} # <-\n"]),
    good: trafficExtension,
  },
  "M-W14": { bad: changed(wp, ["FAIL_CLOSE", "FAIL_OPEN # <-"]), good: wp },
  "M-W15": { bad: together(wp, changed(trafficExtension, ["spec:\n", "spec: # <-\n"])), good: together(wp, wp) },
  "M-W16": {
    bad: changed(wp, ["spec:\n", "spec: # <-\n"], ["  match:\n  - mode: SERVER\n    ports:\n    - number: 8080\n", ""]),
    good: wp,
  },

  "M-G1": {
    bad: changed(extensionPolicy, ["      type: HTTP", "      type: Image"], ["      http:", "      http: # <-"]),
    good: extensionPolicy,
  },
  "M-G2": {
    bad: changed(extensionPolicy, [
      "url: registry.example.com:5000/filters/http-headers:1.4.0",
      "url: oci://registry.example.com:5000/f:1 # <-",
    ]),
    good: extensionPolicy,
  },
  "M-G3": {
    bad: changed(
      extensionPolicy,
      ["      http:", "      http: # <-"],
      [/ {8}sha256: .*\n/.exec(extensionPolicy)![0], ""],
    ),
    good: extensionPolicy,
  },
  "M-G4": {
    bad: changed(extensionPolicy, ["        pullSecretRef:", "        pullSecretRef:\n          kind: ConfigMap # <-"]),
    good: extensionPolicy,
  },

  "M-S1": {
    bad: changed(
      bootstrap,
      ["http_filters:", "http_filters: # <-"],
      [/ {10}- name: envoy.filters.http.router\n.*\n.*\n/.exec(bootstrap)![0], ""],
    ),
    good: bootstrap,
  },
  "M-S2": { bad: changed(bootstrap, ["cluster: upstream", "cluster: other # <-"]), good: bootstrap },
  "M-S3": { bad: changed(bootstrap, ["admin:", "foo: 1 # <-\nadmin:"]), good: bootstrap },
  "M-S4": { bad: changed(bootstrap, ["/etc/envoy/http-headers.wasm", "http-headers.wasm # <-"]), good: bootstrap },
  "M-S5": { bad: changed(bootstrap, ["port_value: 9901 }", "port_value: 10000 } # <-"]), good: bootstrap },

  "M-K1": {
    bad: changed(wp, [
      "pluginConfig:\n    header: x-wasm-header",
      'pluginConfig: # <-\n    apiToken: "hunter2hunter2"',
    ]),
    good: changed(wp, ["header: x-wasm-header", "tokenHeader: x-wasm-header"]),
  },
};

/** These look at the module or an image: module.test.ts, image.test.ts. */
const ofModules = [
  "M-O1",
  "M-O2",
  "M-O3",
  "M-V6",
  "M-F19",
  "M-F22",
  "M-B1",
  "M-B2",
  "M-B3",
  "M-B4",
  "M-B5",
  "M-B6",
  "M-B7",
  "M-W5",
  "M-W17",
];

const of = (rule: string, text: string, options: LintOptions = {}) =>
  lintTexts([{ name: "a.yaml", text }], options).findings.filter((one) => one.rule === rule);
const marked = (text: string): number[] =>
  text.split("\n").flatMap((line, index) => (line.includes("# <-") ? [index + 1] : []));

describe("each rule", () => {
  test("has an example here, or is one of the module's", () => {
    expect([...Object.keys(examples), ...ofModules].sort()).toEqual(rules.map(({ id }) => id).sort());
  });

  test.each(Object.entries(examples))("%s speaks of what is wrong, at its line", (rule, { bad, options, severity }) => {
    const found = of(rule, bad, options);
    const lines = new Set(found.map(({ line }) => line));
    expect([...lines]).toEqual(marked(bad));
    const own = rules.find(({ id }) => id === rule)!.severity;
    expect(found.map((one) => one.severity)).toContain(severity ?? own);
  });

  test.each(Object.entries(examples))("%s leaves alone what is right", (rule, { good, options }) => {
    expect(of(rule, good, options)).toEqual([]);
  });

  test("M-P3 wants the Service's port outbound, and knows the container's name for a targetPort", () => {
    expect(of("M-P3", together(outbound, service))).toEqual([]);
    const [wrong] = of("M-P3", together(changed(outbound, ["8000", "8080"]), service));
    expect(wrong).toMatchObject({ severity: "error", message: expect.stringContaining("Use 8000") });
    const named = changed(service, ["targetPort: 8080", "targetPort: web"]);
    const pods = changed(deployment, ["- containerPort: 8080", "- containerPort: 8080\n          name: web"]);
    expect(of("M-P3", together(ef, named, pods))).toEqual([]);
    expect(of("M-P3", together(ef, named)).map(({ severity }) => severity)).toEqual(["information"]);
  });
});
