import { describe, expect, test } from "vitest";
import { lintGithub, lintJson, lintSarif, lintText } from "../../src/lint/formats.js";
import { applyFixes } from "../../src/lint/fix.js";
import { lintTexts } from "../../src/lint/lint.js";
import type { LintOptions } from "../../src/lint/lint.js";
import { changed, configMap, deployment, envoyFilter, service, together, wasmPlugin } from "./examples.js";

const run = (text: string, options: LintOptions = {}) => lintTexts([{ name: "a.yaml", text }], options);
const rulesOf = (text: string, options: LintOptions = {}): string[] =>
  run(text, options)
    .findings.filter(({ severity }) => severity !== "information")
    .map(({ rule }) => rule);
const plain = (_style: string, text: string): string => text;

// Deployment reference, 12.1: the article's own files
const seedFilter = changed(envoyFilter, ["  namespace: shop\n", ""], ["  priority: 10\n", ""]);
const seedMap = changed(configMap, ["  namespace: shop\n", ""]);
const seedPatch = `spec:
  template:
    metadata:
      annotations:
        sidecar.istio.io/userVolume: '[{"name":"wasmfilters-dir","configMap": {"name": "http-headers-wasm"}}]'
        sidecar.istio.io/userVolumeMount: '[{"mountPath":"/var/local/lib/wasm-filters","name":"wasmfilters-dir"}]'
`;

describe("lint()", () => {
  test("of the seed says what the reference expects: M-N5, M-F21 and M-X5, and no error", () => {
    const texts = [seedFilter, seedMap, seedPatch].map((text, index) => ({ name: `${index}.yaml`, text }));
    const { findings } = lintTexts(texts, { istio: "1.11" });
    const said = findings.filter(({ severity }) => severity !== "information");
    expect(said.map(({ rule, severity }) => `${rule} ${severity}`)).toEqual([
      "M-N5 warning",
      "M-F21 warning",
      "M-X5 warning",
    ]);
  });

  test("gives file, line, column and path", () => {
    const text = changed(envoyFilter, ["portNumber: 8080", "portNumber: 70000"]);
    const finding = run(text).findings.find(({ rule }) => rule === "M-P1");
    expect(finding).toMatchObject({
      file: "a.yaml",
      line: text.split("\n").findIndex((line) => line.includes("70000")) + 1,
      column: 9,
      path: "spec.configPatches[0].match.listener.portNumber",
      severity: "error",
    });
  });

  test("knows what stands in another file", () => {
    const other = changed(configMap, ["http-headers.wasm: A", "other.wasm: A"]);
    const files = [envoyFilter, other, deployment].map((text, index) => ({ name: `${index}.yaml`, text }));
    const errors = lintTexts(files).findings.filter(({ severity }) => severity === "error");
    expect(errors.map(({ rule, file }) => `${rule} ${file}`)).toEqual(["M-X1 0.yaml"]);
    expect(errors[0]!.message).toContain("/var/local/lib/wasm-filters/other.wasm");
  });

  test("turns rules off by option, by comment at the line, above it, and on top", () => {
    const bad = changed(envoyFilter, ["portNumber: 8080", "portNumber: 70000"]);
    const port = "        portNumber: 70000\n";
    expect(rulesOf(bad)).toEqual(["M-P1"]);
    expect(rulesOf(bad, { off: ["m-p1"] })).toEqual([]);
    expect(rulesOf(changed(bad, [port, "        portNumber: 70000 # pwh-lint-disable M-P1\n"]))).toEqual([]);
    expect(rulesOf(changed(bad, [port, `        # pwh-lint-disable M-N5, M-P1\n${port}`]))).toEqual([]);
    expect(rulesOf(`# pwh-lint-disable M-P1\n${bad}`)).toEqual([]);
    expect(rulesOf(changed(bad, ["metadata:", "# pwh-lint-disable M-P1\nmetadata:"]))).toEqual(["M-P1"]);
  });

  test("refuses to turn off a rule that is none, with what was meant", () => {
    expect(() => run(envoyFilter, { off: ["M-P11"] })).toThrow(/Cannot turn off "M-P11".*did you mean/);
  });

  test("refuses a release that is none", () => {
    expect(() => run(envoyFilter, { istio: "newest" })).toThrow(/Cannot check for Istio "newest"/);
    expect(() => run(envoyFilter, { istio: "1.99" })).toThrow(/known are 1\.9 to 1\.31/);
  });

  test("takes the same file again without an end: 2,000 documents", () => {
    const many = Array.from({ length: 2000 }, (_, index) => changed(service, ["name: go-httpbin", `name: s${index}`]));
    expect(rulesOf(together(...many))).toEqual([]);
  });

  test.each([
    ["spec is a list", changed(envoyFilter, ["spec:", "spec: []\nother:"])],
    ["everything is null", "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata:\nspec:\n"],
    [
      "patches are words",
      "apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nspec: {configPatches: [a, 1, {patch: 5, match: x}]}\n",
    ],
    [
      "a plugin of words",
      "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nspec: {url: 5, match: [1], vmConfig: {env: x}}\n",
    ],
    [
      "a Deployment of words",
      "apiVersion: apps/v1\nkind: Deployment\nspec: {template: {metadata: {annotations: [1]}, spec: {volumes: x}}}\n",
    ],
    ["a ConfigMap of words", "kind: ConfigMap\nbinaryData: [1]\ndata: {a: {b: 1}}\n"],
    ["a bootstrap of words", "static_resources: {listeners: [1, {address: 5}], clusters: x}\n"],
    [
      "a policy of words",
      "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: EnvoyExtensionPolicy\nspec: {wasm: [5, {code: 1}]}\n",
    ],
  ])("does not fall over when %s", (_what, text) => {
    expect(run(text).findings.length).toBeGreaterThan(0);
  });
});

