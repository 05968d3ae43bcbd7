// golden/ is the seed's set as the deployment reference has it, section 12.1: checked there with real validators.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { SidecarSetOptions } from "../../src/deploy/sidecar-set.js";
import { sidecarSet } from "../../src/deploy/sidecar-set.js";
import { lintTexts } from "../../src/lint/index.js";

const golden = (name: string): string => readFileSync(`${import.meta.dirname}/golden/${name}`, "utf8");
const empty = new Uint8Array([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
const seed: SidecarSetOptions = {
  module: empty,
  fileName: "http-headers.wasm",
  deployment: "go-httpbin",
  port: 8080,
  istio: "1.11",
};
const files = (options: Partial<SidecarSetOptions> = {}): Record<string, string> =>
  Object.fromEntries(sidecarSet({ ...seed, ...options }));
const config = (text: string): Record<string, unknown> =>
  parse(text).spec.configPatches[0].patch.value.typed_config.value.config;

test.each(["envoyfilter.yaml", "configmap.yaml", "deployment-patch.yaml"])(
  "%s is the golden's, field by field",
  (name) => {
    expect(parse(files()[name]!)).toEqual(parse(golden(name)));
  },
);

test("the patch command is the golden's, and the order is the one to apply them in", () => {
  expect(files()["deployment-patch.sh"]).toBe(golden("deployment-patch.sh"));
  expect(sidecarSet(seed).map(([name]) => name)).toEqual([
    "configmap.yaml",
    "deployment-patch.yaml",
    "deployment-patch.sh",
    "envoyfilter.yaml",
  ]);
});

test("pwh lint finds what the reference expects of the seed's set, and no error", async () => {
  const { findings } = await lintTexts(
    Object.entries(files())
      .filter(([name]) => name.endsWith(".yaml"))
      .map(([name, text]) => ({ name, text })),
    { istio: "1.11" },
  );
  const told = findings.filter(({ severity }) => severity !== "information");
  expect(told.map(({ rule }) => rule).sort()).toEqual(["M-F21", "M-N5", "M-X5"]);
  expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
});

test("configuration is a StringValue's text, quoted so that YAML 1.1 leaves it text", () => {
  const text = files({ configuration: "on", rootId: "1.10", vmId: "no", failOpen: true })["envoyfilter.yaml"]!;
  expect(config(text)).toMatchObject({
    root_id: "1.10",
    configuration: { "@type": "type.googleapis.com/google.protobuf.StringValue", value: "on" },
    fail_open: true,
    vm_config: { vm_id: "no" },
  });
  expect(parse(text, { version: "1.1" })).toEqual(parse(text));
});

test("hashed: the ConfigMap, its key, the mount and the EnvoyFilter carry the same hash", () => {
  const hash = "93a44bbb96c7"; // of the empty module, as the reference names it
  const set = files({ hashed: true, immutable: true, namespace: "shop" });
  expect(parse(set["configmap.yaml"]!)).toMatchObject({
    metadata: { name: `http-headers-wasm-${hash}`, namespace: "shop" },
    immutable: true,
    binaryData: { [`http-headers-${hash}.wasm`]: "AGFzbQEAAAA=" },
  });
  expect(set["deployment-patch.yaml"]).toContain(`http-headers-wasm-${hash}`);
  expect(set["deployment-patch.sh"]).toMatch(/^kubectl -n shop patch /);
  expect(set["envoyfilter.yaml"]).toContain(`/var/local/lib/wasm-filters/http-headers-${hash}.wasm`);
});

describe("what Kubernetes would refuse is refused before", () => {
  test.each<[Partial<SidecarSetOptions>, string]>([
    [{ module: new Uint8Array(1_048_577) }, "1048577 bytes, and a ConfigMap holds 1048576: bring it as an image"],
    [{ fileName: "Http_Headers.wasm" }, 'module "Http_Headers" makes no name'],
    [{ deployment: "Shop" }, '--deployment "Shop"'],
    [{ namespace: "a.b" }, '--namespace "a.b"'],
    [{ port: 0 }, "0 is no port"],
    [{ istio: "latest" }, '"latest" is no minor release'],
    [{ mountPath: "wasm" }, 'mount path "wasm" is not absolute'],
  ])("%o", (options, message) => {
    expect(() => files(options)).toThrow(message);
  });
  test("a module of exactly the limit is none of that", () => {
    expect(files({ module: new Uint8Array(1_048_576) })["configmap.yaml"]).toContain("binaryData");
  });
});
