import type { Coverage, News } from "../../vm/coverage.js";
import type { FuzzCase } from "../case.js";
import { HarnessError } from "../../errors.js";
import type { CorpusEntry } from "../corpus/corpus.js";
import { entryOf } from "../corpus/corpus.js";
import { Draw, numbersOf } from "../generate/draw.js";
import { drawCaseOf } from "../generate/messages.js";
import { shrinkCase } from "../shrink.js";
import type { MutationHints } from "./mutate.js";
import { mutateCase, spliceCases } from "./mutate.js";

/**
 * A case, and how it came to be: `17` was made in run 17, `17.40` is that one changed in run 40, `17-3-0` that one made smaller
 * by the third and the zeroth choice of the shrinker, `17+23_.40` that one joined in run 40 with another; what begins with `@`
 * and an id came from a file.
 */
export interface Descendant {
  readonly case: FuzzCase;
  readonly lineage: string;
}

/** A case of the corpus with what it is worth. */
interface Kept extends Descendant {
  worth: number;
  picks: number;
}

/** Cases that are drawn anew instead of being made from one of the corpus: one in so many. */
const drawnAnew = 6;
/** Cases that are joined of two, instead of being changed: one in so many. */
const spliced = 8;
/** In characters. */
const longestLineage = 1000;
/** Smaller cases that are tried for each that reached new edges. */
const mostReductions = 150;
/** Entries that are looked at before one is picked. */
const contenders = 16;

/**
 * Makes cases from those that reached new code.
 *
 * A case depends on its lineage, the seed and the module alone: it is made again without playing what led to it. Which cases are
 * made in which run depends on what was kept before.
 */
export class Guide {
  private readonly _seed: number;
  private readonly _hints: MutationHints;
  private readonly _coverage: Coverage;
  private readonly _kept: Kept[] = [];
  private readonly _known = new Map<string, FuzzCase>();
  /** Cases of a given corpus, and of others that search the same, that were not played yet; the next is the last. */
  private readonly _waiting: (Descendant & { readonly size: number })[] = [];
  private _unsaved: Descendant[] = [];
  private _picked: Kept | undefined;
  /** A case that reached new edges and has to be made smaller before it is kept. */
  large: (Descendant & { readonly news: News }) | undefined;

  constructor(seed: number, hints: MutationHints, coverage: Coverage, given: readonly CorpusEntry[]) {
    this._seed = seed;
    this._hints = hints;
    this._coverage = coverage;
    coverage.holdsNews = true;
    this.receive(given);
  }

  /** Cases of a corpus, to be played next: the smallest first, for what a larger one reaches besides is its own. */
  receive(entries: readonly CorpusEntry[]): void {
    const news = entries.filter(({ id }) => !this._known.has(id));
    for (const one of news) this._known.set(one.id, one.case);
    const once = new Map(news.map((one) => [one.id, one]));
    const sorted = [...once.values()].sort((a, b) => b.size - a.size || (a.id < b.id ? 1 : -1));
    this._waiting.push(...sorted.map((one) => ({ case: one.case, lineage: `@${one.id}`, size: one.size })));
  }

  /** Cases that others made of this seed, to be played next. */
  receiveMade(made: readonly Descendant[]): void {
    for (const one of made) this._waiting.push({ ...one, size: entryOf(one.case)?.size ?? 0 });
  }

  get corpusSize(): number {
    return this._kept.length + this._waiting.length;
  }

  /** The case of a run: asked again before `played`, the same. */
  next(run: number): Descendant {
    this._picked = undefined;
    const waiting = this._waiting.at(-1);
    if (waiting !== undefined) return waiting;
    const choice = new Draw(numbersOf(~this._seed, run));
    if (this._kept.length === 0 || choice.once(drawnAnew)) return { case: this._drawn(run), lineage: String(run) };
    let best = choice.pick(this._kept);
    for (let left = contenders - 1; left > 0; left--) {
      const other = choice.pick(this._kept);
      if (other.picks * best.worth < best.picks * other.worth) best = other;
    }
    this._picked = best;
    const partner = choice.pick(this._kept);
    if (choice.once(spliced) && best.lineage.length + partner.lineage.length < longestLineage) {
      const joined = `${best.lineage}+${partner.lineage}_.${run}`;
      return { case: this._spliced(best.case, partner.case, run), lineage: joined };
    }
    return { case: this._mutated(best.case, run), lineage: `${best.lineage}.${run}` };
  }

  /** A case of this run was played; `sound`: it may be made others of. */
  played(given: Descendant, sound: boolean): void {
    if (this._picked !== undefined) this._picked.picks++;
    const received = given.lineage === this._waiting.at(-1)?.lineage ? this._waiting.pop() : undefined;
    const news = this._coverage.take();
    if (news === undefined) return;
    if (!sound) {
      this._coverage.settle();
    } else if (received !== undefined) {
      this._keep(given, news, received.size);
    } else if (news.edges.size > 0) {
      this.large = { ...given, news };
    } else {
      this._keepNew(given, news);
    }
  }

