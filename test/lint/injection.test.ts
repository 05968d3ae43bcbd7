// What `istioctl kube-inject` of Istio 1.31 made of annotations (reference on deployment, 3.2, marked [R]), and what lint says of them.
import { describe, expect, test } from "vitest";
import { lintTexts } from "../../src/lint/lint.js";
import { changed, deployment } from "./examples.js";

const volume = `'[{"name":"wasmfilters-dir","configMap": {"name": "http-headers-wasm"}}]'`;
const mount = `'[{"mountPath":"/var/local/lib/wasm-filters","name":"wasmfilters-dir"}]'`;
const yaml = (text: string): string => `'${text.replaceAll("'", "''")}'`;

function rulesOf(volumes: string | undefined, mounts: string | undefined): string[] {
  const text = changed(
    deployment,
    [volume, volumes === undefined ? volume : yaml(volumes)],
    [mount, mounts === undefined ? mount : yaml(mounts)],
  );
  const { findings } = lintTexts([{ name: "a.yaml", text }]);
  return [...new Set(findings.filter(({ severity }) => severity !== "information").map(({ rule }) => rule))];
}

describe("annotations that injection takes and gives the expected pod", () => {
  test.each([
    ["the seed", undefined, undefined],
    ["the object form", '{"wasmfilters-dir":{"configMap":{"name":"x"}}}', '{"wasmfilters-dir":{"mountPath":"/w"}}'],
    [
      "two volumes",
      '[{"name":"a","configMap":{"name":"x"}},{"name":"b","emptyDir":{}}]',
      '[{"mountPath":"/a","name":"a"},{"mountPath":"/b","name":"b"}]',
    ],
    [
      "an image volume",
      '[{"name":"w","image":{"reference":"r/x:1","pullPolicy":"IfNotPresent"}}]',
      '[{"mountPath":"/x","name":"w"}]',
    ],
  ])("%s: nothing is said", (_what, volumes, mounts) => {
    expect(rulesOf(volumes, mounts)).toEqual([]);
  });
});

describe("annotations that fail at injection, lose something, or are refused later", () => {
  const at = '[{"mountPath":"/x","name":"w"}]';
  test.each([
    ["broken JSON: range can't iterate over {}", "[{broken", undefined, "M-A2"],
    ["a scalar: range can't iterate over 5", "5", undefined, "M-A2"],
    ["single quotes: range can't iterate over {}", "[{'name':'w'}]", undefined, "M-A2"],
    ["comfigMap: only the name is left", '[{"name":"w","comfigMap":{"name":"x"}}]', at, "M-A3"],
    ["config_map: only the name is left", '[{"name":"w","config_map":{"name":"x"}}]', at, "M-A3"],
    ["readonly becomes readOnly", undefined, '[{"mountPath":"/x","name":"wasmfilters-dir","readonly":true}]', "M-A6"],
    ["a mount without its volume: Not found", undefined, at, "M-A4"],
    ["no name", '[{"configMap":{"name":"x"}}]', undefined, "M-A3"],
    [
      "istio-data twice: Duplicate value",
      '[{"name":"istio-data","configMap":{"name":"x"}}]',
      '[{"mountPath":"/x","name":"istio-data"}]',
      "M-N4",
    ],
    [
      "a mountPath of the sidecar: must be unique",
      undefined,
      '[{"mountPath":"/etc/istio/proxy","name":"wasmfilters-dir"}]',
      "M-A5",
    ],
    [
      "a relative mountPath, which nobody else refuses",
      undefined,
      '[{"mountPath":"var/x","name":"wasmfilters-dir"}]',
      "M-A5",
    ],
    ["a name that is a number: cannot unmarshal", '[{"name":5,"configMap":{"name":"x"}}]', undefined, "M-A3"],
    ["configMap as text: cannot unmarshal", '[{"name":"w","configMap":"x"}]', at, "M-A3"],
  ])("%s", (_what, volumes, mounts, rule) => {
    expect(rulesOf(volumes, mounts)).toContain(rule);
  });

  test('injection turned off: label sidecar.istio.io/inject "false", and hostNetwork', () => {
    const off = [
      changed(deployment, [
        "        app: go-httpbin\n",
        '        app: go-httpbin\n        sidecar.istio.io/inject: "false"\n',
      ]),
      changed(deployment, ["    spec:\n", "    spec:\n      hostNetwork: true\n"]),
    ];
    for (const text of off) {
      expect(lintTexts([{ name: "a.yaml", text }]).findings.map(({ rule }) => rule)).toContain("M-A9");
    }
  });

  test("a pod's own volumes may be of any source that Kubernetes has", () => {
    const volumes = "      volumes: [{name: a, glusterfs: {path: x}}, {name: b, gcePersistentDisk: {pdName: x}}]\n";
    const text = changed(deployment, ["    spec:\n", `    spec:\n${volumes}`]);
    expect(lintTexts([{ name: "a.yaml", text }]).findings).toEqual([]);
  });

  test("a container istio-proxy with its own mount needs no annotation", () => {
    const text = `spec:
  template:
    spec:
      volumes:
      - name: wasmfilters-dir
        configMap: {name: x}
      containers:
      - name: istio-proxy
        image: auto
        volumeMounts:
        - {name: wasmfilters-dir, mountPath: /var/local/lib/wasm-filters}
`;
    expect(lintTexts([{ name: "a.yaml", text }]).findings).toEqual([]);
  });
});
