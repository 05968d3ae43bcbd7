import type { FuzzProgress, FuzzReport } from "../fuzz/fuzz.js";
import type { MergedShards } from "../fuzz/share.js";
import type { CoverageCounts } from "../vm/coverage.js";

export function coverageText({ functions, edges }: CoverageCounts): string {
  return `${functions.reached} of ${functions.all} functions, ${edges.reached} of ${edges.all} edges`;
}

/** One line, for a terminal. */
export function progressText({ runs, findings, elapsedMs, coverage }: FuzzProgress): string {
  const rate = Math.round((runs / elapsedMs) * 1000);
  const reached = coverage === undefined ? "" : `, ${coverage.edges.reached} edges, corpus ${coverage.corpus}`;
  return `${runs} runs, ${rate} a second, ${findings} findings${reached}, ${(elapsedMs / 1000).toFixed(0)} s`;
}

const findingsText = (count: number): string =>
  count === 0 ? "no finding" : `${count} finding${count > 1 ? "s" : ""}`;

export function summaryText({
  runs,
  findings,
  elapsedMs,
  spent,
  seed,
  ended,
  properties,
  coverage,
}: FuzzReport): string {
  const all = spent.playMs + spent.restoreMs + spent.otherMs;
  const share = (ms: number): string => `${Math.round((ms / all) * 100)} %`;
  const rate = Math.round((runs / elapsedMs) * 1000);
  return [
    `${findingsText(findings.length)} in ${runs} runs (${spent.played} played in a fresh state), ${(elapsedMs / 1000).toFixed(1)} s, ${rate} a second, seed ${seed}, ended by ${ended}`,
    `time: plugin and proxy ${share(spent.playMs)}, restoring ${share(spent.restoreMs)}, generating, checking and shrinking ${share(spent.otherMs)}`,
    ...(coverage === undefined ? [] : [`reached: ${coverageText(coverage)}; ${coverage.corpus} cases in the corpus`]),
    `checked: ${properties.join(", ")}`,
  ].join("\n");
}

export function mergedText({
  findings,
  runs,
  played,
  of,
  missing,
  unfinished,
  elapsedMs,
  seed,
  coverage,
}: MergedShards): string {
  const shards = (list: readonly number[]): string => `shard${list.length > 1 ? "s" : ""} ${list.join(", ")} of ${of}`;
  return [
    `${findingsText(findings.length)} in ${runs} runs (${played} played in a fresh state) of ${of - missing.length} of ${of} shards, ${(elapsedMs / 1000).toFixed(1)} s of all together, seed ${seed}`,
    ...(coverage === undefined ? [] : [`reached: ${coverageText(coverage)}`]),
    ...(missing.length > 0 ? [`missing: ${shards(missing)} wrote no result`] : []),
    ...(unfinished.length > 0 ? [`not ended: ${shards(unfinished)} was stopped from outside, or still runs`] : []),
  ].join("\n");
}

/** Options with a value that a replay does not need: the path says what they lead to. */
const runOptions = /^(?:-r|--(?:reporter|save|seed|runs|time|max-failures|replay|workers|shard|share))$/;

/** The options of a command as they were given, for a shell, without what only says how long, where and by how many. */
export function asGiven(given: readonly string[]): string {
  const kept = given.filter(
    (one, i) => one !== "--json" && !runOptions.test(one.replace(/=.*/s, "")) && !runOptions.test(given[i - 1] ?? ""),
  );
  return kept.map((one) => (/^[\w@%+=:,./-]+$/.test(one) ? one : `'${one.replaceAll("'", `'\\''`)}'`)).join(" ");
}
