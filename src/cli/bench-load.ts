import { statSync } from "node:fs";
import type { BenchExchange } from "../bench/subject.js";
import { UsageError } from "./errors.js";
import { foreignText } from "./foreign-files.js";

/** The exchanges of `--load`: of a file, or of a directory that `pwh fuzz --corpus` wrote. */
export async function loadArgument(load: string): Promise<BenchExchange[]> {
  const { exchangeOf, loadOf } = await import("../bench/load.js");
  if (statSync(load, { throwIfNoEntry: false })?.isDirectory() !== true) return loadOf(load);
  const [{ readCorpus }, { DirectoryStore }] = await Promise.all([
    import("../fuzz/corpus/corpus.js"),
    import("../fuzz/corpus/store.js"),
  ]);
  const { entries, foreign } = await readCorpus(new DirectoryStore(load));
  const exchanges = entries.flatMap(({ case: { exchanges: played } }) =>
    played.map(({ request, reply }) => exchangeOf(request, reply)),
  );
  if (exchanges.length > 0) {
    for (const one of foreign) process.stderr.write(foreignText(one));
    return exchanges;
  }
  const why = foreign[0] === undefined ? "the directory is empty" : `${foreign[0].file}: ${foreign[0].reason}`;
  throw new UsageError(`Cannot take the load from ${load}: it is no corpus of pwh fuzz; ${why}`);
}
