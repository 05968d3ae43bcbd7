import { foreignText } from "./foreign-files.js";
import { pluginInput } from "./exchange-options.js";
import { coverageText } from "./fuzz-text.js";

/** `pwh fuzz --minimize-corpus`: removes instead of fuzzing. */
export async function minimizeCorpusOf(
  file: string,
  args: Record<string, unknown>,
  corpus: string,
  budgetMs: number | undefined,
  json: boolean,
): Promise<number> {
  const { minimizeCorpus } = await import("../fuzz/corpus/minimize.js");
  const stop = new AbortController();
  const interrupt = (): void => stop.abort();
  process.once("SIGINT", interrupt);
  try {
    const { kept, removed, foreignFiles, coverage } = await minimizeCorpus({
      module: file,
      ...pluginInput(args),
      corpus,
      ...(budgetMs !== undefined && { budgetMs }),
      signal: stop.signal,
    });
    for (const one of foreignFiles) process.stderr.write(foreignText(one));
    process.stdout.write(
      json
        ? `${JSON.stringify({ event: "minimized", kept: kept.length, removed, foreignFiles, coverage })}\n`
        : `${kept.length} cases stay in ${corpus}, ${removed.length} removed; they reach ${coverageText(coverage)}\n`,
    );
    return 0;
  } finally {
    process.removeListener("SIGINT", interrupt);
  }
}