describe("secrets", () => {
  const secret = "hunter2-hunter2-hunter2";
  const texts = [
    changed(wasmPlugin, ["header: x-wasm-header", `password: ${secret}`]),
    changed(wasmPlugin, ["value: info", `value: ${secret}`], ["LOG_LEVEL", "API_TOKEN"]),
    changed(wasmPlugin, [/oci:.*/.exec(wasmPlugin)![0], `https://user:${secret}@files.example.com/x.wasm`]),
    changed(wasmPlugin, [/oci:.*/.exec(wasmPlugin)![0], `ftp://user:${secret}@files.example.com/x.wasm`]),
    changed(envoyFilter, [
      "              name: headers\n",
      `              name: headers\n              configuration: {"@type": type.googleapis.com/google.protobuf.StringValue, value: '{"client_secret":"${secret}"}'}\n`,
    ]),
    changed(envoyFilter, [
      "              name: headers\n",
      `              name: headers\n              configuration: '{"client_secret":"${secret}"}'\n`,
    ]),
  ];

  test.each(texts.map((text, index) => [index, text] as const))(
    "are pointed out and never printed (%i)",
    (_index, text) => {
      const result = run(text);
      expect(result.findings.map(({ rule }) => rule)).toContain("M-K1");
      for (const out of [lintText(result, plain), lintJson(result), lintSarif(result), lintGithub(result)]) {
        expect(out).not.toContain(secret);
      }
    },
  );

  test("in broken JSON of an annotation are not printed either", () => {
    const text = changed(deployment, [
      `'[{"name":"wasmfilters-dir","configMap": {"name": "http-headers-wasm"}}]'`,
      `'{${secret}'`,
    ]);
    const result = run(text);
    expect(result.findings.map(({ rule }) => rule)).toContain("M-A2");
    expect(lintText(result, plain)).not.toContain(secret);
  });
});

