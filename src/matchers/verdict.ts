import type { Pair } from "../abi/pairs.js";
import { formatEvent } from "../host/trace.js";
import { diffHeaders } from "../report/header-diff.js";
import { printable } from "../report/text.js";
import { backgroundOf, nameOfSubject } from "./subjects.js";

/** What came of a check, in the form that `expect.extend` wants. */
export interface Verdict {
  readonly pass: boolean;
  readonly message: () => string;
}

/** Hostcalls and log lines below a failure. */
const shownEvents = 10;

/**
 * @param wanted What was checked, to follow "Expected the stream": "to have header x-team".
 * @param found What there was instead: made only when it is shown.
 */
export function verdict(pass: boolean, subject: unknown, wanted: string, found: () => readonly string[]): Verdict {
  const message = (): string => {
    const { trace = [], logs = [] } = backgroundOf(subject);
    const lines = [`Expected ${nameOfSubject(subject)} ${pass ? "not " : ""}${wanted}`, ...found()];
    const part = (title: string, all: readonly string[]): void => {
      if (all.length > 0) lines.push("", `${title}:`, ...all.slice(-shownEvents).map((line) => `  ${line}`));
    };
    part("Last calls", trace.map(formatEvent));
    part("Log", logs.map(String));
    return lines.join("\n");
  };
  return { pass, message };
}

/** Two header lists: `-` was wanted, `+` is there instead. */
export function headerDiff(wanted: readonly Pair[], actual: readonly Pair[]): string[] {
  const line = (sign: string, name: string, value: string): string =>
    `  ${sign} ${printable(name)}: ${printable(value)}`;
  return diffHeaders(wanted, actual).flatMap((one) => {
    if (one.kind === "replaced") return [line("-", one.name, one.before), line("+", one.name, one.value)];
    return [line(one.kind === "same" ? " " : one.kind === "removed" ? "-" : "+", one.name, one.value)];
  });
}
