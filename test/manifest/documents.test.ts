import { describe, expect, test } from "vitest";
import { pathText, readManifest, valueAt } from "../../src/manifest/documents.js";
import { wasmFiltersOf } from "../../src/manifest/wasm-filters.js";

const type = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";

describe("readManifest()", () => {
  test("gives each document its kind, and each part its place", () => {
    const { documents, problems } = readManifest(
      "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n---\nspec:\n  template: {}\n---\nstatic_resources: {}\n",
      "a.yaml",
    );
    expect(problems).toEqual([]);
    expect(documents.map(({ kind, isPatch }) => [kind, isPatch])).toEqual([
      ["ConfigMap", false],
      ["Deployment", true],
      ["Bootstrap", false],
    ]);
    expect(documents[0]!.at(["metadata", "name"])).toEqual({ line: 4, column: 3 });
    expect(documents[0]!.at(["metadata", "namespace"])).toEqual({ line: 3, column: 1 });
    expect(documents[1]!.at(["spec"])).toEqual({ line: 6, column: 1 });
  });

  test("takes a List as its items, with their own places", () => {
    const { documents } = readManifest("kind: List\nitems:\n- kind: Service\n  spec: {ports: [{port: 1}]}\n", "a.yaml");
    expect(documents.map(({ kind }) => kind)).toEqual(["Service"]);
    expect(documents[0]!.at(["spec", "ports", 0, "port"])).toEqual({ line: 4, column: 19 });
  });

  test("knows a kind by its group: another group's WasmPlugin is another thing", () => {
    const kinds = ["extensions.istio.io/v1alpha1", "extensions.higress.io/v1alpha1", "example.com/v1"].map(
      (version) => readManifest(`apiVersion: ${version}\nkind: WasmPlugin\n`, "a.yaml").documents[0]!.kind,
    );
    expect(kinds).toEqual(["WasmPlugin", "HigressWasmPlugin", undefined]);
  });

  test.each([
    ["", "empty", 1],
    ["# only a comment\n", "empty", 1],
    ["---\n---\n", "empty", 1],
    ["just text\n", "not-an-object", 1],
    ["a: 1\n---\n- 1\n", "not-an-object", 3],
    ["a: [1\n", "syntax", 2],
    ['a: "\\."\n', "syntax", 1],
    ["a: 1\nb: 2\na: 3\n", "duplicate-key", 3],
    ["a: *nobody\n", "syntax", 1],
  ])("tells what is wrong with %j", (text, what, line) => {
    expect(readManifest(text, "a.yaml").problems.map((one) => [one.what, one.place.line])).toEqual([[what, line]]);
  });

  test("of a key that stands twice the last counts", () => {
    expect(readManifest("a: 1\na: 3\n", "a.yaml").documents[0]!.value).toEqual({ a: 3 });
  });
});

describe("wasmFiltersOf()", () => {
  test.each([
    ["direct", `{name: f, typed_config: {"@type": ${type}, config: {name: p}}}`],
    ["direct", `{name: f, typedConfig: {"@type": ${type}, config: {name: p}}}`],
    [
      "typed-struct",
      `{name: f, typed_config: {"@type": type.googleapis.com/udpa.type.v1.TypedStruct, type_url: ${type}, value: {config: {name: p}}}}`,
    ],
    [
      "typed-struct",
      `{name: f, typed_config: {"@type": type.googleapis.com/xds.type.v3.TypedStruct, typeUrl: ${type}, value: {config: {name: p}}}}`,
    ],
  ])("finds the %s form in %s", (form, filter) => {
    const [document] = readManifest(
      `spec:\n  configPatches:\n  - patch:\n      value: ${filter}\n`,
      "a.yaml",
    ).documents;
    const [found, ...more] = wasmFiltersOf(document!);
    expect(more).toEqual([]);
    expect(found).toMatchObject({ form, config: { name: "p" }, path: ["spec", "configPatches", 0, "patch", "value"] });
    expect(valueAt(document!.value, found!.configPath)).toEqual({ name: "p" });
  });

  test("finds nothing in filters of other types", () => {
    const [document] = readManifest('a: {name: f, typed_config: {"@type": x/envoy.Router}}', "a.yaml").documents;
    expect(wasmFiltersOf(document!)).toEqual([]);
  });
});

test("pathText() reads as one would write it", () => {
  expect(pathText(["spec", "a", 0, "b-c", "x/y"])).toBe('spec.a[0].b-c["x/y"]');
});

test.each([
  ["itself", "kind: EnvoyFilter\nspec: &a\n  x: *a\n"],
  ["very deep lists", `a: ${"[".repeat(5000)}${"]".repeat(5000)}\n`],
  ["lists without an end", `a: ${"[".repeat(100_000)}\n`],
  ["201 levels", `${"{a: ".repeat(202)}1${"}".repeat(202)}\n`],
])("readManifest() of what contains %s tells so, once", (_what, text) => {
  const { documents, problems } = readManifest(text, "a.yaml");
  expect(documents).toEqual([]);
  expect(problems.map(({ what, message }) => [what, message])).toEqual([
    ["syntax", "This contains itself, or is nested more than 200 levels deep"],
  ]);
});