  /**
   * Makes the case smaller that reached new edges, as long as it reaches them, and keeps it. To be called where `large` is set.
   *
   * @param play Plays a case.
   */
  reduce(play: (given: FuzzCase) => void): void {
    const { large } = this;
    if (large === undefined) return;
    let { case: given, lineage } = large;
    let left = mostReductions;
    /** Choices before this one were tried on a case that was larger, and failed. */
    let from = 0;
    for (let found = true; found && left > 0;) {
      found = false;
      let choice = -1;
      for (const smaller of shrinkCase(given)) {
        choice++;
        if (choice < from) continue;
        if (left-- <= 0) break;
        if (!this._coverage.reaches(large.news.edges, () => play(smaller))) continue;
        given = smaller;
        lineage = `${lineage}-${choice}`;
        from = choice;
        found = true;
        break;
      }
    }
    this.large = undefined;
    this._keepNew({ case: given, lineage }, large.news);
  }

  /** Keeps the case as it is. */
  keepLarge(): void {
    this._coverage.settle();
    if (this.large !== undefined) this._keepNew(this.large, this.large.news);
    this.large = undefined;
  }

  private _keepNew(given: Descendant, news: News): void {
    const entry = entryOf(given.case);
    if (entry === undefined) return;
    this._keep(given, news, entry.size);
    this._unsaved.push(given);
  }

  private _keep({ case: given, lineage }: Descendant, { edges }: News, size: number): void {
    // an edge leads somewhere more often than another round of a loop; a small case is changed where it matters more often
    const worth = (edges.size > 0 ? 3 : 1) / Math.max(1, Math.log2(size / 256));
    this._kept.push({ case: given, lineage, worth, picks: 0 });
  }

  /** Cases that came into the corpus since this was asked last. */
  takeUnsaved(): readonly Descendant[] {
    const cases = this._unsaved;
    this._unsaved = [];
    return cases;
  }

  /** @throws {HarnessError} OPTION_INVALID for one that began with a file which is not in the corpus. */
  caseOf(lineage: string): FuzzCase {
    const steps = new Steps(lineage);
    const given = steps.whole ? this._derived(steps) : undefined;
    if (given !== undefined && steps.done) return given;
    throw new HarnessError(
      "OPTION_INVALID",
      `Cannot replay "${lineage}": it leads nowhere with this module and configuration, or with this version`,
    );
  }

  private _derived(steps: Steps): FuzzCase | undefined {
    const root = steps.next();
    if (root === undefined || !/^[@\d]/.test(root)) return undefined;
    let given = root.startsWith("@") ? this._known.get(root.slice(1)) : this._drawn(Number(root));
    if (given === undefined) {
      throw new HarnessError(
        "OPTION_INVALID",
        `Cannot replay this: it began with the corpus file ${root.slice(1)}.json; give the directory that has it`,
      );
    }
    for (let step = steps.next(); step !== undefined && step !== "_" && given !== undefined; step = steps.next()) {
      if (step === "+") {
        const other = this._derived(steps);
        const run = steps.next();
        given = other && run?.startsWith(".") ? this._spliced(given, other, Number(run.slice(1))) : undefined;
      } else {
        const number = Number(step.slice(1));
        given = step.startsWith(".") ? this._mutated(given, number) : nth(shrinkCase(given), number);
      }
    }
    return given;
  }

  private _drawn(run: number): FuzzCase {
    return drawCaseOf(this._seed, run, this._hints.words, this._hints.settings);
  }

  private _spliced(one: FuzzCase, other: FuzzCase, run: number): FuzzCase {
    return spliceCases(new Draw(numbersOf(this._seed, run)), one, other);
  }

  private _mutated(given: FuzzCase, run: number): FuzzCase {
    return mutateCase(new Draw(numbersOf(this._seed, run)), given, this._hints);
  }
}

/** The parts of a lineage, one after the other. */
class Steps {
  /** Nothing stands between them. */
  readonly whole: boolean;
  private readonly _parts: readonly string[];
  private _at = 0;

  constructor(lineage: string) {
    this._parts = lineage.match(/@[0-9a-f]+|[.-]\d+|\d+|[+_]/g) ?? [];
    this.whole = this._parts.join("") === lineage;
  }

  get done(): boolean {
    return this._at >= this._parts.length;
  }

  next(): string | undefined {
    return this._parts[this._at++];
  }
}

function nth<T>(list: Iterable<T>, index: number): T | undefined {
  let left = index;
  for (const one of list) if (left-- === 0) return one;
  return undefined;
}
