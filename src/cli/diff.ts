import type { Case } from "../scenario/types.js";
import type { Command } from "./commands.js";
import { pluginInput, pluginOptions } from "./exchange-options.js";
import { listOf } from "./values.js";

export const diffCommand: Command = {
  name: "diff",
  usage: "diff <old> <new> [scenarios..]",
  summary: "run two builds of a plugin and show what differs: outcomes, headers, logs, calls, metrics, memory, size",
  positionals: {
    old: { describe: "the build as it was, a .wasm file", type: "string", demandOption: true },
    new: { describe: "the build as it is now", type: "string", demandOption: true },
    scenarios: { describe: "scenario files, directories or patterns [one GET, one POST]", type: "string", array: true },
  },
  options: { ...pluginOptions, json: { type: "boolean", describe: "print one JSON object" } },
  examples: ["$0 diff old.wasm new.wasm tests/", "$0 diff go.wasm rust.wasm -c @config.json"],
  async run(args) {
    const [old, next] = [String(args["old"]), String(args["new"])];
    const [{ compareBuilds }, cases] = await Promise.all([import("../scenario/compare.js"), casesOf(args, old)]);
    const compared = await compareBuilds(old, next, cases);
    if (args["json"] === true) {
      process.stdout.write(`${JSON.stringify({ schema: 1, old, new: next, ...compared }, undefined, 2)}\n`);
    } else {
      const { compareText } = await import("../report/compare-text.js");
      const { paintFor } = await import("../report/style.js");
      process.stdout.write(`${compareText(compared, paintFor(process.stdout))}\n`);
    }
    return compared.cases.every(({ same }) => same) ? 0 : 1;
  },
};

async function casesOf(args: Record<string, unknown>, module: string): Promise<Case[]> {
  const given = listOf(args["scenarios"]);
  const { readScenario, readScenarioFile } = await import("../scenario/read.js");
  if (given.length > 0) {
    const { testFiles } = await import("../scenario/files.js");
    const read = await Promise.all(testFiles(given).map((file) => readScenarioFile(file)));
    return read.flat();
  }
  const { recordScenario, firstCases } = await import("../scenario/record.js");
  const file = "scenario.pwh.yaml"; // it is not written: paths are seen from here
  const plugin = { module, ...pluginInput(args) };
  return readScenario(await recordScenario({ plugin, cases: firstCases }, file), file);
}
