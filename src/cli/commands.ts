import type { Argv } from "yargs";
import yargs from "yargs";
import { didYouMean } from "../abi/nearest.js";
import { messageOf } from "../errors.js";
import { exitCodeOf, printError, UsageError } from "./errors.js";
import { inspectCommand } from "./inspect.js";
import { runCommand } from "./run.js";

/** One verb of `pwh`. Its file parses, calls one function that is also public API, and prints. */
export interface Command {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  options(parser: Argv): Argv;
  /** @returns The exit code. */
  run(args: Record<string, unknown>): Promise<number>;
}

const commands: readonly Command[] = [runCommand, inspectCommand];

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
  const parser = yargs([...args])
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
      throw ofYargs ? new UsageError(withSuggestion(message ?? error.message, args)) : error;
    });
  for (const command of commands) {
    parser.command(
      command.usage,
      command.summary,
      (one) => command.options(one),
      async (given) => {
        code = await command.run(given as Record<string, unknown>);
      },
    );
  }
  try {
    await parser.parseAsync();
    return code;
  } catch (thrown) {
    printError(thrown, debug);
    return exitCodeOf(thrown);
  }
}

/** What yargs says, with the option or command that was probably meant. */
function withSuggestion(message: string, args: readonly string[]): string {
  const valueless = /^Not enough arguments following: (.+)$/.exec(message)?.[1];
  if (valueless !== undefined) {
    const dashes = valueless.length === 1 ? "-" : "--";
    return `Cannot use ${dashes}${valueless}: a value is missing; write ${dashes}${valueless}=VALUE when it begins with a dash`;
  }
  const unknown = /^Unknown (?:argument|command)s?: (.+)$/.exec(message)?.[1]?.split(", ")[0];
  if (unknown === undefined) return message;
  const command = commands.find(({ name }) => args.includes(name));
  if (command === undefined) {
    return `Unknown command "${unknown}"${didYouMean(
      unknown,
      commands.map(({ name }) => name),
    )}`;
  }
  if (!args.some((arg) => arg.startsWith(`-${unknown}`) || arg.startsWith(`--${unknown}`))) {
    return `Unexpected argument "${unknown}": pwh ${command.usage.replace(/^\$0 /, "")}`;
  }
  const dashes = unknown.length === 1 ? "-" : "--";
  return `Unknown option ${dashes}${unknown}${didYouMean(unknown, optionNames(command))} for pwh ${command.name}; see pwh ${command.name} --help`;
}

function optionNames(command: Command): string[] {
  const parser = command.options(yargs([])) as unknown as { getOptions(): { key: Record<string, unknown> } };
  return Object.keys(parser.getOptions().key);
}
