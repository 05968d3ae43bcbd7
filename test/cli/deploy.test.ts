import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { fixture } from "../support/fixtures.js";
import { pwh } from "../support/pwh.js";

const folder = mkdtempSync(join(tmpdir(), "pwh-deploy-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const module = fixture("http-headers/http-headers.wasm");
const args = ["deploy", "all", module, "--deployment", "shop", "--port", "8080", "--untested"];

test("writes the set with the module's own bytes, and --check tells when it is not the one any more", () => {
  const out = join(folder, "set");
  expect(pwh([...args, "-o", out])).toMatchObject({ code: 0 });
  expect(readdirSync(out).sort()).toEqual([
    "configmap.yaml",
    "deployment-patch.sh",
    "deployment-patch.yaml",
    "envoyfilter.yaml",
  ]);
  const map = parse(readFileSync(join(out, "configmap.yaml"), "utf8"));
  expect(Buffer.from(map.binaryData["http-headers.wasm"], "base64").equals(readFileSync(module))).toBe(true);
  expect(pwh([...args, "--check", out])).toMatchObject({ code: 0 });
  writeFileSync(join(out, "deployment-patch.yaml"), "spec: {}\n");
  rmSync(join(out, "envoyfilter.yaml"));
  const { code, out: told } = pwh([...args, "--check", out]);
  expect(code).toBe(1);
  expect(told).toMatch(/deployment-patch.yaml differs.*\n.*envoyfilter.yaml is missing/);
});

test.each<[string[], string]>([
  [["deploy", "all", module, "-o", "x"], "--deployment NAME"],
  [args, "a folder to write to with -o, or one to compare with --check"],
  [[...args, "-o", join(folder, "none"), "--context", "SIDECAR_INBUND"], 'did you mean "SIDECAR_INBOUND"?'],
  [[...args, "-o", join(folder, "none"), "--label", "app"], "write it as app=name"],
  [["deploy", "al", module], 'did you mean "all"?'],
])("%j is refused, and nothing is written", (given, message) => {
  const { code, err } = pwh(given);
  expect(err).toContain(message);
  expect(code).toBe(2);
  expect(readdirSync(folder)).not.toContain("none");
});

test("configuration that is no text is refused; one with a secret is pointed out, and not printed", () => {
  const binary = join(folder, "binary");
  writeFileSync(binary, Buffer.from([0xff, 0xfe]));
  expect(pwh([...args, "-o", join(folder, "none"), "-c", `@${binary}`])).toMatchObject({ code: 2 });
  const { code, err } = pwh([...args, "-o", join(folder, "secret"), "-c", '{"api_key":"sk-1234567890abcdef"}']);
  expect(code).toBe(0);
  expect(err).toContain("api_key");
  expect(err).not.toContain("sk-1234567890abcdef");
});

test("an option of the other action is refused", () => {
  const { code, err } = pwh(["deploy", "oci", module, "-o", join(folder, "none"), "--hashed"]);
  expect(err).toContain("--hashed");
  expect(code).toBe(2);
});

describe("one document", () => {
  const one = (...given: string[]): string[] => ["deploy", given[0]!, module, ...given.slice(1), "--untested"];

  test.each<[string[], string]>([
    [one("envoyfilter", "--deployment", "shop"), "kind: EnvoyFilter"],
    [one("configmap"), "kind: ConfigMap"],
    [one("deployment-patch"), "sidecar.istio.io/userVolume:"],
    [one("deployment-patch", "--kustomize", "--deployment", "shop"), "kind: Deployment"],
    [one("gateway-patch"), "name: istio-proxy"],
    [one("wasmplugin", "--url", "oci://a.example/b:1", "--label", "app=shop"), "kind: WasmPlugin"],
    [one("trafficextension", "--url", "https://a.example/b", "--target", "Gateway/a"), "kind: TrafficExtension"],
    [
      one("envoyextensionpolicy", "--url", "oci://a.example/b:1", "--target", "HTTPRoute/a"),
      "kind: EnvoyExtensionPolicy",
    ],
    [one("bootstrap"), `filename: ${module}`],
  ])("%j is printed; -o writes the same, and --check knows it", (given, text) => {
    const printed = pwh(given);
    expect(printed.code).toBe(0);
    expect(printed.out).toContain(text);
    expect(printed.out).toMatch(/^# module sha256: [0-9a-f]{64}\n/);
    const file = join(folder, `${given[1]}.yaml`);
    expect(pwh([...given, "-o", file])).toMatchObject({ code: 0, out: `${file}\n` });
    expect(readFileSync(file, "utf8")).toBe(printed.out);
    expect(pwh([...given, "--check", file]).code).toBe(0);
    writeFileSync(file, "");
    expect(pwh([...given, "--check", file])).toMatchObject({
      code: 1,
      out: `${file} differs from what would be written\n`,
    });
  });

  test.each(["kustomize", "helm"])("%s writes a folder with the module's own bytes", (what) => {
    const out = join(folder, what);
    expect(pwh([...one(what, "--deployment", "shop"), "-o", out])).toMatchObject({ code: 0, err: "" });
    const file = join(out, what === "helm" ? "files/http-headers.wasm" : "http-headers.wasm");
    expect(readFileSync(file).equals(readFileSync(module))).toBe(true);
    expect(pwh([...one(what, "--deployment", "shop"), "--check", out]).code).toBe(0);
    writeFileSync(file, "other bytes");
    expect(pwh([...one(what, "--deployment", "shop"), "--check", out]).code).toBe(1);
  });

  test("the digest of an image is the one that pwh deploy oci makes; over HTTP it is the module's", () => {
    const image = JSON.parse(pwh(["deploy", "oci", module, "-o", join(folder, "image"), "--untested", "--json"]).out);
    const sha256 = (url: string): string =>
      parse(pwh(one("wasmplugin", "--url", url, "--label", "app=shop")).out).spec.sha256;
    expect(`sha256:${sha256("oci://a.example/b:1")}`).toBe(image.digest);
    const own = readFileSync(`${module}.sha256`, "utf8").slice(0, 64);
    expect(sha256("https://a.example/b.wasm")).toBe(own);
  });

  test.each<[string[], string]>([
    [one("envoyfilter"), "labels of the pods with --label app=NAME"],
    [one("wasmplugin", "--label", "app=a"), "give --url oci://registry/image:tag"],
    [one("wasmplugin", "--url", "oci://a/b"), "say for which pods with --label app=NAME"],
    [one("wasmplugin", "--url", "oci://a/b:1", "--label", "app=a", "--istio", "1.11"), "Istio 1.11 has no WasmPlugin"],
    [
      one("wasmplugin", "--url", "oci://a/b:1", "--label", "app=a", "-c", "x=1"),
      "is not the JSON that pluginConfig takes",
    ],
    [
      one("wasmplugin", "--url", "https://a/b", "--label", "app=a", "--sha256", "0".repeat(64)),
      "that of the module is",
    ],
    [one("trafficextension", "--url", "oci://a/b:1", "--label", "app=a", "--istio", "1.29"), "no TrafficExtension"],
    [one("envoyextensionpolicy", "--url", "oci://a/b:1"), "give --target HTTPRoute/name"],
    [one("envoyfilter", "--deployment", "a", "--insert", "behind"), "it is one of before, after, first"],
    [one("envoyfilter", "--deployment", "a", "--failure-policy", "FAIL_OPN"), 'did you mean "FAIL_OPEN"?'],
    [one("configmap", "-c", "{}"), "Cannot use --config with pwh deploy configmap"],
    [one("bootstrap", "--port", "70000"), "--port"],
    [one("bootstrap", "--upstream", "web"), '"web" is no upstream'],
    [one("helm", "--deployment", "a"), "a folder to write to with -o"],
    [["deploy", "configmap", fixture("http-headers/build.sh"), "--untested"], "it is a script, not WebAssembly"],
    [["deploy", "configmap"], "one module is wanted, got 0"],
  ])("%j is refused, and nothing is written", (given, message) => {
    const { code, err, out } = pwh([...given, ...(given.includes("helm") ? [] : ["-o", join(folder, "none")])]);
    expect(err).toContain(message);
    expect([code, out]).toEqual([2, ""]);
    expect(readdirSync(folder)).not.toContain("none");
  });
});
