import type { LogLevelName } from "../abi/enums.js";
import { logLevelNames } from "../abi/enums.js";
import type { Pair } from "../abi/pairs.js";
import { didYouMean } from "../abi/nearest.js";
import { HarnessError } from "../errors.js";
import type { ExchangeInput, RunOptions, RunReport } from "../harness/run.js";
import type { Command } from "./commands.js";
import { UsageError } from "./errors.js";
import {
  assignmentArgument,
  bytesArgument,
  headerArguments,
  headerText,
  listOf,
  numberArgument,
  utf8Key,
} from "./values.js";

const text = { type: "string", nargs: 1, requiresArg: true } as const;
const repeated = { ...text, array: true } as const;

export const runCommand: Command = {
  name: "run",
  usage: "run <file>",
  summary: "send one request and one response through a plugin, and show what it does",
  file: "the plugin, a .wasm file",
  options: {
    config: {
      ...text,
      alias: "c",
      describe: "plugin configuration: text, @file, or @- for standard input",
    },
    "vm-config": { ...text, describe: "VM configuration, likewise" },
    method: { ...text, alias: ["X", "request"], describe: "method [GET, or POST with a body]" },
    path: { ...text, describe: "path with query [/]" },
    authority: { ...text, describe: "host and port [example.com]" },
    scheme: { ...text, describe: "http or https [http]" },
    header: {
      ...repeated,
      alias: "H",
      describe: "request header 'name: value', or @file with one a line; order and repeats are kept",
    },
    body: { ...text, alias: ["d", "data"], describe: "request body: text, @file, or @-" },
    trailer: { ...repeated, describe: "request trailer 'name: value'" },
    "response-status": {
      ...text,
      describe: "status of the upstream's response [200]",
    },
    "response-header": { ...repeated, describe: "header of the upstream's response" },
    "response-body": { ...text, describe: "its body: text, @file, or @- [hello]" },
    "response-trailer": { ...repeated, describe: "its trailer" },
    property: { ...repeated, describe: "property path=value, the path with dots" },
    name: { ...text, describe: "plugin name, in logs and property plugin_name [the file's name]" },
    "root-id": { ...text, describe: "root id" },
    "vm-id": { ...text, describe: "VM id" },
    "log-level": { ...text, describe: `least level that is logged: ${logLevelNames.join(", ")} [info]` },
    env: { ...repeated, describe: "environment variable NAME=value for WASI" },
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
    json: {
      type: "boolean",
      describe: "print one JSON object (schema: proxy-wasm-harness/schemas/run.json)",
    },
  },
  examples: [
    "$0 run filter.wasm -c '{\"header\":\"x-a\"}' -H 'x-team: edge' --path /account",
    "$0 run filter.wasm --body @request.json --trace",
  ],
  async run(args) {
    const options = runOptions(args);
    const file = String(args["file"]);
    const { run } = await import("../harness/run.js");
    let report: RunReport;
    try {
      report = await run(file, options);
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
function runOptions(args: Record<string, unknown>): RunOptions {
  // an option that is given twice: the last one counts, as in curl
  const string = (name: string): string | undefined => listOf(args[name]).at(-1);
  const config = string("config");
  const vmConfig = string("vm-config");
  const level = string("log-level");
  if (level !== undefined && !(logLevelNames as readonly string[]).includes(level)) {
    throw new UsageError(
      `Cannot use --log-level "${level}"${didYouMean(level, logLevelNames)}: levels are ${logLevelNames.join(", ")}`,
    );
  }
  const properties = Object.fromEntries(
    listOf(args["property"]).map((one) => utf8Key(assignmentArgument("--property", one, "path=value"))),
  );
  const environment = Object.fromEntries(
    listOf(args["env"]).map((one) => assignmentArgument("--env", one, "NAME=value")),
  );
  return {
    ...(config !== undefined && { configuration: bytesArgument("--config", config) }),
    ...(vmConfig !== undefined && { vmConfiguration: bytesArgument("--vm-config", vmConfig) }),
    ...(args["name"] !== undefined && { name: string("name")! }),
    ...(args["root-id"] !== undefined && { rootId: string("root-id")! }),
    ...(args["vm-id"] !== undefined && { vmId: string("vm-id")! }),
    ...(level !== undefined && { logLevel: level as LogLevelName }),
    ...(args["repeat"] !== undefined && { repeat: numberArgument("--repeat", string("repeat"), 1, 10_000_000) }),
    ...(args["budget"] !== undefined && { budgetMs: numberArgument("--budget", string("budget"), 0, 3_600_000) }),
    realClock: args["real-clock"] === true,
    trace: args["trace"] === true,
    properties,
    environment,
    exchange: exchangeInput(args, string),
  };
}

function exchangeInput(args: Record<string, unknown>, string: (name: string) => string | undefined): ExchangeInput {
  const body = string("body");
  const responseBody = string("response-body");
  const given = headerArguments("--header", args["header"]);
  const defaults: Pair[] = [
    ["user-agent", "pwh"],
    ["accept", "*/*"],
  ];
  const own = defaults.filter(([name]) => !given.some(({ pair }) => pair[0] === name));
  const pairs = (name: string): Pair[] =>
    headerArguments(`--${name}`, args[name])
      .filter(({ removed }) => !removed)
      .map(({ pair }) => pair);
  return {
    ...(args["method"] !== undefined && { method: headerText("--method", string("method")!) }),
    ...(args["path"] !== undefined && { path: headerText("--path", string("path")!) }),
    ...(args["authority"] !== undefined && { authority: headerText("--authority", string("authority")!) }),
    ...(args["scheme"] !== undefined && { scheme: headerText("--scheme", string("scheme")!) }),
    headers: [...own, ...given.filter(({ removed }) => !removed).map(({ pair }) => pair)],
    ...(body !== undefined && { body: bytesArgument("--body", body) }),
    trailers: pairs("trailer"),
    response: {
      ...(args["response-status"] !== undefined && {
        status: numberArgument("--response-status", string("response-status"), 100, 999),
      }),
      headers: pairs("response-header"),
      ...(responseBody !== undefined && { body: bytesArgument("--response-body", responseBody) }),
      trailers: pairs("response-trailer"),
    },
  };
}
