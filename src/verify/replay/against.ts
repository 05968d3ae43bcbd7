import { messageOf } from "../../errors.js";
import { profileOf } from "../../proxy/envoy/profiles.js";
import { compareRecordings, type Difference } from "../envoy/compare.js";
import type { Recording } from "../envoy/recording.js";
import { baseRelease, type RecordedScenario } from "../envoy/store.js";
import { replay } from "./replay.js";

/** How a replay compares with what is recorded: equal if there is neither a difference nor a problem. */
export interface Outcome {
  readonly entry: RecordedScenario;
  readonly differences: readonly Difference[];
  /** Why there is no replay. */
  readonly problem?: string;
  readonly replayed?: Recording;
}

export const isEqual = ({ differences, problem }: Outcome): boolean =>
  problem === undefined && differences.length === 0;

/**
 * Replays a scenario and compares it with the recording of one release. Never throws.
 *
 * Without a watchdog, which takes half of the time: what a real Envoy came to the end of ends.
 */
export async function replayAgainst(entry: RecordedScenario, release = baseRelease): Promise<Outcome> {
  const expected = entry.recorded[release];
  if (expected === undefined) return { entry, differences: [], problem: `not recorded on ${release}` };
  try {
    const replayed = await replay(entry.scenario, { profile: profileOf(release), budgetMs: 0 });
    return {
      entry,
      replayed,
      differences: compareRecordings(crashAside(expected, replayed), replayed, entry.scenario),
    };
  } catch (thrown) {
    return { entry, differences: [], problem: messageOf(thrown) };
  }
}

/** What Envoy's plugins do after the hostcall that kills it by SIGSEGV is not imitated: the log is compared up to there. */
function crashAside(expected: Recording, { exit, log }: Recording): Recording {
  if (exit !== "SIGSEGV" || expected.exit !== exit) return expected;
  const { logCut: _, ...rest } = expected;
  return { ...rest, log: expected.log.slice(0, log.length) };
}

/** The places that differ, or the problem, in one line. */
export const summary = ({ differences, problem }: Outcome): string =>
  problem ?? differences.map(({ where }) => where).join(", ");
