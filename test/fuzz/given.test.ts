// Properties that need a list, and host faults. The probe does what its configuration says; see fixtures/probe/README.md.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { pluginOptions } from "../../src/cli/exchange-options.js";
import { fuzzCommand } from "../../src/cli/fuzz.js";
import { givenProperties } from "../../src/fuzz/given-properties.js";
import type { FuzzOptions } from "../../src/fuzz/index.js";
import { fuzz, properties } from "../../src/fuzz/index.js";
import { fixture } from "../support/fixtures.js";
import { root } from "../support/pwh.js";

const run = async (configuration: string, options: Partial<FuzzOptions>) => {
  const module = fixture("probe/probe.wasm");
  const { findings } = await fuzz({ module, configuration, runs: 1500, maxFailures: 1, ...options });
  return findings.map(({ property, message }) => [property, message]);
};
const adds = "on_request_headers: add 0 x-new 1";

test("fail-closed with faults: a hostcall that reads fails, and the request passes", async () => {
  const property = ["fail-closed"];
  const message = "proxy_get_header_map_value failed, and the request reached the upstream";
  const reads = "on_request_headers: get 0 x-auth";
  expect(await run(reads, { property, faults: true })).toEqual([["fail-closed", message]]);
  expect(await run(reads, { property })).toEqual([]);
  expect(await run(`${reads}; local 403 no no -1`, { property, faults: true })).toEqual([]);
});

test("the fault of a finding is what is left of it, and its path gives it again", async () => {
  const options = { module: fixture("probe/probe.wasm"), configuration: "on_request_headers: get 0 x-auth" };
  const settings = { property: ["fail-closed"], faults: true, maxFailures: 1 };
  const [found] = (await fuzz({ ...options, ...settings })).findings;
  expect(found!.case!.faults).toMatchObject([{ hostcall: "proxy_get_header_map_value", nth: 1 }]);
  const again = await fuzz({ ...options, ...settings, path: found!.path });
  expect(again.findings[0]!.case).toEqual(found!.case);
});

test("cases with faults are not compared with others, in which the fault would meet another call", async () => {
  const property = ["isolated", "same-verdict-any-chunking", "same-verdict-any-header-order"];
  expect(await run("on_request_headers: get 0 x-auth; add 0 x-new 1", { property, faults: true })).toEqual([]);
  const { findings } = await fuzz({
    module: fixture("http-headers/http-headers.wasm"),
    property,
    faults: true,
    runs: 1500,
  });
  expect(findings).toEqual([]);
});

test("declared-headers-only: what was not declared is told, what was is not", async () => {
  const property = ["declared-headers-only"];
  const message = "the upstream gets x-new, which the plugin added and did not declare";
  expect(await run(adds, { property, declared: ["x-other"] })).toEqual([[property[0], message]]);
  expect(await run(adds, { property, declared: ["X-New"] })).toEqual([]);
  await expect(run(adds, { property })).rejects.toMatchObject({ code: "OPTION_INVALID" });
});

test("profiles-agree: held bytes are shown otherwise before 1.33; a refused connection is Envoy's own difference", async () => {
  const property = ["profiles-agree"];
  const holds = 'on_response_body: append 1 "!"; return 1; continue 1';
  expect(await run(holds, { property, profiles: ["1.32"] })).toEqual([
    [property[0], "in Envoy 1.32 otherwise: the client gets another body"],
  ]);
  expect(await run("", { property, profiles: ["1.36"] })).toEqual([]);
  await expect(run("", { property })).rejects.toMatchObject({ code: "OPTION_INVALID" });
});

test("deterministic: nothing differs when the same case is played twice", async () => {
  expect(await run(adds, { property: ["deterministic"], runs: 300 })).toEqual([]);
});

test("the pages about fuzzing describe every property and every option of the command", () => {
  const page = ["fuzzing", "fuzzing-coverage", "fuzzing-scale"]
    .map((name) => readFileSync(`${root}docs/${name}.md`, "utf8"))
    .join("");
  const lists = { declared: undefined, plain: undefined, releases: [] };
  const names = [...properties, ...givenProperties(lists)].map(({ name }) => name);
  for (const name of [...names, "configuration-robust"]) expect(page).toContain(`| \`${name}\` |`);
  const shared = Object.keys(pluginOptions);
  for (const name of Object.keys(fuzzCommand.options ?? {})) {
    if (!shared.includes(name)) expect(page, name).toContain(`--${name}`);
  }
});
