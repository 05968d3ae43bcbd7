import type { PositionalOptions } from "yargs";
import yargs from "yargs";
import { didYouMean } from "../abi/nearest.js";
import { messageOf } from "../errors.js";
import type { CommandOptions } from "./arguments.js";
import { curlArguments } from "./arguments.js";
import { exitCodeOf, printError, UsageError } from "./errors.js";
import { benchCommand } from "./bench.js";
import { deployCommand } from "./deploy.js";
import { diffCommand } from "./diff.js";
import { importCommand } from "./import.js";
import { initCommand } from "./init.js";
import { inspectCommand } from "./inspect.js";
import { envoyCommand } from "./envoy.js";
import { fuzzCommand } from "./fuzz.js";
import { preflightCommand } from "./preflight.js";
import { lintCommand } from "./lint.js";
import { runCommand } from "./run.js";
import { testCommand } from "./test.js";
import { verifyCommand } from "./verify.js";

/** One verb of `pwh`. Its file parses, calls one function that is also public API, and prints. */
export interface Command {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  readonly positionals: Readonly<Record<string, PositionalOptions>>;
  readonly options: CommandOptions;
  readonly examples: readonly string[];
  /** @returns The exit code. */
  run(args: Record<string, unknown>): Promise<number>;
}

const commands: readonly Command[] = [
  runCommand,
  testCommand,
  initCommand,
  importCommand,
  diffCommand,
  inspectCommand,
  preflightCommand,
  deployCommand,
  fuzzCommand,
  benchCommand,
  lintCommand,
  verifyCommand,
  envoyCommand,
];

/**
 * Runs `pwh` with these arguments.
 *
 * @returns 0 good, 1 the plugin failed, 2 the command was wrong.
 */
export async function main(args: readonly string[], version: string): Promise<number> {
  const debug = args.includes("--debug");
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0); // `pwh … | head`
    process.stderr.write(`pwh: Cannot write the result: ${messageOf(error)}\n`);
    process.exit(2);
  });
  let code = 0;
  const command = commands.find(({ name }) => args.find((arg) => !arg.startsWith("-")) === name);
  const parser = yargs()
    .scriptName("pwh")
    .usage("$0 <command> [options]\n\nRuns proxy-wasm filters as Envoy does, without Envoy.")
    .version(version)
    .help()
    .alias("h", "help")
    .option("debug", { type: "boolean", describe: "show stack traces of our own errors", global: true })
    .strict()
    .demandCommand(1, "Name a command: " + commands.map(({ name }) => name).join(", "))
    .parserConfiguration({ "camel-case-expansion": false, "greedy-arrays": false })
    .wrap(Math.min(110, process.stdout.columns ?? 110))
    .exitProcess(false)
    .fail((message, error) => {
      const ofYargs = error === undefined || error === null || error.name === "YError";
      throw ofYargs ? new UsageError(withSuggestion(message ?? error.message, command, args)) : error;
    });
  for (const one of commands) {
    parser.command(
      one.usage,
      one.summary,
      (sub) => {
        for (const [name, positional] of Object.entries(one.positionals)) sub.positional(name, positional);
        sub.options(one.options);
        for (const example of one.examples) sub.example(example, "");
        return sub;
      },
      async (given) => {
        code = await one.run(given as Record<string, unknown>);
      },
    );
  }
  try {
    await parser.parseAsync(command === undefined ? [...args] : curlArguments(args, command.options));
    return code;
  } catch (thrown) {
    printError(thrown, debug);
    return exitCodeOf(thrown);
  }
}

/** What yargs says, with the option or command that was probably meant. */
function withSuggestion(message: string, command: Command | undefined, args: readonly string[]): string {
  if (command !== undefined && message.startsWith("Not enough non-option arguments")) {
    const [first = "file"] = Object.keys(command.positionals);
    return `Cannot ${command.name}: the ${first} is missing; write pwh ${command.usage}`;
  }
  if (command === undefined && args[0]?.startsWith("-") === true && args[0] !== "--debug") {
    return `Unknown option ${args[0]}; see pwh --help`;
  }
  const unknown = /^Unknown (?:argument|command)s?: (.+)$/s.exec(message)?.[1]?.split(", ")[0];
  if (unknown === undefined) return message;
  if (command === undefined) {
    const names = commands.map(({ name }) => name);
    return `Unknown command "${unknown}"${didYouMean(unknown, names)}: commands are ${names.join(", ")}`;
  }
  const given = args.find((arg) => arg === `--${unknown}` || arg.startsWith(`--${unknown}=`));
  const short = given === undefined ? args.find((arg) => /^-[^-]/.test(arg) && arg[1] === unknown[0]) : undefined;
  if (given === undefined && short === undefined) return `Unexpected argument "${unknown}": pwh ${command.usage}`;
  const flag = short === undefined ? `--${unknown}` : short.slice(0, 2);
  return `Unknown option ${flag}${didYouMean(flag, flagsOf(command, flag))} for pwh ${command.name}; see pwh ${command.name} --help`;
}

/** The options that a mistyped one may mean: of one letter any would be as near, so only its other case counts. */
function flagsOf({ options }: Command, flag: string): string[] {
  const names = Object.keys(options).concat("help", "debug");
  for (const { alias = [] } of Object.values(options)) names.push(...[alias].flat());
  if (flag.length > 2) return names.filter((one) => one.length > 1).map((one) => `--${one}`);
  return names.filter((one) => one.toLowerCase() === flag[1]!.toLowerCase()).map((one) => `-${one}`);
}
