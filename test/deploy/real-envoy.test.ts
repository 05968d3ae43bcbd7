// What we write, to a real Envoy's `--mode validate`; and what is broken in it, refused in the words that are recorded.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { BootstrapOptions } from "../../src/deploy/bootstrap.js";
import { bootstrap } from "../../src/deploy/bootstrap.js";
import { envoyFilter } from "../../src/deploy/envoyfilter.js";
import { messageOf } from "../../src/errors.js";
import { findEnvoy } from "../../src/verify/envoy/find.js";
import { fixture } from "../support/fixtures.js";

const envoy = await findEnvoy().catch((thrown: unknown) => messageOf(thrown));
if (typeof envoy === "string") console.warn(`Skipped: ${envoy}`);

const folder = mkdtempSync(join(tmpdir(), "pwh-validate-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Recorded words of Envoy 1.40 for a case of the deployment reference. */
const recorded = new Map(
  readFileSync(`${import.meta.dirname}/../recordings/manifests/envoy.jsonl`, "utf8")
    .trim()
    .split("\n")
    .map((line) => {
      const { case: name, verdicts } = JSON.parse(line);
      return [name as string, (verdicts["envoy-1.40.0"].errors as string[])[0]];
    }),
);

function validated(configuration: string | object): { accepted: boolean; said: string } {
  const file = join(folder, "envoy.yaml");
  writeFileSync(file, typeof configuration === "string" ? configuration : JSON.stringify(configuration));
  const { path } = envoy as Exclude<typeof envoy, string>;
  const { status, stdout, stderr } = spawnSync(path, ["--mode", "validate", "-c", file, "-l", "error"], {
    encoding: "utf8",
    timeout: 60_000,
  });
  return { accepted: status === 0, said: stdout + stderr };
}

const module = fixture("http-headers/http-headers.wasm");
const options: BootstrapOptions = {
  name: "http-headers",
  file: module,
  configuration: '{"header":"x-a","value":"on"}',
};
type Tree = any;
const filters = (tree: Tree): Tree =>
  tree.static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters;
const configOf = (tree: Tree): Tree => filters(tree)[0].typed_config.config;

describe.skipIf(typeof envoy === "string")("a real Envoy", () => {
  test.each<[string, Partial<BootstrapOptions>]>([
    ["with a configuration", {}],
    ["failing open", { failOpen: true, rootId: "a", vmId: "b" }],
    ["with a failure policy", { failurePolicy: "FAIL_RELOAD" }],
    ["with an environment", { environment: { LEVEL: "on" } }],
    ["for another upstream", { upstream: "[::1]:9000", port: 12_345 }],
  ])("accepts a bootstrap %s", (_, more) => {
    expect(validated(bootstrap({ ...options, ...more }))).toMatchObject({ accepted: true });
  });

  test.each([
    {},
    { failOpen: true },
    { failurePolicy: "FAIL_OPEN" as const },
    { vmId: "a", pluginName: "b", rootId: "c" },
  ])("accepts the filter of an EnvoyFilter, %j, in place of the bootstrap's", (more) => {
    const { configuration } = options;
    const text = envoyFilter({
      name: "a",
      labels: { app: "a" },
      configuration: configuration!,
      code: { file: module },
      ...more,
    });
    const tree = parse(bootstrap(options)) as Tree;
    filters(tree)[0] = parse(text).spec.configPatches[0].patch.value;
    expect(validated(tree)).toMatchObject({ accepted: true });
  });

  test.each<[string, (tree: Tree) => void]>([
    ["missing file", (tree) => (configOf(tree).vm_config.code.local.filename = "env/nope.wasm")],
    ["bad magic", (tree) => (configOf(tree).vm_config.code.local.filename = fixture("http-headers/build.sh"))],
    ["no code", (tree) => delete configOf(tree).vm_config.code],
    ["fail_open+policy", (tree) => Object.assign(configOf(tree), { fail_open: true, failure_policy: "FAIL_OPEN" })],
    ["runtime wamr", (tree) => (configOf(tree).vm_config.runtime = "envoy.wasm.runtime.wamr")],
    ["wasm untyped", (tree) => delete filters(tree)[0].typed_config],
  ])("refuses it with a fault, as recorded: %s", (name, spoil) => {
    const tree = parse(bootstrap(options)) as Tree;
    spoil(tree);
    const { accepted, said } = validated(tree);
    expect(accepted).toBe(false);
    expect(said).toContain(recorded.get(name));
  });
});
