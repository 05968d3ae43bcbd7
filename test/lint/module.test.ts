// Rules that compare the manifests with the module: deployment reference, 11.6 and the codes named there.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { parse } from "@bytecodealliance/jco";
import { afterAll, describe, expect, test } from "vitest";
import type { LintOptions } from "../../src/lint/lint.js";
import { lint, lintTexts } from "../../src/lint/lint.js";
import { readLintModule } from "../../src/lint/module-facts.js";
import { changed, configMap, envoyFilter, wasmPlugin } from "./examples.js";

const folder = mkdtempSync(join(tmpdir(), "pwh-lint-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const marker = '(func (export "proxy_abi_version_0_2_1"))';
const callback = '(func (export "proxy_on_log") (param i32))';
const memory = '(memory (export "memory") 1)';
const allocator = '(func (export "malloc") (param i32) (result i32) i32.const 8)';
const whole = `${memory}${marker}${callback}${allocator}`;

let count = 0;
function file(bytes: Uint8Array | string): string {
  const path = join(folder, `m${count++}.wasm`);
  writeFileSync(path, bytes);
  return path;
}
const wat = async (text: string): Promise<string> => file(await parse(`(module ${text})`));

async function rulesOf(module: string, texts: readonly string[] = [], options: LintOptions = {}): Promise<string[]> {
  const files = texts.map((text, index) => ({ name: `${index}.yaml`, text }));
  const { findings } = lintTexts(files, options, await readLintModule(module));
  return findings.map(({ rule, severity, line }) => `${rule} ${severity} ${line}`);
}

const fixture = "fixtures/http-headers/http-headers.wasm";
const sha256 = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");
const line = (text: string, wanted: string): number => text.split("\n").findIndex((one) => one.includes(wanted)) + 1;

describe("the module alone", () => {
  test("M-B1 M-B2 M-B3 M-B4 M-B5 M-B6: nothing is said of a good one, M-B7 tells size and checksum", async () => {
    expect(await rulesOf(await wat(whole))).toEqual(["M-B7 information 1"]);
  });

  test("M-B7 has the bytes and the sha256 that sha256sum prints", async () => {
    const { findings } = lintTexts([], {}, await readLintModule(fixture));
    const told = findings.find(({ rule }) => rule === "M-B7")!.message;
    expect(told).toContain(sha256(fixture));
    expect(told).toContain(String(readFileSync(fixture).length));
  });

  test.each([
    ["text", "hello\n"],
    ["gzip", Buffer.from("1f8b0800000000000003", "hex")],
    ["nothing", ""],
    ["a component", Buffer.from("0061736d0d000100", "hex")],
  ])("M-B1: %s is no module, and nothing more is said of it", async (_what, bytes) => {
    expect(await rulesOf(file(bytes))).toEqual(["M-B1 error 1"]);
  });

  test("M-B2: no marker of the ABI, or two", async () => {
    expect(await rulesOf(await wat(`${memory}${callback}${allocator}`))).toContain("M-B2 error 1");
    const two = `${whole}(func (export "proxy_abi_version_0_1_0"))`;
    expect(await rulesOf(await wat(two))).toContain("M-B2 warning 1");
  });

  test("M-B3: no allocator, or no memory", async () => {
    expect(await rulesOf(await wat(`${memory}${marker}${callback}`))).toContain("M-B3 error 1");
    expect(await rulesOf(await wat(`${marker}${callback}${allocator}`))).toContain("M-B3 error 1");
  });

  test("M-B4: an import that no Envoy has", async () => {
    const other = await wat(`(import "env" "foo" (func)) ${whole}`);
    expect(await rulesOf(other)).toContain("M-B4 error 1");
  });

  test("M-B5: no callback", async () => {
    expect(await rulesOf(await wat(`${memory}${marker}${allocator}`))).toContain("M-B5 warning 1");
  });

  test("M-B6: a name section above a fifth of the size", async () => {
    const long = `${whole}(func $${"n".repeat(2000)})`;
    expect(await rulesOf(await wat(long))).toContain("M-B6 warning 1");
  });

  test("M-V6: what the target's Envoy does not offer, once the target is told", async () => {
    const yields = await wat(`(import "wasi_snapshot_preview1" "sched_yield" (func (result i32))) ${whole}`);
    expect(await rulesOf(yields, [], { istio: "1.11" })).toContain("M-V6 error 1");
    expect(await rulesOf(yields, [], { istio: "1.25" })).not.toContain("M-V6 error 1");
  });
});

describe("the module and the manifests", () => {
  test("M-C3: the bytes in the ConfigMap are those of the module", async () => {
    const own = configMap.replace("AGFzbQEAAAA=", readFileSync(fixture).toString("base64"));
    expect((await rulesOf(fixture, [own])).filter((one) => one.startsWith("M-C3"))).toEqual([]);
    expect(await rulesOf(fixture, [configMap])).toContain(`M-C3 error ${line(configMap, "AGFzbQ")}`);
  });

  test("M-F19: an allow-list without what the module exports or imports", async () => {
    const module = await wat(whole);
    const restricted = (list: string) =>
      changed(envoyFilter, [
        "              name: headers\n",
        `              name: headers\n              capability_restriction_config: {allowed_capabilities: ${list}}\n`,
      ]);
    const bad = restricted("{proxy_on_request_headers: {}}");
    expect(await rulesOf(module, [bad])).toContain(`M-F19 warning ${line(bad, "capability_restriction_config")}`);
    const good = await rulesOf(module, [restricted("{proxy_on_log: {}}")]);
    expect(good.filter((one) => one.startsWith("M-F19"))).toEqual([]);
  });

  // says what SDKs say unless property plugin_root_id has ten letters, as add_header has
  const rooted = `(import "env" "proxy_get_property" (func $get (param i32 i32 i32 i32) (result i32)))
    (import "env" "proxy_log" (func $log (param i32 i32 i32) (result i32)))
    ${memory}${marker}${allocator.replace("i32.const 8", "i32.const 1024")}
    (data (i32.const 16) "plugin_root_id") (data (i32.const 64) "Missing root context factory for root id: ")
    (func (export "proxy_on_context_create") (param i32 i32)
      (drop (call $get (i32.const 16) (i32.const 14) (i32.const 4) (i32.const 8)))
      (if (i32.ne (i32.load (i32.const 8)) (i32.const 10))
        (then (drop (call $log (i32.const 4) (i32.const 64) (i32.const 42))))))`;

  test("M-F22 and M-W17: a module that finds its root context by name is started with the one given", async () => {
    const module = await wat(rooted);
    const files = (root: string) => [
      changed(envoyFilter, ["root_id: add_header", `root_id: ${root}`]),
      changed(wasmPlugin, ["pluginName: add_header", `pluginName: ${root}`]),
    ];
    const ofRoots = async (root: string): Promise<string[]> => {
      const names = files(root).map((text, index) => {
        const path = join(folder, `${root}${index}.yaml`);
        writeFileSync(path, text);
        return path;
      });
      const { findings } = await lint(names, { module });
      const found = findings.filter(({ rule }) => rule === "M-F22" || rule === "M-W17");
      return found.map(({ rule, severity, line: at }) => `${rule} ${severity} ${at}`);
    };
    const [filter, plugin] = files("wrong") as [string, string];
    expect(await ofRoots("wrong")).toEqual([
      `M-F22 warning ${line(filter, "root_id: wrong")}`,
      `M-W17 error ${line(plugin, "pluginName: wrong")}`,
    ]);
    expect(await ofRoots("add_header")).toEqual([]);
  });

  test("M-W5: the checksum of an image is not that of the .wasm; of https it is", async () => {
    const url = /oci:.*/.exec(wasmPlugin)![0];
    const own = sha256(fixture);
    const image = changed(wasmPlugin, [url, `oci://registry.example.com/f@sha256:${own}`]);
    expect(await rulesOf(fixture, [image])).toContain(`M-W5 warning ${line(image, own)}`);
    const https = (digest: string) => changed(wasmPlugin, [url, `https://a.example/f.wasm\n  sha256: "${digest}"`]);
    expect((await rulesOf(fixture, [https(own)])).filter((one) => one.startsWith("M-W5"))).toEqual([]);
    const bad = https("a".repeat(64));
    expect(await rulesOf(fixture, [bad])).toContain(`M-W5 error ${line(bad, "aaaa")}`);
  });
});
