import type { DraftCase } from "../scenario/record.js";
import { textOf } from "../abi/bytes.js";
import { didYouMean } from "../abi/nearest.js";
import type { Command } from "./commands.js";
import { UsageError } from "./errors.js";
import { lastOf, pluginInput, pluginOptions, text } from "./exchange-options.js";
import { writeNew } from "./output.js";

const kinds = ["har", "curl"] as const;

export const importCommand: Command = {
  name: "import",
  usage: "import <kind> <source>",
  summary: "make scenarios from real traffic: an HTTP archive, or a curl command",
  positionals: {
    kind: { describe: "har or curl", type: "string", demandOption: true },
    source: { describe: "the HAR file, or the whole curl command in quotes", type: "string", demandOption: true },
  },
  options: {
    plugin: { ...text, alias: "p", demandOption: true, describe: "the plugin, a .wasm file" },
    ...pluginOptions,
    output: { ...text, alias: "o", describe: "scenario file to write [standard output]" },
    force: { type: "boolean", describe: "replace the file if it is there" },
    "keep-secrets": { type: "boolean", describe: "keep cookies, tokens, keys and passwords [they are redacted]" },
  },
  examples: [
    "$0 import har session.har --plugin filter.wasm -o tests/session.pwh.yaml",
    "$0 import curl \"curl https://example.com/ -H 'x-team: edge'\" --plugin filter.wasm",
  ],
  async run(args) {
    const kind = String(args["kind"]);
    if (!(kinds as readonly string[]).includes(kind))
      throw new UsageError(`Cannot import "${kind}"${didYouMean(kind, kinds)}: har and curl are possible`);
    const output = lastOf(args, "output");
    const { recordScenario } = await import("../scenario/record.js");
    const cases = await casesOf(kind, String(args["source"]), args["keep-secrets"] === true);
    const draft = { plugin: { module: lastOf(args, "plugin")!, ...pluginInput(args) }, cases };
    const scenario = await recordScenario(draft, output ?? "scenario.pwh.yaml");
    if (output === undefined) {
      process.stdout.write(scenario);
    } else {
      writeNew(output, scenario, args["force"] === true);
      process.stdout.write(`wrote ${output}: ${cases.length} cases; run them with pwh test ${output}\n`);
    }
    return 0;
  },
};

async function casesOf(kind: string, source: string, keepSecrets: boolean): Promise<DraftCase[]> {
  if (kind === "curl") return [(await import("../scenario/import-curl.js")).caseOfCurl(source, { keepSecrets })];
  const { readNamedFile } = await import("../harness/source.js");
  const { casesOfHar } = await import("../scenario/import-har.js");
  return casesOfHar(textOf(await readNamedFile(source)), { keepSecrets });
}
