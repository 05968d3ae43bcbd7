import type { ParsedLog } from "./log-parser.js";
import type { LogLine, Recording } from "./recording.js";
import type { Scenario } from "./scenario.js";

export interface LogContext {
  /** Thread of the main thread: the process id. */
  readonly main: number;
  readonly started: boolean;
  readonly exit: number | string;
  readonly also: NonNullable<Scenario["also"]>;
}

/** A crashed Envoy, or a guest that calls itself until the stack is full, may have written thousands of lines. */
const crashLines = 100;
const manyLines = 1500;
const besideLines = 20;

/** Printed at every start, or with addresses that differ: of no interest. */
const isNoise = (line: LogLine): boolean =>
  "logger" in line &&
  (line.logger === "backtrace" ||
    (line.logger === "envoy_bug" && /^(?:#\d+ |stacktrace )/.test(line.message)) ||
    line.message.includes("no configured limit to the number of allowed active downstream connections"));

/** What Envoy itself says at trace and debug level is the trace's. */
export const isOfInterest = (line: LogLine): boolean =>
  !("logger" in line) || (line.level !== "trace" && line.level !== "debug");

/** Lines of the worker threads until the shutdown. */
export function workerLines({ lines }: ParsedLog, main: number): LogLine[] {
  const atTerm = lines.findIndex(({ line }) => line.message === "caught ENVOY_SIGTERM");
  return lines.flatMap(({ thread, line }, index) =>
    thread === main || (atTerm >= 0 && index >= atTerm) || isNoise(line) ? [] : [line],
  );
}

/** Sorts Envoy's log into the parts a recording has. */
export function sortLog(
  { lines, beside }: ParsedLog,
  { main, started, exit, also }: LogContext,
): Pick<Recording, "log" | "logCut" | "main" | "shutdown" | "stderr"> {
  const atTerm = lines.findIndex(({ line }) => line.message === "caught ENVOY_SIGTERM");
  const running = (atTerm < 0 ? lines : lines.slice(0, atTerm)).filter(({ line }) => !isNoise(line));
  const ending = (atTerm < 0 ? [] : lines.slice(atTerm + 1)).filter(({ line }) => !isNoise(line));
  const ofWorkers = (part: typeof lines): LogLine[] =>
    part.filter(({ thread }) => thread !== main).map(({ line }) => line);
  const wantsMain = !started || also.includes("main");

  const log = ofWorkers(running).filter(isOfInterest);
  const onMain = running.filter(({ thread, line }) => thread === main && isOfInterest(line)).map(({ line }) => line);
  const mainPart = wantsMain ? onMain : onMain.filter(({ level }) => !isQuiet(level));
  return {
    ...cutLog(log, started && exit !== 0),
    ...(mainPart.length > 0 && { main: mainPart }),
    ...(also.includes("shutdown") && { shutdown: ofWorkers(ending) }),
    ...(!started && beside.length > 0 && { stderr: beside.slice(-besideLines) }),
  };
}

/** Only the first lines of a log that a crash, or a guest that calls itself without end, made long. */
export function cutLog(log: readonly LogLine[], crashed: boolean): Pick<Recording, "log" | "logCut"> {
  const cut = log.length > (crashed ? crashLines : manyLines);
  return { log: cut ? log.slice(0, crashLines) : log, ...(cut && { logCut: true }) };
}

const isQuiet = (level: LogLine["level"]): boolean => level === "trace" || level === "debug" || level === "info";
