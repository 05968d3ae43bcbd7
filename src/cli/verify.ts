import type { PluginOptions } from "../harness/plugin.js";
import type { ModuleExchange } from "../verify/verify.js";
import type { HeaderList, Scenario } from "../verify/envoy/scenario.js";
import type { Command } from "./commands.js";
import { UsageError } from "./errors.js";
import { fromOptions, manifestInput, pluginOver } from "./from-manifest.js";
import { exchangeInput, exchangeOptions, lastOf, pluginOptions, text } from "./exchange-options.js";
import { listOf, numberArgument } from "./values.js";

export const verifyCommand: Command = {
  name: "verify",
  usage: "verify [file..]",
  summary: "play scenarios, or one request through a module, to a real Envoy and to pwh, and compare everything",
  positionals: {
    file: {
      describe: "modules (.wasm) and scenarios (.json, .jsonl)",
      type: "string",
      array: true,
    },
  },
  options: {
    envoy: { ...text, describe: "a path or a release [ENVOY, PATH, the newest installed]" },
    record: { ...text, describe: "append what Envoy did to this .jsonl file" },
    jobs: { ...text, describe: "Envoys at a time [2]" },
    http2: { type: "boolean", describe: "modules: client and upstream speak HTTP/2" },
    ...pluginOptions,
    ...fromOptions,
    ...exchangeOptions,
    bench: { type: "boolean", describe: "modules: CPU that they add to each request in Envoy's worker, beside pwh's" },
    json: { type: "boolean", describe: "print one JSON object with both recordings in full" },
  },
  examples: [
    "$0 verify filter.wasm --from envoyfilter.yaml",
    "$0 verify filter.wasm -c @config.json -H 'x-team: edge'",
    "$0 verify scenarios/*.json --envoy 1.36.4",
  ],
  async run(args) {
    const files = listOf(args["file"]);
    const { readScenarios, scenarioOf, verify } = await import("../verify/verify.js");
    const scenarios: Scenario[] = [];
    const modules: string[] = [];
    for (const file of files) {
      if (/\.jsonl?$/.test(file)) {
        scenarios.push(...(await readScenarios(file)));
        continue;
      }
      modules.push(file);
    }
    const from = await manifestInput(args, modules[0]);
    if (from !== undefined && modules.length > 1) {
      throw new UsageError(`Cannot use --from with ${modules.length} modules: name the one that the manifest is for`);
    }
    if (scenarios.length === 0 && modules.length === 0 && from === undefined) {
      throw new UsageError("Cannot verify: the file is missing; write pwh verify <file..>");
    }
    const measured: { exchange: ModuleExchange; plugin: PluginOptions }[] = [];
    for (const module of from === undefined ? modules : [from.module]) {
      const { loadSource } = await import("../harness/source.js");
      await loadSource(module); // tells what is wrong with it, before any Envoy starts
      const { headers, trailers, response, ...exchange } = exchangeInput(args);
      const { headers: sent, trailers: ended, ...answer } = response ?? {};
      const plugin = pluginOver(args, from);
      const played: ModuleExchange = {
        module: module instanceof Uint8Array ? module : String(module),
        ...plugin,
        ...(from !== undefined && { title: from.plugin.place, filterName: from.plugin.names[0] ?? "wasm" }),
        ...exchange,
        headers: list(headers),
        trailers: list(trailers),
        response: { ...answer, headers: list(sent), trailers: list(ended) },
        http2: args["http2"] === true,
      };
      measured.push({ exchange: played, plugin });
      scenarios.push(scenarioOf(played));
    }
    if (args["bench"] === true) {
      if (scenarios.length > measured.length) throw new UsageError("Cannot use --bench with scenarios: name modules");
      for (const name of ["record", "jobs"]) {
        if (args[name] !== undefined) throw new UsageError(`Cannot use --bench with --${name}`);
      }
      const { verifyBench } = await import("./verify-bench.js");
      const chosen = lastOf(args, "envoy");
      return verifyBench(measured, { ...(chosen !== undefined && { envoy: chosen }), json: args["json"] === true });
    }
    const [{ verifyText, verifySummary }, { paintFor }] = await Promise.all([
      import("../verify/verify-text.js"),
      import("../report/style.js"),
    ]);
    const paint = paintFor(process.stdout);
    const asJson = args["json"] === true;
    const wanted = lastOf(args, "envoy");
    const results = await verify(scenarios, {
      ...(wanted !== undefined && { envoy: wanted }),
      jobs: args["jobs"] === undefined ? 2 : numberArgument("--jobs", lastOf(args, "jobs"), 1, 16),
      done: (result) => {
        if (!asJson) process.stdout.write(`${verifyText(result, paint)}\n`);
      },
    });
    if (asJson) process.stdout.write(`${JSON.stringify({ schema: 1, results }, undefined, 2)}\n`);
    else if (results.length > 1) process.stdout.write(`${verifySummary(results)}\n`);
    const file = lastOf(args, "record");
    if (file !== undefined) {
      const { appendRecordings } = await import("../verify/verify.js");
      await appendRecordings(file, results);
    }
    if (results.some(({ outcome }) => outcome === "failed")) return 3;
    return results.every(({ outcome }) => outcome === "same") ? 0 : 1;
  },
};

const list = (pairs: unknown): HeaderList => (pairs ?? []) as HeaderList;
