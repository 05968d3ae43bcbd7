import type { LogLevelName } from "../abi/enums.js";
import { logLevelNames } from "../abi/enums.js";
import { didYouMean } from "../abi/nearest.js";
import { HarnessError } from "../errors.js";
import type { RunReport } from "../harness/run-report.js";
import type { RunOptions } from "../harness/run.js";
import type { Command } from "./commands.js";
import { UsageError } from "./errors.js";
import {
  exchangeInput,
  exchangeOptions,
  lastOf,
  pluginOptions,
  releaseInput,
  releaseOptions,
  repeated,
  text,
} from "./exchange-options.js";
import type { FromManifest } from "./from-manifest.js";
import { fromOptions, manifestInput, pluginOver } from "./from-manifest.js";
import { sayNotRecorded } from "./not-recorded.js";
import { propertyFromText } from "../proxy/envoy/given-properties.js";
import { assignmentArgument, listOf, numberArgument } from "./values.js";

export const runCommand: Command = {
  name: "run",
  usage: "run [file]",
  summary: "send one request and one response through a plugin, and show what it does",
  positionals: { file: { describe: "the plugin, a .wasm file; --from may hold it, too", type: "string" } },
  options: {
    ...pluginOptions,
    ...fromOptions,
    ...exchangeOptions,
    ...releaseOptions,
    property: { ...repeated, describe: "property path=value, the path with dots; node, metadata, localities as JSON" },
    "log-level": { ...text, describe: `least level that is logged: ${logLevelNames.join(", ")} [info]` },
    trace: { type: "boolean", describe: "show every callback and every hostcall" },
    repeat: {
      ...text,
      describe: "exchanges on the same plugin; the last is shown [1]",
    },
    "real-clock": { type: "boolean", describe: "let the plugin see the machine's time [a fixed one]" },
    budget: {
      ...text,
      describe: "milliseconds the plugin may run before it is stopped; 0: no limit [1000]",
    },
    save: { ...text, describe: "write the exchange as a scenario file, for pwh test" },
    json: {
      type: "boolean",
      describe: "print one JSON object (schema: proxy-wasm-harness/schemas/run.json)",
    },
  },
  examples: [
    "$0 run filter.wasm -c '{\"header\":\"x-a\"}' -H 'x-team: edge' --path /account",
    "$0 run filter.wasm --body @request.json --trace",
    "$0 run filter.wasm --from envoyfilter.yaml",
  ],
  async run(args) {
    const given = args["file"] === undefined ? undefined : String(args["file"]);
    const from = await manifestInput(args, given);
    if (given === undefined && from === undefined) {
      throw new UsageError("Cannot run: the file is missing; write pwh run <file>, or pwh run --from envoyfilter.yaml");
    }
    const options = runOptions(args, from);
    const source = from?.module ?? given!;
    const file = given ?? from!.plugin.code ?? from!.plugin.place;
    const { run } = await import("../harness/run.js");
    let report: RunReport;
    try {
      report = await run(source, options);
    } catch (raised) {
      const thrown = raised instanceof HarnessError ? inOptions(raised) : raised;
      if (args["json"] === true && thrown instanceof HarnessError) {
        const { code, message, details } = thrown;
        process.stdout.write(
          `${JSON.stringify({ schema: 1, outcome: "failed", failure: { code, message, details } }, undefined, 2)}\n`,
        );
      }
      throw thrown;
    }
    await sayNotRecorded([report.envoy.release]);
    if (report.failure !== undefined) report = { ...report, failure: inOptions(report.failure) };
    const trace = options.trace === true;
    if (args["json"] === true) {
      const { runJson } = await import("../report/run-json.js");
      process.stdout.write(`${JSON.stringify(runJson(file, report, { trace }), undefined, 2)}\n`);
    } else {
      const [{ runText }, { paintFor }] = await Promise.all([
        import("../report/run-text.js"),
        import("../report/style.js"),
      ]);
      process.stdout.write(`${runText(file, report, paintFor(process.stdout), { trace })}\n`);
    }
    const policy = from?.plugin.options.failurePolicy;
    if (report.failure !== undefined && policy !== undefined) {
      const later = {
        FAIL_OPEN: "pass the plugin by",
        FAIL_CLOSED: "get 503",
        FAIL_RELOAD: "get a new VM after a while",
      };
      process.stderr.write(
        `note: failure_policy ${policy}: this request is answered 503, later ones ${later[policy]}\n`,
      );
    }
    const save = lastOf(args, "save");
    if (save !== undefined && given === undefined) {
      throw new UsageError("Cannot use --save: a scenario names its module's file; write pwh run <file> --from …");
    }
    if (save !== undefined && report.failure === undefined) {
      const [{ saveRun }, { writeNew }] = await Promise.all([import("../scenario/save-run.js"), import("./output.js")]);
      writeNew(save, await saveRun(given!, options, save), false);
      process.stderr.write(`wrote ${save}: run it with pwh test ${save}\n`);
    }
    return report.failure === undefined ? 0 : 1;
  },
};

/** An error that speaks of options of the API, as one that speaks of the command's. */
function inOptions(error: HarnessError): HarnessError {
  if (error.code !== "GUEST_TIMEOUT") return error;
  const message = error.message.replace("with budgetMs", "with --budget");
  return new HarnessError(error.code, message, { cause: error, details: error.details });
}

/** Options of `run` from the command line. */
function runOptions(args: Record<string, unknown>, from?: FromManifest): RunOptions {
  const string = (name: string): string | undefined => lastOf(args, name);
  const level = string("log-level");
  if (level !== undefined && !(logLevelNames as readonly string[]).includes(level)) {
    throw new UsageError(
      `Cannot use --log-level "${level}"${didYouMean(level, logLevelNames)}: levels are ${logLevelNames.join(", ")}`,
    );
  }
  const properties = Object.fromEntries(
    listOf(args["property"]).map((one) => {
      const [path, value] = assignmentArgument("--property", one, "path=value");
      return [path, propertyFromText(path, value)] as const;
    }),
  );
  const envoy = releaseInput(args) ?? from?.plugin.envoy;
  const { failurePolicy: _, ...plugin } = pluginOver(args, from);
  return {
    ...plugin,
    ...(envoy !== undefined && { envoy }),
    ...(level !== undefined && { logLevel: level as LogLevelName }),
    ...(args["repeat"] !== undefined && { repeat: numberArgument("--repeat", string("repeat"), 1, 10_000_000) }),
    ...(args["budget"] !== undefined && { budgetMs: numberArgument("--budget", string("budget"), 0, 3_600_000) }),
    realClock: args["real-clock"] === true,
    trace: args["trace"] === true,
    properties,
    exchange: exchangeInput(args),
  };
}