describe("--fix", () => {
  const fixed = (text: string, options: LintOptions = {}): string => applyFixes(text, run(text, options).findings).text;

  test("mends what the reference has one answer for, and keeps comments and order", () => {
    const bad = changed(
      envoyFilter,
      ["portNumber: 8080", "port_number: 8080 # the container's"],
      ["^1\\.11.*", "1.11.*"],
      ["name: envoy.filters.http.router", "name: envoy.router # old"],
      ["envoy.wasm.runtime.v8", "v8"],
      ["allow_precompiled: false", "allow_precompiled: true # why?"],
      ["root_id:", "rootid:"],
    );
    const wanted = changed(
      envoyFilter,
      ["portNumber: 8080", "portNumber: 8080 # the container's"],
      ["^1\\.11.*", "'^1\\.11.*'"],
      ["name: envoy.filters.http.router", "name: envoy.filters.http.router # old"],
      ["allow_precompiled: false", "allow_precompiled: false # why?"],
    );
    expect(fixed(bad)).toBe(wanted);
  });

  test("leaves alone what it can only guess, and a name that stands there already", () => {
    const guess = changed(envoyFilter, ["vm_config:", "vm_confg:"]);
    expect(fixed(guess)).toBe(guess);
    const twice = changed(envoyFilter, ["portNumber: 8080", "portNumber: 8080\n        port_number: 8080"]);
    expect(fixed(twice)).toBe(twice);
  });

  test("puts the port of the Service's target in place of its own", () => {
    const bad = together(changed(envoyFilter, ["8080", "8000"]), service);
    expect(fixed(bad)).toBe(together(envoyFilter, service));
  });

  test("does nothing where nothing can be mended, and nothing the second time", () => {
    expect(fixed(envoyFilter)).toBe(envoyFilter);
    const once = fixed(changed(wasmPlugin, [/oci:.*/.exec(wasmPlugin)![0], "localhost:5000/x:1"]));
    expect(once).toContain("  url: oci://localhost:5000/x:1\n");
    expect(fixed(once)).toBe(once);
  });
});

describe("formats", () => {
  const result = run(changed(envoyFilter, ["portNumber: 8080", "portNumber: 70000"]));

  test("text has place, rule, why and fix", () => {
    const out = lintText(result, plain);
    expect(out).toMatch(/^a\.yaml:\d+:9 error M-P1 portNumber 70000/m);
    expect(out).toMatch(/^ {4}why {2}Istio accepts others/m);
    expect(out).toMatch(/^ {4}fix {2}Write the port/m);
    expect(out).toMatch(/\n1 error, 0 warnings, 1 for information in 1 file\n$/);
  });

  test("JSON has counts and findings", () => {
    const json = JSON.parse(lintJson(result)) as {
      counts: object;
      findings: { rule: string; why: string; fixable: boolean }[];
    };
    expect(json.counts).toEqual({ error: 1, warning: 0, information: 1 });
    const found = json.findings.find(({ rule }) => rule === "M-P1")!;
    expect(found.fixable).toBe(false);
    expect(found.why).not.toBe("");
  });

  test("SARIF has what code scanning asks for", () => {
    const { version, runs } = JSON.parse(lintSarif(result)) as {
      version: string;
      runs: {
        tool: { driver: { rules: { id: string }[] } };
        results: { ruleId: string; ruleIndex: number; level: string }[];
      }[];
    };
    expect(version).toBe("2.1.0");
    const [{ tool, results }] = runs as [(typeof runs)[0]];
    expect(results.find(({ ruleId }) => ruleId === "M-P1")!.level).toBe("error");
    for (const { ruleId, ruleIndex } of results) expect(tool.driver.rules[ruleIndex]!.id).toBe(ruleId);
  });

  test("GitHub has an annotation for each, escaped", () => {
    const odd = lintTexts([
      { name: "a,b:c.yaml", text: changed(envoyFilter, ["portNumber: 8080", "portNumber: 70000"]) },
    ]);
    expect(lintGithub(odd)).toMatch(
      /^::error title=M-P1,file=a%2Cb%3Ac\.yaml,line=\d+,col=9::portNumber 70000.*%0AWrite the port/m,
    );
  });
});
