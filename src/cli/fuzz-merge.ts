import type { Store } from "../fuzz/corpus/store.js";
import { UsageError } from "./errors.js";
import { foreignText } from "./foreign-files.js";
import { mergedText } from "./fuzz-text.js";

/**
 * `pwh fuzz merge`: joins what shards did.
 *
 * @param output A share that gets all results and cases of the others.
 * @returns 0 when all shards came to their end and found nothing, 1 for findings, 2 when some are missing.
 */
export async function mergeFuzzShards(
  names: readonly string[],
  { json, output }: { readonly json: boolean; readonly output: string | undefined },
): Promise<number> {
  if (names.length === 0)
    throw new UsageError("Cannot merge: name the directories or s3://bucket/prefix that shards were given as --share");
  const [{ copyShare, mergeShares }, { openStore }] = await Promise.all([
    import("../fuzz/share.js"),
    import("../fuzz/corpus/store.js"),
  ]);
  const shares: Store[] = [];
  for (const name of names) shares.push(await openStore(name));
  const merged = await mergeShares(shares);
  for (const one of merged.foreignFiles) process.stderr.write(foreignText(one));
  let copied = 0;
  if (output !== undefined) {
    const target = await openStore(output);
    for (const share of shares) copied += await copyShare(share, target);
  }
  const { findings, missing, unfinished, foreignFiles: _, ...rest } = merged;
  if (json) {
    for (const one of findings) process.stdout.write(`${JSON.stringify({ event: "finding", ...one })}\n`);
    const summary = { event: "summary", ...rest, missing, unfinished, findings: findings.length };
    process.stdout.write(`${JSON.stringify(summary)}\n`);
  } else {
    for (const { text } of findings) process.stdout.write(`${text}\n\n`);
    process.stdout.write(`${mergedText(merged)}\n`);
    if (output !== undefined) process.stdout.write(`${copied} files copied to ${output}\n`);
  }
  if (findings.length > 0) return 1;
  return missing.length + unfinished.length > 0 ? 2 : 0;
}
