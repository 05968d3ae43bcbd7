// Brings test/conformance/known-differences.json up to date: what is equal now is left out, and what differs without a reason
// is named; with a reason as argument it is added with that.
//
//   npm run --silent build && node tools/known-differences.mjs ["reason"]
import { readFileSync, writeFileSync } from "node:fs";
import { profiles } from "../dist/proxy/envoy/profiles.js";
import { readRecordings, recordingGroups } from "../dist/verify/envoy/store.js";
import { isEqual, replayAgainst, summary } from "../dist/verify/replay/against.js";

const file = new URL("../test/conformance/known-differences.json", import.meta.url);
const [given] = process.argv.slice(2);
const releases = profiles.filter(({ recorded }) => recorded).map(({ release }) => release);
const before = JSON.parse(readFileSync(file, "utf8"));
/** @type {Record<string, Record<string, unknown>>} */
const after = {};

for (const group of recordingGroups()) {
  for (const entry of readRecordings(group)) {
    /** @type {Record<string, string>} */
    const reasons = {};
    for (const release of releases) {
      const outcome = await replayAgainst(entry, release);
      if (isEqual(outcome)) continue;
      const known = before[group]?.[entry.name];
      const reason = (typeof known === "object" ? known[release] : known) ?? given;
      if (reason === undefined) console.log(`${group} ${entry.name} on ${release}: ${summary(outcome)}`);
      else reasons[release] = reason;
    }
    const different = Object.values(reasons);
    if (different.length === 0) continue;
    const same = different.length === releases.length && new Set(different).size === 1;
    (after[group] ??= {})[entry.name] = same ? different[0] : reasons;
  }
}
writeFileSync(file, `${JSON.stringify(after, undefined, 2)}\n`);
