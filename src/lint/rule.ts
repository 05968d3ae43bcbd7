import type { Json, ManifestDocument, Path, Place } from "../manifest/documents.js";
import type { LintContext } from "./context.js";

/** `error`: it is refused, or cannot do what it says. `information` is worth knowing and never wrong. */
export type Severity = "error" | "warning" | "information";

/** A change of the text of a file, offsets in UTF-16 units. */
export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface Finding {
  /** `M-P1` */
  readonly rule: string;
  readonly severity: Severity;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** `spec.configPatches[0].match.listener.portNumber`; empty for the whole file. */
  readonly path: string;
  readonly message: string;
  /** What `--fix` would change; undefined: a person has to. */
  readonly edits?: readonly Edit[];
}

/** What a rule says, before it has a place. */
export interface Draft {
  readonly document: ManifestDocument;
  readonly path: Path;
  readonly message: string;
  /** Default: the rule's. */
  readonly severity?: Severity;
  readonly edits?: readonly Edit[];
}

/** Of the module, or of a file as a whole. */
export interface FileDraft {
  readonly file: string;
  readonly place?: Place;
  readonly message: string;
  readonly severity?: Severity;
}

export interface Rule {
  /** Stable: it stands in comments and command lines of people. */
  readonly id: string;
  /** The gravest that it gives, or what it gives when nothing is known of the target. */
  readonly severity: Severity;
  /** What is looked at, as a statement that holds for what is right. */
  readonly title: string;
  /** What happens otherwise. */
  readonly why: string;
  /** What to do. */
  readonly fix: string;
  /** True: silent where another rule speaks of the same place. */
  readonly general?: true;
  check(context: LintContext): Iterable<Draft | FileDraft>;
}

export interface DraftExtra {
  readonly severity?: Severity;
  readonly edits?: readonly Edit[];
}

/** What is wrong at `path` of `document`. */
export function draft(document: ManifestDocument, path: Path, message: string, extra: DraftExtra = {}): Draft {
  return { document, path, message, ...extra };
}

/** The edit that puts `value` where `path` stands; empty when that cannot be told. */
export function replaceValue(document: ManifestDocument, path: Path, value: string): Edit[] {
  const range = document.range(path);
  return range === undefined ? [] : [{ start: range[0], end: range[1], text: value }];
}

/** The edit that gives the last key of `path` another name. */
export function renameKey(document: ManifestDocument, path: Path, name: string): Edit[] {
  const range = document.keyRange(path);
  return range === undefined ? [] : [{ start: range[0], end: range[1], text: name }];
}

/** A value for messages, shortened. Never for what may be a secret. */
export function shown(value: Json | undefined): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
