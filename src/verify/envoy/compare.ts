import type { Recording } from "./recording.js";
import type { Scenario, UnstablePart } from "./scenario.js";

/** One place where two recordings differ. */
export interface Difference {
  readonly part: UnstablePart;
  /** The place in it, `clients[0].headers[3]`. */
  readonly where: string;
  /** Undefined if it is absent there. */
  readonly expected: unknown;
  readonly actual: unknown;
}

/** Members of a recording by part, in the order in which a difference is worth showing. */
const members: readonly (readonly [UnstablePart, readonly (keyof Recording)[]])[] = [
  ["started", ["started"]],
  ["exit", ["exit"]],
  ["main", ["main", "stderr"]],
  ["log", ["log", "logCut", "shutdown"]],
  ["trace", ["trace"]],
  ["clients", ["clients"]],
  ["upstream", ["upstream"]],
  ["idle", ["idle"]],
  ["access", ["access"]],
  ["stats", ["stats", "prometheus"]],
];

/**
 * Where two recordings of one scenario differ: the first place of each member, beside what the scenario calls unstable.
 *
 * The release is not compared.
 */
export function compareRecordings(
  expected: Recording,
  actual: Recording,
  { unstable = {} }: Pick<Scenario, "unstable"> = {},
): Difference[] {
  return members
    .filter(([part]) => unstable[part] === undefined)
    .flatMap(([part, names]) =>
      names.flatMap((name) => {
        const place = firstDifference(expected[name], actual[name], name);
        return place === undefined ? [] : [{ part, ...place }];
      }),
    );
}

/** The same for two live runs. Of a crash of both only the log before it counts: Envoy writes, and answers, until it is gone. */
export function compareUpToCrash(expected: Recording, actual: Recording, scenario: Scenario): Difference[] {
  if (typeof expected.exit !== "string" || expected.exit !== actual.exit) {
    return compareRecordings(expected, actual, scenario);
  }
  const length = Math.min(expected.log.length, actual.log.length);
  const until = (one: Recording): Recording => ({ ...one, log: one.log.slice(0, length) });
  return compareRecordings(until(expected), until(actual), scenario).filter(
    ({ part, where }) => part === "log" && where !== "logCut",
  );
}

type Place = Omit<Difference, "part">;

function firstDifference(expected: unknown, actual: unknown, where: string): Place | undefined {
  if (Array.isArray(expected) && Array.isArray(actual)) {
    for (let index = 0; index < Math.max(expected.length, actual.length); index++) {
      const place = firstDifference(expected[index], actual[index], `${where}[${index}]`);
      if (place !== undefined) return place;
    }
    return undefined;
  }
  if (isObject(expected) && isObject(actual)) {
    for (const name of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      const place = firstDifference(expected[name], actual[name], `${where}.${name}`);
      if (place !== undefined) return place;
    }
    return undefined;
  }
  return Object.is(expected, actual) ? undefined : { where, expected, actual };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
