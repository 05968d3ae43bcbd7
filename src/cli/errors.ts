import { HarnessError, messageOf } from "../errors.js";
import { escapeControls } from "../report/text.js";
import { paintFor } from "../report/style.js";

/** The command line was wrong: the message says how. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

const commandWasWrong: ReadonlySet<string> = new Set([
  "FILE_UNREADABLE",
  "OPTION_INVALID",
  "ILLEGAL_CALL",
  "NOT_WASM",
  "SCENARIO_INVALID",
  "MANIFEST_INVALID",
]);

/** 1: the plugin failed. 2: the command was wrong, or we were. 3: there is no Envoy that could be asked. */
export function exitCodeOf(thrown: unknown): number {
  if (thrown instanceof HarnessError && thrown.code.startsWith("ENVOY_")) return 3;
  return thrown instanceof HarnessError && !commandWasWrong.has(thrown.code) ? 1 : 2;
}

/** One message on standard error; our own stack only with `--debug`. */
export function printError(thrown: unknown, debug: boolean): void {
  const paint = paintFor(process.stderr);
  const known = thrown instanceof HarnessError || thrown instanceof UsageError;
  process.stderr.write(`${paint("red", "pwh:")} ${escapeControls(messageOf(thrown), "\n\t")}\n`);
  if (thrown instanceof HarnessError)
    for (const line of thrown.details) process.stderr.write(`  ${escapeControls(line, "\t")}\n`);
  if (debug) process.stderr.write(`${thrown instanceof Error ? stackOf(thrown) : String(thrown)}\n`);
  else if (!known) process.stderr.write("  This is a fault of pwh itself: --debug shows where\n");
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by ${stackOf(error.cause)}` : "";
  return (error.stack ?? error.message) + cause;
}
