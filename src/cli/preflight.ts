import type { Command } from "./commands.js";
import { pluginInput, pluginOptions, repeated } from "./exchange-options.js";
import { listOf } from "./values.js";

export const preflightCommand: Command = {
  name: "preflight",
  usage: "preflight <file>",
  summary: "tell whether a module would load in a release of Envoy or Istio, and what that would say",
  positionals: { file: { describe: "a .wasm file", type: "string", demandOption: true } },
  options: {
    target: {
      ...repeated,
      describe: "istio=1.11, istio=1.2x (all of 1.20 to 1.29) or envoy=1.40 [the newest recorded Envoy]",
    },
    ...pluginOptions,
    json: { type: "boolean", describe: "print one JSON object" },
  },
  examples: ["$0 preflight filter.wasm --target istio=1.11 --target envoy=1.40 -c @config.json"],
  async run(args) {
    const file = String(args["file"]);
    const { preflight } = await import("../harness/preflight.js");
    const report = await preflight(file, { ...pluginInput(args), targets: listOf(args["target"]) });
    if (args["json"] === true) {
      process.stdout.write(`${JSON.stringify({ schema: 1, file, ...report }, undefined, 2)}\n`);
    } else {
      const [{ preflightText }, { paintFor }] = await Promise.all([
        import("../report/preflight-text.js"),
        import("../report/style.js"),
      ]);
      process.stdout.write(`${preflightText(file, report, paintFor(process.stdout))}\n`);
    }
    return report.targets.some(({ loads }) => loads === "no") ? 1 : 0;
  },
};
