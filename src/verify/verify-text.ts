import type { Difference } from "./envoy/compare.js";
import type { LogLine, Recording } from "./envoy/recording.js";
import type { TraceEntry } from "./envoy/trace.js";
import type { Verification } from "./verify.js";

type Paint = (format: "red" | "green" | "dim" | "bold" | "yellow", text: string) => string;

/** Lines before a difference that are shown, on both sides the same. */
const context = 8;

/** One scenario: `same`, or the first difference side by side with what led to it, and the others in a line each. */
export function verifyText(result: Verification, paint: Paint): string {
  const { scenario, outcome, envoy, differences, problem } = result;
  const title = paint("bold", scenario.name);
  if (outcome === "failed") {
    return [
      `${paint("yellow", "failed")}  ${title}: ${problem?.message}`,
      ...(problem?.details ?? []).map(indent),
    ].join("\n");
  }
  if (outcome === "same") {
    const { clients = [], log = [] } = result.recorded ?? {};
    const what = `Envoy ${envoy}, ${clients.length} exchange${clients.length === 1 ? "" : "s"}, ${crossings(result)}${log.length} log lines`;
    const note = result.variesByChance
      ? "; addresses and clock readings differ from run to run in Envoy itself and were left out"
      : "";
    return `${paint("green", "same")}  ${title}  ${paint("dim", `(${what}${note})`)}`;
  }
  const [first, ...others] = differences;
  return [
    `${paint("red", "different")}  ${title}  ${paint("dim", `(Envoy ${envoy})`)}`,
    ...lead(result, first!).map(indent),
    indent(`at ${first!.where}`),
    indent(paint("green", `Envoy  ${show(first!.expected)}`)),
    indent(paint("red", `pwh    ${show(first!.actual)}`)),
    ...others.map(({ where, expected, actual }) =>
      indent(`also ${where}: Envoy ${show(expected)}, pwh ${show(actual)}`),
    ),
  ].join("\n");
}

export function verifySummary(results: readonly Verification[]): string {
  const count = (outcome: Verification["outcome"]): number => results.filter((one) => one.outcome === outcome).length;
  return `${results.length} compared: ${count("same")} same, ${count("different")} different, ${count("failed")} failed`;
}

function crossings({ recorded }: Verification): string {
  if (recorded?.trace === undefined) return "";
  let [callbacks, hostcalls] = [0, 0];
  const walk = (entry: TraceEntry): void => {
    if (entry.kind === "log") return;
    if (entry.kind === "callback") callbacks++;
    else hostcalls++;
    entry.inner?.forEach(walk);
  };
  recorded.trace.forEach(walk);
  return `${callbacks} callbacks, ${hostcalls} hostcalls, `;
}

/** What came before the difference, where it stands in a list of lines or crossings. */
function lead({ recorded }: Verification, { where }: Difference): string[] {
  const [, part, index] = /^(log|main|shutdown|trace)\[(\d+)\]/.exec(where) ?? [];
  if (part === undefined || recorded === undefined) return [];
  const list = recorded[part as "log"] as readonly (LogLine | TraceEntry)[];
  const before = list.slice(Math.max(0, Number(index) - context), Number(index));
  const inside = part === "trace" ? innerLead(recorded, where) : [];
  return [...before.map(entryLine), ...inside];
}

/** Crossings inside the callback in which the difference is. */
function innerLead({ trace = [] }: Recording, where: string): string[] {
  const steps = Array.from(where.matchAll(/\[(\d+)\]/g), ([, step]) => Number(step));
  const lines: string[] = [];
  let list: readonly TraceEntry[] = trace;
  for (const [depth, step] of steps.entries()) {
    if (depth > 0) lines.push(...list.slice(Math.max(0, step - context), step).map((one) => `  ${entryLine(one)}`));
    const entry = list[step];
    if (entry === undefined || entry.kind === "log") break;
    lines.push(`in ${entryLine(entry)}`);
    if (entry.inner === undefined) break;
    list = entry.inner;
  }
  return lines;
}

function entryLine(entry: LogLine | TraceEntry): string {
  if (!("kind" in entry)) return `[${entry.level}] ${oneLine(entry.message)}`;
  if (entry.kind === "log") return entryLine(entry.line);
  return `${entry.name}(${entry.args.join(", ")})${entry.result === undefined ? "" : ` = ${entry.result}`}`;
}

const most = 300;

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > most ? `${text.slice(0, most)}… (${text.length} characters)` : text;
}

const oneLine = (text: string): string => JSON.stringify(text).slice(1, -1);
const indent = (line: string): string => `  ${line}`;
