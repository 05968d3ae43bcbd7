import type { Failure, Finished } from "../../scenario/types.js";
import type { TestRun } from "../../scenario/run-tests.js";
import type { Paint } from "../style.js";
import { count, escapeControls } from "../text.js";

const marks = { passed: ["green", "✓"], failed: ["red", "✗"], skipped: ["yellow", "-"] } as const;

/** One line for a result. */
export function resultLine({ test, result }: Finished, paint: Paint): string {
  const [colour, mark] = marks[result.outcome];
  const why = test.skip === undefined ? "" : paint("dim", ` (${escapeControls(test.skip)})`);
  const slow = result.durationMs > slowMs ? paint("yellow", ` ${result.durationMs.toFixed(0)} ms`) : "";
  return `${paint(colour, mark)} ${paint("dim", test.where.file)} ${escapeControls(test.name)}${why}${slow}`;
}
const slowMs = 500;

/** What was wrong with a test, for a person. */
export function failureText({ test, result }: Finished, paint: Paint): string {
  const lines = [`${paint("red", "✗")} ${paint("bold", escapeControls(test.name))}`];
  for (const failure of result.failures) lines.push(...failureLines(failure, paint));
  if (result.logs.length > 0) {
    const shown = result.logs.slice(-logLines);
    const more = result.logs.length - shown.length;
    lines.push(paint("dim", `    log${more > 0 ? ` (${count(more, "earlier line")} left out)` : ""}:`));
    for (const line of shown) lines.push(paint("dim", `      ${escapeControls(line)}`));
  }
  return lines.join("\n");
}
const logLines = 12;

function failureLines({ message, where, expected, actual, details = [] }: Failure, paint: Paint): string[] {
  const lines = [`    ${escapeControls(message)}`];
  if (where !== undefined) lines.push(paint("dim", `    at ${where.file}:${where.line}:${where.column}`));
  const isLong = (expected ?? "").includes("\n") || (actual ?? "").includes("\n");
  if (isLong) lines.push(...diffLines(expected ?? "", actual ?? "", paint));
  for (const line of details) lines.push(paint("dim", `      ${escapeControls(line)}`));
  return lines;
}

/** Lines that only one side has, in their order. */
export function diffLines(expected: string, actual: string, paint: Paint): string[] {
  const [left, right] = [expected.trimEnd().split("\n"), actual.trimEnd().split("\n")];
  const out: string[] = [];
  const rest = [...right];
  for (const line of left) {
    const at = rest.indexOf(line);
    if (at < 0) out.push(paint("red", `      - ${escapeControls(line)}`));
    else {
      for (const extra of rest.splice(0, at + 1).slice(0, -1))
        out.push(paint("green", `      + ${escapeControls(extra)}`));
      out.push(paint("dim", `        ${escapeControls(line)}`));
    }
  }
  for (const extra of rest) if (extra !== "") out.push(paint("green", `      + ${escapeControls(extra)}`));
  return out;
}

/** How many of each, and what to do next. */
export function summaryText(run: TestRun, paint: Paint): string {
  const of = (outcome: keyof typeof marks): number =>
    run.finished.filter(({ result }) => result.outcome === outcome).length;
  const parts = [
    of("failed") > 0 && paint("red", `${of("failed")} failed`),
    paint("green", `${of("passed")} passed`),
    of("skipped") > 0 && paint("yellow", `${of("skipped")} skipped`),
    run.left > 0 && `${run.left} not run`,
    run.leftOut > 0 && `${run.leftOut} left out`,
  ].filter((one) => one !== false);
  const lines = [`${parts.join(", ")} in ${(run.durationMs / 1000).toFixed(2)} s`];
  for (const file of run.written) lines.push(`updated ${file}`);
  return lines.join("\n");
}

/** Everything at once, for a file. */
export function prettyReport(run: TestRun, paint: Paint): string {
  const failed = run.finished.filter(({ result }) => result.outcome === "failed");
  const parts = run.finished.map((one) => resultLine(one, paint));
  for (const one of failed) parts.push("", failureText(one, paint));
  return `${parts.join("\n")}\n\n${summaryText(run, paint)}\n`;
}
