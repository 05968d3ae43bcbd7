import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
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
